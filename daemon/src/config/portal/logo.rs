//! `portal.NAME.logo`: the picture that mails carry with them.

use std::path::Path;
use std::sync::Arc;

use crate::config::types::Logo;

/// With it in base64, a mail stays under 20 KB.
const SIZE_MAX: u64 = 8 * 1024;

/// Reads a picture. The error is the end of a sentence.
pub(super) fn read(path: &Path) -> Result<Logo, String> {
    let trouble = |error| format!("can't be read: {error}");
    let metadata = std::fs::metadata(path).map_err(trouble)?;
    if !metadata.is_file() {
        return Err("must be a file".to_owned());
    }
    if metadata.len() > SIZE_MAX {
        return Err(format!("is {} octets long, must be at most {SIZE_MAX}: every mail carries it", metadata.len()));
    }
    let bytes: Arc<[u8]> = std::fs::read(path).map_err(trouble)?.into();
    let media_type = match &bytes[..] {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        _ => return Err("must be a picture in PNG or JPEG".to_owned()),
    };
    Ok(Logo { media_type, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_small_pictures_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logo");
        let told = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read(&path).map(|logo| logo.media_type)
        };
        assert_eq!(told(b"\x89PNG\r\n\x1a\nrest"), Ok("image/png"));
        assert_eq!(told(b"\xff\xd8\xff\xe0"), Ok("image/jpeg"));
        assert!(told(b"<svg/>").unwrap_err().contains("PNG or JPEG"));
        assert!(told(b"").is_err());
        assert!(told(&[0x89; 8193]).unwrap_err().contains("8193 octets"));
        assert!(read(folder.path()).is_err() && read(&folder.path().join("none")).is_err());
    }
}
