//! Copies of the database: made while it is in use, and not believed before they were opened, compared and put back on trial.
//!
//! A copy knows that it is one ([`COPIED`]): whoever puts it back, with whatever tool, has a database in which everything that was open
//! ends before the first request (see `restore`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use resetd_core::time::Timestamp;
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::row::Doing;
use super::{Copied, Store, StoreError, chain, keys, readers, schema};

/// Under this name a copy has the time at which it was made.
pub(super) const COPIED: &str = "copied at";

impl Store {
    /// Writes a copy of one state of the database to `to`, while it is in use, and tries it out.
    pub async fn backup(&self, to: PathBuf, now: Timestamp) -> Result<Copied, StoreError> {
        let path = self.path.clone();
        let work = move || {
            let (rows, aside) = copy(&path, &to, now)?;
            let copied = try_out(&aside, rows, now)?;
            settle(&aside, &to)?;
            Ok(copied)
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Closed)?
    }
}

/// Before a schema is brought up to date: the file as it was, for who wants to go back to the older program.
pub(super) fn before_migration(path: &Path, found: u32, now: Timestamp) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new(".")).join("backups");
    std::fs::create_dir_all(&folder).map_err(StoreError::file(&folder))?;
    let name = format!("before-schema-{}-{}.db", found + 1, now.to_string().replace(':', "").replace('.', "-"));
    let to = folder.join(name);
    let (_, aside) = copy(path, &to, now)?;
    settle(&aside, &to)?;
    tracing::info!(event = "store.migrating", from = found, to = schema::known(), copy = %to.display());
    Ok(())
}

type Rows = BTreeMap<String, u64>;

/// Copies beside `to`, checks the copy, and gives the rows of each table with its path.
fn copy(path: &Path, to: &Path, now: Timestamp) -> Result<(Rows, PathBuf), StoreError> {
    let aside = to.with_extension("partial");
    let _ = std::fs::remove_file(&aside);
    let source = readers::open(path).doing("opening the database")?;
    // One state of it, whatever is written meanwhile: without this SQLite begins anew with every commit.
    source.execute_batch("BEGIN").doing("beginning a copy")?;
    let rows = count(&source)?;
    let mut target = Connection::open(&aside).doing("making the copy")?;
    let done = Backup::new(&source, &mut target).and_then(|backup| backup.step(-1)).doing("copying the database")?;
    if done != StepResult::Done {
        return Err(StoreError::BadCopy("it could not be finished".into()));
    }
    // A file of its own, without a log beside it.
    let mode: String = target.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0)).doing("closing the copy")?;
    if mode != "delete" {
        return Err(StoreError::BadCopy("it keeps a log beside it".into()));
    }
    check(&target)?;
    if count(&target)? != rows {
        return Err(StoreError::BadCopy("it has not as many rows as the database".into()));
    }
    schema::replace(&target, COPIED, &now.as_millis().to_be_bytes())?;
    Ok((rows, aside))
}

/// Puts the copy back on trial: opens what a restore would make of it as the daemon does, and compares.
fn try_out(aside: &Path, rows: Rows, now: Timestamp) -> Result<Copied, StoreError> {
    let trial = aside.with_extension("trial");
    let tried = (|| {
        std::fs::copy(aside, &trial).map_err(StoreError::file(&trial))?;
        let schema::Prepared { conn, .. } = schema::open(&trial, now)?;
        // The mark of the copy is one row more.
        let mut found = count(&conn)?;
        found.entry("meta".into()).and_modify(|count| *count -= 1);
        if schema::recall(&conn, COPIED)?.is_none() || found != rows {
            return Err(StoreError::BadCopy("put back on trial, it has not as many rows as the database".into()));
        }
        check(&conn)?;
        Ok((chain::head(&conn)?, keys::known(&conn)?))
    })();
    for end in ["trial", "trial-wal", "trial-shm"] {
        let _ = std::fs::remove_file(aside.with_extension(end));
    }
    let (head, known) = tried?;
    let size = std::fs::metadata(aside).map_err(StoreError::file(aside))?.len();
    Ok(Copied { size, rows: rows.into_iter().collect(), head, keys: known.into_iter().map(|(id, _)| id).collect() })
}

/// Whole, and every reference met.
pub(super) fn check(conn: &Connection) -> Result<(), StoreError> {
    let verdict: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).doing("checking the copy")?;
    if verdict != "ok" {
        return Err(StoreError::BadCopy(verdict));
    }
    let mut dangling = conn.prepare("PRAGMA foreign_key_check").doing("checking the copy's references")?;
    match dangling.exists([]).doing("checking the copy's references")? {
        true => Err(StoreError::BadCopy("a row refers to one that is not there".into())),
        false => Ok(()),
    }
}

/// How many rows each table has.
pub(super) fn count(conn: &Connection) -> Result<Rows, StoreError> {
    let mut select = conn
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")
        .doing("listing the tables")?;
    let names = select.query_map([], |row| row.get::<_, String>(0)).doing("listing the tables")?;
    let names: Vec<String> = names.collect::<Result<_, _>>().doing("listing the tables")?;
    let number = |name: String| {
        let rows: i64 = conn.query_row(&format!("{} count(*) FROM \"{name}\"", "SELECT"), [], |row| row.get(0)).doing("counting rows")?;
        Ok((name, rows.unsigned_abs()))
    };
    names.into_iter().map(number).collect()
}

/// Synced, and under its name.
fn settle(aside: &Path, to: &Path) -> Result<(), StoreError> {
    std::fs::File::open(aside).and_then(|file| file.sync_all()).map_err(StoreError::file(aside))?;
    std::fs::rename(aside, to).map_err(StoreError::file(to))?;
    let folder = to.parent().unwrap_or(Path::new("."));
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(StoreError::file(folder))
}
