//! The listening socket, where systemd does not hand one in.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// Owner and group may connect; what they may do then, their credentials say.
const MODE: u32 = 0o660;

/// The socket could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// A process answers there.
    #[error("{}: another process is listening there; is resetd running already?", .0.display())]
    Living(PathBuf),
    /// Something that is not a socket has the name.
    #[error("{}: exists and is not a socket; it was left alone", .0.display())]
    NotASocket(PathBuf),
    /// The system said no.
    #[error("{}: {doing}: {source}", path.display())]
    Io {
        /// Of the socket, or of the folder it was made in.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// What `LISTEN_FDS` names can't be used.
    #[error("a socket handed in by LISTEN_FDS can't be used: it must be a listening stream socket, and the API's a Unix one: {0}")]
    HandedIn(io::Error),
}

/// Makes the socket at `path` (mode 0660). It is bound in a private folder beside it, gets its mode there, and is then moved
/// into place: at no moment can anybody connect whom the mode would keep out. A socket that nobody listens on is replaced.
pub fn listen(path: &Path) -> Result<UnixListener, ListenError> {
    refuse_living(path)?;
    let private = Private::beside(path)?;
    let born = private.0.join("s");
    let failed = |doing| move |source| ListenError::Io { path: path.to_owned(), doing, source };
    let listener = UnixListener::bind(&born).map_err(failed("can't bind a socket"))?;
    std::fs::set_permissions(&born, Permissions::from_mode(MODE)).map_err(failed("can't set its mode"))?;
    std::fs::rename(&born, path).map_err(failed("can't move the socket into place"))?;
    Ok(listener)
}

fn refuse_living(path: &Path) -> Result<(), ListenError> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(ListenError::Io { path: path.to_owned(), doing: "can't look at it", source }),
        Ok(there) if !there.file_type().is_socket() => Err(ListenError::NotASocket(path.to_owned())),
        Ok(_) => match UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(ListenError::Io { path: path.to_owned(), doing: "can't tell whether it is in use", source }),
            Ok(_) => Err(ListenError::Living(path.to_owned())),
        },
    }
}

/// A folder of mode 0700 beside the socket; gone when dropped. Its name is short: the path of a socket may have 107 octets.
struct Private(PathBuf);

impl Private {
    fn beside(path: &Path) -> Result<Self, ListenError> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = parent.join(format!(".{}", std::process::id()));
        let make = || DirBuilder::new().mode(0o700).create(&folder);
        let made = make().or_else(|error| match error.kind() {
            // Left by a daemon that died with our process number: only ever holds one socket.
            io::ErrorKind::AlreadyExists => {
                let _ = std::fs::remove_file(folder.join("s"));
                std::fs::remove_dir(&folder).and_then(|()| make())
            }
            _ => Err(error),
        });
        match made {
            Ok(()) => Ok(Self(folder)),
            Err(source) => Err(ListenError::Io { path: folder, doing: "can't make a private folder for the socket", source }),
        }
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.0.join("s"));
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_living_socket_is_left_alone_and_a_dead_one_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resetd.sock");
        let first = listen(&path).unwrap();
        assert!(matches!(listen(&path), Err(ListenError::Living(_))));
        drop(first);
        let second = listen(&path).unwrap();
        assert!(UnixStream::connect(&path).is_ok());
        drop(second);
    }

    #[tokio::test]
    async fn the_mode_is_right_and_nothing_is_left_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resetd.sock");
        let _listener = listen(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_file_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resetd.sock");
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(listen(&path), Err(ListenError::NotASocket(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }

    #[tokio::test]
    async fn a_missing_folder_is_named() {
        let error = listen(Path::new("/nonexistent/resetd.sock")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/"), "{error}");
    }
}
