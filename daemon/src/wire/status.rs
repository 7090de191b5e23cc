//! The state of the whole.

use std::collections::BTreeMap;

use resetd_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/status`
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The daemon's version.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// When it started.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// The daemon's clock.
    #[schema(value_type = String, format = DateTime)]
    pub now: Timestamp,
    /// Configured portals.
    pub portals: Vec<String>,
    /// How mails leave: `relay HOST:PORT`, `capture`.
    pub transport: String,
    /// Resets whose secret may still be redeemed, by state.
    pub resets: BTreeMap<String, u64>,
    /// Open flags by severity.
    pub open_flags: BTreeMap<String, u64>,
    /// Mails waiting.
    pub queued: u64,
    /// The due time of the oldest waiting mail.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub oldest_due: Option<Timestamp>,
    /// Inbound messages kept but not yet read.
    pub unread: u64,
    /// What needs a person's hand, in words that say the cure; empty: all is well.
    pub problems: Vec<String>,
}
