//! The only room with SQL. One async method for each whole transaction; no connection, row or SQL type leaves it. One
//! writer thread groups transactions into commits; a few read-only connections serve the rest.

mod abuse;
mod accept;
mod chain;
mod copy;
mod events;
mod export;
mod flags;
mod holds;
mod imap;
mod inbound;
mod keys;
mod lock;
mod login;
mod mails;
mod person;
mod purge;
mod readers;
pub mod restore;
mod row;
mod schema;
mod secrets;
#[cfg(test)]
mod tests;
mod types;
mod upkeep;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use resetd_core::address::{DisplayName, Mailbox};
use resetd_core::ids::{PortalName, ResetId};
use resetd_core::reset::{Method, State};
use resetd_core::secret::{KeyId, KeyRing, Selector};
use resetd_core::time::Timestamp;
use tokio::sync::mpsc;

pub use abuse::Sighted;
pub use accept::{Accepted, Request};
pub use imap::{FolderKey, FolderMark, FolderSeen, Owed};
pub use inbound::{Concluded, Conclusion, Delivery, Match, NewFlag, SealedMessage, Unread};
pub use keys::keys_of;
pub use login::{LoginFailed, LoginRule};
pub use mails::{Record, Work};
pub use person::{Forgotten, Named, Person, Whose};
pub use secrets::{CodeBudget, Guesser, Means};
pub use types::*;

use readers::Readers;
use writer::Writer;

/// The store failed. Clonable, since all jobs of one failed commit get the same answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite said no.
    #[error("the database failed while {doing}: {source}")]
    Sqlite {
        /// What was being done.
        doing: &'static str,
        /// What SQLite said.
        source: Arc<rusqlite::Error>,
    },
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// The disk can't be written or read: it is read-only, or broken.
    #[error("the disk fails while {doing}: {source}")]
    Disk {
        /// What was being done.
        doing: &'static str,
        /// What SQLite said.
        source: Arc<rusqlite::Error>,
    },
    /// The integrity check failed.
    #[error(
        "the database is damaged: {0}. Nothing was changed. Put the newest good backup back with `resetctl restore --replace FILE` \
         (`resetctl backup` and each upgrade leave them in `backups` of the state folder); the damaged file is kept"
    )]
    Corrupt(String),
    /// A copy is not what it was made from.
    #[error("the copy of the database is not good: {0}")]
    BadCopy(String),
    /// A file can't be written, moved or removed.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Arc<std::io::Error>,
    },
    /// Another process has it.
    #[error("another resetd has the database open (it holds {}): stop it first", .0.display())]
    Locked(PathBuf),
    /// The file was written by a newer version.
    #[error("the database has schema {found}, newer than this program's {known}: install the newer version, or restore a backup")]
    Newer {
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// The store is shutting down, or its writer is gone.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    fn sqlite(doing: &'static str, source: rusqlite::Error) -> Self {
        match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full,
            Some(rusqlite::ErrorCode::SystemIoFailure | rusqlite::ErrorCode::ReadOnly | rusqlite::ErrorCode::CannotOpen) => {
                Self::Disk { doing, source: Arc::new(source) }
            }
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Self::Corrupt(format!("{source} (while {doing})"))
            }
            _ => Self::Sqlite { doing, source: Arc::new(source) },
        }
    }

    fn file(path: &Path) -> impl Fn(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            std::io::ErrorKind::StorageFull => Self::Full,
            _ => Self::File { path: path.clone(), source: Arc::new(source) },
        }
    }
}

/// A reset as the use cases need it, selector and all. No `Serialize`, and the selector's `Debug` says nothing.
#[derive(Clone, Debug)]
pub struct ResetRow {
    /// Row number.
    pub n: i64,
    /// Its id.
    pub id: ResetId,
    /// What its secrets are derived from.
    pub selector: Selector,
    /// With which key.
    pub key_id: KeyId,
    /// Its portal.
    pub portal: PortalName,
    /// Its account.
    pub account: Option<String>,
    /// Its address; `None` once purged.
    pub email: Option<Mailbox>,
    /// The person's name.
    pub name: Option<DisplayName>,
    /// The language of its mail.
    pub locale: String,
    /// Link, code, or both.
    pub method: Method,
    /// Its wording.
    pub wording: String,
    /// As written; time may have run out since.
    pub state: State,
    /// The request.
    pub created_at: Timestamp,
    /// The next hop's `250`.
    pub sent_at: Option<Timestamp>,
    /// End of its last secret.
    pub until: Timestamp,
    /// End of its code.
    pub code_until: Timestamp,
    /// RFC 7293.
    pub valid_since: Option<Timestamp>,
    /// When a page first asked about it.
    pub inspected_at: Option<Timestamp>,
    /// When the application said that the password was changed.
    pub completed_at: Option<Timestamp>,
}

/// A mail that a commit hands to the outbox.
#[derive(Clone, Debug)]
pub struct Post {
    /// Its number.
    pub mail: i64,
    /// What it is.
    pub kind: MailKind,
    /// Whether it is an alert of low severity.
    pub is_minor: bool,
    /// Its portal.
    pub portal: PortalName,
    /// The domain of the person's address, in lower case; empty where the mail does not go to the person.
    pub domain: Box<str>,
    /// How long to wait before it is tried, from now on: a step of the clock between the commit and the outbox changes nothing.
    pub wait: Duration,
    /// When it stops being of use.
    pub useful_until: Timestamp,
    /// For a fresh reset mail all that it is made from, already claimed; otherwise it is claimed when due.
    pub work: Option<Arc<Work>>,
}

/// The store. Cheap to clone; the writer thread ends when the last clone is gone.
#[derive(Clone)]
pub struct Store {
    writer: Writer,
    readers: Readers,
    /// The file.
    path: Arc<Path>,
}

/// What [`Store::open`] gives beside the store.
pub struct Opened {
    /// The store.
    pub store: Store,
    /// The writer's thread, to be joined after the last clone of the store is dropped.
    pub thread: std::thread::JoinHandle<()>,
    /// Mails as they are committed.
    pub posts: mpsc::UnboundedReceiver<Post>,
}

impl Store {
    /// Opens or makes the database at `path`, brings its schema up to date, and starts the writer, which hangs its lines on the chain
    /// with the first of `rings`.
    pub fn open(path: &Path, readers: usize, rings: Arc<ArcSwap<KeyRing>>, now: Timestamp) -> Result<Opened, StoreError> {
        let lock = lock::Lock::take(path)?;
        let schema::Prepared { conn, chain_is_fresh } = schema::open(path, now)?;
        let windows = upkeep::refill(&conn, now)?;
        let chain = chain::Chain::open(&conn, rings, chain_is_fresh)?;
        let readers = Readers::open(path, readers)?;
        let (sender, posts) = mpsc::unbounded_channel();
        let (writer, thread) = Writer::start(conn, windows, chain, sender, lock).map_err(|_| StoreError::Closed)?;
        Ok(Opened { store: Self { writer, readers, path: path.into() }, thread, posts })
    }

    /// Keeps a value under a name unless one is there, and gives the one that is there now.
    pub async fn remember(&self, name: String, value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        self.writer.write(move |tx| schema::remember(tx.conn, &name, &value)).await
    }
}
