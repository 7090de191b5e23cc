//! SMTP (RFC 5321) from anybody for the reply domain, and LMTP (RFC 2033) from the MTA on this host: one engine, two dialects. A
//! message is taken when it is on disk, and not before; only for our own signed tags and mailbox addresses, and never to be
//! passed on.

mod body;
mod connection;
mod dialogue;
mod handed;
mod listen;
mod room;
mod seats;
mod tls;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::task::JoinSet;

pub use dialogue::{Dialect, Terms};
pub use handed::Handed;
pub use listen::{Listener, UnixSocket};
pub use tls::{TlsError, TlsFiles};

use super::{Sink, Stop, stopped};
use connection::Shared;
use listen::Peer;
use room::Room;
use seats::Seats;

/// The pause after `accept` failed, most likely for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// Messages of the largest size that may be under way at once.
const LARGE_AT_ONCE: usize = 4;
/// How long a peer that is turned away may take to hear why.
const FAREWELL: Duration = Duration::from_secs(2);

/// How a listener is served.
pub struct Service {
    /// What its sessions go by.
    pub terms: Terms,
    /// For STARTTLS.
    pub tls: Option<TlsFiles>,
    /// Connections served at a time; more wait in the backlog.
    pub connections: usize,
    /// Of them, from one address (IPv6: one /64).
    pub per_address: usize,
}

impl Service {
    /// LMTP: the peer is the host's own mail server.
    pub fn lmtp(max_size: usize) -> Self {
        let terms = Terms { dialect: Dialect::Lmtp, hostname: "resetd".into(), max_size, starttls: false };
        Self { terms, tls: None, connections: 32, per_address: usize::MAX }
    }
}

/// Serves `listener` until `stop`. Then nobody new is let in, messages under way are finished, and it returns.
pub async fn serve<S: Sink>(listener: Listener, sink: Arc<S>, service: Service, mut stop: Stop) {
    let seats = Seats::new(service.connections, service.per_address);
    let shared = Arc::new(shared(sink, service, seats.clone()));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stopped(&mut stop) => break,
            accepted = async { (seats.one().await, listener.accept().await) } => accepted,
        };
        match accepted {
            (Some(one), Ok(peer)) => {
                let (shared, stop) = (shared.clone(), stop.clone());
                let seat = seats.give(one, peer.address());
                connections.spawn(async move {
                    match (peer, seat) {
                        (Peer::Unix(stream), Ok(_seat)) => connection::serve(stream, None, &shared, stop).await,
                        (Peer::Tcp(stream, from), Ok(_seat)) => {
                            let from = (shared.terms.dialect == Dialect::Smtp).then(|| from.to_canonical());
                            connection::serve(stream, from, &shared, stop).await;
                        }
                        (Peer::Tcp(mut stream, _), Err(_)) => {
                            let farewell = stream.write_all(b"421 4.7.0 too many connections from your address\r\n");
                            let _ = tokio::time::timeout(FAREWELL, farewell).await;
                        }
                        (Peer::Unix(_), Err(_)) => {}
                    }
                });
            }
            (_, Err(error)) => {
                let source = shared.terms.dialect.as_str();
                tracing::warn!(event = "mailbox.accept_failed", source, %error);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            (None, Ok(_)) => break,
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// One session over any stream, as [`serve`] holds it: for tests and fuzzing.
pub async fn session<S: Sink>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    from: Option<IpAddr>,
    sink: Arc<S>,
    service: Service,
    stop: Stop,
) {
    let seats = Seats::new(service.connections, service.per_address);
    connection::serve(stream, from, &shared(sink, service, seats), stop).await;
}

fn shared<S: Sink>(sink: Arc<S>, service: Service, seats: Seats) -> Shared<S> {
    let Service { terms, tls, .. } = service;
    let room = Room::new(terms.max_size.saturating_mul(LARGE_AT_ONCE));
    Shared { sink, room, tls, terms, crowded: Box::new(move || seats.crowded()) }
}
