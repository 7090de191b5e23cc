//! Opening the file: pragmas, integrity, migrations (one SQL file each, forward only).

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use resetd_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use super::row::Doing;

const MIGRATIONS: [&str; 5] = [
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_imap.sql"),
    include_str!("migrations/0003_attempts.sql"),
    include_str!("migrations/0004_chain.sql"),
    include_str!("migrations/0005_abuse.sql"),
];

/// The schema that the timeline's chain came with.
const CHAINED: u32 = 4;

/// How long the check at the start may take; a database that is larger is checked as far as that goes.
const CHECK: Duration = Duration::from_secs(5);

/// An open file, and whether its timeline was given a chain just now.
pub(super) struct Prepared {
    pub(super) conn: Connection,
    pub(super) chain_is_fresh: bool,
}

/// Opens the writer's connection: checks the file, and brings its schema up to date after a copy of it was laid aside. The file is made
/// with mode 0600 by the process's umask and its folder's 0700.
pub(super) fn open(path: &Path, now: Timestamp) -> Result<Prepared, StoreError> {
    let conn = Connection::open(path).doing("opening the database")?;
    // FULL: a commit is synced before it is answered (law 1). secure_delete: what is erased is overwritten.
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000; \
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8000; PRAGMA wal_autocheckpoint = 2000; PRAGMA secure_delete = ON; \
         PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = 67108864;",
    )
    .doing("setting the database up")?;
    stable_plans(&conn).doing("setting the database up")?;
    conn.set_prepared_statement_cache_capacity(128);
    quick_check(&conn)?;
    let (found, known) = (version(&conn)?, known());
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    if 0 < found && found < known {
        super::copy::before_migration(path, found, now)?;
    }
    migrate(&conn, found)?;
    Ok(Prepared { conn, chain_is_fresh: found < CHAINED })
}

/// The newest schema that this program knows.
pub(super) fn known() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

pub(super) fn version(conn: &Connection) -> Result<u32, StoreError> {
    conn.query_row("PRAGMA user_version", [], |row| row.get(0)).doing("reading the schema's version")
}

/// Looks for damage before anything is written, for [`CHECK`] at the most: damage that is not met in that time is met by whoever reads
/// there, and told then.
fn quick_check(conn: &Connection) -> Result<(), StoreError> {
    let handle = conn.get_interrupt_handle();
    let (done, waits) = channel::<()>();
    let timer = std::thread::spawn(move || {
        if waits.recv_timeout(CHECK) == Err(RecvTimeoutError::Timeout) {
            handle.interrupt();
        }
    });
    let verdict: Result<String, _> = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
    drop(done);
    // It has no way to panic.
    let _ = timer.join();
    match verdict {
        Ok(verdict) if verdict == "ok" => Ok(()),
        Ok(verdict) => Err(StoreError::Corrupt(verdict)),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) => {
            tracing::info!(event = "store.check_cut_off", seconds = CHECK.as_secs());
            Ok(())
        }
        Err(error) => Err(StoreError::sqlite("checking the database", error)),
    }
}

/// Plans that don't depend on what is bound. Otherwise SQLite prepares a statement anew for every binding wherever a partial index
/// made it look at a parameter: that was half of the work of accepting a request.
pub(super) fn stable_plans(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ())
}

fn migrate(conn: &Connection, found: u32) -> Result<(), StoreError> {
    for (index, text) in MIGRATIONS.iter().enumerate().skip(found as usize) {
        let whole = format!("BEGIN IMMEDIATE;\n{text}\nPRAGMA user_version = {};\nCOMMIT;", index + 1);
        conn.execute_batch(&whole).doing("migrating the database")?;
    }
    Ok(())
}

/// Keeps a value unless one is there; gives the one that is there.
pub(super) fn remember(conn: &Connection, name: &str, value: &[u8]) -> Result<Vec<u8>, StoreError> {
    conn.execute("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING", params![name, value])
        .doing("remembering a value")?;
    Ok(recall(conn, name)?.unwrap_or_default())
}

/// The value under a name.
pub(super) fn recall(conn: &Connection, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    conn.query_row("SELECT value FROM meta WHERE key = ?1", [name], |row| row.get(0)).optional().doing("recalling a value")
}

/// Keeps a value, whatever was there.
pub(super) fn replace(conn: &Connection, name: &str, value: &[u8]) -> Result<(), StoreError> {
    let mut insert = conn
        .prepare_cached("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
        .doing("preparing to keep a value")?;
    insert.execute(params![name, value]).doing("keeping a value").map(|_| ())
}

/// Forgets a value.
pub(super) fn drop_value(conn: &Connection, name: &str) -> Result<(), StoreError> {
    conn.execute("DELETE FROM meta WHERE key = ?1", [name]).doing("dropping a value").map(|_| ())
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    /// The look-up that every accepted request makes. Fails without [`stable_plans`].
    #[test]
    fn a_statement_is_prepared_once() {
        let dir = tempfile::tempdir().unwrap();
        let conn = open(&dir.path().join("db"), Timestamp::from_millis(0)).unwrap().conn;
        let mut select =
            conn.prepare_cached("SELECT n FROM reset WHERE portal = ?1 AND account = ?2 AND state IN ('accepted', 'sent')").unwrap();
        for account in ["a", "b", "c"] {
            assert!(!select.exists(["shop", account]).unwrap());
        }
        assert_eq!(select.get_status(StatementStatus::RePrepare), 0);
    }
}
