//! Content-Transfer-Encoding (RFC 2045 §6), undone with patience: what does not fit the encoding is passed over.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;

/// Undoes the encoding named in the field. Anything but base64, quoted-printable and uuencode is left as it is.
pub fn decode<'a>(raw: &'a [u8], encoding: &str) -> Cow<'a, [u8]> {
    let encoding = encoding.trim().trim_matches(['"', ';']).to_ascii_lowercase();
    let encoding = encoding.split(|c: char| c.is_whitespace() || c == '(').next().unwrap_or("");
    match encoding {
        "base64" | "b" => match base64(raw) {
            Some(bytes) => Cow::Owned(bytes),
            None => Cow::Borrowed(raw), // labelled base64, but it is not
        },
        "quoted-printable" | "quotedprintable" | "qp" => Cow::Owned(quoted_printable(raw)),
        _ => Cow::Borrowed(raw),
    }
}

/// Base64 up to its padding; foreign bytes are skipped. `None` if a good part of it is foreign, so that it is text.
pub fn base64(raw: &[u8]) -> Option<Vec<u8>> {
    let is_sextet = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    let mut clean: Vec<u8> = Vec::with_capacity(raw.len());
    let mut foreign = 0;
    for byte in raw {
        match byte {
            b if is_sextet(b) => clean.push(match b {
                b'-' => b'+',
                b'_' => b'/',
                b => *b,
            }),
            b'\r' | b'\n' | b' ' | b'\t' | b'=' => {}
            _ => foreign += 1,
        }
    }
    if foreign * 20 > clean.len() {
        return None;
    }
    if clean.len() % 4 == 1 {
        clean.pop();
    }
    while !clean.len().is_multiple_of(4) {
        clean.push(b'=');
    }
    base64_decode(&clean)
}

/// Quoted-printable; a `=` that encodes nothing stays.
pub fn quoted_printable(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, tail)) = rest.split_first() {
        if byte != b'=' {
            out.push(byte);
            rest = tail;
            continue;
        }
        let blank = tail.iter().take(80).take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
        if tail.get(blank) == Some(&b'\n') {
            rest = &tail[blank + 1..];
        } else if let [high, low, after @ ..] = tail
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            out.push(high << 4 | low);
            rest = after;
        } else {
            out.push(byte);
            rest = tail;
        }
    }
    out
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}
