//! Listening sockets that somebody else opened and handed in. Each is found by where it listens: the configuration names the
//! place, as it does for sockets that we open ourselves.

use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::Path;

use tokio::net::{TcpListener, UnixListener};

/// Those that are not in use yet.
#[derive(Debug, Default)]
pub struct Handed {
    tcp: Vec<StdTcpListener>,
    unix: Vec<StdUnixListener>,
}

impl Handed {
    /// One more.
    pub fn add_tcp(&mut self, listener: StdTcpListener) {
        self.tcp.push(listener);
    }

    /// One more.
    pub fn add_unix(&mut self, listener: StdUnixListener) {
        self.unix.push(listener);
    }

    /// The one on this port, if there is one.
    pub(super) fn take_tcp(&mut self, at: SocketAddr) -> Option<io::Result<TcpListener>> {
        let index = self.tcp.iter().position(|one| one.local_addr().is_ok_and(|is| is == at))?;
        let listener = self.tcp.swap_remove(index);
        Some(listener.set_nonblocking(true).and_then(|()| TcpListener::from_std(listener)))
    }

    /// The one on this path, if there is one.
    pub(super) fn take_unix(&mut self, at: &Path) -> Option<io::Result<UnixListener>> {
        let index = self.unix.iter().position(|one| one.local_addr().is_ok_and(|is| is.as_pathname() == Some(at)))?;
        let listener = self.unix.swap_remove(index);
        Some(listener.set_nonblocking(true).and_then(|()| UnixListener::from_std(listener)))
    }

    /// Where those listen that nobody took.
    pub fn left(&self) -> Vec<String> {
        let tcp = self.tcp.iter().filter_map(|one| one.local_addr().ok()).map(|at| at.to_string());
        let unix = self.unix.iter().filter_map(|one| one.local_addr().ok());
        let unix = unix.filter_map(|at| at.as_pathname().map(|path| format!("unix:{}", path.display())));
        tcp.chain(unix).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_is_found_by_its_place_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lmtp");
        let tcp = StdTcpListener::bind("127.0.0.1:0").unwrap();
        let at = tcp.local_addr().unwrap();
        let mut handed = Handed::default();
        handed.add_tcp(tcp);
        handed.add_unix(StdUnixListener::bind(&path).unwrap());
        assert!(handed.take_tcp("127.0.0.1:1".parse().unwrap()).is_none());
        assert!(handed.take_unix(&folder.path().join("other")).is_none());
        assert_eq!(handed.left(), [at.to_string(), format!("unix:{}", path.display())]);
        assert_eq!(handed.take_tcp(at).unwrap().unwrap().local_addr().unwrap(), at);
        assert!(handed.take_unix(&path).unwrap().is_ok());
        assert!(handed.take_tcp(at).is_none() && handed.take_unix(&path).is_none() && handed.left().is_empty());
    }
}
