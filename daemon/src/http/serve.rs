//! The accept loop: bounded connections, and a stop that lets what is under way finish.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::access::{Access, Peer};
use super::connection;
use super::face::Face;
use super::routes::{self, Shared};
use crate::ambient::{Stop, stopped};
use crate::app::App;
use crate::config;

/// Connections of those whom no rule names.
const STRANGERS: usize = 16;

/// What one server may hold, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Connections served at a time; more wait in the backlog.
    pub max_connections: usize,
    /// How long the head of a request may take from its first octet on.
    pub header_timeout: Duration,
    /// How long a connection may be idle, a body may take, and a client may not read.
    pub idle_timeout: Duration,
}

impl From<&config::Server> for ServerLimits {
    fn from(server: &config::Server) -> Self {
        Self { max_connections: server.max_connections, header_timeout: server.header_timeout, idle_timeout: server.idle_timeout }
    }
}

/// The server can't go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listening socket is broken.
    #[error("the API socket no longer takes connections: {0}")]
    Accept(#[source] io::Error),
}

/// Serves the API on `listener` until `stop`; returns when the last request is answered.
pub async fn serve(listener: UnixListener, app: Arc<App>, limits: ServerLimits, stop: Stop) -> Result<(), ServeError> {
    let settings = app.clone();
    let router = routes::router().with_state(Arc::new(Shared { app, stop: stop.clone() }));
    let face = Face::new(router, Access::new(move || settings.settings()));
    accept(listener, Arc::new(face), limits, stop).await
}

/// The loop itself, whatever the routes are.
pub(super) async fn accept(listener: UnixListener, face: Arc<Face>, limits: ServerLimits, mut stop: Stop) -> Result<(), ServeError> {
    let seats = Arc::new(Semaphore::new(limits.max_connections.max(1)));
    let strangers = Arc::new(Semaphore::new(STRANGERS));
    let mut connections = JoinSet::new();
    loop {
        let next = tokio::select! {
            next = one(&listener, &seats) => next,
            () = stopped(&mut stop) => break,
        };
        match next {
            Ok((stream, seat)) => {
                if let Some(peer) = peer(&stream) {
                    let (face, strangers, stop) = (face.clone(), strangers.clone(), stop.clone());
                    connections.spawn(async move {
                        if let Some(_seat) = seated(&face, &peer, seat, strangers).await {
                            connection::run(stream, peer, face, limits, stop).await;
                        }
                    });
                }
            }
            Err(error) if passes(&error) => {
                tracing::warn!(event = "http.accept_failed", %error);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => return Err(ServeError::Accept(error)),
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// A seat first, then a connection: those for whom there is no seat wait in the kernel's backlog.
async fn one(listener: &UnixListener, seats: &Arc<Semaphore>) -> io::Result<(UnixStream, OwnedSemaphorePermit)> {
    let seat = seats.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, seat))
}

/// Whom a rule names keeps the seat. Everybody on the host may connect, so the others get a few seats of their own, and find the
/// door shut where those are taken: a process without a role must not keep the applications out by sitting there.
async fn seated(face: &Face, peer: &Peer, seat: OwnedSemaphorePermit, strangers: Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    if face.knows(peer).await {
        return Some(seat);
    }
    drop(seat);
    strangers.try_acquire_owned().ok()
}

fn peer(stream: &UnixStream) -> Option<Peer> {
    match stream.peer_cred() {
        Ok(credentials) => Some(Peer::new(&credentials)),
        Err(error) => {
            tracing::warn!(event = "http.no_credentials", %error);
            None
        }
    }
}

/// Whether accepting may work again by itself: the peer went away, or descriptors or memory are short for the moment.
fn passes(error: &io::Error) -> bool {
    use nix::libc::{EMFILE, ENFILE, ENOBUFS, ENOMEM};
    let short = [EMFILE, ENFILE, ENOBUFS, ENOMEM];
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted | io::ErrorKind::PermissionDenied)
        || error.raw_os_error().is_some_and(|code| short.contains(&code))
}
