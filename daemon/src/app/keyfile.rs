//! The key file on disk: written aside, synced, and then named, so that a crash leaves an old file or a new one and never half of one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use data_encoding::HEXLOWER;

/// Writes `text` to `path` with mode 0600. A file that is there is replaced, and keeps its owner. `nonce` names the file aside.
pub fn write(path: &Path, text: &str, nonce: [u8; 8]) -> io::Result<()> {
    let aside = path.with_extension(HEXLOWER.encode(&nonce));
    let written = write_aside(path, &aside, text);
    if written.is_err() {
        // Nothing of a key may be left lying about.
        let _ = fs::remove_file(&aside);
    }
    written
}

fn write_aside(path: &Path, aside: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(aside)?;
    if let Ok(old) = fs::metadata(path)
        && (old.uid(), old.gid()) != (file.metadata()?.uid(), file.metadata()?.gid())
    {
        std::os::unix::fs::fchown(&file, Some(old.uid()), Some(old.gid()))?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(aside, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_file_is_replaced_whole_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("root.key");
        for text in ["1:a\n", "2:b\n1:a\n"] {
            write(&path, text, [1; 8]).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
        assert!(write(&dir.path().join("no/such/root.key"), "x", [1; 8]).is_err());
    }
}
