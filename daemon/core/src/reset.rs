//! A reset's states, its secret's life, and what is refused when.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Where a reset stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// On disk, its mail not yet taken by the next hop.
    Accepted,
    /// Never mailed: over a limit, unknown account, or suppressed address.
    Suppressed,
    /// The next hop took the mail.
    Sent,
    /// The mail was refused, came back, or could not be sent in time.
    Undeliverable,
    /// The secret came back and was good.
    Redeemed,
    /// Its time ran out.
    Expired,
    /// An application or an administrator took it back.
    Revoked,
    /// Another reset of the account took its place.
    Superseded,
    /// The person answered "this wasn't me".
    Denied,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Accepted,
        Self::Suppressed,
        Self::Sent,
        Self::Undeliverable,
        Self::Redeemed,
        Self::Expired,
        Self::Revoked,
        Self::Superseded,
        Self::Denied,
    ];

    /// The name in the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Suppressed => "suppressed",
            Self::Sent => "sent",
            Self::Undeliverable => "undeliverable",
            Self::Redeemed => "redeemed",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Superseded => "superseded",
            Self::Denied => "denied",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether its secret may still be redeemed, if its time has not run out. `accepted` is among them: after a crash
    /// between the next hop's `250` and our record of it the person holds a mail that is good.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Accepted | Self::Sent)
    }
}

/// Why a secret is refused; the `reason` of a problem document.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// No secret of ours.
    Unknown,
    /// Too late.
    Expired,
    /// Redeemed before.
    Used,
    /// A newer mail took its place.
    Superseded,
    /// The person said "this wasn't me".
    Denied,
    /// Taken back.
    Revoked,
    /// Too many wrong codes for this account.
    Locked,
}

impl Refusal {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Used => "used",
            Self::Superseded => "superseded",
            Self::Denied => "denied",
            Self::Revoked => "revoked",
            Self::Locked => "locked",
        }
    }
}

/// Whether a secret of a reset in `state`, good until `expires_at`, is refused at `now`, and why.
pub fn refusal(state: State, expires_at: Timestamp, now: Timestamp) -> Option<Refusal> {
    match state {
        State::Accepted | State::Sent if now < expires_at => None,
        State::Accepted | State::Sent | State::Expired => Some(Refusal::Expired),
        State::Redeemed => Some(Refusal::Used),
        State::Revoked | State::Undeliverable => Some(Refusal::Revoked),
        State::Superseded => Some(Refusal::Superseded),
        State::Denied => Some(Refusal::Denied),
        State::Suppressed => Some(Refusal::Unknown),
    }
}

/// What the person gets. Read as a string and nothing else: serde's own reading of an enum takes `{"link": null}` too, and
/// calls a number a fault of the JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub enum Method {
    /// A link.
    Link,
    /// A code.
    Code,
    /// Both.
    Both,
}

impl TryFrom<String> for Method {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::parse(&name).ok_or("must be one of link, code, both")
    }
}

impl Method {
    /// The name in the API, the configuration and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Code => "code",
            Self::Both => "both",
        }
    }

    /// The method of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Link, Self::Code, Self::Both].into_iter().find(|method| method.as_str() == name)
    }

    /// Whether a link is in the mail.
    pub fn has_link(self) -> bool {
        self != Self::Code
    }

    /// Whether a code is in the mail.
    pub fn has_code(self) -> bool {
        self != Self::Link
    }
}

/// How long secrets live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lifetimes {
    /// A link, from the moment the next hop took the mail.
    pub link: Duration,
    /// A code, from the same moment.
    pub code: Duration,
    /// Either, from the request.
    pub cap: Duration,
}

/// When the secrets of one reset end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expiry {
    /// The link's end.
    pub link: Timestamp,
    /// The code's end.
    pub code: Timestamp,
}

impl Lifetimes {
    /// The ends for a mail that was asked for at `created` and taken by the next hop at `sent` (before that: `None`, the
    /// cap alone counts).
    pub fn expiry(&self, created: Timestamp, sent: Option<Timestamp>) -> Expiry {
        let cap = created + self.cap;
        let end = |life| sent.map_or(cap, |sent| (sent + life).min(cap));
        Expiry { link: end(self.link), code: end(self.code) }
    }

    /// Until when sending the mail is of use: a person must have at least a quarter of the shortest secret's life, and no
    /// less than a minute, before the cap ends it (law 7).
    pub fn useful_until(&self, created: Timestamp, method: Method) -> Timestamp {
        let life = if method.has_code() { self.code } else { self.link };
        let margin = (life / 4).max(Duration::from_secs(60)).min(self.cap / 2);
        created + (self.cap - margin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVES: Lifetimes = Lifetimes { link: Duration::from_secs(1800), code: Duration::from_secs(600), cap: Duration::from_secs(7200) };

    #[test]
    fn life_begins_when_the_next_hop_takes_the_mail() {
        let created = Timestamp::from_millis(0);
        let sent = created + Duration::from_secs(60);
        assert_eq!(LIVES.expiry(created, Some(sent)).link, sent + LIVES.link);
        assert_eq!(LIVES.expiry(created, Some(created + Duration::from_secs(7000))).link, created + LIVES.cap);
        assert_eq!(LIVES.expiry(created, None).code, created + LIVES.cap);
    }

    #[test]
    fn every_closed_state_refuses() {
        let now = Timestamp::from_millis(10);
        for state in State::ALL {
            assert_eq!(refusal(state, Timestamp::from_millis(11), now).is_none(), state.is_open(), "{state:?}");
            assert!(refusal(state, now, now).is_some(), "{state:?} at its end");
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
    }

    #[test]
    fn a_mail_is_not_sent_when_its_secret_would_be_dead_on_arrival() {
        let created = Timestamp::from_millis(0);
        assert!(LIVES.useful_until(created, Method::Both) < created + LIVES.cap);
    }
}
