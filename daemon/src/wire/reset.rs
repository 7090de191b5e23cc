//! Resets: asked for, and as they stand.

use resetd_core::ids::ResetId;
use resetd_core::reset::{Method, State};
use resetd_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// `POST /v1/resets`: mail this person a way to reset the password of this account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReset {
    /// A portal's name from the configuration.
    #[schema(example = "shop", max_length = 40)]
    pub portal: String,
    /// The account at the portal; null: the application knows none for this address, nothing is mailed, and the answer is the same.
    #[serde(deserialize_with = "super::present")]
    #[schema(example = "u-1842", min_length = 1, max_length = 200, required = true)]
    pub account: Option<String>,
    /// Where the mail goes.
    #[schema(example = "ann@example.org", max_length = 254)]
    pub email: String,
    /// The person's name, for greetings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Ann Other", max_length = 100)]
    pub name: Option<String>,
    /// The person's language (BCP 47); without it the portal's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "en", max_length = 35)]
    pub locale: Option<String>,
    /// What the mail holds; without it what the portal says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MethodName>)]
    pub method: Option<Method>,
    /// The wording's name; without it the portal's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "easy", max_length = 64)]
    pub wording: Option<String>,
    /// Who asked, as the application sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Client>,
    /// Since when the application knows the address to be this person's (RFC 7293).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, example = "2024-05-01T00:00:00Z")]
    pub valid_since: Option<Timestamp>,
}

/// The browser that asked.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// IPv4 or IPv6 address: limits count it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "203.0.113.7")]
    pub ip: Option<String>,
    /// `User-Agent`, so that the mail can say which device asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    pub user_agent: Option<String>,
}

/// The answer to what was taken and is on disk.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Accepted {
    /// The reset's id.
    #[schema(value_type = String, format = Uuid)]
    pub id: ResetId,
    /// Always `accepted`, whatever is known of the account.
    pub status: AcceptedStatus,
}

/// The one status of [`Accepted`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AcceptedStatus {
    /// On disk.
    Accepted,
}

/// A reset and its timeline.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Reset {
    /// Its id.
    #[schema(value_type = String, format = Uuid)]
    pub id: ResetId,
    /// Its portal.
    pub portal: String,
    /// The account; null: unknown to the application, or purged.
    pub account: Option<String>,
    /// The address; null once purged.
    pub email: Option<String>,
    /// Where it stands.
    #[schema(value_type = StateName)]
    pub state: State,
    /// The request.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When the next hop took the mail; null: not yet, or never.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub sent_at: Option<Timestamp>,
    /// When the last of its secrets ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// What happened, oldest first.
    pub timeline: Vec<Moment>,
}

/// One line of a reset's timeline.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Moment {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What: a stable name like `mail.sent`.
    #[schema(example = "mail.sent")]
    pub event: String,
    /// More: an object, or null.
    #[schema(value_type = Option<Object>)]
    pub detail: Value,
}

/// How the description spells [`Method`].
#[derive(ToSchema)]
#[schema(as = Method)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code)]
pub(crate) enum MethodName {
    /// A link.
    Link,
    /// A code to type.
    Code,
    /// Both.
    Both,
}

/// How the description spells [`State`].
#[derive(ToSchema)]
#[schema(as = State)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code)]
pub(crate) enum StateName {
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
