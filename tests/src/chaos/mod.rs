//! Faults: the daemon is killed, its disk fails, its peers misbehave, under a load of requests, redeems and replies; and after it a
//! reckoning of all that clients were told. `tests/chaos` runs every scenario and prints the figures; `tests/tests/chaos.rs` runs each
//! for a short while.

pub mod crashes;
pub mod crowd;
pub mod dice;
pub mod disk;
pub mod journal;
pub mod load;
pub mod reckoning;
pub mod reply;
pub mod scarce;
pub mod stage;
pub mod tree;
pub mod troubles;

pub use dice::Dice;
pub use disk::{Disk, Trouble};
pub use load::{Told, until_answers};
pub use reckoning::Reckoning;
pub use stage::Stage;

/// The seed where none is given.
pub const SEED: u64 = 0x5eed;
