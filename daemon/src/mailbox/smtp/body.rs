//! Takes a message out of the octets that follow DATA (RFC 5321 §4.1.1.4, §4.5.2). Only CRLF dot CRLF ends it: a peer
//! that means something else by a lone CR or LF must not be able to slip commands past us, or past it.

/// A message on its way in.
pub(super) struct Body {
    kept: Vec<u8>,
    state: State,
    limit: usize,
    over: bool,
    /// A CR or LF stood alone.
    bare: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Behind a CRLF, or at the very beginning.
    LineStart,
    /// Within a line.
    Text,
    /// Behind a CR that is not preceded by a lone dot.
    Cr,
    /// Behind a dot at the start of a line.
    Dot,
    /// Behind a dot at the start of a line and a CR.
    DotCr,
}

/// What became of it.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Received {
    /// All of it.
    Message(Vec<u8>),
    /// It was larger than allowed; nothing is kept.
    TooLarge,
    /// There was no room for it; nothing is kept.
    NoRoom,
}

impl Body {
    /// Keeps at most `limit` octets.
    pub fn new(limit: usize) -> Self {
        Self { kept: Vec::new(), state: State::LineStart, limit, over: false, bare: false }
    }

    /// Takes octets. `Some`: how many belonged to the message, its end included; the rest are commands again.
    pub fn feed(&mut self, octets: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < octets.len() {
            if self.state == State::Text {
                // Most octets are text: take the run up to the next CR at once.
                let run = memchr::memchr(b'\r', &octets[at..]).unwrap_or(octets.len() - at);
                self.bare |= memchr::memchr(b'\n', &octets[at..at + run]).is_some();
                self.keep(&octets[at..at + run]);
                at += run;
                if at == octets.len() {
                    return None;
                }
            }
            let octet = octets[at];
            at += 1;
            if self.step(octet) {
                return Some(at);
            }
        }
        None
    }

    /// One octet; whether it was the last.
    fn step(&mut self, octet: u8) -> bool {
        self.state = match (self.state, octet) {
            (State::LineStart, b'.') => State::Dot,
            (State::DotCr, b'\n') => return true,
            (State::Dot, b'\r') => State::DotCr,
            (State::Cr, b'\n') => {
                self.keep(b"\r\n");
                State::LineStart
            }
            (held, octet) => {
                // The dot is left out where more follows it (RFC 5321 §4.5.2); a CR that ends no line is text.
                if matches!(held, State::Cr | State::DotCr) {
                    self.bare = true;
                    self.keep(b"\r");
                }
                self.bare |= octet == b'\n';
                if octet == b'\r' {
                    State::Cr
                } else {
                    self.keep(&[octet]);
                    State::Text
                }
            }
        };
        false
    }

    fn keep(&mut self, octets: &[u8]) {
        if self.over || self.kept.len() + octets.len() > self.limit {
            self.over = true;
            self.kept = Vec::new();
        } else {
            self.kept.extend_from_slice(octets);
        }
    }

    /// Keeps nothing any more; the rest is read over.
    pub fn drop_kept(&mut self) {
        self.over = true;
        self.kept = Vec::new();
    }

    /// Octets that are held in memory.
    pub fn held(&self) -> usize {
        self.kept.capacity()
    }

    /// Whether a CR or LF stood alone in it (RFC 5321 §2.3.8 forbids it).
    pub fn has_bare_line_end(&self) -> bool {
        self.bare
    }

    /// After the end.
    pub fn finish(self) -> Received {
        if self.over { Received::TooLarge } else { Received::Message(self.kept) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds in pieces; the message, and what was left over.
    fn receive<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Option<(Vec<u8>, Vec<u8>)> {
        let (mut body, mut end, mut rest) = (Body::new(10_000), false, Vec::new());
        for piece in pieces {
            let used = if end { Some(0) } else { body.feed(piece) };
            if let Some(used) = used {
                end = true;
                rest.extend_from_slice(&piece[used..]);
            }
        }
        match (end, body.finish()) {
            (true, Received::Message(message)) => Some((message, rest)),
            _ => None,
        }
    }

    #[test]
    fn ends_at_crlf_dot_crlf_only() {
        for (octets, message) in [
            (".\r\n", ""),
            ("a\r\n.\r\n", "a\r\n"),
            ("..\r\n.\r\n", ".\r\n"),
            (".a\r\n...\r\n.\r\n", "a\r\n..\r\n"),
            ("\r\n\r\n.\r\n", "\r\n\r\n"),
            ("a\n.\nb\r\n.\r\n", "a\n.\nb\r\n"),
            ("a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n"),
            ("a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n"),
            ("a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n"),
            ("a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n"),
            ("a\r\n.\r\r\n.\r\n", "a\r\n\r\r\n"),
            ("a\r\r\n.\r\n", "a\r\r\n"),
        ] {
            let got = receive([octets.as_bytes()]).unwrap();
            assert_eq!((String::from_utf8(got.0).unwrap().as_str(), got.1.as_slice()), (message, b"".as_slice()), "{octets:?}");
        }
        for open in ["a\n.\n", "a\r.\r", "a\n.\r\n", "a\r\n.\n", "a\r\n.\r", ".", "a.\r\n"] {
            assert_eq!(receive([open.as_bytes()]), None, "{open:?}");
        }
    }

    #[test]
    fn bare_line_ends_are_noticed() {
        let bare = |octets: &str| {
            let mut body = Body::new(1000);
            assert!(body.feed(octets.as_bytes()).is_some(), "{octets:?}");
            body.has_bare_line_end()
        };
        for good in [".\r\n", "a\r\nb\r\n.\r\n", "..\r\n.\r\n"] {
            assert!(!bare(good), "{good:?}");
        }
        for smuggled in [
            "a\nb\r\n.\r\n",
            "a\rb\r\n.\r\n",
            "a\n.\r\nb\r\n.\r\n",
            "a\r\n.\nb\r\n.\r\n",
            "\n\r\n.\r\n",
            "a\r\r\n.\r\n",
            "a\r\n.\r\r\n.\r\n",
        ] {
            assert!(bare(smuggled), "{smuggled:?}");
        }
    }

    #[test]
    fn too_large_is_swallowed_to_its_end() {
        let mut body = Body::new(10);
        assert_eq!(body.feed(b"0123456789abcdef\r\nmore\r\n.\r\nQUIT\r\n"), Some(27));
        assert_eq!(body.finish(), Received::TooLarge);
    }

    proptest! {
        #[test]
        fn chunks_make_no_difference(octets in "[a.\r\n]{0,80}", cuts in prop::collection::vec(0usize..90, 0..8)) {
            let octets = [octets.as_bytes(), b"\r\n.\r\nQUIT\r\n"].concat();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(octets.len())).chain([0, octets.len()]).collect();
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|cut| &octets[cut[0]..cut[1]]).collect();
            prop_assert_eq!(receive(pieces), receive([octets.as_slice()]));
        }

        #[test]
        fn what_was_dotted_comes_back(lines in prop::collection::vec("[a.\n]{0,6}|[a.\r]{0,5}a", 0..12)) {
            let message: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let dotted: String =
                lines.iter().map(|line| format!("{}{line}\r\n", if line.starts_with('.') { "." } else { "" })).collect();
            let got = receive([dotted.as_bytes(), b".\r\nNOOP\r\n"]).unwrap();
            prop_assert_eq!((String::from_utf8(got.0).unwrap(), got.1), (message, b"NOOP\r\n".to_vec()));
        }
    }
}
