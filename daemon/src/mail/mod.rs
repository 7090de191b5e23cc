//! Wordings, messages, and the ways out. The only room that knows mail-send. It knows nothing of the store.

pub mod compose;
pub mod dkim;
mod hitch;
mod outcome;
pub mod templates;
pub mod transport;

pub use hitch::{Hitch, Obstacle};
pub use outcome::{Envelope, Outcome, Sent, TlsState, Via};
