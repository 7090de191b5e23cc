//! Where SMTP and LMTP listen: a port (for LMTP a loopback one), or a Unix socket, born with its final mode.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::handed::Handed;
use crate::config::LmtpListen;
use crate::mailbox::MailboxError;

/// Who may connect: the daemon's user and group.
const SOCKET_MODE: u32 = 0o660;

/// A listening socket.
pub enum Listener {
    /// On a path.
    Unix(UnixSocket),
    /// On a loopback port.
    Tcp(TcpListener),
}

/// A Unix socket that takes its path away with it.
pub struct UnixSocket {
    listener: UnixListener,
    /// `None`: handed in, and not ours to remove.
    own: Option<Own>,
}

struct Own {
    path: PathBuf,
    /// Device and inode: a successor's socket at the same path is not ours to remove.
    identity: (u64, u64),
}

/// A peer.
pub(super) enum Peer {
    Unix(UnixStream),
    Tcp(TcpStream, IpAddr),
}

impl Peer {
    /// Its address, where it has one.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Unix(_) => None,
            Self::Tcp(_, from) => Some(*from),
        }
    }
}

impl Listener {
    /// For LMTP: takes what was handed in for this place, or else binds.
    pub async fn lmtp(at: &LmtpListen, handed: &mut Handed) -> Result<Self, MailboxError> {
        let found = match at {
            LmtpListen::Unix(path) => handed.take_unix(path).map(|one| one.map(|listener| Self::Unix(UnixSocket { listener, own: None }))),
            LmtpListen::Tcp(ip, port) => handed.take_tcp((*ip, *port).into()).map(|one| one.map(Self::Tcp)),
        };
        match found {
            Some(found) => found.map_err(|source| MailboxError::Listen { at: "a socket handed in".into(), source }),
            None => Self::bind(at).await,
        }
    }

    /// For SMTP: takes what was handed in for this port, or else binds.
    pub async fn smtp(at: SocketAddr, handed: &mut Handed) -> Result<Self, MailboxError> {
        match handed.take_tcp(at) {
            Some(found) => found.map(Self::Tcp).map_err(|source| MailboxError::SmtpListen { at, source }),
            None => Self::bind_smtp(at).await,
        }
    }

    /// Binds. Needs to be called within tokio's runtime.
    pub async fn bind(at: &LmtpListen) -> Result<Self, MailboxError> {
        match at {
            LmtpListen::Unix(path) => bind_unix(path),
            LmtpListen::Tcp(ip, port) => {
                let address = SocketAddr::new(*ip, *port);
                if !ip.is_loopback() {
                    return Err(MailboxError::NotLoopback(address));
                }
                let listener = TcpListener::bind(address).await;
                listener.map(Self::Tcp).map_err(|source| MailboxError::Listen { at: address.to_string(), source })
            }
        }
    }

    /// Binds a port for SMTP, which anybody may reach.
    pub async fn bind_smtp(at: SocketAddr) -> Result<Self, MailboxError> {
        let listener = TcpListener::bind(at).await;
        listener.map(Self::Tcp).map_err(|source| MailboxError::SmtpListen { at, source })
    }

    /// The port, where it is one.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Unix(_) => None,
            Self::Tcp(listener) => listener.local_addr().ok(),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Peer> {
        match self {
            Self::Unix(socket) => Ok(Peer::Unix(socket.listener.accept().await?.0)),
            Self::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                // A peer that is gone already is no reason to stop listening.
                let _ = stream.set_nodelay(true);
                Ok(Peer::Tcp(stream, from.ip()))
            }
        }
    }
}

/// Binds inside a folder that only we can enter, sets the mode there, and moves the socket to its place: at no moment
/// can anyone else connect (bind, then chmod leaves one open).
fn bind_unix(path: &Path) -> Result<Listener, MailboxError> {
    let failed = |source| MailboxError::Listen { at: path.display().to_string(), source };
    clear(path)?;
    let private = path.with_file_name(format!(".{}", std::process::id()));
    DirBuilder::new().mode(0o700).create(&private).map_err(failed)?;
    let born = private.join("s");
    let bound = (|| {
        let listener = UnixListener::bind(&born)?;
        fs::set_permissions(&born, Permissions::from_mode(SOCKET_MODE))?;
        let found = fs::symlink_metadata(&born)?;
        fs::rename(&born, path)?;
        Ok(UnixSocket { listener, own: Some(Own { path: path.to_owned(), identity: (found.dev(), found.ino()) }) })
    })();
    let _ = fs::remove_file(&born);
    let _ = fs::remove_dir(&private);
    bound.map(Listener::Unix).map_err(failed)
}

/// A socket that a crash left behind is in nobody's way; one that answers is, and anything else is not ours to replace.
fn clear(path: &Path) -> Result<(), MailboxError> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => Err(MailboxError::NotASocket(path.to_owned())),
        Ok(_) if StdUnixStream::connect(path).is_ok() => Err(MailboxError::InUse(path.to_owned())),
        _ => Ok(()),
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        if let Some(Own { path, identity }) = &self.own
            && fs::symlink_metadata(path).is_ok_and(|found| (found.dev(), found.ino()) == *identity)
        {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn born_private_and_gone_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let at = LmtpListen::Unix(folder.path().join("lmtp.sock"));
        let listener = Listener::bind(&at).await.unwrap();
        let LmtpListen::Unix(path) = &at else { panic!() };
        assert_eq!(fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777, 0o660);
        assert!(matches!(Listener::bind(&at).await, Err(MailboxError::InUse(_))));
        UnixStream::connect(path).await.unwrap();
        drop(listener);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left, the private folder neither");
    }

    #[tokio::test]
    async fn replaces_only_dead_sockets() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lmtp.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let listener = Listener::bind(&LmtpListen::Unix(path.clone())).await.unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "mine").unwrap();
        assert!(matches!(Listener::bind(&LmtpListen::Unix(path.clone())).await, Err(MailboxError::NotASocket(_))));
        drop(listener);
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }

    #[tokio::test]
    async fn only_loopback() {
        let at = LmtpListen::Tcp("0.0.0.0".parse().unwrap(), 0);
        assert!(matches!(Listener::bind(&at).await, Err(MailboxError::NotLoopback(_))));
        assert!(Listener::bind(&LmtpListen::Tcp("127.0.0.1".parse().unwrap(), 0)).await.is_ok());
    }
}
