//! The event stream.

use resetd_core::ids::ResetId;
use resetd_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// One line of the timeline of everything. In the event stream `id:` and `event:` repeat the fields of these names.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Its number; later lines have greater ones.
    pub id: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What: a stable name like `reset.accepted`.
    #[schema(example = "reset.accepted")]
    pub event: String,
    /// About which reset.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub reset: Option<ResetId>,
    /// In which portal.
    pub portal: Option<String>,
    /// More: an object, or null. Never an address, a secret or a body.
    #[schema(value_type = Option<Object>)]
    pub detail: Value,
}
