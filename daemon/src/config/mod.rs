//! The configuration.

mod types;

pub use types::*;
