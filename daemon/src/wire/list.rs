//! Pages of a list.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The items of a page when `limit` is not given.
pub const LIMIT_DEFAULT: u32 = 100;
/// The most items of a page.
pub const LIMIT_MAX: u32 = 500;

/// A page of a list. Ask again with `?after=` and the `next` of this page until `next` is null.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Cursor of the next page, opaque; null: this was the last.
    pub next: Option<String>,
}
