//! The queue of mails that wait.

use resetd_core::ids::ResetId;
use resetd_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A mail that waits, or a webhook.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Queued {
    /// Its number.
    pub id: i64,
    /// `reset`, `notice`, `acknowledgement`, `alert`, `webhook`.
    #[schema(example = "reset")]
    pub kind: String,
    /// The reset that it is about.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub reset: Option<ResetId>,
    /// Its portal.
    pub portal: Option<String>,
    /// The domain that it goes to; the address itself is not shown.
    pub domain: String,
    /// Attempts begun so far.
    pub attempts: u32,
    /// When it is tried next.
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    /// When it stops being of use.
    #[schema(value_type = String, format = DateTime)]
    pub useful_until: Timestamp,
    /// What the last attempt met.
    pub last: Option<String>,
    /// When it was queued.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A mail with what became of it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Mail {
    /// As it waits, or waited.
    #[serde(flatten)]
    pub mail: Queued,
    /// `queued`, `done`, `failed`, or `void` (made for a suppressed request, never sent).
    #[schema(example = "queued")]
    pub state: String,
    /// The id that the next hop gave it.
    pub remote_id: Option<String>,
    /// The flag that it is about.
    pub flag: Option<i64>,
    /// Its failed attempts, the oldest first. The one that succeeded stands in the reset's timeline.
    pub tries: Vec<Attempt>,
}

/// What one failed attempt met.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// The first is 1.
    pub number: u32,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `why` it failed; `reply`, the server's words; `via`, the server; `tls`, how the connection was protected.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
}

/// An address that gets no mail for a while after a hard bounce.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Hold {
    /// Its number.
    pub id: i64,
    /// The address, as it is compared.
    pub email: String,
    /// Of which portal it gets no mail; `null`: of none.
    pub portal: Option<String>,
    /// What happened.
    pub why: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
}
