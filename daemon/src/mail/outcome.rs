//! What the rest of the house sees of the mail room: a finished message, its envelope, and what became of it.

use resetd_core::address::Mailbox;
use resetd_core::smtp_reply::SmtpReply;
use resetd_core::time::Timestamp;

/// Who a message is from and for, on the wire.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// `MAIL FROM`; empty: the null path.
    pub from: String,
    /// `RCPT TO`.
    pub to: Mailbox,
    /// RFC 7293: since when the application knows the address to be the person's.
    pub valid_since: Option<Timestamp>,
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
