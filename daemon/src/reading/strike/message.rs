//! A struck copy as a message again (RFC 5322, RFC 2045): `text/plain`, UTF-8, base64, encoded words where needed.

use data_encoding::BASE64;

use super::Struck;

/// RFC 2047 §2: an encoded word is 75 characters at most; this many bytes leave room for the frame.
const WORD_BYTES: usize = 42;

impl Struck {
    /// The copy as one message, CRLF line ends, lines of at most 78 columns.
    pub fn to_message(&self) -> Vec<u8> {
        let mut out = String::new();
        for (name, value) in &self.headers {
            out.push_str(name);
            out.push(':');
            write_value(&mut out, value);
            out.push_str("\r\n");
        }
        out.push_str("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n");
        out.push_str("Content-Transfer-Encoding: base64\r\n\r\n");
        let body = BASE64.encode(self.body().as_bytes());
        for line in body.as_bytes().chunks(76) {
            out.push_str(&String::from_utf8_lossy(line));
            out.push_str("\r\n");
        }
        out.into_bytes()
    }

    /// The text with a note on what was left out.
    fn body(&self) -> String {
        let mut body = self.text.replace("\r\n", "\n").replace('\n', "\r\n");
        if !self.left_out.is_empty() {
            body.push_str("\r\n\r\n[left out: ");
            body.push_str(&self.left_out.join("; "));
            body.push_str("]\r\n");
        }
        body
    }
}

/// Writes a header's value: plain ASCII folded at blanks, anything else in encoded words. No control character passes.
fn write_value(out: &mut String, value: &str) {
    let clean: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut column = 70;
    let plain = clean.is_ascii() && !clean.contains("=?") && clean.split(' ').all(|word| word.len() <= 900);
    if plain {
        for word in clean.split(' ').filter(|word| !word.is_empty()) {
            put(out, word, &mut column);
        }
        return;
    }
    let mut chunk = String::new();
    for c in clean.chars() {
        if chunk.len() + c.len_utf8() > WORD_BYTES {
            put(out, &encoded(&chunk), &mut column);
            chunk.clear();
        }
        chunk.push(c);
    }
    put(out, &encoded(&chunk), &mut column);
}

fn encoded(chunk: &str) -> String {
    format!("=?utf-8?B?{}?=", BASE64.encode(chunk.as_bytes()))
}

fn put(out: &mut String, word: &str, column: &mut usize) {
    let fold = !out.ends_with(':') && *column + word.len() > 76;
    out.push_str(if fold { "\r\n " } else { " " });
    *column = if fold || out.ends_with(": ") { 1 + word.len() } else { *column + 1 + word.len() };
    out.push_str(word);
}
