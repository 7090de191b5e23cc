//! Whether the runner still turns, for the watchdog: it answers within one turn of its loop, or it hangs.

use tokio::sync::{mpsc, oneshot};

/// Feels the runner's pulse.
#[derive(Clone, Debug)]
pub struct Pulse(mpsc::Sender<oneshot::Sender<()>>);

/// The runner's end.
pub(super) type Felt = mpsc::Receiver<oneshot::Sender<()>>;

/// Both ends.
pub(super) fn pulse() -> (Pulse, Felt) {
    let (asked, felt) = mpsc::channel(1);
    (Pulse(asked), felt)
}

impl Pulse {
    /// `true` once the runner has answered, `false` if it is gone; it never returns where the runner hangs.
    pub async fn alive(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        self.0.send(answer).await.is_ok() && answered.await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn tells_a_living_runner_from_a_hung_and_a_dead_one() {
        let (pulse, mut felt) = pulse();
        let mut asked = Box::pin(pulse.alive());
        assert!(asked.as_mut().now_or_never().is_none(), "nobody has answered yet");
        felt.recv().await.unwrap().send(()).unwrap();
        assert!(asked.await);
        let mut hung = Box::pin(pulse.alive());
        assert!(hung.as_mut().now_or_never().is_none());
        drop(felt);
        assert!(!hung.await);
        assert!(!pulse.alive().await);
    }
}
