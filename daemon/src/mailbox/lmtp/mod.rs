//! LMTP (RFC 2033) for the MTA on this host: a message is taken for each recipient when it is on disk, and not before.

mod body;
mod connection;
mod dialogue;
mod listen;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub use listen::{Listener, UnixSocket};

use super::{Sink, Stop, stopped};
use listen::Peer;

/// Connections served at a time; more wait in the backlog.
const CONNECTIONS_MAX: usize = 32;
/// The pause after `accept` failed, most likely for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Serves `listener` until `stop`. Then nobody new is let in, messages under way are finished, and it returns.
/// `max_size`: the largest message taken, octets.
pub async fn serve<S: Sink>(listener: Listener, sink: Arc<S>, max_size: usize, mut stop: Stop) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let slot = slots.clone().acquire_owned();
        let accepted = tokio::select! {
            () = stopped(&mut stop) => break,
            accepted = async { (slot.await, listener.accept().await) } => accepted,
        };
        match accepted {
            (slot, Ok(peer)) => {
                let (sink, stop) = (sink.clone(), stop.clone());
                connections.spawn(async move {
                    let _slot = slot;
                    match peer {
                        Peer::Unix(stream) => connection::serve(stream, &*sink, max_size, stop).await,
                        Peer::Tcp(stream) => connection::serve(stream, &*sink, max_size, stop).await,
                    }
                });
            }
            (_, Err(error)) => {
                tracing::warn!(event = "lmtp.accept_failed", %error);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}
