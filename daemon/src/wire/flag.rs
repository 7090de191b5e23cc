//! Flags: cases for support.

use resetd_core::ids::ResetId;
use resetd_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How loudly a flag asks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Somebody needs help.
    Low,
    /// Somebody denies a reset.
    High,
    /// Somebody denies a reset that was redeemed.
    Critical,
}

/// Whether a flag waits for a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlagState {
    /// It waits.
    Open,
    /// Somebody closed it.
    Resolved,
}

/// A case for support.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Flag {
    /// Its number.
    pub id: i64,
    /// The reset that it is about; null: none was found.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub reset: Option<ResetId>,
    /// The portal; null: none was found.
    pub portal: Option<String>,
    /// The account; null: none was found, or purged.
    pub account: Option<String>,
    /// How loudly it asks.
    pub severity: Severity,
    /// Why it was raised: a stable name like `not_me`, `not_me_after_redeem`, `help`, `complaint`.
    #[schema(example = "not_me")]
    pub reason: String,
    /// What the reply says: `not_me`, `was_me`, `help`, `other`; null: no reply.
    #[schema(example = "not_me")]
    pub verdict: Option<String>,
    /// How sure the verdict is, 0 to 1.
    pub confidence: Option<f64>,
    /// How far the writer may be believed: `tag`, `reference`, `dmarc`, `none`.
    #[schema(example = "tag")]
    pub proof: String,
    /// What the person typed, secrets struck out.
    pub text: String,
    /// Who wrote, as the message says.
    pub sender: Option<String>,
    /// The subject, secrets struck out.
    pub subject: Option<String>,
    /// Open or resolved.
    pub state: FlagState,
    /// Whether `GET /v1/flags/{id}/message` has something to give.
    pub has_message: bool,
    /// When it was raised.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// For a pattern of abuse: how often it was seen; null: an ordinary case.
    pub count: Option<u64>,
    /// For a pattern of abuse: when it was seen last.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_at: Option<Timestamp>,
    /// What came after: a second reply, a later "it was me".
    pub notes: Vec<Note>,
    /// How it was closed; null: it is open.
    pub resolution: Option<Resolution>,
}

/// Something that was added to a flag.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Note {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What.
    pub text: String,
}

/// How a flag was closed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Resolution {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// By whom, as the client says, with the user id that the kernel says.
    pub by: String,
    /// What came of it.
    pub outcome: String,
    /// More.
    pub note: Option<String>,
}

/// `POST /v1/flags/{id}/resolve`
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// What came of it, one word or a few.
    #[schema(example = "account secured", min_length = 1, max_length = 100)]
    pub outcome: String,
    /// More.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 4000)]
    pub note: Option<String>,
    /// The support agent; without it the client's user id stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "jo", max_length = 100)]
    pub by: Option<String>,
}
