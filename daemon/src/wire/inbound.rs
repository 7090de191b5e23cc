//! Inbound messages that a client hands in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The message is on disk.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct Ingested {
    /// Its number.
    pub id: i64,
    /// Whether it was there before; it is not read twice.
    pub duplicate: bool,
}
