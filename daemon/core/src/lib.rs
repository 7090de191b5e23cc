//! The rules of resetd. No tokio, no SQLite, no HTTP, no clock, no randomness: `now` and entropy come in as
//! arguments, decisions come out as values.

pub mod address;
pub mod answer;
pub mod event;
pub mod ids;
pub mod inbound;
pub mod limits;
pub mod reset;
pub mod retry;
pub mod secret;
pub mod smtp_reply;
pub mod time;
pub mod verdict;
