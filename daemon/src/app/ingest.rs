//! What comes back: kept sealed before anybody acknowledges it (laws 2 and 3), then read, judged and concluded.

use std::sync::Arc;

use resetd_core::inbound::{self, Facts, Finding, Kind, OurWords};
use resetd_core::limits::Abuse;
use resetd_core::secret::{Purpose, Tag};
use resetd_core::verdict::Judgement;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::known::Known;
use super::vouch::Vouched;
use super::{App, AppError, Caller, Ingested};
use crate::ambient::{Stop, random, stopped};
use crate::config::{Role, Settings};
use crate::reading::{self, Trust};
use crate::store::{Conclusion, ResetRow, SealedMessage, StoreError, Unread};

/// Readings of one message that are begun before a person is asked. Crashes that have nothing to do with it count too.
const ATTEMPTS: u32 = 12;

/// Kept messages on their way: to be read, and before that to be asked about.
pub struct Inbox {
    pub(super) unread: mpsc::UnboundedReceiver<Waiting>,
    pub(super) unasked: mpsc::UnboundedReceiver<i64>,
}

/// A kept message that waits to be read.
pub(super) struct Waiting {
    pub n: i64,
    /// What its author's domain said of it.
    pub vouched: Vouched,
}

/// A message could not be kept; nobody may acknowledge it.
#[derive(Debug, thiserror::Error)]
#[error("the message could not be kept: {0}")]
pub struct NotKept(String);

/// What was known of a message beside its bytes.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Cover {
    pub mail_from: Option<String>,
    pub rcpt_to: Vec<String>,
    /// Its real size, where only its beginning was kept.
    truncated_from: Option<u64>,
    /// Whoever handed it in speaks for some portals only: what it says a mail server of ours found counts for nothing.
    #[serde(default)]
    unvouched: bool,
    /// Who handed it to our own SMTP listener: a stranger, whose word counts for nothing, and whose domain is asked.
    #[serde(default)]
    pub peer: Option<Peer>,
}

/// The SMTP client that handed a message over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Peer {
    /// Its address.
    pub ip: std::net::IpAddr,
    /// The name that it gave for itself.
    pub helo: String,
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
    /// `maildir`, `lmtp`, `smtp`, `imap` or `pipe`.
    pub source: &'static str,
    /// The real size in octets, where the message was too large and only its beginning was kept.
    pub truncated_from: Option<u64>,
    /// Who handed it over, where that was a stranger.
    pub peer: Option<Peer>,
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
        let arrival = Arrival { raw, mail_from: None, rcpt_to: Vec::new(), source: "pipe", truncated_from: None, peer: None };
        let unvouched = caller.portals(&[Role::App, Role::Support]).is_some();
        self.keep_as(arrival, unvouched).await.map_err(|error| AppError::Unavailable(error.to_string()))
    }

    /// Keeps a message: when this returns `Ok`, it is on disk, sealed. The same message from the same source is kept once.
    pub async fn keep(&self, arrival: Arrival) -> Result<Ingested, NotKept> {
        self.keep_as(arrival, false).await
    }

    async fn keep_as(&self, arrival: Arrival, unvouched: bool) -> Result<Ingested, NotKept> {
        let (stranger, source) = (arrival.peer.is_some(), arrival.source);
        let message = self.seal(arrival, unvouched).ok_or_else(|| NotKept("it could not be sealed".into()))?;
        let (n, fresh) = self.store.keep(message).await.map_err(|error| NotKept(error.to_string()))?;
        if fresh {
            self.gauges.kept(source);
            // Who takes them is gone only at shutdown; the message is read at the next start.
            let _ = match stranger {
                true => self.unasked.send(n).is_ok(),
                false => self.unread.send(Waiting { n, vouched: Vouched::default() }).is_ok(),
            };
        }
        Ok(Ingested { id: n, duplicate: !fresh })
    }

    /// Whether a message to this address is taken: one of our signed tags, the mailbox's own address, or the postmaster of its
    /// domain (RFC 5321 §4.5.1), who is a support agent here.
    pub fn receives(&self, address: &str) -> bool {
        let outfit = self.outfit();
        match own_address(&outfit.settings, address) {
            Some(Own::Mailbox) => true,
            Some(Own::Tagged(tag)) => {
                Tag::check(&self.ring(), &tag).is_some_and(|tag| matches!(tag.purpose, Purpose::Reply | Purpose::Bounce))
            }
            None => false,
        }
    }

    pub(super) fn seal(&self, arrival: Arrival, unvouched: bool) -> Option<SealedMessage> {
        // A source that crashed between storing and acknowledging hands the same bytes over again.
        let ring = self.ring();
        let digests = ring.pseudonyms_of(&[&arrival.raw, arrival.rcpt_to.join(" ").as_bytes()]);
        let Arrival { mail_from, rcpt_to, truncated_from, peer, .. } = &arrival;
        let cover = Cover {
            mail_from: mail_from.clone(),
            rcpt_to: rcpt_to.clone(),
            truncated_from: *truncated_from,
            unvouched: unvouched || peer.is_some(),
            peer: peer.clone(),
        };
        let cover = serde_json::to_vec(&cover).ok()?;
        Some(SealedMessage {
            source: arrival.source,
            digests,
            envelope: ring.seal(&cover, ENVELOPE, random(&*self.entropy)?).ok()?,
            raw: ring.seal(&arrival.raw, RAW, random(&*self.entropy)?).ok()?,
            received_at: self.clock.now(),
        })
    }

    /// Reads messages as they come, one after the other, beginning with those that an earlier run left; ends when the
    /// app's last sender is gone or `stop` says so.
    pub async fn read_all(self: Arc<Self>, inbox: Inbox, mut stop: Stop) {
        let Inbox { mut unread, unasked } = inbox;
        let asking = tokio::spawn(Arc::clone(&self).ask_all(unasked, stop.clone()));
        match self.store.unread().await {
            // Whether one of them is still to be asked about, its cover tells.
            Ok(left) => left.into_iter().for_each(|n| {
                let _ = self.unasked.send(n);
            }),
            Err(error) => tracing::error!(event = "inbound.unread_failed", %error),
        }
        let mut is_warm = false;
        loop {
            tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                next = unread.recv() => match next {
                    Some(waiting) => {
                        if !is_warm {
                            is_warm = tokio::task::spawn_blocking(warm_up).await.is_ok();
                        }
                        self.read_one(waiting).await;
                    }
                    None => break,
                },
            }
        }
        let _ = asking.await;
    }

    /// Reads one message; one that fails is tried again, and after that a person is asked. It never holds up the next.
    async fn read_one(&self, waiting: Waiting) {
        let n = waiting.n;
        loop {
            match self.try_read(n, waiting.vouched.clone()).await {
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
    async fn try_read(&self, n: i64, vouched: Vouched) -> Result<bool, StoreError> {
        let Some(unread) = self.store.take_unread(n).await? else { return Ok(true) };
        let opened = self.open(&unread);
        if unread.attempts > ATTEMPTS || opened.is_none() {
            self.settle(self.unreadable(&unread)).await?;
            return Ok(true);
        }
        let Some((raw, cover)) = opened else { return Ok(true) };
        let authserv_ids = if cover.unvouched { Vec::new() } else { self.settings().mailbox.authserv_ids.clone() };
        let ours = Arc::clone(&self.outfit().our_words);
        let work = move || {
            let envelope = reading::Envelope { mail_from: cover.mail_from, rcpt_to: cover.rcpt_to };
            let mut facts = reading::read(&raw, &envelope, &Trust { authserv_ids: &authserv_ids });
            // The author that was asked about must be the one that was read, and not only somebody of the same domain.
            if facts.has_one_author && vouched.0.is_some() && vouched.0 == facts.from.as_deref().map(str::to_lowercase) {
                facts.dmarc_pass.clone_from(&facts.sender_domain);
            }
            // The judge first: a sure denial is a person's, whatever else it sounds like.
            let judgement = resetd_core::answer::judge(&mut facts, &ours);
            let finding = inbound::kind(&facts);
            Read { facts, finding, judgement, truncated_from: cover.truncated_from }
        };
        // A panic in there is a fault of ours; the attempt was counted, so it ends.
        let Ok(read) = tokio::task::spawn_blocking(work).await else {
            tracing::error!(event = "inbound.read_panicked", inbound = n);
            return Ok(false);
        };
        let conclusion = self.conclusion(&unread, read).await?;
        self.settle(conclusion).await?;
        Ok(true)
    }

    /// Concludes a message, and counts what it was.
    async fn settle(&self, conclusion: Conclusion) -> Result<(), StoreError> {
        let (kind, verdict, proof) = (conclusion.kind, conclusion.verdict.map(|(verdict, _)| verdict), conclusion.proof);
        let bounced = conclusion.portal.clone().filter(|_| kind == Kind::Bounce.as_str());
        let (now, took) = (conclusion.at, conclusion.at.since(conclusion.received_at));
        let concluded = self.store.conclude(conclusion).await?;
        self.gauges.inbound(kind, verdict, proof, took);
        if concluded.collected {
            self.vigil.count(Abuse::FloodAnswers);
        }
        if let Some(portal) = bounced {
            self.vigil.see(Abuse::FloodBounces, &portal, "", now);
        }
        Ok(())
    }

    pub(super) fn open(&self, unread: &Unread) -> Option<(Vec<u8>, Cover)> {
        let raw = self.ring().open(&unread.raw, RAW).ok()?;
        let cover = self.ring().open(&unread.envelope, ENVELOPE).ok()?;
        Some((raw, serde_json::from_slice(&cover).unwrap_or_default()))
    }

    /// The message behind a flag, with every secret of ours struck out (law 2).
    pub(super) async fn struck_message(&self, flag: i64) -> Result<Option<Vec<u8>>, StoreError> {
        let Some((unread, row)) = self.store.message_of_flag(flag).await? else { return Ok(None) };
        let Some((raw, _)) = self.open(&unread) else { return Ok(None) };
        let rows = self.family(row).await?;
        let (ring, settings) = (self.ring(), self.settings());
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

/// What an address of the monitored mailbox is.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Own {
    /// The mailbox itself, or the postmaster of its domain or of none.
    Mailbox,
    /// Of the form that carries a tag, and what stands in its place; whether it is one of ours is not looked at.
    Tagged(String),
}

/// Whether an address is one of the monitored mailbox's.
fn own_address(settings: &Settings, address: &str) -> Option<Own> {
    let address = address.to_lowercase();
    if address == "postmaster" {
        return Some(Own::Mailbox);
    }
    let tagged = settings.portals.values().flat_map(|portal| [&portal.reply_to, &portal.bounce_to]);
    tagged
        .filter_map(|at| {
            let (before, after) = (at.before.to_lowercase(), at.after.to_lowercase());
            let local = address.strip_suffix(&after)?;
            let base = before.trim_end_matches(['+', '-', '=']);
            match local {
                "postmaster" if after.starts_with('@') => Some(Own::Mailbox),
                local if local == base => Some(Own::Mailbox),
                local => local.strip_prefix(&before).map(|tag| Own::Tagged(tag.to_owned())),
            }
        })
        .min_by_key(|own| *own != Own::Mailbox)
}

/// Whether somebody who writes to this address writes to us: the mailbox, tagged or not, or an address that a portal's mails
/// show.
pub(super) fn is_for_us(settings: &Settings, address: &str) -> bool {
    let shown = settings.portals.values().any(|portal| portal.sender.address.same_as(address) || portal.support_address.same_as(address));
    shown || is_ours(settings, address)
}

/// Whether an address is one of the monitored mailbox's, tagged or not.
pub(super) fn is_ours(settings: &Settings, address: &str) -> bool {
    own_address(settings, address).is_some()
}

/// Unpacks the model and the tables of phrases before an attempt at the first message is counted: a crash meanwhile is no fault of it.
fn warm_up() {
    let mut facts = reading::read(b"From: a@b.example\r\n\r\nhello\r\n", &reading::Envelope::default(), &Trust { authserv_ids: &[] });
    resetd_core::answer::judge(&mut facts, &OurWords::default());
    inbound::kind(&facts);
}
