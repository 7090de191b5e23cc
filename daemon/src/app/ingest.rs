//! What comes back: kept sealed before anybody acknowledges it (laws 2 and 3), then read, judged and concluded.

use std::sync::Arc;

use resetd_core::inbound::{self, Facts, Finding};
use resetd_core::verdict::Judgement;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::known::Known;
use super::{App, AppError, Caller, Ingested};
use crate::ambient::{Stop, random, stopped};
use crate::config::{Role, Settings};
use crate::reading::{self, Trust};
use crate::store::{ResetRow, SealedMessage, StoreError, Unread};

/// Readings of one message that are begun before a person is asked. Crashes that have nothing to do with it count too.
const ATTEMPTS: u32 = 12;

/// Numbers of kept messages on their way to [`App::read_all`].
pub struct Inbox(pub(super) mpsc::UnboundedReceiver<i64>);

/// A message could not be kept; nobody may acknowledge it.
#[derive(Debug, thiserror::Error)]
#[error("the message could not be kept: {0}")]
pub struct NotKept(String);

/// What was known of a message beside its bytes.
#[derive(Default, Serialize, Deserialize)]
struct Cover {
    mail_from: Option<String>,
    rcpt_to: Vec<String>,
    /// Its real size, where only its beginning was kept.
    truncated_from: Option<u64>,
    /// Whoever handed it in speaks for some portals only: what it says a mail server of ours found counts for nothing.
    #[serde(default)]
    unvouched: bool,
}

/// A message as a source hands it over.
#[derive(Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The message, whole unless `truncated_from` says otherwise.
    pub raw: Vec<u8>,
    /// The envelope sender without brackets, empty for the null path; `None` where the source has no envelope.
    pub mail_from: Option<String>,
    /// The envelope recipients without brackets; empty where the source has no envelope.
    pub rcpt_to: Vec<String>,
    /// `maildir`, `lmtp`, `imap` or `pipe`.
    pub source: &'static str,
    /// The real size in octets, where the message was too large and only its beginning was kept.
    pub truncated_from: Option<u64>,
}

impl std::fmt::Debug for Arrival {
    /// Without content and addresses.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Arrival({}, {} octets, {} recipients)", self.source, self.raw.len(), self.rcpt_to.len())
    }
}

/// What reading a message came to.
pub(super) struct Read {
    pub facts: Facts,
    pub finding: Finding,
    pub judgement: Judgement,
    pub truncated_from: Option<u64>,
}

const RAW: &[u8] = b"inbound raw";
const ENVELOPE: &[u8] = b"inbound envelope";

impl App {
    /// `POST /v1/inbound`: a message that a client hands in.
    pub async fn ingest(&self, caller: &Caller, raw: Vec<u8>) -> Result<Ingested, AppError> {
        if !caller.has(Role::Support) && !caller.has(Role::App) {
            return Err(AppError::Forbidden("messages are handed in by configured clients".into()));
        }
        let arrival = Arrival { raw, mail_from: None, rcpt_to: Vec::new(), source: "pipe", truncated_from: None };
        let unvouched = caller.portals(&[Role::App, Role::Support]).is_some();
        self.keep_as(arrival, unvouched).await.map_err(|error| AppError::Unavailable(error.to_string()))
    }

    /// Keeps a message: when this returns `Ok`, it is on disk, sealed. The same message from the same source is kept once.
    pub async fn keep(&self, arrival: Arrival) -> Result<Ingested, NotKept> {
        self.keep_as(arrival, false).await
    }

    async fn keep_as(&self, arrival: Arrival, unvouched: bool) -> Result<Ingested, NotKept> {
        let message = self.seal(arrival, unvouched).ok_or_else(|| NotKept("it could not be sealed".into()))?;
        let (id, fresh) = self.store.keep(message).await.map_err(|error| NotKept(error.to_string()))?;
        if fresh {
            // The reader is gone only at shutdown; the message is read at the next start.
            let _ = self.unread.send(id);
        }
        Ok(Ingested { id, duplicate: !fresh })
    }

    /// Whether an address is one that our mails ask people to answer to, or that bounces come back to.
    pub fn receives(&self, address: &str) -> bool {
        is_ours(&self.outfit().settings, address)
    }

    pub(super) fn seal(&self, arrival: Arrival, unvouched: bool) -> Option<SealedMessage> {
        // A source that crashed between storing and acknowledging hands the same bytes over again.
        let digest = self.ring.pseudonym_of(&[&arrival.raw, arrival.rcpt_to.join(" ").as_bytes()]);
        let cover = Cover { mail_from: arrival.mail_from, rcpt_to: arrival.rcpt_to, truncated_from: arrival.truncated_from, unvouched };
        let cover = serde_json::to_vec(&cover).ok()?;
        Some(SealedMessage {
            source: arrival.source,
            digest,
            envelope: self.ring.seal(&cover, ENVELOPE, random(&*self.entropy)?).ok()?,
            raw: self.ring.seal(&arrival.raw, RAW, random(&*self.entropy)?).ok()?,
            received_at: self.clock.now(),
        })
    }

    /// Reads messages as they come, one after the other, beginning with those that an earlier run left; ends when the
    /// app's last sender is gone or `stop` says so.
    pub async fn read_all(self: Arc<Self>, inbox: Inbox, mut stop: Stop) {
        let Inbox(mut inbox) = inbox;
        match self.store.unread().await {
            Ok(left) => {
                for n in left {
                    self.read_one(n).await;
                }
            }
            Err(error) => tracing::error!(event = "inbound.unread_failed", %error),
        }
        loop {
            tokio::select! {
                biased;
                () = stopped(&mut stop) => return,
                next = inbox.recv() => match next {
                    Some(n) => self.read_one(n).await,
                    None => return,
                },
            }
        }
    }

    /// Reads one message; one that fails is tried again, and after that a person is asked. It never holds up the next.
    async fn read_one(&self, n: i64) {
        loop {
            match self.try_read(n).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(event = "inbound.read_failed", inbound = n, %error);
                    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                    if matches!(error, StoreError::Closed) {
                        return;
                    }
                }
            }
        }
    }

    /// True: done with it.
    async fn try_read(&self, n: i64) -> Result<bool, StoreError> {
        let Some(unread) = self.store.take_unread(n).await? else { return Ok(true) };
        let opened = self.open(&unread);
        if unread.attempts > ATTEMPTS || opened.is_none() {
            self.store.conclude(self.unreadable(&unread)).await?;
            return Ok(true);
        }
        let Some((raw, cover)) = opened else { return Ok(true) };
        let authserv_ids = if cover.unvouched { Vec::new() } else { self.settings().mailbox.authserv_ids.clone() };
        let ours = Arc::clone(&self.outfit().our_words);
        let work = move || {
            let envelope = reading::Envelope { mail_from: cover.mail_from, rcpt_to: cover.rcpt_to };
            let facts = reading::read(&raw, &envelope, &Trust { authserv_ids: &authserv_ids });
            let finding = inbound::kind(&facts);
            let judgement = resetd_core::answer::judge(&facts, &ours);
            Read { facts, finding, judgement, truncated_from: cover.truncated_from }
        };
        // A panic in there is a fault of ours; the attempt was counted, so it ends.
        let Ok(read) = tokio::task::spawn_blocking(work).await else {
            tracing::error!(event = "inbound.read_panicked", inbound = n);
            return Ok(false);
        };
        let conclusion = self.conclusion(&unread, read).await?;
        self.store.conclude(conclusion).await?;
        Ok(true)
    }

    fn open(&self, unread: &Unread) -> Option<(Vec<u8>, Cover)> {
        let raw = self.ring.open(&unread.raw, RAW).ok()?;
        let cover = self.ring.open(&unread.envelope, ENVELOPE).ok()?;
        Some((raw, serde_json::from_slice(&cover).unwrap_or_default()))
    }

    /// The message behind a flag, with every secret of ours struck out (law 2).
    pub(super) async fn struck_message(&self, flag: i64) -> Result<Option<Vec<u8>>, StoreError> {
        let Some((unread, row)) = self.store.message_of_flag(flag).await? else { return Ok(None) };
        let Some((raw, _)) = self.open(&unread) else { return Ok(None) };
        let rows = self.family(row).await?;
        let (ring, settings) = (Arc::clone(&self.ring), self.settings());
        let strike = move || reading::strike(&raw, &Known::new(&ring, &settings, &rows)).to_message();
        Ok(tokio::task::spawn_blocking(strike).await.ok())
    }

    /// A reset and its open siblings: all whose codes a message about it could quote.
    pub(super) async fn family(&self, row: Option<ResetRow>) -> Result<Vec<ResetRow>, StoreError> {
        let Some(row) = row else { return Ok(Vec::new()) };
        let mut rows = self.store.siblings(row.clone()).await?;
        rows.push(row);
        Ok(rows)
    }

    /// The Message-ID of the newest reply to a reset, for the acknowledgement to refer to.
    pub(super) async fn answered_id(&self, row: &ResetRow) -> Result<Option<String>, StoreError> {
        let Some(unread) = self.store.last_reply(row.n).await? else { return Ok(None) };
        let Some((raw, _)) = self.open(&unread) else { return Ok(None) };
        let read = move || reading::read(&raw, &reading::Envelope::default(), &Trust { authserv_ids: &[] }).message_id;
        Ok(tokio::task::spawn_blocking(read).await.ok().flatten())
    }
}

/// Whether an address is one of the monitored mailbox's.
pub(super) fn is_ours(settings: &Settings, address: &str) -> bool {
    let address = address.to_lowercase();
    settings.portals.values().any(|portal| {
        let tagged = [&portal.reply_to, &portal.bounce_to];
        tagged.iter().any(|at| {
            let base = at.before.trim_end_matches(['+', '-', '=']).to_lowercase();
            let local = address.strip_suffix(&at.after.to_lowercase());
            local.is_some_and(|local| local == base || local.starts_with(&at.before.to_lowercase()))
        })
    })
}
