//! A connection from its greeting to QUIT: greeting, EHLO, STARTTLS, AUTH. EHLO and AUTH are mail-send's; what it leaves open is
//! settled here: every phase has a deadline, TLS that is required is never done without, and AUTH never runs in clear text off
//! loopback (`relay` and the dialler see to it).

use std::time::Duration;

use futures_util::FutureExt;
use mail_send::SmtpClient;
use resetd_core::smtp_reply::SmtpReply;
use smtp_proto::{EXT_START_TLS, EhloResponse};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::broken::{Broken, Cause, Phase, within};
use super::dial::{Dial, Wire};
use super::login::log_in;
use super::reply::{Replies, ReplyError};
use super::tls::Tls;
use crate::config::Login;
use crate::mail::TlsState;

/// How long QUIT may take: nothing depends on it.
const QUIT_LIMIT: Duration = Duration::from_secs(2);

/// What every connection to one hop has in common.
pub(in crate::mail::transport) struct Manner {
    /// Its name, for logs and the timeline.
    pub host: String,
    pub security: Security,
    pub login: Option<Login>,
    pub hello: String,
    /// For each phase.
    pub timeout: Duration,
}

/// How connections are protected.
pub(in crate::mail::transport) enum Security {
    /// Not at all: loopback only.
    Clear,
    /// TLS from the first octet.
    Implicit(Tls),
    /// STARTTLS, required.
    StartTls(Tls),
    /// STARTTLS where it is offered and works (RFC 7435), without anybody's word on who is there.
    Opportunistic(Tls),
}

impl Security {
    fn may_be_clear(&self) -> bool {
        matches!(self, Self::Opportunistic(_))
    }
}

/// An open connection, ready for MAIL.
pub(super) struct Session {
    client: SmtpClient<Wire>,
    replies: Replies,
    /// What the server offered in its last EHLO.
    pub offers: EhloResponse<String>,
    /// How it is protected.
    pub tls: TlsState,
    /// How many mails it has carried.
    pub mails: u32,
    /// Whether a transaction was left open, so that the next one starts with RSET.
    pub unfinished: bool,
    /// Since when nobody has used it.
    pub idle_since: Instant,
}

impl Session {
    /// Dials and does all that comes before the first mail.
    pub async fn open<D: Dial>(dial: &D, manner: &Manner) -> Result<Self, Broken> {
        let mut session = match Self::secured(dial, manner).await {
            Err(broken) if manner.security.may_be_clear() && matches!(broken.phase, Phase::Tls | Phase::StartTls) => {
                tracing::debug!(event = "hop.tls_failed", host = manner.host, detail = broken.detail(), "going on without TLS");
                Self::greeted(within(manner.timeout, Phase::Connect, dial.dial()).await?, TlsState::Failed, manner).await?
            }
            ended => ended?,
        };
        if let Some(login) = &manner.login {
            log_in(&mut session.client, &session.offers, login, manner.timeout).await?;
        }
        Ok(session)
    }

    async fn secured<D: Dial>(dial: &D, manner: &Manner) -> Result<Self, Broken> {
        let wire = within(manner.timeout, Phase::Connect, dial.dial()).await?;
        match &manner.security {
            Security::Clear => Self::greeted(wire, TlsState::Clear, manner).await,
            Security::Implicit(tls) => {
                let wire = within(manner.timeout, Phase::Tls, tls.wrap(wire)).await?;
                Self::greeted(wire, tls.state(), manner).await
            }
            Security::StartTls(tls) => Self::greeted(wire, TlsState::Clear, manner).await?.start_tls(tls, manner).await,
            Security::Opportunistic(tls) => {
                let session = Self::greeted(wire, TlsState::Clear, manner).await?;
                match session.offers.has_capability(EXT_START_TLS) {
                    true => session.start_tls(tls, manner).await,
                    false => Ok(session),
                }
            }
        }
    }

    async fn greeted(wire: Wire, tls: TlsState, manner: &Manner) -> Result<Self, Broken> {
        let mut client = SmtpClient { stream: wire, timeout: manner.timeout };
        let mut replies = Replies::default();
        let greeting = within(manner.timeout, Phase::Greeting, replies.next(&mut client.stream)).await?;
        if greeting.code != 220 {
            return Err(Broken::new(Phase::Greeting, Cause::Said(greeting)));
        }
        let offers = hello(&mut client, manner).await?;
        Ok(Self { client, replies, offers, tls, mails: 0, unfinished: false, idle_since: Instant::now() })
    }

    async fn start_tls(mut self, tls: &Tls, manner: &Manner) -> Result<Self, Broken> {
        if !self.offers.has_capability(EXT_START_TLS) {
            return Err(Broken::new(Phase::StartTls, Cause::Missing("the server does not offer it, and it is required")));
        }
        let ready = within(manner.timeout, Phase::StartTls, self.ask(b"STARTTLS\r\n")).await?;
        if ready.code != 220 {
            return Err(Broken::new(Phase::StartTls, Cause::Said(ready)));
        }
        // What was said in clear text behind the 220 is dropped with `self.replies`, and with it everything the first
        // EHLO offered (RFC 3207 §4.2): anyone on the way could have put it there.
        if !self.replies.is_empty() {
            tracing::warn!(
                event = "hop.injected",
                host = manner.host,
                "the server, or someone between, spoke on in clear text after STARTTLS"
            );
        }
        let wire = within(manner.timeout, Phase::Tls, tls.wrap(self.client.stream)).await?;
        let mut client = SmtpClient { stream: wire, timeout: manner.timeout };
        let offers = hello(&mut client, manner).await?;
        Ok(Self { client, replies: Replies::default(), offers, tls: tls.state(), mails: 0, unfinished: false, idle_since: Instant::now() })
    }

    /// One command, one reply. The caller sets the deadline.
    pub async fn ask(&mut self, command: &[u8]) -> Result<SmtpReply, Cause> {
        self.write(command).await?;
        Ok(self.reply().await?)
    }

    /// Writes, without waiting for a reply.
    pub async fn write(&mut self, octets: &[u8]) -> Result<(), Cause> {
        self.push(octets).await?;
        self.flush().await
    }

    /// Writes into TLS's buffer and as far as it will go. Where this fails, the last octets have not left.
    pub async fn push(&mut self, octets: &[u8]) -> Result<(), Cause> {
        Ok(self.client.stream.write_all(octets).await?)
    }

    /// Sends what is buffered. Where this fails, all may have left, or nothing.
    pub async fn flush(&mut self) -> Result<(), Cause> {
        Ok(self.client.stream.flush().await?)
    }

    /// The next reply in order.
    pub async fn reply(&mut self) -> Result<SmtpReply, ReplyError> {
        self.replies.next(&mut self.client.stream).await
    }

    /// Whether the peer is silent, as it must be between mails. One that has hung up or said 421 meanwhile is stale.
    pub fn is_quiet(&mut self) -> bool {
        self.replies.is_empty() && self.client.stream.read_u8().now_or_never().is_none()
    }

    /// Ends the connection politely, or not at all.
    pub async fn quit(mut self) {
        let _ = tokio::time::timeout(QUIT_LIMIT, self.ask(b"QUIT\r\n")).await;
    }
}

async fn hello(client: &mut SmtpClient<Wire>, manner: &Manner) -> Result<EhloResponse<String>, Broken> {
    within(manner.timeout, Phase::Hello, client.ehlo(&manner.hello)).await
}
