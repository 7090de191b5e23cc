//! The message as DATA carries it (RFC 5321 §2.3.8, §4.5.2): lines end in CRLF and nothing else, a leading dot is
//! doubled, the final dot is part of the same buffer so that one write carries all of it.

use zeroize::Zeroizing;

/// `message` with CRLF at every line's end, the last one's too.
pub(super) fn normal(message: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut normal = Zeroizing::new(Vec::with_capacity(message.len() + message.len() / 32 + 16));
    let mut rest = message;
    while !rest.is_empty() {
        let (line, after) = split_line(rest);
        normal.extend_from_slice(line);
        normal.extend_from_slice(b"\r\n");
        rest = after;
    }
    normal
}

/// `message` made ready for DATA, final dot included.
pub(super) fn stuffed(message: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut wire = Zeroizing::new(Vec::with_capacity(message.len() + message.len() / 32 + 16));
    let mut rest = message;
    while !rest.is_empty() {
        let (line, after) = split_line(rest);
        if line.first() == Some(&b'.') {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
        wire.extend_from_slice(b"\r\n");
        rest = after;
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

/// The first line without its end, and what follows. CRLF, a lone CR and a lone LF all end a line: a peer that takes
/// one of the latter for an end would otherwise see other lines than we dotted.
fn split_line(text: &[u8]) -> (&[u8], &[u8]) {
    let Some(end) = text.iter().position(|&octet| octet == b'\r' || octet == b'\n') else { return (text, b"") };
    let ending = if text[end..].starts_with(b"\r\n") { 2 } else { 1 };
    (&text[..end], &text[end + ending..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dots_and_line_ends() {
        for (message, wire) in [
            ("", ".\r\n"),
            ("a", "a\r\n.\r\n"),
            ("a\r\n", "a\r\n.\r\n"),
            (".\r\n..\r\n", "..\r\n...\r\n.\r\n"),
            ("a\n.\nb\r.\rc", "a\r\n..\r\nb\r\n..\r\nc\r\n.\r\n"),
            ("a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n.\r\n"),
        ] {
            assert_eq!(String::from_utf8(stuffed(message.as_bytes()).to_vec()).unwrap(), wire, "{message:?}");
        }
    }

    proptest! {
        #[test]
        fn ends_once_and_only_at_the_end(message in "[a.\r\n]{0,60}") {
            let wire = stuffed(message.as_bytes());
            let text = String::from_utf8(wire.to_vec()).unwrap();
            prop_assert!(text == ".\r\n" || text.find("\r\n.\r\n") == Some(text.len() - 5));
            prop_assert!(!text.starts_with(".\r\n") || text.len() == 3);
            let bare = text.replace("\r\n", "");
            prop_assert!(!bare.contains(['\r', '\n']));
        }
    }
}
