//! One visit to one folder: everything new is taken, then it waits for more, until the connection ends. The numbers
//! (UIDVALIDITY, UID) say what is new, never `\Seen`: what somebody read elsewhere is still an answer to us.
//!
//! Claim, fetch, store, mark, settle: a message is noted as owed, and its attempt counted, before it is fetched; it is
//! marked only when it is on disk (law 3), and no longer owed only when it is marked. A crash anywhere between lets it be
//! fetched again, and the store knows it by its bytes.

use std::collections::HashMap;

use resetd_core::time::Timestamp;

use super::ending;
use super::names;
use super::place::Place;
use super::response::{Fetched, Response, Status};
use super::session::{Part, Session, refused};
use super::trouble::{Step, Trouble};
use crate::ambient::Stop;
use crate::app::{FolderMark, FolderSeen, Owed};
use crate::mailbox::{Arrival, Sink};

/// Numbers asked for in one search: bounds its answer.
const WINDOW: u32 = 65_536;
/// Messages claimed and settled together, so that they share two commits.
const TOGETHER: usize = 16;
/// Attempts before a person is asked. With the waits of [`Owed::again_at`] they take about eight hours.
const ATTEMPTS: u32 = 12;
/// How much larger than it said a message may be: servers count line ends differently.
const SLACK: usize = 65_536;

/// A selected folder.
pub(super) struct Visit<'p> {
    pub(super) session: Session,
    pub(super) place: &'p Place,
    mark: FolderMark,
    /// Marking failed and was told.
    pub(super) unmarked: bool,
}

/// What became of one message.
enum Taken {
    /// On disk.
    Stored,
    /// No longer there.
    Gone,
    /// The server does not give it.
    Refused,
}

impl<'p> Visit<'p> {
    /// Opens the folder. The first time, what is older than `since` is left alone; when its numbers have changed, all
    /// since then is read again, and what was kept before is recognised.
    pub async fn begin(mut session: Session, place: &'p Place) -> Result<Self, Trouble> {
        let name = place.wire_name(&mut session).await?;
        let validity = session.open(&name, place.account.after.leaves_alone()).await?;
        let next = session.uid_next;
        let top = highest(&mut session).await?;
        let seen = FolderSeen { validity, next, top, since: place.app().now() - place.account.since };
        let mark = place.stored(place.app().open_folder(place.key(), seen).await)?;
        if mark.renumbered {
            tracing::warn!(event = "mailbox.renumbered", mailbox = %place.label, "the server numbers its messages anew: everything is read again");
        }
        Ok(Self { session, place, mark, unmarked: false })
    }

    /// Takes everything that is new, then what is owed and due. Gives when something owed is due next.
    pub async fn catch_up(&mut self, stop: &Stop) -> Result<Option<Timestamp>, Trouble> {
        self.session.news = false;
        let top = highest(&mut self.session).await?;
        while self.mark.last_uid < top && !ending(stop) {
            let first = self.mark.last_uid + 1;
            let old = first <= self.mark.old_until;
            // What lay there at first goes up to some number; a window does not reach over it.
            let end = self.mark.last_uid.saturating_add(WINDOW).min(if old { self.mark.old_until } else { top });
            for chunk in self.search(first, end, old).await?.chunks(TOGETHER) {
                if ending(stop) {
                    return Ok(None);
                }
                let fresh: Vec<Owed> = chunk.iter().map(|uid| Owed::fresh(*uid)).collect();
                self.take(&fresh, chunk.last().copied()).await?;
                self.place.app().mailbox_reached(&self.place.label);
            }
            self.claim(&[], Some(end)).await?;
        }
        self.pay(stop).await
    }

    /// One by one: whatever made the last attempt fail must not take its neighbours along.
    async fn pay(&mut self, stop: &Stop) -> Result<Option<Timestamp>, Trouble> {
        let owed = self.place.stored(self.place.app().owed_messages(self.mark.n).await)?;
        let now = self.place.app().now();
        for owed in owed.iter().filter(|owed| owed.due_at <= now) {
            if ending(stop) {
                return Ok(None);
            }
            if owed.attempts >= ATTEMPTS {
                self.give_up(owed.uid).await?;
            } else {
                self.take(&[*owed], None).await?;
            }
        }
        Ok(self.place.stored(self.place.app().owed_messages(self.mark.n).await)?.iter().map(|owed| owed.due_at).min())
    }

    /// The numbers of messages from `first` to `last`; of those that lay there when the folder was first met (`old`), the
    /// ones from before its `since` are left out.
    async fn search(&mut self, first: u32, last: u32, old: bool) -> Result<Vec<u32>, Trouble> {
        let date = self.mark.since_day().filter(|_| old).map(|day| format!(" SINCE {day}")).unwrap_or_default();
        let mut found = Vec::new();
        let take = |response| {
            if let Response::Search(numbers) = response {
                found.extend(numbers.into_iter().filter(|uid| (first..=last).contains(uid)));
            }
        };
        self.session.must(Step::Search, &format!("UID SEARCH UID {first}:{last}{date}"), take).await?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    async fn claim(&mut self, messages: &[Owed], up_to: Option<u32>) -> Result<(), Trouble> {
        let now = self.place.app().now();
        let again: Vec<(u32, Timestamp)> = messages.iter().map(|owed| (owed.uid, owed.again_at(now))).collect();
        self.place.stored(self.place.app().claim_messages(self.mark.n, again, up_to).await)?;
        self.mark.last_uid = self.mark.last_uid.max(up_to.unwrap_or(0));
        Ok(())
    }

    async fn take(&mut self, messages: &[Owed], up_to: Option<u32>) -> Result<(), Trouble> {
        self.claim(messages, up_to).await?;
        let uids: Vec<u32> = messages.iter().map(|owed| owed.uid).collect();
        let sizes = self.sizes(&uids).await?;
        let (mut stored, mut settled) = (Vec::new(), Vec::new());
        for owed in messages {
            let taken = match sizes.get(&owed.uid) {
                Some(size) => self.fetch(owed, *size).await?,
                None => Taken::Gone,
            };
            match taken {
                Taken::Stored => stored.push(owed.uid),
                Taken::Gone => settled.push(owed.uid),
                Taken::Refused if owed.attempts + 1 >= ATTEMPTS => self.give_up(owed.uid).await?,
                Taken::Refused => {
                    tracing::warn!(event = "mailbox.message_unreadable", mailbox = %self.place.label, uid = owed.uid, attempts = owed.attempts + 1, "the server does not give it; it is tried again later");
                }
            }
        }
        if !stored.is_empty() {
            self.acknowledge(&stored).await?;
        }
        settled.extend(stored);
        self.place.stored(self.place.app().settle_messages(self.mark.n, settled).await)
    }

    async fn sizes(&mut self, uids: &[u32]) -> Result<HashMap<u32, u64>, Trouble> {
        let mut sizes = HashMap::new();
        let take = |response| {
            if let Response::Fetch(Fetched { uid: Some(uid), size: Some(size), .. }) = response {
                sizes.insert(uid, size);
            }
        };
        self.session.must(Step::Fetch, &format!("UID FETCH {} (UID RFC822.SIZE)", names::set(uids)), take).await?;
        Ok(sizes)
    }

    async fn fetch(&mut self, owed: &Owed, size: u64) -> Result<Taken, Trouble> {
        let max = self.place.max_size;
        // Headers come first, so that a beginning holds them. After a failure, too: the size may have been a lie.
        let beginning = size > max as u64 || owed.attempts > 0;
        let item = if beginning { format!("BODY.PEEK[]<0.{max}>") } else { "BODY.PEEK[]".to_owned() };
        let mut body = None;
        let take = |response| {
            if let Response::Fetch(Fetched { uid: Some(uid), body: Some(octets), .. }) = response
                && uid == owed.uid
            {
                body = Some(octets);
            }
        };
        let command = format!("UID FETCH {} (UID {item})", owed.uid);
        let answer = self.session.run(Step::Fetch, &[Part::Text(&command)], max + SLACK, take).await?;
        if answer.is_passing() {
            return Err(refused(Step::Fetch, &answer));
        }
        let Some(mut raw) = body.filter(|_| answer.status == Status::Ok) else { return Ok(Taken::Refused) };
        let real = size.max(raw.len() as u64);
        raw.truncate(max);
        let truncated_from = (real > raw.len() as u64).then_some(real);
        let arrived = Arrival { raw, mail_from: None, rcpt_to: Vec::new(), source: "imap", truncated_from, peer: None };
        self.place.desk.store(arrived).await.map_err(|_| Trouble::Store)?;
        Ok(Taken::Stored)
    }

    /// A person is asked to look: the message itself stays where it is.
    async fn give_up(&mut self, uid: u32) -> Result<(), Trouble> {
        tracing::error!(event = "mailbox.message_given_up", mailbox = %self.place.label, uid, "it can't be fetched; a flag asks support to look at it");
        self.place.stored(self.place.app().give_up_message(&self.place.label, self.mark.validity, uid).await)?;
        self.place.stored(self.place.app().settle_messages(self.mark.n, vec![uid]).await)
    }
}

/// The highest number in the folder; 0: it is empty.
async fn highest(session: &mut Session) -> Result<u32, Trouble> {
    session.must(Step::Search, "NOOP", |_| {}).await?;
    if session.exists == 0 {
        return Ok(0);
    }
    let mut top = 0;
    let take = |response| {
        if let Response::Fetch(Fetched { uid: Some(uid), .. }) = response {
            top = top.max(uid);
        }
    };
    session.must(Step::Search, "UID FETCH * (UID)", take).await?;
    Ok(top)
}
