//! Compressed RTF ([MS-OXRTFCP]) and the text that it stands for; HTML that was wrapped in it ([MS-OXRTFEX]) comes out as its words.

/// Longest RTF that is unpacked, octets.
const RTF_BYTES: usize = 512 * 1024;
/// What the dictionary begins with ([MS-OXRTFCP] §2.1.2.1).
const PRELOAD: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
const RING: usize = 4096;

/// Unpacks; `None` if it is none. Runs on as far as it is good.
pub fn decompress(bytes: &[u8]) -> Option<Vec<u8>> {
    let (header, packed) = bytes.split_at_checked(16)?;
    match &header[8..12] {
        b"MELA" => return Some(packed[..packed.len().min(RTF_BYTES)].to_vec()),
        b"LZFu" => {}
        _ => return None,
    }
    let mut ring = [b' '; RING];
    ring[..PRELOAD.len()].copy_from_slice(PRELOAD);
    let mut write = PRELOAD.len();
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(&control) = packed.get(at) {
        at += 1;
        for bit in 0..8 {
            if out.len() >= RTF_BYTES {
                return Some(out);
            }
            if control & (1 << bit) == 0 {
                let Some(&byte) = packed.get(at) else { return Some(out) };
                at += 1;
                ring[write] = byte;
                write = (write + 1) % RING;
                out.push(byte);
                continue;
            }
            let Some(pair) = packed.get(at..at + 2) else { return Some(out) };
            at += 2;
            let token = u16::from_be_bytes([pair[0], pair[1]]);
            let (mut read, length) = (usize::from(token >> 4), usize::from(token & 0xf) + 2);
            if read == write {
                return Some(out);
            }
            for _ in 0..length {
                let byte = ring[read];
                read = (read + 1) % RING;
                ring[write] = byte;
                write = (write + 1) % RING;
                out.push(byte);
            }
        }
    }
    Some(out)
}

/// Groups whose text is none of the writer's.
const SILENT: [&[u8]; 8] = [b"fonttbl", b"colortbl", b"stylesheet", b"info", b"pict", b"object", b"header", b"footer"];

/// The text of RTF. Of wrapped HTML the tags (`\*\htmltag`) and what stands for RTF readers only (`\htmlrtf`) are left out.
pub fn to_text(rtf: &[u8]) -> String {
    let mut text = Text { out: Vec::new(), skip: vec![false], only_rtf: false, swallow: 0 };
    let mut at = 0;
    while at < rtf.len() {
        match rtf[at] {
            b'{' => {
                let above = text.skip.last().copied().unwrap_or(false);
                if text.skip.len() < 1000 {
                    text.skip.push(above);
                }
                at += 1;
            }
            b'}' => {
                if text.skip.len() > 1 {
                    text.skip.pop();
                }
                at += 1;
            }
            b'\\' => at = text.control(rtf, at + 1),
            b'\r' | b'\n' => at += 1,
            byte => {
                text.push(&[byte]);
                at += 1;
            }
        }
    }
    let decoded = super::super::charset::decode(&text.out, None);
    decoded.replace("\r\n", "\n").trim().to_owned()
}

struct Text {
    out: Vec<u8>,
    /// For each open group, whether it is silent.
    skip: Vec<bool>,
    only_rtf: bool,
    /// Characters that stand for readers without Unicode.
    swallow: usize,
}

impl Text {
    fn push(&mut self, bytes: &[u8]) {
        if self.swallow > 0 {
            self.swallow -= 1;
        } else if !self.only_rtf && !self.skip.last().copied().unwrap_or(false) {
            self.out.extend_from_slice(bytes);
        }
    }

    fn silence(&mut self) {
        if let Some(skip) = self.skip.last_mut() {
            *skip = true;
        }
    }

    /// A control word or symbol; where reading goes on.
    fn control(&mut self, rtf: &[u8], at: usize) -> usize {
        let Some(&first) = rtf.get(at) else { return at };
        match first {
            b'\'' => {
                let digits = rtf.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
                if let Some(byte) = digits.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                    // One octet of Windows-1252; what is beyond it comes as \u.
                    let text: String = super::super::charset::decode(&[byte], Some("windows-1252"));
                    self.push(text.as_bytes());
                }
                return at + 3;
            }
            b'*' => {
                self.silence();
                return at + 1;
            }
            b'~' => self.push(b" "),
            b'_' => self.push(b"-"),
            b'\\' | b'{' | b'}' => self.push(&[first]),
            b'\r' | b'\n' => self.push(b"\n"),
            _ => {}
        }
        if !first.is_ascii_alphabetic() {
            return at + 1;
        }
        let letters = rtf[at..].iter().take(32).take_while(|byte| byte.is_ascii_alphabetic()).count();
        let word = &rtf[at..at + letters];
        let mut end = at + letters;
        let digits = rtf[end..].iter().take(12).take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
        let number: Option<i32> = std::str::from_utf8(&rtf[end..end + digits]).ok().and_then(|digits| digits.parse().ok());
        end += digits;
        if rtf.get(end) == Some(&b' ') {
            end += 1;
        }
        match word {
            b"par" | b"line" | b"row" => self.push(b"\n"),
            b"tab" | b"cell" => self.push(b"\t"),
            b"u" => {
                let unit = number.unwrap_or(63).rem_euclid(0x1_0000) as u32;
                let character = char::from_u32(unit).unwrap_or('\u{fffd}');
                self.push(character.encode_utf8(&mut [0; 4]).as_bytes());
                self.swallow = 1;
            }
            b"emdash" => self.push("—".as_bytes()),
            b"endash" => self.push("–".as_bytes()),
            b"rquote" | b"lquote" => self.push("’".as_bytes()),
            b"htmlrtf" => self.only_rtf = number != Some(0),
            word if SILENT.contains(&word) => self.silence(),
            _ => {}
        }
        end
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_unpacks() {
        // [MS-OXRTFCP] §4.1.1
        let packed = [
            0x2d, 0, 0, 0, 0x2b, 0, 0, 0, 0x4c, 0x5a, 0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0x00, 0x0a, 0x00, 0x72, 0x63, 0x70, 0x67,
            0x31, 0x32, 0x35, 0x42, 0x32, 0x0a, 0xf3, 0x20, 0x68, 0x65, 0x6c, 0x09, 0x00, 0x20, 0x62, 0x77, 0x05, 0xb0, 0x6c, 0x64, 0x7d,
            0x0a, 0x80, 0x0f, 0xa0,
        ];
        let rtf = decompress(&packed).unwrap();
        assert_eq!(rtf, b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
        assert_eq!(to_text(&rtf), "hello world");
    }

    #[test]
    fn wrapped_html_comes_out_as_its_words() {
        let rtf = br"{\rtf1\ansi\fromhtml1{\fonttbl{\f0 Arial;}}{\*\htmltag64 <p>}\htmlrtf {\f0 \htmlrtf0 Das war ich nicht \u8211?\'fc\htmlrtf\par}\htmlrtf0{\*\htmltag84 <br>}\par bitte {sperren}\}}";
        assert_eq!(to_text(rtf), "Das war ich nicht –ü\nbitte sperren}");
    }

    #[test]
    fn bombs_have_an_end() {
        let bomb = [&[0; 8][..], b"LZFu", &[0; 4], &[0xff, 0x00, 0x0f].repeat(100_000)].concat();
        assert!(decompress(&bomb).unwrap().len() <= RTF_BYTES + 200);
        assert!(to_text(&b"{".repeat(100_000)).is_empty());
        let _ = to_text(&b"\\u".repeat(50_000));
    }
}
