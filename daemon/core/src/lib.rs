//! x
pub mod inbound;
