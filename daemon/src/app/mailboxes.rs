//! What an IMAP mailbox has to remember beside its messages: how far each folder was read, and since when it can't be.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use resetd_core::time::Timestamp;

use super::ingest::Arrival;
use super::{App, FolderKey, FolderMark, FolderSeen, Owed, StoreError};
use crate::ambient::random;

/// So long may a mailbox be out of reach before a person is told. Servers are restarted, networks hiccup.
const ALARM_AFTER: Duration = Duration::from_secs(300);

/// Every folder of every IMAP mailbox, by the name that logs and metrics use.
#[derive(Default)]
pub(super) struct Mailboxes(Mutex<BTreeMap<String, State>>);

/// One folder's connection.
struct State {
    /// Since when it is out of reach; `None`: it is not.
    lost: Option<Lost>,
}

struct Lost {
    since: Timestamp,
    why: String,
    /// A person's hand is needed, however long it has been.
    lasts: bool,
    /// `mailbox.unreachable` was logged.
    told: bool,
}

impl Mailboxes {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What needs a person's hand.
    pub fn problems(&self, now: Timestamp) -> Vec<String> {
        let due = |lost: &&Lost| lost.lasts || now.since(lost.since) >= ALARM_AFTER;
        let map = self.lock();
        let lost = map.iter().filter_map(|(name, state)| state.lost.as_ref().filter(due).map(|lost| (name, lost)));
        lost.map(|(name, lost)| format!("the mailbox {name} can't be read since {}, answers wait there: {}", lost.since, lost.why))
            .collect()
    }

    /// For Prometheus.
    pub fn render(&self, now: Timestamp, out: &mut String) {
        let map = self.lock();
        if map.is_empty() {
            return;
        }
        let _ = writeln!(out, "# HELP resetd_mailbox_up Whether the IMAP folder is connected and read.\n# TYPE resetd_mailbox_up gauge");
        for (name, state) in map.iter() {
            let _ = writeln!(out, "resetd_mailbox_up{{mailbox=\"{}\"}} {}", escaped(name), u8::from(state.lost.is_none()));
        }
        let _ = writeln!(
            out,
            "# HELP resetd_mailbox_unreachable_seconds Since when the IMAP folder can't be read; 0: it can.\n\
             # TYPE resetd_mailbox_unreachable_seconds gauge"
        );
        for (name, state) in map.iter() {
            let seconds = state.lost.as_ref().map_or(0, |lost| now.since(lost.since).as_secs());
            let _ = writeln!(out, "resetd_mailbox_unreachable_seconds{{mailbox=\"{}\"}} {seconds}", escaped(name));
        }
    }
}

/// A label's value in Prometheus' text format. Folders are called what people like.
fn escaped(name: &str) -> String {
    name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

impl App {
    /// How far a folder was read. Where its messages are numbered anew, it is read from as far back as before, though not
    /// from further back than messages are remembered: they would count as new.
    pub async fn open_folder(&self, key: FolderKey, seen: FolderSeen) -> Result<FolderMark, StoreError> {
        let remembered = self.clock.now() - self.settings().store.keep_events;
        let mut mark = self.store.open_folder(key, seen).await?;
        mark.since = mark.since.max(remembered);
        Ok(mark)
    }

    /// Counts an attempt at each message, with the time of the next, and moves the folder's mark.
    pub async fn claim_messages(&self, folder: i64, messages: Vec<(u32, Timestamp)>, up_to: Option<u32>) -> Result<(), StoreError> {
        self.store.claim_messages(folder, messages, up_to).await
    }

    /// Done with these messages.
    pub async fn settle_messages(&self, folder: i64, uids: Vec<u32>) -> Result<(), StoreError> {
        self.store.settle_messages(folder, uids).await
    }

    /// What is claimed and not done with.
    pub async fn owed_messages(&self, folder: i64) -> Result<Vec<Owed>, StoreError> {
        self.store.owed_messages(folder).await
    }

    /// A message that the server does not give: a stand-in is kept in its place, with a flag that says where to look.
    pub async fn give_up_message(&self, mailbox: &str, validity: u32, uid: u32) -> Result<(), StoreError> {
        let text =
            format!("A message in the mailbox {mailbox} could not be fetched (UID {uid}, UIDVALIDITY {validity}). Please look there.");
        let raw = format!("Subject: A message that could not be fetched\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n");
        // Should we be killed between the two steps, it is read as a message cut off, and raises a flag as such.
        let truncated_from = Some(raw.len() as u64);
        let stand_in = Arrival { raw: raw.into_bytes(), mail_from: None, rcpt_to: Vec::new(), source: "imap", truncated_from, peer: None };
        let Some(sealed) = self.seal(stand_in, true) else { return Err(StoreError::Closed) };
        let (n, _) = self.store.keep(sealed).await?;
        let mut conclusion = self.unreadable_number(n);
        if let Some(flag) = &mut conclusion.flag {
            flag.text = text;
        }
        self.store.conclude(conclusion).await.map(drop)
    }

    /// A folder that is about to be read for the first time since the start.
    pub fn mailbox_known(&self, name: &str) {
        let lost = Lost { since: self.clock.now(), why: "not connected yet".into(), lasts: false, told: false };
        self.mailboxes.lock().insert(name.to_owned(), State { lost: Some(lost) });
    }

    /// It is read.
    pub fn mailbox_reached(&self, name: &str) {
        let mut map = self.mailboxes.lock();
        if let Some(lost) = map.get_mut(name).and_then(|state| state.lost.take()) {
            let seconds = self.clock.now().since(lost.since).as_secs();
            if lost.told || lost.lasts {
                tracing::warn!(event = "mailbox.reachable", mailbox = name, seconds, "it is read again");
            } else {
                tracing::info!(event = "mailbox.connected", mailbox = name);
            }
        }
    }

    /// It can't be read now. Said once for each reason; `lasts`: a person's hand is needed.
    pub fn mailbox_lost(&self, name: &str, why: String, lasts: bool) {
        let now = self.clock.now();
        let mut map = self.mailboxes.lock();
        let state = map.entry(name.to_owned()).or_insert(State { lost: None });
        if state.lost.as_ref().is_none_or(|lost| lost.why != why) {
            if lasts {
                tracing::error!(event = "mailbox.refused", mailbox = name, "{why}");
            } else {
                tracing::info!(event = "mailbox.disconnected", mailbox = name, "{why}");
            }
        }
        match &mut state.lost {
            Some(lost) => (lost.why, lost.lasts) = (why, lasts),
            None => state.lost = Some(Lost { since: now, why, lasts, told: false }),
        }
    }

    /// Tells of mailboxes that have been out of reach for too long: once each, until they are back.
    pub fn watch_mailboxes(&self) {
        let now = self.clock.now();
        for (name, state) in self.mailboxes.lock().iter_mut() {
            if let Some(lost) = state.lost.as_mut().filter(|lost| !lost.told && now.since(lost.since) >= ALARM_AFTER) {
                lost.told = true;
                tracing::error!(event = "mailbox.unreachable", mailbox = name, since = %lost.since, "answers wait there: {}", lost.why);
            }
        }
    }

    /// A random octet, for pauses.
    pub fn jitter(&self) -> u8 {
        random::<1>(&*self.entropy).map_or(128, |[octet]| octet)
    }
}
