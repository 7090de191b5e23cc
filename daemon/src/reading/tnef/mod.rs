//! `winmail.dat`, the envelope that Outlook sends to itself ([MS-OXTNEF]): the words and the message class are taken out of it.

mod rtf;

/// What is in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tnef {
    /// `IPM.Note`, `IPM.Note.Rules.OofTemplate.Microsoft`, `REPORT.IPM.Note.NDR` …
    pub class: Option<String>,
    /// The words as plain text.
    pub text: Option<String>,
    /// The words as HTML.
    pub html: Option<String>,
}

const SIGNATURE: u32 = 0x223e_9f78;
const MESSAGE: u8 = 1;
const BODY: u16 = 0x800c;
const CLASS: u16 = 0x8008;
const PROPERTIES: u16 = 0x9003;
/// Attributes and properties that are looked at.
const MANY: usize = 5_000;
/// Longest text taken out.
const TEXT_BYTES: usize = 256 * 1024;

/// Reads one; `None` if it is none. What is broken ends the reading, and what was read before counts.
pub fn read(bytes: &[u8]) -> Option<Tnef> {
    let mut at = Cursor(bytes);
    if at.u32()? != SIGNATURE {
        return None;
    }
    at.take(2)?;
    let mut found = Tnef::default();
    for _ in 0..MANY {
        if attribute(&mut at, &mut found).is_none() {
            break;
        }
    }
    Some(found)
}

/// One attribute ([MS-OXTNEF] §2.1.3.1): level, id, type, length, data, checksum.
fn attribute(at: &mut Cursor<'_>, found: &mut Tnef) -> Option<()> {
    let level = at.take(1)?[0];
    let id = at.u16()?;
    at.take(2)?;
    let length = at.u32()? as usize;
    let data = at.take(length)?;
    at.take(2)?;
    match id {
        _ if level != MESSAGE => {}
        CLASS => found.class = Some(latin(data)),
        BODY => found.text = Some(latin(data)),
        PROPERTIES => properties(data, found),
        _ => {}
    }
    Some(())
}

const TEXT_8: u16 = 0x001e;
const TEXT_16: u16 = 0x001f;
const BINARY: u16 = 0x0102;
const OBJECT: u16 = 0x000d;

/// The message's properties ([MS-OXTNEF] §2.1.3.4): body, HTML, compressed RTF, class.
fn properties(data: &[u8], found: &mut Tnef) {
    let mut at = Cursor(data);
    let Some(count) = at.u32() else { return };
    let mut rtf = None;
    for _ in 0..(count as usize).min(MANY) {
        let Some((id, kind, value)) = property(&mut at) else { break };
        let text = || if kind == TEXT_16 { wide(value) } else { latin(value) };
        match id {
            0x1000 => found.text = Some(text()),
            0x1013 => found.html = Some(text()),
            0x001a => found.class = Some(text()),
            0x1009 => rtf = Some(value),
            _ => {}
        }
    }
    if found.text.is_none() && found.html.is_none() {
        found.text = rtf.and_then(rtf::decompress).map(|rtf| rtf::to_text(&rtf));
    }
}

/// One property and its first value.
fn property<'a>(at: &mut Cursor<'a>) -> Option<(u16, u16, &'a [u8])> {
    let kind = at.u16()?;
    let id = at.u16()?;
    if id >= 0x8000 {
        at.take(16)?;
        match at.u32()? {
            0 => drop(at.take(4)?),
            _ => {
                let length = at.u32()? as usize;
                at.padded(length)?;
            }
        }
    }
    let (many, base) = (kind & 0x1000 != 0, kind & 0x0fff);
    let sized = match base {
        TEXT_8 | TEXT_16 | BINARY | OBJECT => None,
        0x0002 | 0x000b | 0x0003 | 0x0004 | 0x000a => Some(4),
        0x0005..=0x0007 | 0x0014 | 0x0040 => Some(8),
        0x0048 => Some(16),
        _ => return None,
    };
    let count = if many || sized.is_none() { at.u32()? as usize } else { 1 };
    let mut first = None;
    for _ in 0..count.min(MANY) {
        let value = match sized {
            Some(size) => at.take(size)?,
            None => {
                let length = at.u32()? as usize;
                at.padded(length)?
            }
        };
        first.get_or_insert(value);
    }
    Some((id, base, first.unwrap_or_default()))
}

/// Text in an 8-bit code page: UTF-8 where it is that, else Windows-1252.
fn latin(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(TEXT_BYTES)];
    let text = super::charset::decode(bytes, None);
    text.trim_end_matches('\0').replace("\r\n", "\n")
}

fn wide(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).take(TEXT_BYTES).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units).trim_end_matches('\0').replace("\r\n", "\n")
}

/// Reads from the front.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// So many octets, and the zeroes that fill them up to a multiple of four.
    fn padded(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.take(length)?;
        self.take(length.wrapping_neg() % 4)?;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn attribute_of(id: u16, data: &[u8]) -> Vec<u8> {
        [&[MESSAGE][..], &id.to_le_bytes(), &[0, 0], &(data.len() as u32).to_le_bytes(), data, &[0, 0]].concat()
    }

    fn tnef(attributes: &[Vec<u8>]) -> Vec<u8> {
        [&SIGNATURE.to_le_bytes()[..], &[1, 0], &attributes.concat()].concat()
    }

    fn string(kind: u16, id: u16, value: &[u8]) -> Vec<u8> {
        let fill = vec![0; value.len().wrapping_neg() % 4];
        [&kind.to_le_bytes()[..], &id.to_le_bytes(), &1u32.to_le_bytes(), &(value.len() as u32).to_le_bytes(), value, &fill].concat()
    }

    #[test]
    fn words_and_class_come_out() {
        let wide: Vec<u8> = "Das war ich nicht – bitte sperren\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let named = [&0x0003u16.to_le_bytes()[..], &0x8001u16.to_le_bytes(), &[7; 16], &[0; 4], &[9; 4], &5u32.to_le_bytes()].concat();
        let properties = [&2u32.to_le_bytes()[..], &named, &string(TEXT_16, 0x1000, &wide)].concat();
        let bytes = tnef(&[attribute_of(CLASS, b"IPM.Microsoft Mail.Note\0"), attribute_of(PROPERTIES, &properties)]);
        let found = read(&bytes).unwrap();
        assert_eq!(found.text.as_deref(), Some("Das war ich nicht – bitte sperren"));
        assert_eq!(found.class.as_deref(), Some("IPM.Microsoft Mail.Note"));
    }

    #[test]
    fn what_is_broken_says_what_it_can() {
        assert_eq!(read(b"winmail"), None);
        let bytes = tnef(&[attribute_of(BODY, b"not me\0"), attribute_of(PROPERTIES, &[0xff; 40])]);
        assert_eq!(read(&bytes).unwrap().text.as_deref(), Some("not me"));
        for cut in 0..bytes.len() {
            let _ = read(&bytes[..cut]);
        }
    }
}
