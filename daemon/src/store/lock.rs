//! One process at a time: two writers would hang two lines on the same link, and a restore must not change the file under a daemon.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};

use super::StoreError;

/// The right to the database, until dropped; the kernel takes it back from a process that is killed.
pub(super) struct Lock {
    _held: Flock<File>,
}

impl Lock {
    /// Takes it, or says that another has it.
    pub(super) fn take(database: &Path) -> Result<Self, StoreError> {
        let path = database.with_extension("lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(StoreError::file(&path))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(held) => Ok(Self { _held: held }),
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => Err(StoreError::Locked(path)),
            Err((_, errno)) => Err(StoreError::file(&path)(errno.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("resetd.db");
        let held = Lock::take(&path).unwrap();
        assert!(matches!(Lock::take(&path), Err(StoreError::Locked(_))));
        drop(held);
        assert!(Lock::take(&path).is_ok());
    }
}
