//! The octets of one connection, watched: a head that dawdles, a connection that idles, a client that does not read. Also
//! holds back what hyper says by itself about a head that is no HTTP, so that the client gets a problem document instead.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::serve::ServerLimits;

const IDLE: u8 = 0;
const BUSY: u8 = 1;
const ANSWERING: u8 = 2;
const STREAMING: u8 = 3;

/// What the connection is about, shared between its octets and its service.
#[derive(Default)]
pub(super) struct Phase(AtomicU8);

impl Phase {
    /// A request's head is complete; its body is the body reader's care.
    pub(super) fn busy(&self) {
        self.0.store(BUSY, Ordering::Relaxed);
    }

    /// The answer is known. One that streams leaves the connection out of idle time for good: it ends with the stream.
    pub(super) fn answering(&self, streaming: bool) {
        self.0.store(if streaming { STREAMING } else { ANSWERING }, Ordering::Relaxed);
    }

    fn is(&self, phase: u8) -> bool {
        self.0.load(Ordering::Relaxed) == phase
    }
}

/// How a guarded connection came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// As connections end.
    Plain,
    /// The head took too long.
    LateHead,
    /// hyper had something to say about the head.
    BadHead,
}

/// A stream under watch.
pub(super) struct Guard<S> {
    stream: S,
    phase: Arc<Phase>,
    header_timeout: Duration,
    idle_timeout: Duration,
    idle_since: Instant,
    head_since: Option<Instant>,
    timer: Pin<Box<Sleep>>,
    stuck: Option<Pin<Box<Sleep>>>,
    end: End,
}

impl<S> Guard<S> {
    pub(super) fn new(stream: S, phase: Arc<Phase>, limits: ServerLimits) -> Self {
        let now = Instant::now();
        Self {
            stream,
            phase,
            header_timeout: limits.header_timeout,
            idle_timeout: limits.idle_timeout,
            idle_since: now,
            head_since: None,
            timer: Box::pin(tokio::time::sleep_until(now + limits.header_timeout.min(limits.idle_timeout))),
            stuck: None,
            end: End::Plain,
        }
    }

    /// The stream, and how it ended.
    pub(super) fn into_parts(self) -> (S, End) {
        (self.stream, self.end)
    }

    /// Between requests: whether the time for the next head is over. The timer is only ever moved to an earlier time, or
    /// when it fired too early: a busy connection does not touch it.
    fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.phase.is(IDLE) {
            return Poll::Pending;
        }
        let deadline = match self.head_since {
            Some(since) => since + self.header_timeout,
            None => self.idle_since + self.idle_timeout,
        };
        loop {
            if self.timer.deadline() > deadline || (self.timer.is_elapsed() && Instant::now() < deadline) {
                self.timer.as_mut().reset(deadline);
            }
            ready!(self.timer.as_mut().poll(cx));
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
        }
    }

    /// A write that can't go on: an error once the client has not read for the idle time.
    fn poll_stuck<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let idle_timeout = self.idle_timeout;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle_timeout)));
        ready!(stuck.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_written(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending => self.poll_stuck(cx),
            ready => {
                self.stuck = None;
                ready
            }
        }
    }

    /// hyper answers a head that it can't read by itself, with an empty body; no request is under way then.
    fn held_back(&mut self) -> bool {
        let own = self.phase.is(IDLE);
        if own {
            self.end = End::BadHead;
        }
        own
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(cx, buf) {
            if this.head_since.is_none() && this.phase.is(IDLE) {
                this.head_since = Some(Instant::now());
            }
            return Poll::Ready(read);
        }
        ready!(this.poll_overdue(cx));
        if this.head_since.is_some() {
            this.end = End::LateHead;
        }
        // The end of input: hyper closes an idle connection quietly, and gives up on half a head.
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.held_back() {
            return Poll::Ready(Ok(buf.len()));
        }
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.poll_written(written, cx)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.held_back() {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.poll_written(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(Pin::new(&mut this.stream).poll_flush(cx))?;
        if this.phase.is(ANSWERING) {
            // hyper flushes when the whole answer is out: the time until the next head begins.
            this.phase.0.store(IDLE, Ordering::Relaxed);
            this.idle_since = Instant::now();
            this.head_since = None;
        }
        let _ = this.poll_overdue(cx);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
