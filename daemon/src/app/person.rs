//! What is held about one person: all of it given out, or all of it erased.

use std::collections::BTreeSet;

use resetd_core::ids::PortalName;
use resetd_core::time::Timestamp;

use super::known::Known;
use super::watch::admin;
use super::{App, AppError, Caller, ResetStory};
use crate::reading;
use crate::store::{Flag, FlagFilter, Forgotten, Held, Listed, Named, Page, Person, PersonalReset, StoreError, Unread, Whose};

/// The most resets and messages that one answer holds; what is left out is said.
const RESETS_MAX: usize = 2000;
const MESSAGES_MAX: usize = 200;
/// The most octets of messages that one answer holds.
const OCTETS_MAX: usize = 16 * 1024 * 1024;
/// How far into a message its own header reaches at the most, for the question who wrote it.
const HEADER_MAX: usize = 64 * 1024;

/// All that is held about a person. No secret.
#[derive(Debug)]
pub struct Export {
    /// As asked for.
    pub who: String,
    /// Now.
    pub at: Timestamp,
    /// Resets with their timelines, and what a reset's own answer does not show.
    pub resets: Vec<(ResetStory, PersonalReset)>,
    /// Cases for support.
    pub flags: Vec<Flag>,
    /// Kept messages, our secrets struck out: the reset, when it came, the message.
    pub messages: Vec<(i64, Timestamp, Vec<u8>)>,
    /// Addresses of the person's that are held.
    pub holds: Vec<Held>,
    /// Failed logins that are counted: portal, account, how many, since when.
    pub logins: Vec<(PortalName, String, u32, Timestamp)>,
    /// Whether there is more than an answer holds.
    pub is_cut: bool,
}

impl App {
    /// All that is held about a person.
    pub async fn export(&self, caller: &Caller, person: Person) -> Result<Export, AppError> {
        admin(caller, "what is held about a person is")?;
        let now = self.clock.now();
        let mut named = self.store.resets_of(Whose::person(person.clone())).await?;
        let mut is_cut = named.len() > RESETS_MAX;
        named.truncate(RESETS_MAX);
        let mut resets = Vec::new();
        for one in &named {
            if let Some((row, more)) = self.store.personal(one.row()).await? {
                let timeline = self.store.timeline(row.n).await?;
                resets.push((ResetStory { reset: row.view(now), timeline }, more));
            }
        }
        let (messages, cut) = self.messages_about(&person, &named).await?;
        is_cut |= cut;
        let who = person.who.clone();
        let (flags, holds, logins) =
            (self.flags_about(&person, &named).await?, self.holds_of(&person, &named).await?, self.logins_of(&person, &named).await?);
        self.store.exported(person.portal, caller.uid, now).await?;
        Ok(Export { who, at: now, resets, flags, messages, holds, logins, is_cut })
    }

    /// Erases all that is held about a person but counters, states and hashes. `dry`: only says what there is.
    pub async fn forget(&self, caller: &Caller, person: Person, dry: bool) -> Result<Forgotten, AppError> {
        admin(caller, "erasing is")?;
        let named = self.store.resets_of(Whose::person(person.clone())).await?;
        let about = self.written_by(&person, &named).await?;
        if dry {
            let messages = self.store.messages_of(named.clone(), usize::MAX).await?.len() + about.len();
            let flags = self.flags_about(&person, &named).await?.len() as u64;
            let others = (self.holds_of(&person, &named).await?.len() + self.logins_of(&person, &named).await?.len()) as u64;
            return Ok(Forgotten { resets: named.len() as u64, flags, messages: messages as u64, others });
        }
        let now = self.clock.now();
        let portals = self.settings().portals.keys().cloned().collect();
        let mut gone = self.store.forget(person.clone(), portals, self.ring(), now).await?;
        for n in about {
            gone.add(self.store.forget_message(n).await?);
        }
        self.store.forgot(gone, person.portal, caller.uid, now).await?;
        Ok(gone)
    }

    /// Messages that are tied to no reset and were written by the person: the sealed ones are opened for it.
    async fn written_by(&self, person: &Person, named: &[Named]) -> Result<Vec<i64>, StoreError> {
        let addresses = addresses(person, named);
        let (mut found, mut after) = (Vec::new(), 0);
        loop {
            let page = self.store.untied(after, 50).await?;
            let Some(last) = page.last() else { return Ok(found) };
            after = last.n;
            found.extend(page.iter().filter(|message| self.names_one_of(message, &addresses)).map(|message| message.n));
        }
    }

    fn names_one_of(&self, message: &Unread, addresses: &BTreeSet<String>) -> bool {
        let Some((raw, cover)) = self.open(message) else { return false };
        if cover.mail_from.is_some_and(|from| addresses.contains(&from.to_lowercase())) {
            return true;
        }
        let header = String::from_utf8_lossy(&raw[..raw.len().min(HEADER_MAX)]).to_lowercase();
        let header = header.split("\r\n\r\n").next().and_then(|head| head.split("\n\n").next()).unwrap_or_default();
        addresses.iter().any(|address| header.contains(address.as_str()))
    }

    async fn messages_about(&self, person: &Person, named: &[Named]) -> Result<(Vec<(i64, Timestamp, Vec<u8>)>, bool), StoreError> {
        let mut kept = self.store.messages_of(named.to_vec(), MESSAGES_MAX + 1).await?;
        for n in self.written_by(person, named).await? {
            if let Some(message) = self.store.message(n).await? {
                kept.push((0, message));
            }
        }
        let (mut messages, mut octets, mut is_cut) = (Vec::new(), 0, kept.len() > MESSAGES_MAX);
        kept.truncate(MESSAGES_MAX);
        for (reset, message) in kept {
            let rows = match self.store.personal(reset).await? {
                Some((row, _)) => self.family(Some(row)).await?,
                None => Vec::new(),
            };
            let Some((raw, _)) = self.open(&message) else { continue };
            octets += raw.len();
            if octets > OCTETS_MAX {
                is_cut = true;
                break;
            }
            let (ring, settings) = (self.ring(), self.settings());
            let strike = move || reading::strike(&raw, &Known::new(&ring, &settings, &rows)).to_message();
            if let Ok(struck) = tokio::task::spawn_blocking(strike).await {
                messages.push((message.n, message.received_at, struck));
            }
        }
        Ok((messages, is_cut))
    }

    async fn flags_about(&self, person: &Person, named: &[Named]) -> Result<Vec<Flag>, StoreError> {
        let (addresses, accounts) = (addresses(person, named), accounts(person, named));
        let resets: BTreeSet<_> = named.iter().map(Named::id).collect();
        let (mut found, mut page) = (Vec::new(), Page { after: None, limit: 500 });
        loop {
            let filter = FlagFilter { portals: person.portal.clone().map(|portal| vec![portal]), ..FlagFilter::default() };
            let Listed { items, next } = self.store.flags(filter, page).await?;
            found.extend(items.into_iter().filter(|flag| {
                let sender = flag.sender.as_ref().map(|sender| sender.to_lowercase());
                flag.account.as_ref().is_some_and(|account| accounts.contains(account))
                    || flag.reset.is_some_and(|reset| resets.contains(&reset))
                    || sender.is_some_and(|sender| addresses.iter().any(|address| sender.contains(address.as_str())))
            }));
            match next {
                Some(after) => page.after = Some(after),
                None => return Ok(found),
            }
        }
    }

    async fn holds_of(&self, person: &Person, named: &[Named]) -> Result<Vec<Held>, StoreError> {
        self.store.holds_of(addresses(person, named).into_iter().collect()).await
    }

    async fn logins_of(&self, person: &Person, named: &[Named]) -> Result<Vec<(PortalName, String, u32, Timestamp)>, StoreError> {
        let portals: Vec<PortalName> = match &person.portal {
            Some(portal) => vec![portal.clone()],
            None => self.settings().portals.keys().cloned().collect(),
        };
        self.store.logins_of(portals, accounts(person, named).into_iter().collect()).await
    }
}

fn addresses(person: &Person, named: &[Named]) -> BTreeSet<String> {
    let whole = Some(person.who.to_lowercase()).filter(|who| who.contains('@'));
    named.iter().filter_map(|one| one.email().map(str::to_lowercase)).chain(whole).collect()
}

fn accounts(person: &Person, named: &[Named]) -> BTreeSet<String> {
    named.iter().filter_map(|one| one.account().map(|(_, account)| account.to_owned())).chain(Some(person.who.clone())).collect()
}
