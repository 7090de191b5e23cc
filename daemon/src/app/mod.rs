//! One use case per file. Each takes what it uses from [`App`], decides by the rules of `resetd_core`, and gives the store
//! whole transactions.

mod audit;
mod conclude;
mod deliver;
mod examine;
mod flag;
mod gauges;
mod health;
mod ingest;
pub mod keyfile;
mod keys;
mod known;
mod letters;
mod login;
mod mailboxes;
mod metrics;
mod outfit;
mod person;
mod redeem;
mod request;
mod resets;
mod templates;
mod types;
mod upkeep;
mod vigil;
mod vouch;
mod watch;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arc_swap::ArcSwap;
use resetd_core::secret::KeyRing;
use resetd_core::time::Timestamp;
use tokio::sync::{Mutex, mpsc};

use crate::ambient::{Clock, Entropy};
use crate::config::Settings;
use crate::store::Store;
use gauges::Gauges;
use mailboxes::Mailboxes;
use vigil::Vigil;

pub use crate::store::{
    Attempt, Audit, AuditTrouble, Copied, Counts, Flag, FlagFilter, FolderKey, FolderMark, FolderSeen, Forgotten, Head, Held, Line, Listed,
    MailKind, MailShown, Owed, Page, Person, PersonalReset, Queued, Reset, Resolution, Severity, StoreError,
};
pub use deliver::{Delivered, Reached};
pub use examine::{ExamineAsk, Finding, State as FindingState};
pub use ingest::{Arrival, Inbox, NotKept, Peer};
pub use keys::RootKey;
pub use outfit::{Outfit, OutfitError};
pub use person::Export;
pub use types::*;

/// What the use cases share.
pub struct App {
    store: Store,
    ring: Arc<ArcSwap<KeyRing>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    outfit: ArcSwap<Outfit>,
    gauges: Gauges,
    mailboxes: Mailboxes,
    vigil: Vigil,
    started_at: Timestamp,
    unread: mpsc::UnboundedSender<ingest::Waiting>,
    /// Numbers of kept messages whose authors' domains are to be asked.
    unasked: mpsc::UnboundedSender<i64>,
    /// One rotation of keys at a time.
    rotating: Mutex<()>,
    /// What the last audit found wrong.
    audit_troubles: AtomicU64,
}

impl App {
    /// Wires the use cases. Beside them the numbers of inbound messages as they are kept, for [`App::read_all`].
    pub fn new(
        store: Store,
        ring: Arc<ArcSwap<KeyRing>>,
        outfit: Outfit,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> (Arc<Self>, Inbox) {
        let started_at = clock.now();
        let (unread, to_read) = mpsc::unbounded_channel();
        let (unasked, to_ask) = mpsc::unbounded_channel();
        let outfit = ArcSwap::from_pointee(outfit);
        let (rotating, audit_troubles) = (Mutex::default(), AtomicU64::default());
        let (gauges, mailboxes, vigil) = (Gauges::default(), Mailboxes::default(), Vigil::default());
        let app =
            Self { store, ring, clock, entropy, outfit, gauges, mailboxes, vigil, started_at, unread, unasked, rotating, audit_troubles };
        (Arc::new(app), Inbox { unread: to_read, unasked: to_ask })
    }

    /// What the configuration in force came to.
    pub fn outfit(&self) -> arc_swap::Guard<Arc<Outfit>> {
        self.outfit.load()
    }

    /// The keys in force: all of a use case takes them from one load, or a rotation would come between.
    fn ring(&self) -> Arc<KeyRing> {
        self.ring.load_full()
    }

    /// Puts a new configuration in force. Mails and requests under way end with the old one.
    pub fn refit(&self, outfit: Outfit) {
        outfit.transport.inherit(&self.outfit().transport);
        self.outfit.store(Arc::new(outfit));
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.outfit().settings)
    }

    /// Now, by the clock that everything here goes by.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
