//! What the use cases take and give, beside the store's values.

use std::net::IpAddr;

use resetd_core::address::{DisplayName, Mailbox};
use resetd_core::ids::{PortalName, ResetId};
use resetd_core::reset::{Method, Refusal};
use resetd_core::time::Timestamp;
use zeroize::Zeroizing;

use crate::config::Role;
use crate::store::{Line, Reset, StoreError};

/// Who asks: made by `http` from the peer's credentials and the configured rules.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The kernel's word.
    pub uid: u32,
    /// What it may do, with the portals of each role (`None`: all).
    pub grants: Vec<(Role, Option<Vec<PortalName>>)>,
}

impl Caller {
    /// Whether it has `role` (or admin) for `portal`.
    pub fn may(&self, role: Role, portal: &PortalName) -> bool {
        let covers = |portals: &Option<Vec<PortalName>>| portals.as_ref().is_none_or(|list| list.contains(portal));
        self.grants.iter().any(|(has, portals)| (*has == role || *has == Role::Admin) && covers(portals))
    }

    /// Whether it has `role` (or admin) for any portal.
    pub fn has(&self, role: Role) -> bool {
        self.grants.iter().any(|(has, _)| *has == role || *has == Role::Admin)
    }

    /// The portals that it has one of `roles` (or admin) for; `None`: all.
    pub fn portals(&self, roles: &[Role]) -> Option<Vec<PortalName>> {
        let mut list = Vec::new();
        for (has, portals) in &self.grants {
            if roles.contains(has) || *has == Role::Admin {
                list.extend(portals.clone()?);
            }
        }
        Some(list)
    }
}

/// `POST /v1/resets`, parsed.
#[derive(Clone, Debug)]
pub struct NewReset {
    /// `portal`
    pub portal: PortalName,
    /// `account`; `None`: the application knows none.
    pub account: Option<String>,
    /// `email`
    pub email: Mailbox,
    /// `name`
    pub name: Option<DisplayName>,
    /// `locale`
    pub locale: Option<String>,
    /// `method`
    pub method: Option<Method>,
    /// `wording`
    pub wording: Option<String>,
    /// `client.ip`
    pub ip: Option<IpAddr>,
    /// `client.user_agent`
    pub user_agent: Option<String>,
    /// `valid_since`
    pub valid_since: Option<Timestamp>,
}

/// `Idempotency-Key` and the SHA-256 of the body it came with.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// The key, 1 to 255 visible ASCII characters.
    pub key: String,
    /// Of the body as received.
    pub body: [u8; 32],
}

/// A secret that comes back, and whose browser brought it.
pub struct Presenting {
    /// The secret.
    pub secret: Presented,
    /// `client.ip`
    pub ip: Option<IpAddr>,
}

/// What comes back from a person's click or typing.
pub enum Presented {
    /// From a link.
    Token(Zeroizing<String>),
    /// Typed.
    Code {
        /// Where.
        portal: PortalName,
        /// Whose.
        account: String,
        /// The digits as typed.
        code: Zeroizing<String>,
    },
}

/// A secret that is good.
#[derive(Clone, Debug)]
pub struct Good {
    /// The reset.
    pub reset: ResetId,
    /// Its portal.
    pub portal: PortalName,
    /// Its account.
    pub account: Option<String>,
    /// When the secret ends.
    pub expires_at: Timestamp,
}

/// `POST /v1/login-failures`, parsed.
#[derive(Clone, Debug)]
pub struct LoginOutcome {
    /// The reset to start at the threshold.
    pub reset: NewReset,
    /// Whether the login went well: clears the count.
    pub success: bool,
}

/// What a login outcome came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginCount {
    /// Failures in the window, this one included.
    pub failures: u32,
    /// The portal's threshold.
    pub threshold: u32,
    /// Whether this one started a reset. Told to nobody but the timeline: the answer to the client has only the counts.
    pub started: Option<ResetId>,
}

/// A reset with its timeline.
#[derive(Clone, Debug)]
pub struct ResetStory {
    /// The reset.
    pub reset: Reset,
    /// Its timeline, oldest first.
    pub timeline: Vec<Line>,
}

/// What became of an inbound message that a client handed in.
#[derive(Clone, Debug)]
pub struct Ingested {
    /// Its number.
    pub id: i64,
    /// Whether it was there before.
    pub duplicate: bool,
}

/// The state of the whole, for `GET /v1/status`.
#[derive(Clone, Debug)]
pub struct Status {
    /// The program's version.
    pub version: &'static str,
    /// When it started.
    pub started_at: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// From the store.
    pub counts: crate::store::Counts,
    /// Configured portals.
    pub portals: Vec<PortalName>,
    /// How mails leave: `relay HOST:PORT`, `capture`.
    pub transport: String,
    /// What needs a person's hand, in words that say the cure; empty: all is well.
    pub problems: Vec<String>,
}

/// A use case could not be done.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A field of the request breaks a rule.
    #[error("`{field}` {rule}")]
    Invalid {
        /// The field, as in the body: `portal`, `client.ip`.
        field: &'static str,
        /// What it must be.
        rule: String,
    },
    /// The caller has not the role, or not for this portal.
    #[error("this client may not do that: {0}")]
    Forbidden(String),
    /// No such thing, or none that the caller may see.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The thing is not in a state for this.
    #[error("{0}")]
    Conflict(String),
    /// The `Idempotency-Key` was used with another body.
    #[error("this Idempotency-Key was used with another body")]
    KeyReused,
    /// The secret is refused.
    #[error("the secret is refused: {}", .0.as_str())]
    Refused(Refusal),
    /// The store can't take it now: disk full, shutting down, overloaded. Nothing was accepted.
    #[error("nothing can be stored now: {0}")]
    Unavailable(String),
    /// A fault of ours, which the log tells and the caller does not hear.
    #[error("{0}")]
    Internal(String),
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full | StoreError::Closed => Self::Unavailable(format!("{error}; nothing was accepted")),
            // What SQLite says of it goes to the log alone.
            StoreError::Disk { .. } => {
                tracing::error!(event = "store.disk_failed", %error);
                Self::Unavailable("the disk fails; nothing was accepted".into())
            }
            error => Self::Internal(error.to_string()),
        }
    }
}

/// One wording.
#[derive(Clone, Debug)]
pub struct TemplateInfo {
    /// Its name.
    pub name: String,
    /// `reset`, `notice`, `acknowledgement`, `alert`.
    pub kind: &'static str,
    /// The portal whose own wording it is; `None`: built in.
    pub portal: Option<PortalName>,
    /// Its languages.
    pub locales: Vec<String>,
    /// Why an administrator's own wording is not used.
    pub problem: Option<String>,
}

/// `POST /v1/templates/preview`, parsed.
#[derive(Clone, Debug)]
pub struct PreviewAsk {
    /// For which portal.
    pub portal: PortalName,
    /// Which wording.
    pub wording: String,
    /// In which language; `None`: the portal's.
    pub locale: Option<String>,
    /// With link, code, or both; `None`: the portal's.
    pub method: Option<Method>,
}

/// A mail with made-up values.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Subject.
    pub subject: String,
    /// Plain text part.
    pub text: String,
    /// HTML part.
    pub html: String,
}
