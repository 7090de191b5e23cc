//! Responses off the wire, bounded in every direction: the length of a line, of a literal, of a whole response, the time
//! without a word. What goes over a bound ends the connection; nothing is skipped or kept half.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use super::response::Response;
use super::token::Piece;
use super::trouble::{Step, Trouble};
use crate::mail::transport::Wire as Stream;

/// The longest line, octets. A search answers with a line as long as its window (65,536 messages) needs.
const LINE_MAX: usize = 1 << 20;
/// Lines and literals in a response.
const PIECES_MAX: usize = 32;
/// Literals other than a message's body: names of folders, things that nobody asked for.
const SMALL_LITERAL: usize = 65_536;

/// A connection that speaks in responses.
pub(super) struct Wire {
    stream: BufReader<Stream>,
    /// Without a single octet for so long it is dead.
    silence: Duration,
}

impl Wire {
    pub fn new(stream: Stream, silence: Duration) -> Self {
        Self { stream: BufReader::with_capacity(16_384, stream), silence }
    }

    /// The bare stream, for TLS. What came before it was asked for is not taken over: it can't be trusted.
    pub fn into_stream(self) -> Result<Stream, Trouble> {
        if self.stream.buffer().is_empty() { Ok(self.stream.into_inner()) } else { Err(Trouble::Injected) }
    }

    /// Sends octets as they are.
    pub async fn send(&mut self, step: Step, octets: &[u8]) -> Result<(), Trouble> {
        let work = async {
            self.stream.get_mut().write_all(octets).await?;
            self.stream.get_mut().flush().await
        };
        match tokio::time::timeout(self.silence, work).await {
            Ok(sent) => sent.map_err(|error| Trouble::Io(step, error.kind())),
            Err(_) => Err(Trouble::Timeout(step)),
        }
    }

    /// Returns when there is something to read, or the end. May be dropped at any time.
    pub async fn readable(&mut self) {
        // The error comes again with the read.
        let _ = self.stream.fill_buf().await;
    }

    /// The next response; a literal of it may have `literal` octets.
    pub async fn receive(&mut self, step: Step, literal: usize) -> Result<Response, Trouble> {
        let mut pieces = Vec::new();
        let mut room = literal.max(SMALL_LITERAL);
        loop {
            let mut line = self.line(step).await?;
            let announced = if pieces.is_empty() && Response::is_text(&line) { None } else { announced(&line) };
            let Some((start, length)) = announced else {
                pieces.push(Piece::Line(line));
                return Response::read(pieces).ok_or(Trouble::Garbled(step));
            };
            line.truncate(start);
            pieces.push(Piece::Line(line));
            room = usize::try_from(length).ok().and_then(|length| room.checked_sub(length)).ok_or(Trouble::TooMuch(step))?;
            pieces.push(Piece::Literal(self.literal(step, length).await?));
            if pieces.len() > PIECES_MAX {
                return Err(Trouble::TooMuch(step));
            }
        }
    }

    /// A line without its end.
    async fn line(&mut self, step: Step) -> Result<Vec<u8>, Trouble> {
        let mut line = Vec::new();
        loop {
            let here = self.some(step).await?;
            let end = memchr::memchr(b'\n', here);
            let taken = end.map_or(here.len(), |end| end + 1);
            if line.len() + taken > LINE_MAX {
                return Err(Trouble::TooMuch(step));
            }
            line.extend_from_slice(&here[..taken]);
            self.stream.consume(taken);
            if end.is_some() {
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
        }
    }

    async fn literal(&mut self, step: Step, length: u64) -> Result<Vec<u8>, Trouble> {
        // Grows with what comes: a length that is only announced takes no memory.
        let mut octets = Vec::new();
        let mut left = length;
        while left > 0 {
            self.some(step).await?;
            let part = left.min(self.stream.buffer().len() as u64);
            let read = (&mut self.stream).take(part).read_to_end(&mut octets).await;
            read.map_err(|error| Trouble::Io(step, error.kind()))?;
            left -= part;
        }
        Ok(octets)
    }

    /// At least one octet.
    async fn some(&mut self, step: Step) -> Result<&[u8], Trouble> {
        match tokio::time::timeout(self.silence, self.stream.fill_buf()).await {
            Ok(Ok([])) => Err(Trouble::Io(step, std::io::ErrorKind::UnexpectedEof)),
            Ok(Ok(octets)) => Ok(octets),
            Ok(Err(error)) => Err(Trouble::Io(step, error.kind())),
            Err(_) => Err(Trouble::Timeout(step)),
        }
    }
}

/// Where `{n}` begins at a line's end, and the `n`. `~{n}` is a literal8, `{n+}` one that nobody waits with.
fn announced(line: &[u8]) -> Option<(usize, u64)> {
    let inner = line.strip_suffix(b"}")?;
    let open = memchr::memrchr(b'{', inner)?;
    let digits = inner[open + 1..].strip_suffix(b"+").unwrap_or(&inner[open + 1..]);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // A number that is too large is a literal that is too large.
    let length = std::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX);
    let start = if line[..open].ends_with(b"~") { open - 1 } else { open };
    Some((start, length))
}

#[cfg(test)]
mod tests {
    use super::super::response::Fetched;
    use super::*;

    async fn receive(octets: &[u8], literal: usize) -> Result<Response, Trouble> {
        let (ours, mut theirs) = tokio::io::duplex(4 << 20);
        theirs.write_all(octets).await.unwrap();
        drop(theirs);
        Wire::new(Box::new(ours), Duration::from_secs(30)).receive(Step::Fetch, literal).await
    }

    #[tokio::test]
    async fn a_literal_is_taken_whole_and_no_further() {
        let got = receive(b"* 1 FETCH (UID 7 BODY[] {4}\r\na\r\nb)\r\n* 2 EXISTS\r\n", 10).await.unwrap();
        assert_eq!(got, Response::Fetch(Fetched { uid: Some(7), size: None, body: Some(b"a\r\nb".to_vec()) }));
    }

    #[tokio::test]
    async fn bounds_hold() {
        let much = |got: Result<Response, Trouble>| matches!(got, Err(Trouble::TooMuch(Step::Fetch)));
        let cut = |got: Result<Response, Trouble>| matches!(got, Err(Trouble::Io(Step::Fetch, std::io::ErrorKind::UnexpectedEof)));
        assert!(much(receive(b"* 1 FETCH (UID 7 BODY[] {99999999999999999999999}\r\n", 70_000).await));
        assert!(much(receive(b"* 1 FETCH (UID 7 BODY[] {70001}\r\n", 70_000).await));
        assert!(much(receive(&b"x {40000}\r\n".iter().copied().chain([b'y'; 40_000]).cycle().take(200_000).collect::<Vec<_>>(), 0).await));
        assert!(much(receive(&vec![b'x'; LINE_MAX + 1], 0).await));
        assert!(much(receive(&b"{0}\r\n".repeat(100), 0).await));
        assert!(cut(receive(b"* 1 FETCH (UID 7 BODY[] {9000}\r\nonly this", 70_000).await));
        assert!(cut(receive(b"* 1 FE", 0).await));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_it() {
        let (ours, _theirs) = tokio::io::duplex(64);
        let mut wire = Wire::new(Box::new(ours), Duration::from_secs(30));
        assert!(matches!(wire.receive(Step::Greeting, 0).await, Err(Trouble::Timeout(Step::Greeting))));
    }

    #[test]
    fn literals_are_announced_at_the_end() {
        assert_eq!(announced(b"x {12}"), Some((2, 12)));
        assert_eq!(announced(b"x ~{12+}"), Some((2, 12)));
        for none in [&b"x {12} "[..], b"{}", b"{+}", b"{-1}", b"12}", b"{1 2}"] {
            assert_eq!(announced(none), None);
        }
    }
}
