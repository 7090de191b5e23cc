//! The root key: from a file or a systemd credential, or made at the first start.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use resetd_core::secret::{KeyError, KeyRing};
use resetd_core::time::Timestamp;
use zeroize::Zeroizing;

use crate::ambient::{Entropy, random};
use crate::app::keyfile;
use crate::config::StoreSettings;
use crate::store::{self, KeyNeeds, Store, StoreError};

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
    /// The database was used with a key, and none is there.
    #[error(
        "there is no root key at {}, but this database was used with one (id {ids}): links and codes that are out, and kept messages, \
         can't be read without it. Put the key file back from where you keep it. If it is lost for good, start with an empty state folder \
         (move {} away): what was out is dead then, and people must ask again",
        path.display(), database.display()
    )]
    Lost {
        /// Where it was looked for.
        path: PathBuf,
        /// The database.
        database: PathBuf,
        /// The keys that it was used with.
        ids: String,
    },
    /// A key that is still needed is not in the file.
    #[error(
        "the root key with id {id} is not in the key file, and {resets} open resets and {messages} kept messages need it: put its line \
         back below the others, until `resetctl keys list` says that nothing needs it any more"
    )]
    Missing {
        /// The key.
        id: u8,
        /// Resets that are good.
        resets: u64,
        /// Messages that are sealed with it.
        messages: u64,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads the root key; makes one in the state folder where none is configured and none is there, unless the database was used with one.
pub fn load(settings: &StoreSettings, database: &Path, entropy: &dyn Entropy) -> Result<KeyRing, KeyTrouble> {
    let path = settings.key_file();
    let known = store::keys_of(database)?;
    let text = match fs::read_to_string(&path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == ErrorKind::NotFound && !known.is_empty() => {
            let ids = known.iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>().join(", ");
            return Err(KeyTrouble::Lost { path, database: database.to_owned(), ids });
        }
        Err(error) if error.kind() == ErrorKind::NotFound && settings.root_key.is_none() => make(&path, entropy)?,
        Err(source) => return Err(KeyTrouble::File { path, source }),
    };
    let ring = KeyRing::parse(&text).map_err(|source| KeyTrouble::Parse { path, source })?;
    // Before the database is opened: a schema brought up to date is no place to find out.
    for (id, print) in ring.fingerprints() {
        if known.iter().any(|(known, was)| *known == id && *was != print) {
            return Err(KeyTrouble::Stranger(id));
        }
    }
    Ok(ring)
}

/// Makes the state folder, for this user alone.
pub fn state_dir(path: &Path) -> Result<(), KeyTrouble> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| KeyTrouble::File { path: path.to_owned(), source })
}

/// Remembers the keys, and refuses to go on without one that is still needed.
pub async fn settle(ring: &KeyRing, store: &Store, now: Timestamp) -> Result<(), KeyTrouble> {
    for (id, print) in ring.fingerprints() {
        if store.know_key(id, print.to_vec()).await? != print {
            return Err(KeyTrouble::Stranger(id));
        }
    }
    for (id, _) in store.known_keys().await?.into_iter().filter(|(id, _)| !ring.has(*id)) {
        let needs = store.key_needs(id, now).await?;
        if needs != KeyNeeds::default() {
            return Err(KeyTrouble::Missing { id, resets: needs.resets, messages: needs.messages });
        }
        store.forget_key(id).await?;
        tracing::info!(event = "key.dropped", key = id);
    }
    Ok(())
}

fn make(path: &Path, entropy: &dyn Entropy) -> Result<Zeroizing<String>, KeyTrouble> {
    let file_error = |source| KeyTrouble::File { path: path.to_owned(), source };
    let root = Zeroizing::new(random::<32>(entropy).ok_or(KeyTrouble::NoEntropy)?);
    let text = KeyRing::first_file(&root);
    let nonce = random::<8>(entropy).ok_or(KeyTrouble::NoEntropy)?;
    keyfile::write(path, &text, nonce).map_err(file_error)?;
    tracing::info!(event = "key.made", path = %path.display());
    Ok(text)
}
