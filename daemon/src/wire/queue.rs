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
