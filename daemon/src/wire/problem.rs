//! What a client hears when something can't be done: RFC 9457, with a stable `type`.

use std::borrow::Cow;

use resetd_core::reset::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of [`Problem`].
pub const PROBLEM_JSON: &str = "application/problem+json";

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $status:literal, $slug:literal, $title:literal;)*) => {
        /// What went wrong, in general. Every kind has a `type` that does not change, one status (a refused secret has
        /// three), and a title.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The `type`.
            pub fn urn(self) -> &'static str {
                match self { $(Self::$name => concat!("urn:resetd:problem:", $slug),)* }
            }

            /// The HTTP status, where the problem does not say another.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The title.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

kinds! {
    /// A field, parameter or header breaks a rule: `field` and `rule` say which.
    Invalid = 400, "invalid", "The request breaks a rule";
    /// Not JSON, or not HTTP.
    Malformed = 400, "malformed", "The request can't be read";
    /// The peer has no role, or not this one, or not for this portal.
    Forbidden = 403, "forbidden", "This client may not do that";
    /// No such thing, or none that the client may see.
    NotFound = 404, "not-found", "There is no such thing";
    /// No such path.
    NoPath = 404, "no-such-path", "There is no such path";
    /// The path has other methods: `Allow` names them.
    Method = 405, "method-not-allowed", "The path does not take this method";
    /// The client was too slow.
    Timeout = 408, "timeout", "The request took too long to arrive";
    /// The thing is not in a state for this.
    Conflict = 409, "conflict", "This can't be done in the present state";
    /// The body is over the limit.
    TooLarge = 413, "too-large", "The body is too large";
    /// The `Content-Type` is another.
    MediaType = 415, "unsupported-media-type", "The body has the wrong media type";
    /// The `Idempotency-Key` came before, with another body.
    KeyReused = 422, "idempotency-key-reused", "This Idempotency-Key was used with another body";
    /// The head of the request is over the limit.
    HeadTooLarge = 431, "head-too-large", "The request's head is too large";
    /// The secret is refused: `reason` says why. 404 `unknown`, 429 `locked`, 410 anything else.
    Refused = 410, "refused", "The secret is refused";
    /// A fault of resetd's: its log has it.
    Internal = 500, "internal", "Something went wrong inside resetd";
    /// Nothing can be stored now, and nothing was accepted: try again.
    Unavailable = 503, "unavailable", "resetd can't take this now";
}

/// RFC 9457.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A stable name: `urn:resetd:problem:…`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "urn:resetd:problem:invalid")]
    pub kind: Cow<'static, str>,
    /// What went wrong, in general.
    #[schema(value_type = String)]
    pub title: Cow<'static, str>,
    /// The HTTP status once more.
    pub status: u16,
    /// What went wrong this time, in words for a person.
    pub detail: String,
    /// The field, query parameter or header that is wrong: `email`, `client.ip`, `?limit`, `Idempotency-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What it must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Why a secret is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RefusalName>)]
    pub reason: Option<Refusal>,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind: kind.urn().into(),
            title: kind.title().into(),
            status: kind.status(),
            detail: detail.into(),
            field: None,
            rule: None,
            reason: None,
        }
    }

    /// `field` breaks `rule` ("must be …").
    pub fn invalid(field: impl Into<String>, rule: impl Into<String>) -> Self {
        let (field, rule) = (field.into(), rule.into());
        Self { field: Some(field.clone()), rule: Some(rule.clone()), ..Self::new(Kind::Invalid, format!("`{field}` {rule}")) }
    }

    /// A secret is refused.
    pub fn refused(reason: Refusal) -> Self {
        let (status, detail) = match reason {
            Refusal::Unknown => (404, "no secret like this was given out"),
            Refusal::Expired => (410, "its time ran out: ask for a new mail"),
            Refusal::Used => (410, "it was used before: ask for a new mail"),
            Refusal::Superseded => (410, "a newer mail took its place: use that one"),
            Refusal::Denied => (410, "the owner of the address answered that this was somebody else"),
            Refusal::Revoked => (410, "it was taken back"),
            Refusal::Locked => (429, "too many wrong codes were typed for this account: wait for the code to end, or use the link"),
        };
        Self { status, reason: Some(reason), ..Self::new(Kind::Refused, detail) }
    }
}

/// How the description spells [`Refusal`].
#[derive(ToSchema)]
#[schema(as = Refusal)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code)]
pub(crate) enum RefusalName {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_distinct_and_statuses_are_errors() {
        let mut urns: Vec<&str> = Kind::ALL.iter().map(|kind| kind.urn()).collect();
        urns.sort_unstable();
        urns.dedup();
        assert_eq!(urns.len(), Kind::ALL.len());
        assert!(Kind::ALL.iter().all(|kind| (400..600).contains(&kind.status())));
    }

    #[test]
    fn a_problem_survives_the_wire() {
        let problem = Problem::invalid("client.ip", "must be an IP address");
        let json = serde_json::to_string(&problem).unwrap();
        assert_eq!(
            json,
            r#"{"type":"urn:resetd:problem:invalid","title":"The request breaks a rule","status":400,"detail":"`client.ip` must be an IP address","field":"client.ip","rule":"must be an IP address"}"#
        );
        assert_eq!(serde_json::from_str::<Problem>(&json).unwrap(), problem);
    }

    #[test]
    fn each_refusal_has_its_status() {
        let status = |reason| Problem::refused(reason).status;
        assert_eq!((status(Refusal::Unknown), status(Refusal::Locked), status(Refusal::Used)), (404, 429, 410));
    }
}
