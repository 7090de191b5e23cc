//! Keeps a dead relay from being dialled by every mail at once: after a failure nobody dials for a while that doubles,
//! then one goes ahead and the others wait for what it finds.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The pause after the first failure; doubled after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause: a server that comes back is found within this.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// When to ask again where somebody else is trying.
const SOON: Duration = Duration::from_millis(100);

/// One hop's, or one destination's.
#[derive(Default)]
pub(in crate::mail::transport) struct Circuit {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failures: u32,
    paused_until: Option<Instant>,
    /// Someone is trying after a pause.
    probing: bool,
    /// Counts openings and closings: a failure of a dial that began before the last one is no news.
    epoch: u64,
    last: String,
}

/// Nobody dials now.
pub(in crate::mail::transport) struct Paused {
    /// For how long.
    pub left: Duration,
    /// What went wrong last.
    pub last: String,
}

/// The right to dial. Dropped without a word (the mail was called off), it leaves things as they were.
pub(in crate::mail::transport) struct Permit<'a> {
    circuit: &'a Circuit,
    epoch: u64,
    probe: bool,
}

impl Circuit {
    /// May one dial now?
    pub fn admit(&self) -> Result<Permit<'_>, Paused> {
        let (mut state, now) = (self.lock(), Instant::now());
        let probe = match state.paused_until {
            None => false,
            Some(until) if now >= until && !state.probing => true,
            // While another tries, it will be known soon.
            Some(until) => return Err(Paused { left: until.saturating_duration_since(now).max(SOON), last: state.last.clone() }),
        };
        state.probing |= probe;
        Ok(Permit { circuit: self, epoch: state.epoch, probe })
    }

    /// How long nobody may dial.
    pub fn paused(&self) -> Option<Duration> {
        let until = self.lock().paused_until?;
        Some(until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// The server is there.
    pub fn succeeded(self) {
        let mut state = self.circuit.lock();
        if state.paused_until.is_some() {
            *state = State { epoch: state.epoch + 1, probing: state.probing, ..State::default() };
        }
    }

    /// It is not. Gives how long nobody may dial.
    pub fn failed(self, detail: &str) -> Duration {
        let mut state = self.circuit.lock();
        if state.epoch != self.epoch {
            let until = state.paused_until.unwrap_or_else(Instant::now);
            return until.saturating_duration_since(Instant::now()).max(SOON);
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << state.failures.min(10)).min(LONGEST_PAUSE);
        state.failures += 1;
        state.epoch += 1;
        state.paused_until = Some(Instant::now() + pause);
        detail.clone_into(&mut state.last);
        pause
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.circuit.lock().probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_goes_ahead_after_a_pause() {
        let circuit = Circuit::default();
        let (first, second) = (circuit.admit().ok().unwrap(), circuit.admit().ok().unwrap());
        first.failed("refused");
        second.failed("not news");
        assert_eq!(circuit.admit().err().unwrap().last, "refused");
        tokio::time::advance(FIRST_PAUSE).await;
        let probe = circuit.admit().ok().unwrap();
        assert!(circuit.admit().is_err());
        drop(probe);
        circuit.admit().ok().unwrap().failed("refused again");
        tokio::time::advance(FIRST_PAUSE).await;
        assert!(circuit.admit().is_err(), "the pause doubles");
        tokio::time::advance(FIRST_PAUSE).await;
        circuit.admit().ok().unwrap().succeeded();
        let all: Vec<_> = (0..5).map(|_| circuit.admit().is_ok()).collect();
        assert_eq!(all, [true; 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_pause_has_an_end() {
        let circuit = Circuit::default();
        for _ in 0..40 {
            circuit.admit().ok().unwrap().failed("refused");
            tokio::time::advance(LONGEST_PAUSE).await;
        }
        assert!(circuit.admit().is_ok());
    }
}
