//! x
pub mod reading;
