//! A copy of the database put back. The file is put in its place while no daemon runs; what it means is done at the next start, before
//! the first request, so that it is done whatever tool put the file there: a secret that was used, denied or revoked after the copy was
//! made must not become good again, and nobody knows any more which those were. So all that was open in the copy ends.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use resetd_core::event::Event;
use resetd_core::reset::State;
use resetd_core::secret::{KeyId, KeyRing};
use resetd_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::copy::{COPIED, check, count};
use super::lock::Lock;
use super::person::Whose;
use super::row::{Doing, RESET_ROW, reset_row};
use super::secrets::sql;
use super::writer::Tx;
use super::{PutBack, ResetRow, Severity, Store, StoreError, chain, keys, readers, schema};

/// Under this name a database that was put back has what it takes over from the one before it.
const CARRIED: &str = "carried over";

/// What is to be put back, and where.
pub struct Ask<'a> {
    /// The copy.
    pub copy: &'a Path,
    /// The database's place.
    pub database: &'a Path,
    /// A database that is there is put aside; otherwise it is an error that one is.
    pub replace: bool,
    /// Now.
    pub now: Timestamp,
}

/// A copy that is in its place.
#[derive(Debug)]
pub struct InPlace {
    /// When it was made; `None`: it does not say.
    pub copied_at: Option<Timestamp>,
    /// The keys that it was used with.
    pub keys: Vec<KeyId>,
    /// Resets that it has.
    pub resets: u64,
    /// Where the database is that was there before.
    pub kept: Option<PathBuf>,
    /// Why nothing could be taken over from that.
    pub not_carried: Option<String>,
}

/// It is not put back. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is one.
    #[error("there is a database at {}: with --replace it is put aside and kept", .0.display())]
    Exists(PathBuf),
    /// The file has not our tables.
    #[error("{} is no database of resetd's", .0.display())]
    NotOurs(PathBuf),
    /// Anything else.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a database that is put back needs to know of the one before it.
#[derive(Default, Serialize, Deserialize)]
struct Carried {
    /// The last number of a line, so that no reader of the timeline takes new lines for old ones.
    line: i64,
    /// The last number of a flag, for the same reason.
    flag: i64,
    /// The head of its chain.
    head: Option<(i64, [u8; 16])>,
    /// Who was erased, and when.
    forgotten: Vec<([u8; 12], i64)>,
}

/// Puts a copy in the database's place.
pub fn restore(ask: &Ask<'_>) -> Result<InPlace, RestoreError> {
    let _lock = Lock::take(ask.database)?;
    let there = ask.database.exists();
    if there && !ask.replace {
        return Err(RestoreError::Exists(ask.database.to_owned()));
    }
    let aside = ask.database.with_extension("restoring");
    let prepared = prepare(ask, &aside, there);
    if prepared.is_err() {
        remove(&aside);
    }
    let mut in_place = prepared?;
    if there {
        in_place.kept = Some(put_aside(ask)?);
    }
    let folder = ask.database.parent().unwrap_or(Path::new("/"));
    let owner = std::fs::metadata(folder).map_err(StoreError::file(folder))?;
    // Whoever runs this, the daemon's user must own it, and the lock that was taken here.
    for path in [&aside, &ask.database.with_extension("lock")] {
        std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid())).map_err(StoreError::file(path))?;
    }
    std::fs::rename(&aside, ask.database).map_err(StoreError::file(ask.database))?;
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(StoreError::file(folder))?;
    Ok(in_place)
}

/// A checked file, ready to be named.
fn prepare(ask: &Ask<'_>, aside: &Path, there: bool) -> Result<InPlace, RestoreError> {
    remove(aside);
    std::fs::copy(ask.copy, aside).map_err(StoreError::file(ask.copy))?;
    // A copy that was made with other tools may have a log beside it.
    let log = with_end(ask.copy, "-wal");
    if log.exists() {
        std::fs::copy(&log, with_end(aside, "-wal")).map_err(StoreError::file(&log))?;
    }
    let conn = Connection::open(aside).doing("opening the copy")?;
    let ours: bool = conn
        .query_row("SELECT count(*) = 2 FROM sqlite_master WHERE type = 'table' AND name IN ('meta', 'reset')", [], |row| row.get(0))
        .doing("looking at the copy")?;
    if !ours {
        return Err(RestoreError::NotOurs(ask.copy.to_owned()));
    }
    let (found, known) = (schema::version(&conn)?, schema::known());
    if found > known {
        return Err(StoreError::Newer { found, known }.into());
    }
    check(&conn)?;
    let copied_at = copied_at(&conn)?;
    let (carried, not_carried) = match there.then(|| carried(ask.database)) {
        None => (Carried::default(), None),
        Some(Ok(carried)) => (carried, None),
        Some(Err(error)) => (Carried::default(), Some(error.to_string())),
    };
    schema::replace(&conn, COPIED, &copied_at.map_or(0, Timestamp::as_millis).to_be_bytes())?;
    schema::replace(&conn, CARRIED, &serde_json::to_vec(&carried).unwrap_or_default())?;
    conn.execute("UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'event'", [carried.line]).doing("counting lines on")?;
    let _: String = conn.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0)).doing("closing the copy")?;
    let resets = count(&conn)?.get("reset").copied().unwrap_or(0);
    let keys = keys::known(&conn)?.into_iter().map(|(id, _)| id).collect();
    conn.close().map_err(|(_, error)| StoreError::sqlite("closing the copy", error))?;
    std::fs::File::open(aside).and_then(|file| file.sync_all()).map_err(StoreError::file(aside))?;
    Ok(InPlace { copied_at, keys, resets, kept: None, not_carried })
}

fn copied_at(conn: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let bytes = schema::recall(conn, COPIED)?.and_then(|bytes| <[u8; 8]>::try_from(bytes.as_slice()).ok());
    Ok(bytes.map(i64::from_be_bytes).filter(|millis| *millis != 0).map(Timestamp::from_millis))
}

fn carried(database: &Path) -> Result<Carried, StoreError> {
    let conn = readers::open(database).doing("opening the database that was there")?;
    let one = |text: &str| -> Result<i64, StoreError> {
        let found = conn.query_row(text, [], |row| row.get::<_, Option<i64>>(0)).optional();
        Ok(found.doing("reading the database that was there")?.flatten().unwrap_or(0))
    };
    let (line, flag) = (one("SELECT seq FROM sqlite_sequence WHERE name = 'event'")?, one("SELECT max(n) FROM flag")?);
    if schema::version(&conn)? < 4 {
        return Ok(Carried { line, flag, ..Carried::default() });
    }
    let mut select = conn.prepare("SELECT who, at FROM forgotten").doing("reading who was forgotten")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).doing("reading who was forgotten")?;
    let forgotten = rows.collect::<Result<_, _>>().doing("reading who was forgotten")?;
    let head = chain::head(&conn)?.map(|head| (head.id, head.link.0));
    Ok(Carried { line, flag, head, forgotten })
}

/// Moves the database and what lies beside it; gives where it is now.
fn put_aside(ask: &Ask<'_>) -> Result<PathBuf, StoreError> {
    let name = format!("replaced-{}.db", ask.now.to_string().replace(':', "").replace('.', "-"));
    let kept = ask.database.with_file_name(name);
    // The log first: without it the database is whole but old, and never the other way round.
    for end in ["-wal", "-shm", ""] {
        let (from, to) = (with_end(ask.database, end), with_end(&kept, end));
        if from.exists() {
            std::fs::rename(&from, &to).map_err(StoreError::file(&from))?;
        }
    }
    Ok(kept)
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn remove(aside: &Path) {
    for end in ["", "-wal", "-shm", "-journal"] {
        let _ = std::fs::remove_file(with_end(aside, end));
    }
}

impl Store {
    /// Ends what was open in a copy that was put back, and erases again who was erased since it was made. `None`: this database is none.
    /// Must be done before anything else.
    pub async fn after_restore(&self, ring: Arc<KeyRing>, now: Timestamp) -> Result<Option<PutBack>, StoreError> {
        self.writer.write(move |tx| tx.after_restore(&ring, now)).await
    }
}

impl Tx<'_> {
    fn after_restore(&mut self, ring: &Arc<KeyRing>, now: Timestamp) -> Result<Option<PutBack>, StoreError> {
        if schema::recall(self.conn, COPIED)?.is_none() {
            return Ok(None);
        }
        let copied_at = copied_at(self.conn)?.unwrap_or(Timestamp::from_millis(0));
        let carried = schema::recall(self.conn, CARRIED)?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let carried: Carried = carried.unwrap_or_default();
        let before = carried.head.map(|(id, link)| json!({ "id": id, "link": data_encoding::HEXLOWER.encode(&link) }));
        let resets = self.end_all(now)?;
        let forgotten: BTreeSet<[u8; 12]> =
            carried.forgotten.iter().filter(|(_, at)| *at >= copied_at.as_millis()).map(|(who, _)| *who).collect();
        for (who, at) in carried.forgotten {
            self.remember_forgotten(&who, Timestamp::from_millis(at))?;
        }
        if !forgotten.is_empty() {
            let found = super::person::resets_of(self.conn, &Whose::forgotten(Arc::clone(ring), forgotten.clone()))?;
            self.forget_all(&found, now)?;
        }
        self.tell_support(carried.flag, copied_at, now)?;
        schema::drop_value(self.conn, COPIED)?;
        schema::drop_value(self.conn, CARRIED)?;
        let put_back = PutBack { copied_at, resets, forgotten: forgotten.len() as u64 };
        let detail = json!({ "copied_at": copied_at, "resets": resets, "forgotten": put_back.forgotten, "head_before": before });
        self.event(now, Event::Restored, None, None, detail)?;
        Ok(Some(put_back))
    }

    fn end_all(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let text = sql(&["SELECT ", RESET_ROW, " FROM reset r WHERE r.state IN ('accepted', 'sent')"]);
        let mut select = self.conn.prepare(&text).doing("preparing to end what was open")?;
        let rows = select.query_map([], reset_row).doing("finding what was open")?;
        let rows: Vec<ResetRow> = rows.collect::<Result<_, _>>().doing("reading what was open")?;
        drop(select);
        for row in &rows {
            self.end(row, State::Revoked, Event::ResetRevoked, now, json!({ "why": "the database was restored from a backup" }))?;
        }
        Ok(rows.len() as u64)
    }

    /// A flag whose number is above every one that was ever given out: receivers of webhooks take a number that comes again for a repeat.
    fn tell_support(&mut self, above: i64, copied_at: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let text = format!(
            "The database was restored from a copy of {copied_at}. Resets that were open then have ended; flags raised and answers read \
             since are not in it."
        );
        let last: Option<i64> = self.conn.query_row("SELECT max(n) FROM flag", [], |row| row.get(0)).doing("finding the last flag")?;
        let n = above.max(last.unwrap_or(0)) + 1;
        let severity = Severity::High.as_str();
        let mut insert = self
            .conn
            .prepare_cached("INSERT INTO flag (n, severity, reason, proof, text, created_at) VALUES (?1, ?2, 'restored', 'none', ?3, ?4)")
            .doing("preparing to tell support")?;
        insert.execute(params![n, severity, text, now.as_millis()]).doing("telling support")?;
        drop(insert);
        self.event(now, Event::FlagRaised, None, None, json!({ "flag": n, "severity": severity, "reason": "restored", "proof": "none" }))
    }
}
