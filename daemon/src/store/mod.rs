//! The only room with SQL. One async method for each whole transaction; no connection, row or SQL type leaves it.

mod types;

pub use types::*;

/// The store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite said no.
    #[error("the database failed while {doing}: {source}")]
    Sqlite {
        /// What was being done.
        doing: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// The store is shutting down, or its writer is gone.
    #[error("the store is closed")]
    Closed,
}
