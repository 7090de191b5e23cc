//! Reads SMTP replies (RFC 5321 §4.2), several in one segment or one in many, with bounds: a peer that talks for ever
//! is hung up on. mail-send's own reader drops what follows a reply, keeps enhanced codes in octets (5.7.509 becomes
//! 5.7.255) and adds up the codes of lines without text, so the dialogue reads with this one.

use resetd_core::smtp_reply::SmtpReply;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest line taken; RFC 5321 §4.5.3.1.5 says 512.
const LINE_MAX: usize = 2048;
/// The longest reply taken, all lines together.
const REPLY_MAX: usize = 16 * 1024;

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    #[error("the connection was closed")]
    Closed,
    #[error("a reply was too long")]
    TooLong,
    #[error("a reply was not SMTP")]
    Garbled,
    #[error("{}", .0.kind())]
    Io(#[from] std::io::Error),
}

/// What has been read and not yet taken as a reply.
#[derive(Default)]
pub(super) struct Replies {
    buffer: Vec<u8>,
    taken: usize,
}

impl Replies {
    /// The next reply, its lines joined.
    pub async fn next<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> Result<SmtpReply, ReplyError> {
        loop {
            if let Some(reply) = self.parse()? {
                return Ok(reply);
            }
            self.make_room();
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(ReplyError::Closed);
            }
        }
    }

    /// Whether the peer has said more than was asked.
    pub fn is_empty(&self) -> bool {
        self.taken == self.buffer.len()
    }

    fn make_room(&mut self) {
        if self.is_empty() {
            self.buffer.clear();
            self.taken = 0;
        }
        self.buffer.reserve(512);
    }

    fn parse(&mut self) -> Result<Option<SmtpReply>, ReplyError> {
        let rest = &self.buffer[self.taken..];
        let mut text = String::new();
        let mut code = None;
        let mut at = 0;
        loop {
            let Some(length) = rest[at..].iter().position(|&octet| octet == b'\n') else {
                let too_long = rest.len() - at > LINE_MAX || at > REPLY_MAX;
                return if too_long { Err(ReplyError::TooLong) } else { early(&rest[at..]) };
            };
            if length > LINE_MAX || at > REPLY_MAX {
                return Err(ReplyError::TooLong);
            }
            let line = Line::parse(&rest[at..at + length])?;
            at += length + 1;
            // RFC 5321 §4.2.1: every line carries the same code.
            if *code.get_or_insert(line.code) != line.code {
                return Err(ReplyError::Garbled);
            }
            let words = String::from_utf8_lossy(line.text);
            // Each line repeats the enhanced code (RFC 2034 §4); it is told once.
            let repeated =
                text.split([' ', '\n']).next().filter(|first| first.starts_with(['2', '4', '5']) && first.matches('.').count() == 2);
            let told = repeated.and_then(|first| words.strip_prefix(first)).map(|rest| rest.trim_start().to_owned());
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&told.unwrap_or_else(|| words.into_owned()));
            if line.last {
                self.taken += at;
                return Ok(Some(SmtpReply::new(line.code, &text)));
            }
        }
    }
}

/// A line that is not finished: wait for the rest, unless it can't become a reply any more.
fn early(line: &[u8]) -> Result<Option<SmtpReply>, ReplyError> {
    let start = &line[..line.len().min(3)];
    if start.iter().all(u8::is_ascii_digit) { Ok(None) } else { Err(ReplyError::Garbled) }
}

struct Line<'a> {
    code: u16,
    last: bool,
    text: &'a [u8],
}

impl<'a> Line<'a> {
    fn parse(line: &'a [u8]) -> Result<Self, ReplyError> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let [a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] = line else { return Err(ReplyError::Garbled) };
        let code = u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0');
        match rest {
            [] => Ok(Self { code, last: true, text: b"" }),
            [b' ', text @ ..] => Ok(Self { code, last: true, text }),
            [b'-', text @ ..] => Ok(Self { code, last: false, text }),
            _ => Err(ReplyError::Garbled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(octets: &[u8]) -> (Vec<SmtpReply>, ReplyError) {
        let (mut replies, mut stream, mut read) = (Replies::default(), octets, Vec::new());
        loop {
            match replies.next(&mut stream).await {
                Ok(reply) => read.push(reply),
                Err(error) => return (read, error),
            }
        }
    }

    #[tokio::test]
    async fn reads_several_in_a_segment() {
        let (replies, end) = read(b"250 2.1.0 Ok\r\n550-5.7.509 Access denied,\r\n550 5.7.509 no DMARC\r\n354\r\n").await;
        assert_eq!(replies.iter().map(|reply| reply.code).collect::<Vec<_>>(), [250, 550, 354]);
        assert_eq!(replies[1].enhanced.as_deref(), Some("5.7.509"));
        assert!(matches!(end, ReplyError::Closed));
    }

    #[tokio::test]
    async fn empty_lines_keep_their_code() {
        let (replies, _) = read(b"250-\r\n250-\n250 done\n").await;
        assert_eq!((replies[0].code, replies[0].text.as_str()), (250, "done"));
    }

    #[tokio::test]
    async fn refuses_what_is_not_smtp() {
        for bad in ["SSH-2.0-x\r\n", "HTTP/1.1 400 Bad", "25x ok\r\n", "250_ok\r\n", "650 ok\r\n", "250-a\r\n251 b\r\n", "\r\n"] {
            assert!(matches!(read(bad.as_bytes()).await, (replies, ReplyError::Garbled) if replies.is_empty()), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn is_bounded() {
        assert!(matches!(read(&[b"250 ".as_slice(), &[b'x'; 3000]].concat()).await.1, ReplyError::TooLong));
        assert!(matches!(read(&b"250-more\r\n".repeat(3000)).await.1, ReplyError::TooLong));
    }
}
