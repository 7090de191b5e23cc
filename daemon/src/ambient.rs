//! What comes from outside into every room: time and randomness (two traits, each with the real thing and one for tests;
//! everything else takes `now` and entropy as arguments), and the word to stop.

pub mod meter;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use resetd_core::time::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::watch;

/// New files are for this user alone, and a crash leaves no core.
pub fn harden() {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    leave_no_core();
}

/// A crash leaves no core with keys or secrets in it. For both programs: each holds some.
pub fn leave_no_core() {
    use nix::sys::resource::{Resource, setrlimit};
    // Both can only fail where the system forbids to be stricter; then it is as strict as it may be.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    // Nor may another process of this user read our memory.
    let _ = nix::sys::prctl::set_dumpable(false);
}

/// Turns true, once, when it is time to stop. A dropped sender counts as stop.
pub type Stop = watch::Receiver<bool>;

/// Returns when it is time to stop.
pub async fn stopped(stop: &mut Stop) {
    // An error means that the sender is gone, and with it whoever ran us.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// The time.
pub trait Clock: Send + Sync {
    /// Now, UTC.
    fn now(&self) -> Timestamp;
}

/// Randomness fit for secrets.
pub trait Entropy: Send + Sync {
    /// Fills the slice. False: the system has none to give; nothing may be made from the slice then.
    fn fill(&self, bytes: &mut [u8]) -> bool;
}

/// `N` random octets.
pub fn random<const N: usize>(entropy: &dyn Entropy) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes).then_some(bytes)
}

/// The system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the one place where the clock is read")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp::from_millis(since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// The system's randomness.
pub struct SystemEntropy(SystemRandom);

impl SystemEntropy {
    /// The system's randomness.
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Default for SystemEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> bool {
        self.0.fill(bytes).is_ok()
    }
}

/// A clock that a test moves.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Stands at `at`.
    pub fn new(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.as_millis()))
    }

    /// Moves on.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap_or(0), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Numbers that look random and are the same in every run of a test. Never for secrets.
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) -> bool {
        for byte in bytes {
            // splitmix64
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst).wrapping_add(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (z ^ (z >> 31)).to_le_bytes()[0];
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_leaves_no_core() {
        leave_no_core();
        let limit = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_CORE).unwrap();
        assert_eq!((limit, nix::sys::prctl::get_dumpable().unwrap()), ((0, 0), false));
    }
}
