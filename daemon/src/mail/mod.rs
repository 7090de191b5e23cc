//! Wordings, messages, and the ways out. The only room that knows mail-send. It knows nothing of the store.

mod outcome;
pub mod transport;

pub use outcome::{Envelope, Outcome};
