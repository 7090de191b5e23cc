//! Reading: raw inbound bytes become [`Facts`], and a copy that is fit for support.
//!
//! The only room that knows mail-parser. It never fails and never panics: what cannot be parsed still gives facts, so
//! that a person sees it. Everything here is bounded in size, depth, number and time.

mod strike;

use resetd_core::inbound::Facts;

pub use strike::{Secrets, Struck, strike, strike_text};

/// Whose word on authentication is taken.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'a> {
    /// The authserv-ids (RFC 8601 §2.5) whose `Authentication-Results` are believed.
    pub authserv_ids: &'a [String],
}

/// What the SMTP or LMTP dialogue said. Empty for a Maildir or a pipe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `MAIL FROM`; `Some("")` is the null path.
    pub mail_from: Option<String>,
    /// `RCPT TO`, all of them.
    pub rcpt_to: Vec<String>,
}

/// Reads one message. An unparsable one gives the facts that could be had.
pub fn read(raw: &[u8], envelope: &Envelope, _trust: &Trust) -> Facts {
    Facts {
        size: raw.len(),
        recipients: envelope.rcpt_to.clone(),
        return_path: envelope.mail_from.clone(),
        ..Facts::default()
    }
}
