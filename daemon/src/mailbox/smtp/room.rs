//! Memory for messages under way, over all connections of a listener: many large ones at once must not take more than was
//! set aside. Who finds no room is told to come again.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Octets that one permit stands for.
const STEP: usize = 16 * 1024;

/// What there is.
#[derive(Clone)]
pub(super) struct Room(Arc<Semaphore>);

/// What one message holds of it; given back when dropped.
#[derive(Default)]
pub(super) struct Held(Option<OwnedSemaphorePermit>);

impl Room {
    /// Room for so many octets.
    pub fn new(octets: usize) -> Self {
        Self(Arc::new(Semaphore::new(octets.div_ceil(STEP).min(Semaphore::MAX_PERMITS))))
    }

    /// Makes `held` cover so many octets; false where there is no room, and then all of it is given back.
    pub fn grow(&self, held: &mut Held, octets: usize) -> bool {
        let have = held.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = octets.div_ceil(STEP).saturating_sub(have);
        if more == 0 {
            return true;
        }
        let taken = u32::try_from(more).ok().and_then(|more| Arc::clone(&self.0).try_acquire_many_owned(more).ok());
        match (taken, &mut held.0) {
            (Some(taken), Some(permit)) => permit.merge(taken),
            (Some(taken), none) => *none = Some(taken),
            (None, _) => {
                held.0 = None;
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_full_is_full_until_something_is_given_back() {
        let room = Room::new(10 * STEP);
        let (mut one, mut two) = (Held::default(), Held::default());
        assert!(room.grow(&mut one, 4 * STEP) && room.grow(&mut one, 4 * STEP) && room.grow(&mut two, 6 * STEP));
        assert!(!room.grow(&mut one, 4 * STEP + 1), "it gives back what it had, or two half-read messages would wait for each other");
        assert!(room.grow(&mut two, 10 * STEP));
        drop(two);
        assert!(room.grow(&mut one, 10 * STEP));
    }
}
