//! Which root keys the database was used with, and what still needs each.

use std::path::Path;

use resetd_core::event::Event;
use resetd_core::secret::KeyId;
use resetd_core::time::Timestamp;
use rusqlite::{Connection, params};
use serde_json::json;

use super::row::Doing;
use super::writer::Tx;
use super::{KeyNeeds, Store, StoreError, readers, schema};

/// What tells a key without giving it away.
type Print = Vec<u8>;

/// A name under which a key's print is kept begins so.
const NAME: &str = "root key ";

/// The keys that the database at `path` was used with. Nothing is changed, and no database made; one that can't be read is left to
/// [`Store::open`] to tell of.
pub fn keys_of(path: &Path) -> Result<Vec<(KeyId, Print)>, StoreError> {
    if std::fs::metadata(path).map_or(true, |about| about.len() == 0) {
        return Ok(Vec::new());
    }
    known(&readers::open(path).doing("opening the database")?)
}

pub(super) fn known(conn: &Connection) -> Result<Vec<(KeyId, Print)>, StoreError> {
    let has_meta: bool = conn
        .query_row("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta')", [], |row| row.get(0))
        .doing("looking for known keys")?;
    if !has_meta {
        return Ok(Vec::new());
    }
    let mut select = conn
        .prepare("SELECT key, value FROM meta WHERE key > ?1 AND key < ?2 ORDER BY length(key), key")
        .doing("preparing to list known keys")?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, Print>(1)?));
    let rows = select.query_map([NAME, "root key:"], read).doing("listing known keys")?;
    let rows: Vec<_> = rows.collect::<Result<_, _>>().doing("listing known keys")?;
    Ok(rows.into_iter().filter_map(|(name, print)| Some((name.strip_prefix(NAME)?.parse().ok()?, print))).collect())
}

impl Store {
    /// The keys that the database was used with.
    pub async fn known_keys(&self) -> Result<Vec<(KeyId, Print)>, StoreError> {
        self.readers.read(known).await
    }

    /// Remembers a key; gives the print that was remembered first.
    pub async fn know_key(&self, id: KeyId, print: Print) -> Result<Print, StoreError> {
        self.writer.write(move |tx| schema::remember(tx.conn, &format!("{NAME}{id}"), &print)).await
    }

    /// Forgets a key that nothing needs any more, so that its absence is no news at the next start.
    pub async fn forget_key(&self, id: KeyId) -> Result<(), StoreError> {
        self.writer.write(move |tx| schema::drop_value(tx.conn, &format!("{NAME}{id}"))).await
    }

    /// Remembers a new key and writes that it is in use.
    pub async fn key_rotated(&self, id: KeyId, print: Print, by: u32, now: Timestamp) -> Result<(), StoreError> {
        let work = move |tx: &mut Tx<'_>| {
            schema::remember(tx.conn, &format!("{NAME}{id}"), &print)?;
            tx.event(now, Event::KeyRotated, None, None, json!({ "key": id, "uid": by }))
        };
        self.writer.write(work).await
    }

    /// What still needs a key.
    pub async fn key_needs(&self, id: KeyId, now: Timestamp) -> Result<KeyNeeds, StoreError> {
        let read = move |conn: &Connection| {
            let mut select = conn
                .prepare_cached(
                    "SELECT (SELECT count(*) FROM reset WHERE state IN ('accepted', 'sent') AND until > ?2 AND key_id = ?1), \
                     (SELECT count(*) FROM inbound WHERE sealed_with = ?3 AND raw IS NOT NULL)",
                )
                .doing("preparing to see what needs a key")?;
            let needs = |row: &rusqlite::Row<'_>| {
                Ok(KeyNeeds { resets: row.get::<_, i64>(0)?.unsigned_abs(), messages: row.get::<_, i64>(1)?.unsigned_abs() })
            };
            select.query_row(params![id, now.as_millis(), [id].as_slice()], needs).doing("seeing what needs a key")
        };
        self.readers.read(read).await
    }
}
