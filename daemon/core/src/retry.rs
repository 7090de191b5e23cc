//! When to try a mail again. The schedule is short and ends where the mail is no longer of use (law 7): a reset mail
//! that comes after its secret died only frightens.

use std::time::Duration;

use crate::time::Timestamp;

/// Waits after the first, second, … failed attempt, before jitter; the last one repeats.
const STEPS: [u64; 10] = [1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600];

/// What becomes of a mail after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try again then.
    At(Timestamp),
    /// It can't arrive in time to be useful.
    GiveUp,
}

/// The time of the attempt after `attempts` failed ones. `jitter` is a random octet: it moves the wait by up to a
/// fifth either way, so that mails deferred together don't come back together.
pub fn next(attempts: u32, useful_until: Timestamp, now: Timestamp, jitter: u8) -> Next {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX).min(STEPS.len() - 1);
    let base = STEPS[index] * 1000;
    let wait = base - base / 5 + base * 2 / 5 * u64::from(jitter) / 255;
    let at = now + Duration::from_millis(wait);
    if at < useful_until { Next::At(at) } else { Next::GiveUp }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let now = Timestamp::from_millis(0);
        let far = now + Duration::from_secs(100_000);
        assert_eq!(next(1, far, now, 0), Next::At(Timestamp::from_millis(800)));
        assert_eq!(next(1, far, now, 255), Next::At(Timestamp::from_millis(1200)));
        assert_eq!(next(99, far, now, 0), Next::At(Timestamp::from_millis(2_880_000)));
        assert_eq!(next(3, now + Duration::from_secs(5), now, 0), Next::GiveUp);
    }
}
