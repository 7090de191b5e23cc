//! What strangers bring: the author's domain is asked whether it vouches for the message, after it is on disk and before it is
//! read. Asked in the background, so that a slow name server holds up nobody else's message; what waits is a number, not a
//! message, so that a flood of large ones costs no memory.

use std::sync::Arc;

use resetd_core::secret::Tag;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::App;
use super::ingest::{Cover, Waiting};
use crate::ambient::{Stop, stopped};

/// Messages whose domains are asked at a time.
const AT_ONCE: usize = 16;

/// Outcome of the look-ups: the author that his domain vouches for.
#[derive(Clone, Default)]
pub(super) struct Vouched(pub Option<String>);

impl App {
    /// Asks about messages as their numbers come and hands them on to be read; ends when `stop` says so. What is not asked by
    /// then is asked at the next start.
    pub(super) async fn ask_all(self: Arc<Self>, mut numbers: mpsc::UnboundedReceiver<i64>, mut stop: Stop) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut asking = JoinSet::new();
        loop {
            let next = async { (Arc::clone(&places).acquire_owned().await, numbers.recv().await) };
            let (place, n) = tokio::select! {
                biased;
                () = stopped(&mut stop) => return,
                next = next => next,
            };
            let Some(n) = n else { return };
            let app = Arc::clone(&self);
            asking.spawn(async move {
                let _place = place;
                let vouched = app.ask(n).await;
                // The reader is gone only at shutdown.
                let _ = app.unread.send(Waiting { n, vouched });
            });
            while asking.try_join_next().is_some() {}
        }
    }

    async fn ask(&self, n: i64) -> Vouched {
        let kept = match self.store.kept(n).await {
            Ok(kept) => kept,
            Err(error) => {
                tracing::error!(event = "inbound.ask_failed", inbound = n, %error);
                None
            }
        };
        let Some((raw, cover)) = kept.and_then(|kept| self.open(&kept)) else { return Vouched::default() };
        let Cover { mail_from, rcpt_to, peer: Some(peer), .. } = cover else { return Vouched::default() };
        // A signed tag proves more than any domain could.
        if rcpt_to.iter().any(|address| Tag::find(&self.ring(), address).is_some()) {
            return Vouched::default();
        }
        let Some(authenticator) = self.outfit().authenticator.clone() else { return Vouched::default() };
        Vouched(authenticator.author(raw, peer.ip, peer.helo, mail_from.unwrap_or_default()).await)
    }
}
