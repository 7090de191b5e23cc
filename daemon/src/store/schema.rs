//! Opening the file: pragmas, integrity, migrations (one SQL file each, forward only).

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use super::row::Doing;

const MIGRATIONS: [&str; 4] = [
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_imap.sql"),
    include_str!("migrations/0003_attempts.sql"),
    include_str!("migrations/0005_abuse.sql"),
];

/// Opens the writer's connection. The file is made with mode 0600 by the process's umask and its folder's 0700.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let conn = Connection::open(path).doing("opening the database")?;
    // FULL: a commit is synced before it is answered (law 1).
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000; \
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8000; PRAGMA wal_autocheckpoint = 2000; PRAGMA secure_delete = ON; \
         PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = 67108864;",
    )
    .doing("setting the database up")?;
    stable_plans(&conn).doing("setting the database up")?;
    conn.set_prepared_statement_cache_capacity(128);
    migrate(&conn)?;
    Ok(conn)
}

/// Plans that don't depend on what is bound. Otherwise SQLite prepares a statement anew for every binding wherever a partial index
/// made it look at a parameter: that was half of the work of accepting a request.
pub(super) fn stable_plans(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ())
}

fn migrate(conn: &Connection) -> Result<(), StoreError> {
    let found: u32 = conn.query_row("PRAGMA user_version", [], |row| row.get(0)).doing("reading the schema's version")?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
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
    let found = conn.query_row("SELECT value FROM meta WHERE key = ?1", [name], |row| row.get(0)).optional().doing("recalling a value")?;
    Ok(found.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    /// The look-up that every accepted request makes. Fails without [`stable_plans`].
    #[test]
    fn a_statement_is_prepared_once() {
        let dir = tempfile::tempdir().unwrap();
        let conn = open(&dir.path().join("db")).unwrap();
        let mut select =
            conn.prepare_cached("SELECT n FROM reset WHERE portal = ?1 AND account = ?2 AND state IN ('accepted', 'sent')").unwrap();
        for account in ["a", "b", "c"] {
            assert!(!select.exists(["shop", account]).unwrap());
        }
        assert_eq!(select.get_status(StatementStatus::RePrepare), 0);
    }
}
