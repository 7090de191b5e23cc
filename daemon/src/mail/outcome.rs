//! What the rest of the house sees of the mail room: a finished message, its envelope, and what became of it.

use std::time::Duration;

use resetd_core::address::Mailbox;
use resetd_core::smtp_reply::SmtpReply;
use resetd_core::time::Timestamp;

use crate::config::Face;

/// Who a message is from and for, on the wire.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// `MAIL FROM`; empty: the null path.
    pub from: String,
    /// `RCPT TO`.
    pub to: Mailbox,
    /// RFC 7293: since when the application knows the address to be the person's.
    pub valid_since: Option<Timestamp>,
    /// `ENVID` (RFC 3461 §4.4): what a delivery status notification names the mail by. The Message-ID; empty: none.
    pub envelope_id: String,
    /// How we show ourselves where mails go straight to their domain; a relay has a name of its own.
    pub face: Face,
}

/// What a transport gives back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// What became of the mail.
    pub outcome: Outcome,
    /// Who said so; `None`: nobody was reached.
    pub via: Option<Via>,
    /// The destination is not to be had: nothing need be tried there for so long.
    pub pause: Option<Duration>,
}

/// A next hop, and how the connection was protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// Its name.
    pub host: String,
    /// `None`: it did not come so far.
    pub tls: Option<TlsState>,
}

/// How a connection was protected, for the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsState {
    /// Not at all: TLS was not to be had.
    Clear,
    /// Not at all: TLS was offered, and failed.
    Failed,
    /// Encrypted, with nobody's word on who is there.
    Unverified,
    /// Verified by the authorities that are trusted, for the name that was meant.
    Authority,
    /// As the domain's MTA-STS policy asks (RFC 8461).
    MtaSts,
    /// By the TLSA records of the host (RFC 7672).
    Dane,
}

impl TlsState {
    /// The name in the timeline and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clear => "none",
            Self::Failed => "failed",
            Self::Unverified => "unverified",
            Self::Authority => "verified",
            Self::MtaSts => "mta-sts",
            Self::Dane => "dane",
        }
    }
}

/// What one attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The next hop has it. For SMTP with its reply to the final dot.
    Accepted(Option<SmtpReply>),
    /// Later. `detail` is one line for the timeline, without address or secret; `reply` where the server gave one.
    Deferred {
        /// The reply.
        reply: Option<SmtpReply>,
        /// What happened, for the timeline.
        detail: String,
    },
    /// Never.
    Refused {
        /// The reply.
        reply: Option<SmtpReply>,
        /// What happened, for the timeline.
        detail: String,
    },
}

impl Outcome {
    /// Later, without a word from any server.
    pub fn put_off(detail: impl Into<String>) -> Self {
        Self::Deferred { reply: None, detail: detail.into() }
    }

    /// Never, without a word from any server.
    pub fn refused(detail: impl Into<String>) -> Self {
        Self::Refused { reply: None, detail: detail.into() }
    }
}

impl From<Outcome> for Sent {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, via: None, pause: None }
    }
}
