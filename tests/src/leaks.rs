//! Looks for secrets in bytes, in every dress in which mail and the web carry them: as they are, torn by soft breaks,
//! quoted-printable, percent-encoded, as character references, in hex, in UTF-16, and in base64 at each of its three
//! alignments, line breaks and all.

use std::collections::BTreeSet;
use std::path::Path;

use aho_corasick::AhoCorasick;
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};

/// The secrets of one run.
#[derive(Default)]
pub struct Needles {
    found_as: Vec<Needle>,
}

struct Needle {
    what: String,
    bytes: Vec<u8>,
}

impl Needles {
    /// A token, and the signature inside it.
    pub fn token(&mut self, token: &str) {
        self.add("token", token.as_bytes());
        let inside = BASE64URL_NOPAD.decode(token.as_bytes()).unwrap();
        let mac = &inside[inside.len() - 28..];
        self.push("token's signature", mac);
        self.push("token's signature in hex", HEXLOWER.encode(mac).as_bytes());
    }

    /// A code, plain and in the groups in which it is shown.
    pub fn code(&mut self, code: &str) {
        self.add("code", code.as_bytes());
        let (left, right) = code.split_at(code.len() / 2);
        for between in [" ", "-", "\u{a0}", "\u{2009}", "\u{202f}"] {
            self.add("grouped code", format!("{left}{between}{right}").as_bytes());
        }
    }

    fn add(&mut self, what: &str, text: &[u8]) {
        self.push(what, text);
        for shift in 0..3 {
            let (standard, url) = base64_at(text, shift);
            self.push(&format!("{what} in base64"), &standard);
            self.push(&format!("{what} in base64url"), &url);
        }
        let wide: Vec<u8> = text.iter().flat_map(|byte| [*byte, 0]).collect();
        self.push(&format!("{what} in UTF-16"), &wide);
        self.push(&format!("{what} in hex"), HEXLOWER.encode(text).as_bytes());
    }

    fn push(&mut self, what: &str, bytes: &[u8]) {
        self.found_as.push(Needle { what: what.to_owned(), bytes: bytes.to_vec() });
    }

    /// How many dresses are looked for.
    pub fn len(&self) -> usize {
        self.found_as.len()
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.found_as.is_empty()
    }

    /// What of them stands in `hay`.
    pub fn find(&self, hay: &[u8]) -> BTreeSet<String> {
        let all = AhoCorasick::new(self.found_as.iter().map(|needle| &needle.bytes)).unwrap();
        let views = views(hay);
        let found = views.iter().flat_map(|view| all.find_overlapping_iter(view));
        found.map(|found| self.found_as[found.pattern().as_usize()].what.clone()).collect()
    }

    /// Fails the test if any stands in `hay`.
    #[track_caller]
    pub fn must_not_be_in(&self, place: &str, hay: &[u8]) {
        let found = self.find(hay);
        assert!(found.is_empty(), "{place} holds: {found:?}\n{}", String::from_utf8_lossy(&hay[..hay.len().min(4000)]));
    }

    /// Fails the test if any stands in a file of `folder`, or below it, `except` for paths that end so.
    #[track_caller]
    pub fn must_not_rest_in(&self, folder: &Path, except: &[&str]) -> usize {
        let mut files = 0;
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
            let path = entry.path();
            if except.iter().any(|end| path.ends_with(end)) {
                continue;
            }
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                files += self.must_not_rest_in(&path, except);
            } else if kind.is_file() {
                self.must_not_be_in(&path.display().to_string(), &std::fs::read(&path).unwrap());
                files += 1;
            }
        }
        files
    }
}

/// `text` as it looks inside base64 when `shift` octets stand before it: only the characters that it alone decides.
fn base64_at(text: &[u8], shift: usize) -> (Vec<u8>, Vec<u8>) {
    let padded = [vec![0; shift], text.to_vec()].concat();
    let whole = BASE64.encode(&padded);
    let start = (shift * 8).div_ceil(6);
    let end = padded.len() * 8 / 6;
    let inner = whole[start..end].to_owned();
    let url = inner.replace('+', "-").replace('/', "_");
    (inner.into_bytes(), url.into_bytes())
}

/// The bytes, and what they turn into for whoever decodes them.
fn views(hay: &[u8]) -> Vec<Vec<u8>> {
    let joined: Vec<u8> = hay.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let quoted = decode(hay, b'=', true);
    let percent = decode(hay, b'%', false);
    let references = references(hay);
    let soft = replace(&replace(hay, b"=\r\n", b""), b"=\n", b"");
    // The zero-width and tagging tricks of HTML: tags taken out.
    let mut depth = false;
    let bare: Vec<u8> = quoted
        .iter()
        .copied()
        .filter(|byte| {
            depth |= *byte == b'<';
            let keep = !depth;
            depth &= *byte != b'>';
            keep
        })
        .collect();
    vec![hay.to_vec(), hay.to_ascii_lowercase(), joined, soft, quoted, percent, references, bare]
}

/// `=41` or `%41` as `A`; with `soft`, soft line breaks joined.
fn decode(hay: &[u8], mark: u8, soft: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(hay.len());
    let mut rest = hay;
    while let Some((byte, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        match hex {
            Some(value) if *byte == mark => {
                out.push(value);
                rest = &tail[2..];
            }
            _ if soft && *byte == mark && tail.starts_with(b"\r\n") => rest = &tail[2..],
            _ if soft && *byte == mark && tail.starts_with(b"\n") => rest = &tail[1..],
            _ => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
    out
}

/// `&#65;` and `&#x41;` as `A`.
fn references(hay: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(hay);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some((before, after)) = rest.split_once("&#") {
        out.push_str(before);
        let (number, tail) = after.split_once(';').unwrap_or((after, ""));
        let value = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => number.parse().ok(),
        };
        match value.and_then(char::from_u32).filter(|_| number.len() < 8) {
            Some(c) => {
                out.push(c);
                rest = tail;
            }
            None => {
                out.push_str("&#");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out.into_bytes()
}

fn replace(hay: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(hay.len());
    let mut rest = hay;
    while let Some(at) = find(rest, from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "AQGcWjjjSm3v0Aq5bcA1Vw8fTn2kZb1pR7sYx4Uu9dEe3hGgQqLlMmNnOoPp";

    fn dressed(text: &str) -> BTreeSet<String> {
        let mut needles = Needles::default();
        needles.token(TOKEN);
        needles.code("12345678");
        needles.find(text.as_bytes())
    }

    #[test]
    fn every_dress_is_seen_through() {
        let link = format!("https://shop.example/reset?t={TOKEN}");
        assert!(!dressed(&link).is_empty());
        for before in ["", "a", "ab"] {
            let encoded = BASE64.encode(format!("{before}{link} and more").as_bytes());
            assert!(!dressed(&encoded).is_empty(), "{encoded}");
            let torn: String = encoded.as_bytes().chunks(11).map(|line| format!("{}\r\n", String::from_utf8_lossy(line))).collect();
            assert!(!dressed(&torn).is_empty(), "{torn}");
        }
        assert!(!dressed(&format!("{}=\r\n{}", &link[..60], &link[60..])).is_empty());
        assert!(!dressed(&TOKEN.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>()).is_empty());
        assert!(!dressed(&TOKEN.bytes().map(|byte| format!("={byte:02X}")).collect::<String>()).is_empty());
        assert!(!dressed(&TOKEN.bytes().map(|byte| format!("&#x{byte:x};")).collect::<String>()).is_empty());
        for code in ["12345678", "1234 5678", "1234-5678", "<b>1234</b>5678", "1234=\r\n5678"] {
            assert!(!dressed(code).is_empty(), "{code}");
        }
        assert!(!dressed(&BASE64.encode(b"x12345678y")).is_empty());
    }

    #[test]
    fn what_is_not_there_is_not_seen() {
        assert!(dressed("https://shop.example/reset?t=[struck out] 1234567 &#; &#x; %zz =zz").is_empty());
        assert!(dressed(&BASE64.encode(b"nothing of the kind")).is_empty());
    }
}
