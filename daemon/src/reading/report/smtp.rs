//! SMTP replies in running text: codes, enhanced codes, and where the remote system's words are.

use super::super::header::one_line;

/// Longest reply kept.
const REPLY_BYTES: usize = 600;
/// How much of a text is searched.
const SEARCH_BYTES: usize = 8 * 1024;

/// The first reply of a failure in a text, from its code to the end of the paragraph.
pub fn find(text: &str) -> Option<String> {
    let text = head(text, SEARCH_BYTES);
    let bytes = text.as_bytes();
    let mut best: Option<(u8, usize)> = None;
    for at in 0..bytes.len().saturating_sub(3) {
        if !matches!(bytes[at], b'4' | b'5') || !starts_code(bytes, at) {
            continue;
        }
        let rank = rank(text, at);
        if best.is_none_or(|(before, _)| rank > before) {
            best = Some((rank, at));
        }
        if rank == 3 {
            break;
        }
    }
    let (_, at) = best?;
    let rest = &text[at..];
    let end = rest.find("\n\n").unwrap_or(rest.len());
    Some(one_reply(&rest[..end]))
}

/// How sure a code is one: an enhanced code behind it, a place where replies stand, or three digits and words.
fn rank(text: &str, at: usize) -> u8 {
    let after = text.get(at + 3..).unwrap_or("").trim_start_matches(['-', ' ', '#', ':']);
    if enhanced(head(after, 12)).is_some() {
        return 3;
    }
    let mut from = at.saturating_sub(60);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let before = text[from..at].to_lowercase();
    let said = ["said:", "reason:", "<<<", "error:", "reply:", "response:", "responded:", "returned:", "error is:", "server:", "host"];
    if said.iter().any(|word| before.contains(word)) {
        return 2;
    }
    1
}

/// `550` at the start of a word, a blank or dash and words behind it.
fn starts_code(bytes: &[u8], at: usize) -> bool {
    let digits = bytes[at + 1].is_ascii_digit() && bytes[at + 2].is_ascii_digit() && bytes[at + 1] <= b'7';
    let before = at == 0 || matches!(bytes[at - 1], b' ' | b'\n' | b'\t' | b':' | b'(' | b'[' | b'"' | b'\'' | b'<' | b'>' | b'#' | b'=');
    let after = bytes.get(at + 3).is_some_and(|b| matches!(b, b' ' | b'-' | b'#' | b':'));
    let words = bytes[at + 3..].iter().take(24).any(u8::is_ascii_alphabetic);
    digits && before && after && words
}

/// The reply code of a reply.
pub fn code(text: &str) -> Option<u16> {
    let bytes = text.as_bytes();
    (0..bytes.len().saturating_sub(2).min(2_000))
        .find(|&at| {
            matches!(bytes[at], b'2' | b'4' | b'5')
                && bytes[at + 1].is_ascii_digit()
                && bytes[at + 2].is_ascii_digit()
                && (at == 0 || matches!(bytes[at - 1], b' ' | b'(' | b'[' | b':' | b'#' | b'"'))
                && bytes.get(at + 3).is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'.')
        })
        .and_then(|at| text.get(at..at + 3))
        .and_then(|code| code.parse().ok())
}

/// The first enhanced code (RFC 3463): class, subject and detail. Not part of an IP address or version.
pub fn enhanced(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    for at in 0..bytes.len().min(SEARCH_BYTES) {
        if !matches!(bytes[at], b'2' | b'4' | b'5') || bytes.get(at + 1) != Some(&b'.') {
            continue;
        }
        if at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'.') {
            continue;
        }
        let subject = digits(&bytes[at + 2..]);
        let dot = at + 2 + subject;
        if subject == 0 || subject > 3 || bytes.get(dot) != Some(&b'.') {
            continue;
        }
        let detail = digits(&bytes[dot + 1..]);
        let end = dot + 1 + detail;
        let more = bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        if (1..=3).contains(&detail) && !more && !bytes.get(end).is_some_and(u8::is_ascii_alphanumeric) {
            return text.get(at..end).map(str::to_owned);
        }
    }
    None
}

fn digits(bytes: &[u8]) -> usize {
    bytes.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count()
}

/// Whether a diagnostic says more than a number.
pub fn has_words(text: &str) -> bool {
    text.chars().filter(|c| c.is_alphabetic()).count() >= 6
}

/// On one line, not too long.
pub fn one_reply(text: &str) -> String {
    head(&one_line(text), REPLY_BYTES).to_owned()
}

/// The first bytes of a text, at a boundary of characters.
pub fn head(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_and_addresses_are_not() {
        assert_eq!(enhanced("host mx [192.0.2.5] said: 550-5.1.1 no"), Some("5.1.1".to_owned()));
        assert_eq!(enhanced("5.4.3.2 is an address"), None);
        assert_eq!(enhanced("Status: 5.7.509"), Some("5.7.509".to_owned()));
        assert_eq!(code("550 5.1.1 no"), Some(550));
        assert_eq!(find("host x[1.2.3.4]\n said: 550 5.1.1 User\n unknown\n\nmore"), Some("550 5.1.1 User unknown".to_owned()));
    }
}
