//! Messages out of an mbox (RFC 4155), one at a time: a mailbox of many gigabytes is never held whole.
//!
//! A message begins at a `From ` line behind a blank line. `>From ` loses one `>`, as the writers that quote reversibly
//! (mboxrd) mean it; what others quoted once comes out right too.

use std::io::{self, BufRead, Read};

/// Longest message that is kept; what is longer is cut there, and read on to its end.
const MESSAGE_MAX: usize = 128 << 20;

/// Whether a file that begins like this is an mbox.
pub(super) fn is_mbox(head: &[u8]) -> bool {
    head.starts_with(b"From ") && head.split(|&octet| octet == b'\n').next().is_some_and(is_separator)
}

/// `From sender Thu Nov 26 10:00:00 2026`: a person may begin a paragraph with "From ", but hardly with a time in it.
fn is_separator(line: &[u8]) -> bool {
    line.starts_with(b"From ") && line.windows(3).any(|w| w[0].is_ascii_digit() && w[1] == b':' && w[2].is_ascii_digit())
}

/// The messages of an mbox.
pub(super) struct Mbox<R> {
    input: R,
    /// Whether the separator of the next message has been read.
    begun: bool,
}

impl<R: BufRead> Mbox<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, begun: false }
    }

    /// The next message, or `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let (mut message, mut line) = (Vec::new(), Vec::new());
        let (mut begun, mut blank) = (std::mem::take(&mut self.begun), true);
        loop {
            line.clear();
            // A line without an end must not be held whole either: it is taken in pieces, which do no harm.
            if (&mut self.input).take(1 << 16).read_until(b'\n', &mut line)? == 0 {
                return Ok(begun.then_some(message));
            }
            if blank && is_separator(&line) {
                if begun {
                    self.begun = true;
                    unfinish(&mut message);
                    return Ok(Some(message));
                }
                begun = true;
                continue;
            }
            blank = matches!(line.as_slice(), b"\n" | b"\r\n");
            if begun && message.len() + line.len() <= MESSAGE_MAX {
                message.extend_from_slice(unquoted(&line));
            }
        }
    }
}

/// The blank line in front of a separator is the mbox's, not the message's.
fn unfinish(message: &mut Vec<u8>) {
    let end: &[u8] = if message.ends_with(b"\r\n") { b"\r\n" } else { b"\n" };
    if message.ends_with(end) {
        message.truncate(message.len() - end.len());
    }
}

fn unquoted(line: &[u8]) -> &[u8] {
    let marks = line.iter().take_while(|&&octet| octet == b'>').count();
    if marks > 0 && line[marks..].starts_with(b"From ") { &line[1..] } else { line }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        let mut mbox = Mbox::new(text.as_bytes());
        let mut out = Vec::new();
        while let Some(message) = mbox.next().unwrap() {
            out.push(String::from_utf8(message).unwrap());
        }
        out
    }

    #[test]
    fn messages_come_apart_where_a_separator_stands_behind_a_blank_line() {
        let one = "From a@b Thu Nov 26 10:00:00 2026\nSubject: a\n\nnot me\nFrom c@d Thu Nov 26 10:00:00 2026\n\nFrom here on, no\n";
        let two = "\nFrom - Fri Nov 27 10:00:00 2026\r\nSubject: b\r\n\r\n>From me\r\n>>From you\r\n";
        assert_eq!(
            all(&format!("{one}{two}")),
            ["Subject: a\n\nnot me\nFrom c@d Thu Nov 26 10:00:00 2026\n\nFrom here on, no\n", "Subject: b\r\n\r\nFrom me\r\n>From you\r\n"]
        );
        assert_eq!(all(""), Vec::<String>::new());
        assert_eq!(all("From a Thu Nov 26 10:00:00 2026\n"), [""]);
    }

    #[test]
    fn a_letter_is_no_mbox() {
        assert!(is_mbox(b"From a@b Thu Nov 26 10:00:00 2026\nx"));
        assert!(!is_mbox(b"From me to you\n") && !is_mbox(b"From: a@b\n") && !is_mbox(b""));
    }
}
