//! The sockets that systemd hands in (`LISTEN_FDS`, sd_listen_fds(3)): the API's, known by its name, and those of the mailbox,
//! known by where they listen. A port below 1024 needs no privilege then, and what arrives during a restart waits in the kernel.

use std::io;
use std::os::unix::net::UnixListener as StdUnixListener;

use listenfd::ListenFd;
use tokio::net::UnixListener;

use crate::http::ListenError;
use crate::mailbox::smtp::Handed;

/// `FileDescriptorName=` of resetd.socket, and what systemd calls it where a unit gives no name.
const API: [&str; 2] = ["api", "resetd.socket"];

/// What a house listens on.
pub struct Sockets {
    /// The API.
    pub api: UnixListener,
    /// The mailbox: what is handed in; what the configuration names beside it is bound.
    pub mail: Handed,
}

impl From<UnixListener> for Sockets {
    fn from(api: UnixListener) -> Self {
        Self { api, mail: Handed::default() }
    }
}

/// What systemd handed in: the API's socket, if there is one, and the rest.
///
/// # Errors
/// Something that was handed in is no listening stream socket.
pub(super) fn from_systemd() -> Result<(Option<UnixListener>, Handed), ListenError> {
    let mut fds = ListenFd::from_env();
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    // Without names (another manager than systemd) the first is the API's.
    let api_at = names.split(':').position(|name| API.contains(&name)).unwrap_or(0);
    let (mut api, mut mail) = (None, Handed::default());
    for index in 0..fds.len() {
        match fds.take_unix_listener(index) {
            Ok(Some(listener)) if index == api_at => api = Some(adopt(listener).map_err(ListenError::HandedIn)?),
            Ok(Some(listener)) => mail.add_unix(listener),
            Ok(None) => {}
            Err(error) if index == api_at => return Err(ListenError::HandedIn(error)),
            Err(_) => fds.take_tcp_listener(index).map_err(ListenError::HandedIn)?.into_iter().for_each(|tcp| mail.add_tcp(tcp)),
        }
    }
    Ok((api, mail))
}

fn adopt(listener: StdUnixListener) -> io::Result<UnixListener> {
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}
