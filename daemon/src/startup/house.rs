//! The whole house, opened and closed: what `resetd`, the demo and tests in the same process run.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::keys::{self, KeyTrouble};
use super::sockets::Sockets;
use crate::ambient::{Clock, Entropy, Stop, stopped};
use crate::app::{App, Outfit, OutfitError};
use crate::config::Settings;
use crate::http;
use crate::mailbox::smtp::{self, Dialect, Handed, Listener, Service, Terms, TlsFiles};
use crate::mailbox::{self, MailboxError};
use crate::outbox::{Outbox, Pulse};
use crate::store::{Store, StoreError};

/// Read-only connections of the store.
const READERS: usize = 3;
const EXPIRE_EVERY: Duration = Duration::from_secs(15);
const PURGE_EVERY: Duration = Duration::from_secs(3600);
/// The whole timeline is looked through: first when a start has settled, then daily.
const AUDIT_FIRST: Duration = Duration::from_secs(600);
const AUDIT_EVERY: Duration = Duration::from_secs(86_400);
const ABUSE_EVERY: Duration = Duration::from_secs(1);

/// The daemon can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration, all its problems.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigErrors),
    /// The configuration is right by itself, but what it names can't be used.
    #[error(transparent)]
    Outfit(#[from] OutfitError),
    /// The root key.
    #[error(transparent)]
    Key(#[from] KeyTrouble),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A mailbox source.
    #[error(transparent)]
    Mailbox(#[from] MailboxError),
    /// The API socket.
    #[error("the API socket: {0}")]
    Socket(#[from] http::ListenError),
    /// Anything of the system.
    #[error("{0}")]
    System(#[from] std::io::Error),
}

/// An open house.
pub struct House {
    /// The use cases.
    pub app: Arc<App>,
    /// First phase of the stop: nothing new comes in.
    doors: watch::Sender<bool>,
    /// Second phase: what is under way has ended.
    rooms: watch::Sender<bool>,
    front: JoinSet<()>,
    back: JoinSet<()>,
    writer: JoinHandle<()>,
    outbox: Pulse,
}

impl House {
    /// Opens it: when this returns, requests on the API's socket are answered.
    pub async fn open(
        settings: Settings,
        sockets: impl Into<Sockets>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, StartError> {
        let Sockets { api, mail } = sockets.into();
        keys::state_dir(&settings.store.state_dir)?;
        let database = settings.store.state_dir.join("resetd.db");
        let ring = Arc::new(ArcSwap::from_pointee(keys::load(&settings.store, &database, &*entropy)?));
        let opened = Store::open(&database, READERS, Arc::clone(&ring), clock.now())?;
        keys::settle(&ring.load_full(), &opened.store, clock.now()).await?;
        // Before anything reads it: what was open in a copy that was put back has ended.
        if let Some(back) = opened.store.after_restore(ring.load_full(), clock.now()).await? {
            tracing::warn!(event = "store.put_back", copied_at = %back.copied_at, resets = back.resets, forgotten = back.forgotten);
        }
        let outfit = Outfit::new(settings)?;
        let settings = Arc::clone(&outfit.settings);
        let (app, inbox) = App::new(opened.store, ring, outfit, clock, entropy);
        let (doors, door_stop) = watch::channel(false);
        let (rooms, room_stop) = watch::channel(false);
        let (mut front, mut back) = (JoinSet::new(), JoinSet::new());
        // What an earlier run left is read before the first new request can add to it: nothing is taken twice.
        let outbox = Outbox::open(Arc::clone(&app), opened.posts, settings.sending.connections).await?;
        let pulse = outbox.pulse();
        back.spawn(outbox.run(room_stop.clone()));
        back.spawn(Arc::clone(&app).read_all(inbox, room_stop.clone()));
        back.spawn(upkeep(Arc::clone(&app), room_stop));
        mailboxes(&mut front, &app, &settings, mail, &door_stop).await?;
        let server = http::serve(api, Arc::clone(&app), http::ServerLimits::from(&settings.server), door_stop);
        front.spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(event = "http.failed", %error);
            }
        });
        Ok(Self { app, doors, rooms, front, back, writer: opened.thread, outbox: pulse })
    }

    /// Whether the house lives: the store's writer and the outbox answer. Where one of them hangs it never returns.
    pub fn alive(&self) -> impl Future<Output = bool> + use<> {
        let (app, outbox) = (Arc::clone(&self.app), self.outbox.clone());
        async move { app.alive().await && outbox.alive().await }
    }

    /// Closes it in two phases, each given half of `limit`: first nothing new comes in, then what is under way ends. What
    /// does not end in time is in the database and goes on at the next start.
    pub async fn close(mut self, limit: Duration) {
        let _ = self.doors.send(true);
        settle(&mut self.front, limit / 2).await;
        let _ = self.rooms.send(true);
        settle(&mut self.back, limit / 2).await;
        self.app.outfit().transport.close().await;
        drop(self.app);
        let writer = self.writer;
        // The writer ends when the last handle is gone; a task that was cut off may still hold one for a moment.
        let joined = tokio::task::spawn_blocking(move || writer.join());
        if tokio::time::timeout(Duration::from_secs(1), joined).await.is_err() {
            tracing::warn!(event = "store.left_open");
        }
    }
}

async fn settle(tasks: &mut JoinSet<()>, limit: Duration) {
    let all = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(limit, all).await.is_err() {
        tracing::warn!(event = "stop.cut_off", tasks = tasks.len());
        tasks.shutdown().await;
    }
}

async fn mailboxes(
    tasks: &mut JoinSet<()>,
    app: &Arc<App>,
    settings: &Settings,
    mut handed: Handed,
    stop: &Stop,
) -> Result<(), MailboxError> {
    let desk = Arc::new(mailbox::Desk::new(Arc::clone(app)));
    let max_size = settings.mailbox.max_size;
    for at in &settings.mailbox.lmtp {
        let listener = Listener::lmtp(at, &mut handed).await?;
        tasks.spawn(smtp::serve(listener, Arc::clone(&desk), Service::lmtp(max_size), stop.clone()));
    }
    for at in settings.mailbox.smtp.iter().flat_map(|smtp| &smtp.listen) {
        let Some(smtp) = &settings.mailbox.smtp else { continue };
        let tls = smtp.tls.as_ref().map(|(certificate, key)| TlsFiles::open(certificate, key)).transpose().map_err(MailboxError::Tls)?;
        let terms = Terms { dialect: Dialect::Smtp, hostname: smtp.hostname.clone(), max_size, starttls: tls.is_some() };
        let service = Service { terms, tls, connections: smtp.connections, per_address: smtp.per_address };
        tasks.spawn(smtp::serve(Listener::smtp(*at, &mut handed).await?, Arc::clone(&desk), service, stop.clone()));
    }
    for at in handed.left() {
        tracing::warn!(
            event = "socket.unused",
            at,
            "systemd hands in a socket at {at} that [mailbox] does not name: nobody will answer there"
        );
    }
    for folder in &settings.mailbox.maildirs {
        tasks.spawn(mailbox::maildir::watch(folder.clone(), Arc::clone(&desk), max_size, stop.clone()));
    }
    for account in &settings.mailbox.imap {
        for watch in mailbox::imap::Account::new(account)?.watches(&desk, max_size, stop) {
            tasks.spawn(watch);
        }
    }
    Ok(())
}

async fn upkeep(app: Arc<App>, mut stop: Stop) {
    let mut expire = tokio::time::interval(EXPIRE_EVERY);
    let mut purge = tokio::time::interval(PURGE_EVERY);
    let mut audit = tokio::time::interval_at(tokio::time::Instant::now() + AUDIT_FIRST, AUDIT_EVERY);
    let mut abuse = tokio::time::interval(ABUSE_EVERY);
    abuse.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            _ = expire.tick() => {
                app.expire().await;
                app.watch_mailboxes();
            }
            _ = purge.tick() => {
                app.purge().await;
                app.audit_tell_head().await;
            }
            _ = audit.tick() => app.audit_unasked().await,
            _ = abuse.tick() => app.tell_abuse().await,
        }
    }
}
