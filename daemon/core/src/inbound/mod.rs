//! What came back: the kinds of inbound message, and the rules that tell them apart.
//!
//! Pure rules over [`Facts`]: the daemon's `reading` room makes the facts out of raw bytes, this room only decides.
//! Structure and headers speak first, wording last, and what stays unclear is left to a person.

mod bounce;
mod facts;
mod kind;
mod ours;
mod reason;
mod stock;
mod subject;
pub mod typed;
mod words;

pub use bounce::{Action, Bounce, BounceClass};
pub use facts::{Facts, Mark};
pub use kind::{Finding, Kind, decide, kind};
pub use ours::{Behind, OurWords, is_field};
pub use reason::{Diagnosis, Stage, Symptoms, diagnose};
pub use stock::{Said, stock_marks};
pub use subject::{reads_away, reads_bounced, says_away, says_away_within, says_bounced, says_receipt, without_prefixes};
