//! One SMTP or LMTP connection: reads commands and messages, says replies, and asks the sink. A message gets its `250` only
//! when the sink has it on disk (law 3).

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use super::body::{Body, Received};
use super::dialogue::{Chunk, Dialect, Dialogue, Envelope, Next, Terms};
use super::room::{Held, Room};
use super::tls::TlsFiles;
use crate::mailbox::{Arrival, Peer, Sink, Stop, stopped};

/// The longest command line (RFC 5321 §4.5.3.1.4 says 512, and extensions add to it).
const LINE_MAX: usize = 4096;
/// How long the peer may be silent (RFC 5321 §4.5.3.2.7).
const IDLE: Duration = Duration::from_secs(300);
/// The same where few places are left: strangers must not hold them by saying nothing.
const IDLE_WHEN_FULL: Duration = Duration::from_secs(15);
/// How long a message may take.
const MESSAGE_LIMIT: Duration = Duration::from_secs(600);
/// What a message must bring while a peer may be silent that long: a trickle is silence, too.
const TRICKLE: usize = 1024;
/// How long a session may take in all.
const SESSION_LIMIT: Duration = Duration::from_secs(3600);
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// What a connection is made of.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

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

/// What all connections of a listener share.
pub(super) struct Shared<S> {
    pub sink: Arc<S>,
    pub terms: Terms,
    pub tls: Option<TlsFiles>,
    /// Memory for messages under way.
    pub room: Room,
    /// Whether few places are left.
    pub crowded: Box<dyn Fn() -> bool + Send + Sync>,
}

/// Serves one peer to its end, or until `stop`; then a message under way is still finished.
pub(super) async fn serve<S: Sink>(stream: impl Stream + 'static, from: Option<std::net::IpAddr>, shared: &Shared<S>, stop: Stop) {
    let dialect = shared.terms.dialect;
    let greeting = match dialect {
        Dialect::Lmtp => format!("220 {} LMTP\r\n", shared.terms.hostname),
        Dialect::Smtp => format!("220 {} ESMTP\r\n", shared.terms.hostname),
    };
    let mut connection = Connection {
        stream: Box::new(stream),
        input: Vec::new(),
        output: greeting.into_bytes(),
        dialogue: Dialogue::new(shared.terms.clone()),
        chunks: None,
        from,
        shared,
    };
    // Ended: the peer is gone or mute; what it had not finished it will send again.
    let _ = tokio::time::timeout(SESSION_LIMIT, connection.run(stop)).await;
}

struct Connection<'s, S> {
    stream: Box<dyn Stream>,
    /// Octets read and not yet used.
    input: Vec<u8>,
    /// Replies not yet written: one write for all that answer a pipelined group.
    output: Vec<u8>,
    dialogue: Dialogue,
    /// What came of a message in chunks.
    chunks: Option<Chunks>,
    /// The peer's address, where it is not the host's own mail server.
    from: Option<std::net::IpAddr>,
    shared: &'s Shared<S>,
}

/// A message on its way in by BDAT.
#[derive(Default)]
struct Chunks {
    kept: Vec<u8>,
    held: Held,
    /// Why it is not kept any more.
    lost: Option<Received>,
}

/// How a message's octets come in.
struct Pace {
    /// When the last [`TRICKLE`] was complete.
    since: Instant,
    octets: usize,
}

impl Pace {
    fn new() -> Self {
        Self { since: Instant::now(), octets: 0 }
    }

    fn came(&mut self, octets: usize) {
        self.octets += octets;
        if self.octets >= TRICKLE {
            *self = Self::new();
        }
    }
}

/// What is wanted next.
enum Heard {
    Line(Vec<u8>),
    TooLong,
    Stop,
}

impl<S: Sink> Connection<'_, S> {
    async fn run(&mut self, mut stop: Stop) -> Result<(), Ended> {
        loop {
            let next = match self.line(&mut stop).await? {
                Heard::Line(line) => self.dialogue.command(&line, |rcpt| self.shared.sink.accepts(rcpt)),
                Heard::TooLong => self.dialogue.too_long(),
                Heard::Stop => Next::End("421 4.3.2 stopping".to_owned()),
            };
            let next = match next {
                Next::Message => self.message().await?,
                Next::Chunk(chunk) => self.chunk(chunk).await?,
                Next::StartTls => self.start_tls().await?,
                next => next,
            };
            if !self.dialogue.chunking() {
                self.chunks = None;
            }
            match next {
                Next::Say(reply) => self.say(&reply),
                Next::End(reply) => {
                    self.say(&reply);
                    self.flush().await?;
                    self.stream.shutdown().await?;
                    return Ok(());
                }
                Next::Message | Next::Chunk(_) | Next::StartTls => {}
            }
        }
    }

    /// The next line with its end. What has been said is written before waiting; a stop is heeded only here, between
    /// commands.
    async fn line(&mut self, stop: &mut Stop) -> Result<Heard, Ended> {
        let mut too_long = false;
        let mut searched = 0;
        let since = Instant::now();
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.input[searched..]) {
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
                // One deadline for the line, however slowly its octets come.
                more = self.within(since) => {
                    more?;
                }
            }
        }
    }

    /// Reads what comes; an error where nothing comes for as long as the peer may be silent, counted from `since`. That is looked at
    /// again while it is waited for: who came while there was room must not sit on when there is none.
    async fn within(&mut self, since: Instant) -> Result<usize, Ended> {
        loop {
            let until = (Instant::now() + IDLE_WHEN_FULL).min(since + self.patience());
            match tokio::time::timeout_at(until, self.stream.read_buf(&mut self.input)).await {
                Ok(Ok(0)) => return Err(Ended),
                Ok(more) => return Ok(more?),
                Err(_) if Instant::now() < since + self.patience() => {}
                Err(late) => return Err(late.into()),
            }
        }
    }

    /// How long the peer may be silent now.
    fn patience(&self) -> Duration {
        if (self.shared.crowded)() { IDLE_WHEN_FULL } else { IDLE }
    }

    async fn message(&mut self) -> Result<Next, Ended> {
        let envelope = self.dialogue.take_envelope();
        self.say("354 go on, end with a dot");
        let mut held = Held::default();
        let (received, bare) = tokio::time::timeout(MESSAGE_LIMIT, self.body(&mut held)).await??;
        if bare && self.shared.terms.dialect == Dialect::Smtp {
            // Two systems that see the end of a message at different places let mail be smuggled past one of them.
            return Ok(Next::End("550 5.6.0 a CR or LF stands alone in the message (RFC 5321 2.3.8)".to_owned()));
        }
        self.store(envelope, received).await;
        Ok(Next::Message)
    }

    async fn body(&mut self, held: &mut Held) -> Result<(Received, bool), Ended> {
        let mut body = Body::new(self.shared.terms.max_size);
        let mut room = true;
        let mut pace = Pace::new();
        loop {
            if let Some(used) = body.feed(&self.input) {
                self.input.drain(..used);
                let bare = body.has_bare_line_end();
                return Ok((if room { body.finish() } else { Received::NoRoom }, bare));
            }
            self.input.clear();
            self.input.reserve(1 << 14);
            if room && !self.shared.room.grow(held, body.held()) {
                room = false;
                body.drop_kept();
            }
            self.flush().await?;
            self.more(&mut pace).await?;
        }
    }

    /// A chunk (RFC 3030): so many octets as they are, whatever they look like.
    async fn chunk(&mut self, chunk: Chunk) -> Result<Next, Ended> {
        let mut chunks = self.chunks.take().unwrap_or_default();
        let keep = chunk.refused.is_none();
        tokio::time::timeout(MESSAGE_LIMIT, self.octets(chunk.size, &mut chunks, keep)).await??;
        if let Some(refused) = chunk.refused {
            return Ok(self.dialogue.wrong(refused));
        }
        if !chunk.last {
            let size = chunk.size;
            self.chunks = Some(chunks);
            return Ok(Next::Say(format!("250 2.0.0 {size} octets")));
        }
        let envelope = self.dialogue.take_envelope();
        let received = chunks.lost.take().unwrap_or(Received::Message(chunks.kept));
        self.store(envelope, received).await;
        Ok(Next::Message)
    }

    async fn octets(&mut self, size: usize, chunks: &mut Chunks, keep: bool) -> Result<(), Ended> {
        let mut left = size;
        let mut pace = Pace::new();
        loop {
            let here = left.min(self.input.len());
            if keep && chunks.lost.is_none() {
                if chunks.kept.len() + here > self.shared.terms.max_size {
                    (chunks.kept, chunks.lost) = (Vec::new(), Some(Received::TooLarge));
                } else {
                    chunks.kept.extend_from_slice(&self.input[..here]);
                    if !self.shared.room.grow(&mut chunks.held, chunks.kept.capacity()) {
                        (chunks.kept, chunks.lost) = (Vec::new(), Some(Received::NoRoom));
                    }
                }
            }
            self.input.drain(..here);
            left -= here;
            if left == 0 {
                return Ok(());
            }
            self.flush().await?;
            self.more(&mut pace).await?;
        }
    }

    /// Reads on, within the time that a message's octets have.
    async fn more(&mut self, pace: &mut Pace) -> Result<(), Ended> {
        let more = self.within(pace.since).await?;
        pace.came(more);
        Ok(())
    }

    /// Stores what was received and says so, once for each reply that is due.
    async fn store(&mut self, envelope: Envelope, received: Received) {
        let replies = self.dialogue.replies(envelope.rcpt_to.len());
        let reply = match received {
            Received::TooLarge => "552 5.3.4 the message is too large",
            Received::NoRoom => "452 4.3.1 too much mail at once, try again",
            Received::Message(raw) => match self.shared.sink.store(self.arrived(envelope, raw)).await {
                Ok(()) => "250 2.0.0 stored",
                Err(_) => "451 4.3.0 could not be stored, try again",
            },
        };
        for _ in 0..replies {
            self.say(reply);
        }
    }

    fn arrived(&self, envelope: Envelope, raw: Vec<u8>) -> Arrival {
        let peer = self.from.map(|ip| Peer { ip, helo: envelope.helo });
        Arrival {
            raw,
            mail_from: Some(envelope.mail_from),
            rcpt_to: envelope.rcpt_to,
            source: self.shared.terms.dialect.as_str(),
            truncated_from: None,
            peer,
        }
    }

    /// RFC 3207. What was said in clear behind STARTTLS would be heard as if it came through TLS (CVE-2011-0411): the session
    /// ends instead.
    async fn start_tls(&mut self) -> Result<Next, Ended> {
        let Some(files) = &self.shared.tls else { return Ok(Next::Say("454 4.7.0 no TLS now".to_owned())) };
        if !self.input.is_empty() {
            return Ok(Next::End("554 5.5.1 nothing may follow STARTTLS before the handshake".to_owned()));
        }
        let Some(acceptor) = files.acceptor() else { return Ok(Next::Say("454 4.7.0 no TLS now".to_owned())) };
        self.say("220 2.0.0 go on");
        self.flush().await?;
        let plain = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        let secured = tokio::time::timeout(HANDSHAKE, acceptor.accept(plain)).await??;
        self.stream = Box::new(secured);
        self.dialogue.secured();
        Ok(Next::StartTls)
    }

    fn say(&mut self, reply: &str) {
        self.output.extend_from_slice(reply.as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        if !self.output.is_empty() {
            tokio::time::timeout(IDLE, self.stream.write_all(&self.output)).await??;
            tokio::time::timeout(IDLE, self.stream.flush()).await??;
            self.output.clear();
        }
        Ok(())
    }
}
