//! How far each IMAP folder was read, and what is owed of it.

use std::time::Duration;

use resetd_core::time::Timestamp;
use rusqlite::{Connection, params};

use super::row::{Doing, time};
use super::writer::Tx;
use super::{Store, StoreError};

/// Which folder: the cursor of another server, user or folder is another one.
#[derive(Clone, Debug)]
pub struct FolderKey {
    /// As configured.
    pub host: String,
    /// The login's.
    pub user: String,
    /// As configured.
    pub folder: String,
}

/// What a folder looks like when it is opened.
#[derive(Clone, Copy, Debug)]
pub struct FolderSeen {
    /// Its UIDVALIDITY.
    pub validity: u32,
    /// The UID that its next message gets, where the server says it. One that was passed already: it went back to an
    /// older state, and gives the same numbers to other messages.
    pub next: Option<u32>,
    /// Its highest UID now.
    pub top: u32,
    /// Where it was never met before: what is older is left alone.
    pub since: Timestamp,
}

/// How far a folder was read.
#[derive(Clone, Debug)]
pub struct FolderMark {
    /// Its number.
    pub n: i64,
    /// Its UIDVALIDITY.
    pub validity: u32,
    /// Every message up to here is kept, or owed.
    pub last_uid: u32,
    /// What lay there when it was first met, or renumbered, goes up to here.
    pub old_until: u32,
    /// Of that, what is older is left alone.
    pub since: Timestamp,
    /// Its messages are numbered anew.
    pub renumbered: bool,
}

/// A message that was claimed and is not done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owed {
    /// Its UID.
    pub uid: u32,
    /// Attempts begun.
    pub attempts: u32,
    /// When to try again.
    pub due_at: Timestamp,
}

/// The longest wait between two attempts.
const LONGEST: u64 = 6 * 3600;

impl Owed {
    /// One that was never tried.
    pub fn fresh(uid: u32) -> Self {
        Self { uid, attempts: 0, due_at: Timestamp::from_millis(0) }
    }

    /// When to try once more, should the attempt that begins now fail: at once after the first (the daemon may have been
    /// killed), then after half a minute, doubled each time.
    pub fn again_at(&self, now: Timestamp) -> Timestamp {
        match self.attempts {
            0 => now,
            attempts => now + Duration::from_secs((30 << (attempts - 1).min(20)).min(LONGEST)),
        }
    }
}

impl FolderMark {
    /// `since` as IMAP writes a day; a day early, since servers count days in zones of their own.
    pub fn since_day(&self) -> Option<String> {
        let day = self.since - Duration::from_secs(24 * 3600);
        let at = jiff::Timestamp::from_millisecond(day.as_millis()).ok()?;
        Some(at.strftime("%-d-%b-%Y").to_string())
    }
}

impl Store {
    /// Notes that a folder was opened, and gives how far it was read. Other numbers than before: from the beginning.
    pub async fn open_folder(&self, key: FolderKey, seen: FolderSeen) -> Result<FolderMark, StoreError> {
        self.writer.write(move |tx| tx.open_folder(&key, seen)).await
    }

    /// Counts an attempt at each message, with the time of the next should it fail, and moves the mark.
    pub async fn claim_messages(&self, folder: i64, messages: Vec<(u32, Timestamp)>, up_to: Option<u32>) -> Result<(), StoreError> {
        let work = move |tx: &mut Tx<'_>| {
            let mut claim = tx
                .conn
                .prepare_cached(
                    "INSERT INTO imap_owed (folder_n, uid, attempts, due_at) VALUES (?1, ?2, 1, ?3) \
                     ON CONFLICT (folder_n, uid) DO UPDATE SET attempts = attempts + 1, due_at = excluded.due_at",
                )
                .doing("preparing to claim a message")?;
            for (uid, due_at) in &messages {
                claim.execute(params![folder, uid, due_at.as_millis()]).doing("claiming a message")?;
            }
            if let Some(up_to) = up_to {
                let mut update = tx
                    .conn
                    .prepare_cached("UPDATE imap_folder SET last_uid = ?2 WHERE n = ?1 AND last_uid < ?2")
                    .doing("preparing to move a mark")?;
                update.execute(params![folder, up_to]).doing("moving a mark")?;
            }
            Ok(())
        };
        self.writer.write(work).await
    }

    /// Done with these messages.
    pub async fn settle_messages(&self, folder: i64, uids: Vec<u32>) -> Result<(), StoreError> {
        let work = move |tx: &mut Tx<'_>| {
            let mut delete =
                tx.conn.prepare_cached("DELETE FROM imap_owed WHERE folder_n = ?1 AND uid = ?2").doing("preparing to settle a message")?;
            for uid in &uids {
                delete.execute(params![folder, uid]).doing("settling a message")?;
            }
            Ok(())
        };
        self.writer.write(work).await
    }

    /// What is owed, least tried first.
    pub async fn owed_messages(&self, folder: i64) -> Result<Vec<Owed>, StoreError> {
        let read = move |conn: &Connection| {
            let mut select = conn
                .prepare_cached("SELECT uid, attempts, due_at FROM imap_owed WHERE folder_n = ?1 ORDER BY attempts, uid LIMIT 1000")
                .doing("preparing to list owed messages")?;
            let rows = select
                .query_map([folder], |row| Ok(Owed { uid: row.get(0)?, attempts: row.get(1)?, due_at: time(row, 2)? }))
                .doing("listing owed messages")?;
            rows.collect::<Result<_, _>>().doing("reading owed messages")
        };
        self.readers.read(read).await
    }
}

impl Tx<'_> {
    fn open_folder(&mut self, key: &FolderKey, seen: FolderSeen) -> Result<FolderMark, StoreError> {
        let name = params![key.host, key.user, key.folder, seen.validity, seen.top, seen.since.as_millis()];
        let fresh = self
            .conn
            .prepare_cached(
                "INSERT INTO imap_folder (host, user, folder, uidvalidity, last_uid, old_until, since) VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6) \
                 ON CONFLICT (host, user, folder) DO NOTHING",
            )
            .doing("preparing to note a folder")?
            .execute(name)
            .doing("noting a folder")?;
        let next = seen.next.unwrap_or(u32::MAX);
        let values = params![key.host, key.user, key.folder, seen.validity, seen.top, next];
        let renumbered = self
            .conn
            .prepare_cached(
                "UPDATE imap_folder SET uidvalidity = ?4, last_uid = 0, old_until = ?5 \
                 WHERE host = ?1 AND user = ?2 AND folder = ?3 AND (uidvalidity <> ?4 OR last_uid >= ?6)",
            )
            .doing("preparing to renumber a folder")?
            .execute(values)
            .doing("renumbering a folder")?
            > 0;
        let mark = self
            .conn
            .prepare_cached("SELECT n, last_uid, old_until, since FROM imap_folder WHERE host = ?1 AND user = ?2 AND folder = ?3")
            .doing("preparing to find a folder")?
            .query_row(params![key.host, key.user, key.folder], |row| {
                let (n, last_uid, old_until) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(FolderMark { n, validity: seen.validity, last_uid, old_until, since: time(row, 3)?, renumbered })
            })
            .doing("finding a folder")?;
        if renumbered && fresh == 0 {
            let mut delete = self.conn.prepare_cached("DELETE FROM imap_owed WHERE folder_n = ?1").doing("preparing to forget numbers")?;
            delete.execute([mark.n]).doing("forgetting numbers")?;
        }
        Ok(mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_days_are_written() {
        let now = Timestamp::from_millis(1_795_455_840_000);
        let wait = |attempts| Owed { attempts, ..Owed::fresh(1) }.again_at(now).since(now).as_secs();
        assert_eq!([wait(0), wait(1), wait(2), wait(11), wait(99)], [0, 30, 60, 21_600, 21_600]);
        let mark = FolderMark { n: 1, validity: 1, last_uid: 0, old_until: 0, since: now, renumbered: false };
        assert_eq!(mark.since_day().as_deref(), Some("22-Nov-2026"));
    }

    #[tokio::test]
    async fn a_mark_goes_with_its_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let opened = crate::store::tests::open(&dir.path().join("db"));
        let (store, now) = (opened.store, Timestamp::from_millis(5));
        let key = FolderKey { host: "h".into(), user: "u".into(), folder: "INBOX".into() };
        let seen = |validity, top| FolderSeen { validity, next: Some(top + 1), top, since: now };
        let mark = store.open_folder(key.clone(), seen(7, 20)).await.unwrap();
        assert_eq!((mark.last_uid, mark.old_until, mark.renumbered), (0, 20, false));
        store.claim_messages(mark.n, vec![(3, now), (4, now)], Some(4)).await.unwrap();
        store.claim_messages(mark.n, vec![(3, now)], None).await.unwrap();
        store.settle_messages(mark.n, vec![4]).await.unwrap();
        assert_eq!(store.owed_messages(mark.n).await.unwrap(), [Owed { uid: 3, attempts: 2, due_at: now }]);
        let again = store.open_folder(key.clone(), seen(7, 25)).await.unwrap();
        assert_eq!((again.n, again.last_uid, again.old_until, again.renumbered), (mark.n, 4, 20, false), "what came since is not old");
        let back = store.open_folder(key.clone(), FolderSeen { next: Some(4), ..seen(7, 3) }).await.unwrap();
        assert_eq!((back.last_uid, back.old_until, back.renumbered), (0, 3, true), "restored from a backup");
        store.claim_messages(mark.n, vec![(3, now)], Some(3)).await.unwrap();
        let other = store.open_folder(key, seen(8, 2)).await.unwrap();
        assert_eq!((other.n, other.last_uid, other.old_until, other.renumbered), (mark.n, 0, 2, true));
        assert_eq!(store.owed_messages(mark.n).await.unwrap(), []);
    }
}
