//! What is held about one person: found, given out, erased.

use std::collections::BTreeSet;
use std::sync::Arc;

use resetd_core::address::Mailbox;
use resetd_core::event::Event;
use resetd_core::ids::{PortalName, ResetId};
use resetd_core::reset::State;
use resetd_core::secret::{KeyRing, Link};
use resetd_core::time::Timestamp;
use rusqlite::{Connection, Row, params};
use serde_json::json;

use super::row::{Doing, Sql, portal, reset_id};
use super::writer::Tx;
use super::{Store, StoreError, Unread};

/// Rows touched in one transaction, so that requests never wait long behind it.
const SLICE: usize = 100;

/// A person as an administrator names one: an account, or an address.
#[derive(Clone, Debug)]
pub struct Person {
    /// The account or the address.
    pub who: String,
    /// At this portal; `None`: at every one.
    pub portal: Option<PortalName>,
}

impl Person {
    fn is(&self, at: &PortalName, account: Option<&str>, email: Option<&str>) -> bool {
        let here = self.portal.as_ref().is_none_or(|portal| portal == at);
        here && (account == Some(&self.who) || email.is_some_and(|email| email.to_lowercase() == self.who.to_lowercase()))
    }

    /// The keyed hash under which it is remembered that the person was erased.
    fn pseudonym(&self, ring: &KeyRing) -> [u8; 12] {
        let portal = self.portal.as_ref().map_or("", PortalName::as_str);
        ring.pseudonym_of(&[b"forgotten", portal.as_bytes(), self.who.to_lowercase().as_bytes()])
    }
}

/// Of a reset's portal, account and address: whether they are those that one looks for.
type Judge = dyn Fn(&PortalName, Option<&str>, Option<&str>) -> bool + Send + Sync;

/// Whose resets one looks for.
#[derive(Clone)]
pub struct Whose(Arc<Judge>);

impl Whose {
    /// A person's.
    pub fn person(person: Person) -> Self {
        Self(Arc::new(move |portal, account, email| person.is(portal, account, email)))
    }

    /// Anyone's who was erased, known by the keyed hash.
    pub(super) fn forgotten(ring: Arc<KeyRing>, who: BTreeSet<[u8; 12]>) -> Self {
        Self(Arc::new(move |portal, account, email| {
            [account, email].into_iter().flatten().any(|name| {
                let name = name.to_lowercase();
                let hashes = |at: &str| ring.pseudonyms_of(&[b"forgotten", at.as_bytes(), name.as_bytes()]);
                hashes("").into_iter().chain(hashes(portal.as_str())).any(|hash| who.contains(&hash))
            })
        }))
    }
}

/// A reset of the person's, with the names it is known by.
#[derive(Clone, Debug)]
pub struct Named {
    n: i64,
    id: ResetId,
    portal: PortalName,
    account: Option<String>,
    email: Option<String>,
}

/// What was erased.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Forgotten {
    /// Resets that lost name, address and all.
    pub resets: u64,
    /// Flags that lost their words.
    pub flags: u64,
    /// Messages that lost their bytes.
    pub messages: u64,
    /// Held addresses, counts of failed logins and wrong codes.
    pub others: u64,
}

impl Store {
    /// The person's resets. Looks at every reset that has personal data: there is no index by account that requests would have to keep.
    pub async fn resets_of(&self, whose: Whose) -> Result<Vec<Named>, StoreError> {
        self.readers.read(move |conn| resets_of(conn, &whose)).await
    }

    /// Erases a person: what is left of a reset are its state and times, of a line of the timeline the hash. `portals`: where to look
    /// for counts that no reset goes with.
    pub async fn forget(
        &self,
        person: Person,
        portals: Vec<PortalName>,
        ring: Arc<KeyRing>,
        now: Timestamp,
    ) -> Result<Forgotten, StoreError> {
        let mut gone = Forgotten::default();
        // Until none is found: a request may come in meanwhile.
        loop {
            let found = self.resets_of(Whose::person(person.clone())).await?;
            if found.is_empty() {
                break;
            }
            for slice in found.chunks(SLICE) {
                let slice = slice.to_vec();
                gone.add(self.writer.write(move |tx| tx.forget_all(&slice, now)).await?);
            }
        }
        let hash = person.pseudonym(&ring);
        let work = move |tx: &mut Tx<'_>| {
            tx.remember_forgotten(&hash, now)?;
            let mut gone = Forgotten::default();
            for portal in portals.iter().filter(|at| person.portal.as_ref().is_none_or(|portal| portal == *at)) {
                gone.add(tx.forget_account(portal, &person.who)?);
            }
            gone.add(tx.forget_address(&person.who, person.portal.as_ref())?);
            Ok(gone)
        };
        gone.add(self.writer.write(work).await?);
        Ok(gone)
    }

    /// Writes that somebody was erased; never who.
    pub async fn forgot(&self, gone: Forgotten, portal: Option<PortalName>, by: u32, now: Timestamp) -> Result<(), StoreError> {
        let detail = json!({ "resets": gone.resets, "flags": gone.flags, "messages": gone.messages, "others": gone.others, "uid": by });
        self.writer.write(move |tx| tx.event(now, Event::Forgotten, None, portal.as_ref(), detail.clone())).await?;
        self.flush().await
    }

    /// Empties the log beside the database, in which what was erased would stand until it is written over.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let path = self.path.clone();
        let work = move || {
            let conn = Connection::open(&path).doing("opening the database")?;
            conn.execute_batch("PRAGMA busy_timeout = 5000;").doing("emptying the log")?;
            let busy: i64 = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).doing("emptying the log")?;
            if busy != 0 {
                // A long reader; the next purge tries again.
                tracing::info!(event = "store.flush_later");
            }
            Ok(())
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Closed)?
    }

    /// A stretch of the kept messages that are tied to no reset, those after `after`.
    pub async fn untied(&self, after: i64, limit: u32) -> Result<Vec<Unread>, StoreError> {
        let read = move |conn: &Connection| {
            let mut select = conn
                .prepare_cached(
                    "SELECT n, attempts, envelope, raw, received_at FROM inbound WHERE n IN (SELECT n FROM inbound INDEXED BY inbound_key \
                     WHERE raw IS NOT NULL AND reset_n IS NULL AND state <> 'stored' AND n > ?1 ORDER BY n LIMIT ?2) ORDER BY n",
                )
                .doing("preparing to look through messages")?;
            let rows = select.query_map(params![after, limit], unread).doing("looking through messages")?;
            rows.collect::<Result<_, _>>().doing("looking through messages")
        };
        self.readers.read(read).await
    }

    /// The kept messages of these resets.
    pub async fn messages_of(&self, resets: Vec<Named>, limit: usize) -> Result<Vec<(i64, Unread)>, StoreError> {
        let read = move |conn: &Connection| {
            let mut select = conn
                .prepare_cached(
                    "SELECT n, attempts, envelope, raw, received_at FROM inbound WHERE reset_n = ?1 AND raw IS NOT NULL ORDER BY n",
                )
                .doing("preparing to read a person's messages")?;
            let mut found = Vec::new();
            for reset in &resets {
                let rows = select.query_map([reset.n], unread).doing("reading a person's messages")?;
                for row in rows.take(limit.saturating_sub(found.len())) {
                    found.push((reset.n, row.doing("reading a person's messages")?));
                }
            }
            Ok(found)
        };
        self.readers.read(read).await
    }

    /// Erases a kept message, its flag's words with it.
    pub async fn forget_message(&self, n: i64) -> Result<Forgotten, StoreError> {
        self.writer.write(move |tx| tx.forget_message(n)).await
    }
}

impl Named {
    /// Its row, for what else the store gives by it.
    pub fn row(&self) -> i64 {
        self.n
    }

    /// Its id.
    pub fn id(&self) -> ResetId {
        self.id
    }

    /// Its portal and account.
    pub fn account(&self) -> Option<(&PortalName, &str)> {
        Some((&self.portal, self.account.as_deref()?))
    }

    /// Its address.
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }
}

impl Forgotten {
    /// Both.
    pub fn add(&mut self, more: Self) {
        self.resets += more.resets;
        self.flags += more.flags;
        self.messages += more.messages;
        self.others += more.others;
    }
}

pub(super) fn unread(row: &Row<'_>) -> Sql<Unread> {
    let received_at = Timestamp::from_millis(row.get(4)?);
    Ok(Unread { n: row.get(0)?, attempts: row.get(1)?, envelope: row.get(2)?, raw: row.get(3)?, received_at })
}

pub(super) fn resets_of(conn: &Connection, whose: &Whose) -> Result<Vec<Named>, StoreError> {
    let mut select = conn
        .prepare_cached("SELECT n, portal, account, email, id FROM reset INDEXED BY reset_personal WHERE email IS NOT NULL")
        .doing("preparing to find a person's resets")?;
    let wanted = |row: &Row<'_>| -> Sql<Option<Named>> {
        let (portal, account, email) = (portal(row, 1)?, row.get_ref(2)?.as_str_or_null()?, row.get_ref(3)?.as_str_or_null()?);
        let named = || {
            Ok(Named {
                n: row.get(0)?,
                id: reset_id(row, 4)?,
                portal: portal.clone(),
                account: account.map(str::to_owned),
                email: email.map(str::to_owned),
            })
        };
        if (whose.0)(&portal, account, email) { named().map(Some) } else { Ok(None) }
    };
    let rows = select.query_map([], wanted).doing("finding a person's resets")?;
    rows.filter_map(Result::transpose).collect::<Result<_, _>>().doing("finding a person's resets")
}

impl Tx<'_> {
    /// Erases these resets and all that goes with their names.
    pub(super) fn forget_all(&mut self, resets: &[Named], now: Timestamp) -> Result<Forgotten, StoreError> {
        let mut gone = Forgotten::default();
        for reset in resets {
            gone.add(self.forget_reset(reset.n, now)?);
            if let Some(account) = &reset.account {
                gone.add(self.forget_account(&reset.portal, account)?);
            }
            if let Some(email) = &reset.email {
                gone.add(self.forget_address(email, Some(&reset.portal))?);
            }
        }
        Ok(gone)
    }

    pub(super) fn remember_forgotten(&self, who: &[u8; 12], at: Timestamp) -> Result<(), StoreError> {
        let mut insert = self
            .conn
            .prepare_cached("INSERT INTO forgotten (who, at) VALUES (?1, ?2) ON CONFLICT (who) DO UPDATE SET at = max(at, excluded.at)")
            .doing("preparing to remember who was forgotten")?;
        insert.execute(params![who.as_slice(), at.as_millis()]).doing("remembering who was forgotten").map(|_| ())
    }

    fn forget_reset(&mut self, n: i64, now: Timestamp) -> Result<Forgotten, StoreError> {
        let Some(row) = self.reset_by_n(n)? else { return Ok(Forgotten::default()) };
        // Without an address its mail could not go out, and nobody could say any more whose link it is.
        self.end(&row, State::Revoked, Event::ResetRevoked, now, json!({ "why": "what was held about the person was erased" }))?;
        let resets = self.change(
            "UPDATE reset SET email = NULL, name = NULL, ip = NULL, user_agent = NULL, account = NULL, valid_since = NULL WHERE n = ?1",
            n,
        )?;
        // Notices and acknowledgements that wait have nowhere to go; alerts go to support, with nothing in them.
        self.change(
            "UPDATE mail SET state = 'failed' WHERE reset_n = ?1 AND state = 'queued' AND kind IN ('notice', 'acknowledgement')",
            n,
        )?;
        self.change("UPDATE mail SET last = NULL, remote_id = NULL WHERE reset_n = ?1", n)?;
        self.change("DELETE FROM attempt WHERE mail_n IN (SELECT n FROM mail WHERE reset_n = ?1)", n)?;
        let messages = self.change(
            "UPDATE inbound SET raw = NULL, envelope = x'', sealed_with = NULL WHERE reset_n = ?1 AND raw IS NOT NULL AND state <> 'stored'",
            n,
        )?;
        let mut flags = 0;
        for flag in self.numbers("SELECT n FROM flag WHERE reset_n = ?1", n)? {
            flags += self.forget_flag(flag)?;
        }
        self.erase_details(n)?;
        Ok(Forgotten { resets, flags, messages, others: 0 })
    }

    /// Erases the details of a reset's lines; the lines stay on the chain.
    fn erase_details(&mut self, reset: i64) -> Result<(), StoreError> {
        let mut select =
            self.conn.prepare_cached("SELECT id, link FROM event WHERE reset_n = ?1").doing("preparing to erase a timeline")?;
        let rows = select.query_map([reset], |row| Ok((row.get(0)?, row.get::<_, Option<[u8; 16]>>(1)?))).doing("reading a timeline")?;
        let rows: Vec<(i64, Option<[u8; 16]>)> = rows.collect::<Result<_, _>>().doing("reading a timeline")?;
        drop(select);
        rows.into_iter().try_for_each(|(id, link)| self.chain.erase(self.conn, id, Link(link.unwrap_or_default())))
    }

    fn forget_flag(&self, n: i64) -> Result<u64, StoreError> {
        self.change("UPDATE flag_note SET text = '' WHERE flag_n = ?1", n)?;
        self.change("UPDATE flag SET text = '', sender = NULL, subject = NULL, account = NULL, note = NULL WHERE n = ?1", n)
    }

    fn forget_message(&mut self, n: i64) -> Result<Forgotten, StoreError> {
        let messages =
            self.change("UPDATE inbound SET raw = NULL, envelope = x'', sealed_with = NULL WHERE n = ?1 AND raw IS NOT NULL", n)?;
        let mut flags = 0;
        for flag in self.numbers("SELECT n FROM flag WHERE inbound_n = ?1", n)? {
            flags += self.forget_flag(flag)?;
        }
        Ok(Forgotten { flags, messages, ..Forgotten::default() })
    }

    fn forget_account(&mut self, portal: &PortalName, account: &str) -> Result<Forgotten, StoreError> {
        let mut gone = Forgotten::default();
        for text in ["DELETE FROM login WHERE portal = ?1 AND account = ?2", "DELETE FROM wrong_code WHERE portal = ?1 AND account = ?2"] {
            let mut delete = self.conn.prepare_cached(text).doing("preparing to erase counts")?;
            gone.others += delete.execute([portal.as_str(), account]).doing("erasing counts")? as u64;
        }
        let mut select = self
            .conn
            .prepare_cached("SELECT n FROM flag WHERE account = ?1 AND portal = ?2")
            .doing("preparing to find an account's flags")?;
        let rows = select.query_map([account, portal.as_str()], |row| row.get(0)).doing("finding an account's flags")?;
        let flags: Vec<i64> = rows.collect::<Result<_, _>>().doing("finding an account's flags")?;
        drop(select);
        for flag in flags {
            gone.flags += self.forget_flag(flag)?;
        }
        Ok(gone)
    }

    fn forget_address(&mut self, address: &str, portal: Option<&PortalName>) -> Result<Forgotten, StoreError> {
        let mut gone = Forgotten::default();
        let Ok(mailbox) = Mailbox::parse(address) else { return Ok(gone) };
        let mut delete = self
            .conn
            .prepare_cached("DELETE FROM hold WHERE email = ?1 AND (?2 IS NULL OR portal IN (?2, '*'))")
            .doing("preparing to erase a held address")?;
        gone.others += delete.execute(params![mailbox.hold_key(), portal.map(PortalName::as_str)]).doing("erasing a held address")? as u64;
        drop(delete);
        let mut select = self
            .conn
            .prepare_cached("SELECT n, sender FROM flag INDEXED BY flag_sender WHERE sender IS NOT NULL AND (?1 IS NULL OR portal IS NULL OR portal = ?1)")
            .doing("preparing to find an address's flags")?;
        let rows = select
            .query_map([portal.map(PortalName::as_str)], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))
            .doing("finding an address's flags")?;
        let rows: Vec<(i64, String)> = rows.collect::<Result<_, _>>().doing("finding an address's flags")?;
        drop(select);
        let wanted = address.to_lowercase();
        for (flag, _) in rows.into_iter().filter(|(_, sender)| sender.to_lowercase().contains(&wanted)) {
            gone.flags += self.forget_flag(flag)?;
        }
        Ok(gone)
    }

    fn change(&self, text: &str, n: i64) -> Result<u64, StoreError> {
        let mut statement = self.conn.prepare_cached(text).doing("preparing to erase")?;
        Ok(statement.execute([n]).doing("erasing")? as u64)
    }

    fn numbers(&self, text: &str, n: i64) -> Result<Vec<i64>, StoreError> {
        let mut select = self.conn.prepare_cached(text).doing("preparing to find what goes with it")?;
        let rows = select.query_map([n], |row| row.get(0)).doing("finding what goes with it")?;
        rows.collect::<Result<_, _>>().doing("finding what goes with it")
    }
}
