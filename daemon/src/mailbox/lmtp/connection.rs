//! One LMTP connection: reads commands and messages, says replies, and asks the sink. A message gets its `250` only when
//! the sink has it on disk (law 3).

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::body::{Body, Received};
use super::dialogue::{Dialogue, Envelope, Next};
use crate::mailbox::{Arrival, Sink, Stop, stopped};

/// The longest command line (RFC 5321 §4.5.3.1.4 says 512, and extensions add to it).
const LINE_MAX: usize = 4096;
/// How long the peer may be silent (RFC 5321 §4.5.3.2.7).
const IDLE: Duration = Duration::from_secs(300);
/// How long a message may take.
const MESSAGE_LIMIT: Duration = Duration::from_secs(600);

/// A connection that ended otherwise than by QUIT: nothing to do about it.
struct Ended;

impl From<std::io::Error> for Ended {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

impl From<tokio::time::error::Elapsed> for Ended {
    fn from(_: tokio::time::error::Elapsed) -> Self {
        Self
    }
}

/// Serves one peer to its end, or until `stop`; then a message under way is still finished.
pub(super) async fn serve<S: Sink>(stream: impl AsyncRead + AsyncWrite + Unpin, sink: &S, max_size: usize, stop: Stop) {
    let mut connection =
        Connection { stream, input: Vec::new(), output: b"220 resetd LMTP\r\n".to_vec(), dialogue: Dialogue::new(max_size), max_size };
    // Ended: the peer is gone or mute; what it had not finished it will send again.
    let _ = connection.run(sink, stop).await;
}

struct Connection<T> {
    stream: T,
    /// Octets read and not yet used.
    input: Vec<u8>,
    /// Replies not yet written: one write for all that answer a pipelined group.
    output: Vec<u8>,
    dialogue: Dialogue,
    max_size: usize,
}

/// What is wanted next.
enum Heard {
    Line(Vec<u8>),
    TooLong,
    Stop,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
    async fn run<S: Sink>(&mut self, sink: &S, mut stop: Stop) -> Result<(), Ended> {
        loop {
            let next = match self.line(&mut stop).await? {
                Heard::Line(line) => self.dialogue.command(&line, |rcpt| sink.accepts(rcpt)),
                Heard::TooLong => self.dialogue.too_long(),
                Heard::Stop => Next::End("421 4.3.2 stopping".to_owned()),
            };
            match next {
                Next::Say(reply) => self.say(&reply),
                Next::Message => self.message(sink).await?,
                Next::End(reply) => {
                    self.say(&reply);
                    self.flush().await?;
                    self.stream.shutdown().await?;
                    return Ok(());
                }
            }
        }
    }

    /// The next line with its end. What has been said is written before waiting; a stop is heeded only here, between
    /// commands.
    async fn line(&mut self, stop: &mut Stop) -> Result<Heard, Ended> {
        let mut too_long = false;
        let mut searched = 0;
        loop {
            if let Some(end) = self.input[searched..].iter().position(|&octet| octet == b'\n') {
                let line = self.input.drain(..=searched + end).collect();
                return Ok(if too_long { Heard::TooLong } else { Heard::Line(line) });
            }
            if self.input.len() > LINE_MAX {
                too_long = true;
                self.input.clear();
            }
            searched = self.input.len();
            self.flush().await?;
            tokio::select! {
                biased;
                () = stopped(stop) => return Ok(Heard::Stop),
                more = tokio::time::timeout(IDLE, self.stream.read_buf(&mut self.input)) => {
                    if more?? == 0 {
                        return Err(Ended);
                    }
                }
            }
        }
    }

    async fn message<S: Sink>(&mut self, sink: &S) -> Result<(), Ended> {
        let envelope = self.dialogue.take_envelope();
        self.say("354 go on, end with a dot");
        let received = tokio::time::timeout(MESSAGE_LIMIT, self.body()).await??;
        let recipients = envelope.rcpt_to.len();
        let reply = match received {
            Received::TooLarge => "552 5.3.4 the message is too large",
            Received::Message(raw) => match sink.store(arrived(envelope, raw)).await {
                Ok(()) => "250 2.0.0 stored",
                Err(_) => "451 4.3.0 could not be stored, try again",
            },
        };
        // RFC 2033 §4.2: one reply for each recipient that was taken.
        for _ in 0..recipients {
            self.say(reply);
        }
        Ok(())
    }

    async fn body(&mut self) -> Result<Received, Ended> {
        let mut body = Body::new(self.max_size);
        loop {
            if let Some(used) = body.feed(&self.input) {
                self.input.drain(..used);
                return Ok(body.finish());
            }
            self.input.clear();
            self.input.reserve(1 << 14);
            self.flush().await?;
            if tokio::time::timeout(IDLE, self.stream.read_buf(&mut self.input)).await?? == 0 {
                return Err(Ended);
            }
        }
    }

    fn say(&mut self, reply: &str) {
        self.output.extend_from_slice(reply.as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        if !self.output.is_empty() {
            tokio::time::timeout(IDLE, self.stream.write_all(&self.output)).await??;
            self.output.clear();
        }
        Ok(())
    }
}

fn arrived(envelope: Envelope, raw: Vec<u8>) -> Arrival {
    Arrival { raw, mail_from: Some(envelope.mail_from), rcpt_to: envelope.rcpt_to, source: "lmtp", truncated_from: None }
}
