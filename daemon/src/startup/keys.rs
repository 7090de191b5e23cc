//! The root key: from a file or a systemd credential, or made at the first start.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use resetd_core::secret::{KeyError, KeyRing};
use zeroize::Zeroizing;

use crate::ambient::{Entropy, random};
use crate::config::StoreSettings;
use crate::store::{Store, StoreError};

/// The key can't be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyTrouble {
    /// The file can't be read or made.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no key file.
    #[error("{}: {source}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// The system gives no randomness.
    #[error("the system gives no randomness to make a root key of")]
    NoEntropy,
    /// The database was made with another key.
    #[error(
        "the root key (id {0}) is not the one that this database was made with: links and codes that are out, and kept \
         messages, could not be read. Put the right key back, or give the new key another id and keep the old line below it"
    )]
    Stranger(u8),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads the root key; makes one in the state folder where none is configured and none is there.
pub fn load(settings: &StoreSettings, entropy: &dyn Entropy) -> Result<KeyRing, KeyTrouble> {
    let path = settings.root_key.clone().unwrap_or_else(|| settings.state_dir.join("root.key"));
    let text = match fs::read_to_string(&path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == ErrorKind::NotFound && settings.root_key.is_none() => make(&path, entropy)?,
        Err(source) => return Err(KeyTrouble::File { path, source }),
    };
    KeyRing::parse(&text).map_err(|source| KeyTrouble::Parse { path, source })
}

/// Makes the state folder, for this user alone.
pub fn state_dir(path: &Path) -> Result<(), KeyTrouble> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| KeyTrouble::File { path: path.to_owned(), source })
}

/// Refuses to go on with a key that is not the database's.
pub async fn same_as_before(ring: &KeyRing, store: &Store) -> Result<(), KeyTrouble> {
    for (id, print) in ring.fingerprints() {
        let name = format!("root key {id}");
        if store.remember(name, print.to_vec()).await? != print {
            return Err(KeyTrouble::Stranger(id));
        }
    }
    Ok(())
}

fn make(path: &Path, entropy: &dyn Entropy) -> Result<Zeroizing<String>, KeyTrouble> {
    let file_error = |source| KeyTrouble::File { path: path.to_owned(), source };
    let root = Zeroizing::new(random::<32>(entropy).ok_or(KeyTrouble::NoEntropy)?);
    let text = KeyRing::first_file(&root);
    // Written aside, synced, and then named: a crash leaves no half key behind.
    let nonce = random::<8>(entropy).ok_or(KeyTrouble::NoEntropy)?;
    let aside = path.with_extension(HEXLOWER.encode(&nonce));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).map_err(file_error)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(file_error)?;
    fs::rename(&aside, path).map_err(file_error)?;
    if let Some(folder) = path.parent() {
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(file_error)?;
    }
    tracing::info!(event = "key.made", path = %path.display());
    Ok(text)
}
