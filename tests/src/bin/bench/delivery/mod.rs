//! Delivery beside what people use today, in one run: Postfix, and Django's password-reset view. Then resetd alone with much
//! behind it: old resets, waiting mails, signatures.

mod django;
mod door;
mod fill;
pub mod filled;
mod guard;
mod others;
mod ours;
pub mod peers;
mod postfix;
pub mod signed;
mod smtp;
mod system;
mod tree;
pub mod waiting;

/// Clients, or SMTP sessions, that submit at a time.
const CLIENTS: usize = 20;
/// Rounds of each measurement; the systems take turns within each.
const ROUNDS: usize = 5;
