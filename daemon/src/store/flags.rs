//! Flags, as support reads and resolves them.

use resetd_core::event::Event;
use resetd_core::ids::{PortalName, ResetId};
use resetd_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use super::abuse::NOTES_MAX;
use super::row::{Doing, Sql, portal_opt, time, time_opt};
use super::secrets::sql;
use super::writer::Tx;
use super::{Flag, FlagFilter, Listed, Page, Resolution, Severity, Store, StoreError};

/// Characters of a note that a list of flags shows: a flood's notes are many. The flag by itself shows them whole.
const NOTE_IN_LIST: i64 = 500;

const FLAG: &str = "f.n, r.id, f.portal, f.account, f.severity, f.reason, f.verdict, f.confidence, f.proof, f.text, f.sender, f.subject, \
     i.raw IS NOT NULL, f.created_at, f.resolved_at, f.resolved_by, f.outcome, f.note, f.count, f.last_at \
     FROM flag f LEFT JOIN reset r ON r.n = f.reset_n LEFT JOIN inbound i ON i.n = f.inbound_n";

impl Store {
    /// A stretch of the flags, newest first.
    pub async fn flags(&self, filter: FlagFilter, page: Page) -> Result<Listed<Flag>, StoreError> {
        self.readers.read(move |conn| list(conn, &filter, page)).await
    }

    /// One flag, with its notes.
    pub async fn flag(&self, n: i64) -> Result<Option<Flag>, StoreError> {
        self.readers.read(move |conn| one(conn, n)).await
    }

    /// Closes an open flag. False: it is closed already, or there is none.
    pub async fn resolve(&self, n: i64, by: String, outcome: String, note: Option<String>, now: Timestamp) -> Result<bool, StoreError> {
        let work = move |tx: &mut Tx<'_>| {
            let mut update = tx
                .conn
                .prepare_cached(
                    "UPDATE flag SET resolved_at = ?2, resolved_by = ?3, outcome = ?4, note = ?5 WHERE n = ?1 AND resolved_at IS NULL",
                )
                .doing("preparing to resolve a flag")?;
            if update.execute(params![n, now.as_millis(), by, outcome, note]).doing("resolving a flag")? == 0 {
                return Ok(false);
            }
            let mut select = tx
                .conn
                .prepare_cached("SELECT f.reset_n, r.id, f.portal FROM flag f LEFT JOIN reset r ON r.n = f.reset_n WHERE f.n = ?1")
                .doing("preparing to read a flag")?;
            let (reset, portal) = select
                .query_row([n], |row| {
                    let (reset_n, id): (Option<i64>, Option<[u8; 16]>) = (row.get(0)?, row.get(1)?);
                    Ok((reset_n.zip(id.map(ResetId::from_bytes)), portal_opt(row, 2)?))
                })
                .doing("reading a flag")?;
            drop(select);
            tx.event(now, Event::FlagResolved, reset, portal.as_ref(), json!({ "flag": n, "by": by, "outcome": outcome }))?;
            Ok(true)
        };
        self.writer.write(work).await
    }
}

fn flag(row: &Row<'_>) -> Sql<Flag> {
    let severity: String = row.get(4)?;
    let id: Option<[u8; 16]> = row.get(1)?;
    let resolution = match time_opt(row, 14)? {
        Some(at) => Some(Resolution {
            at,
            by: row.get::<_, Option<String>>(15)?.unwrap_or_default(),
            outcome: row.get::<_, Option<String>>(16)?.unwrap_or_default(),
            note: row.get(17)?,
        }),
        None => None,
    };
    Ok(Flag {
        id: row.get(0)?,
        reset: id.map(ResetId::from_bytes),
        portal: portal_opt(row, 2)?,
        account: row.get(3)?,
        severity: Severity::parse(&severity).ok_or(rusqlite::Error::InvalidQuery)?,
        reason: row.get(5)?,
        verdict: row.get(6)?,
        confidence: row.get(7)?,
        proof: row.get(8)?,
        text: row.get(9)?,
        sender: row.get(10)?,
        subject: row.get(11)?,
        has_message: row.get(12)?,
        created_at: time(row, 13)?,
        sightings: row.get::<_, Option<i64>>(18)?.map(i64::unsigned_abs).zip(time_opt(row, 19)?),
        notes: Vec::new(),
        resolution,
    })
}

fn list(conn: &Connection, filter: &FlagFilter, page: Page) -> Result<Listed<Flag>, StoreError> {
    let open = match filter.open {
        Some(true) => " AND f.resolved_at IS NULL",
        Some(false) => " AND f.resolved_at IS NOT NULL",
        None => "",
    };
    let text = sql(&["SELECT ", FLAG, " WHERE f.n < ?1", open, " ORDER BY f.n DESC"]);
    let mut select = conn.prepare_cached(&text).doing("preparing to list flags")?;
    let rows = select.query_map([page.after.unwrap_or(i64::MAX)], flag).doing("listing flags")?;
    let wanted = |flag: &Flag| {
        filter.severity.is_none_or(|least| flag.severity >= least)
            && filter.account.as_ref().is_none_or(|account| flag.account.as_ref() == Some(account))
            && sees(filter.portals.as_deref(), flag.portal.as_ref())
    };
    let mut listed = Listed::cut(rows.filter(|row| row.as_ref().map_or(true, wanted)), page, |flag| flag.id)?;
    for flag in &mut listed.items {
        flag.notes = notes(conn, flag.id, NOTE_IN_LIST)?;
    }
    Ok(listed)
}

/// Whether a list of portals (`None`: all) covers a thing's portal. What belongs to no portal is for those who see all.
pub(super) fn sees(portals: Option<&[PortalName]>, portal: Option<&PortalName>) -> bool {
    portals.is_none_or(|list| portal.is_some_and(|portal| list.contains(portal)))
}

fn one(conn: &Connection, n: i64) -> Result<Option<Flag>, StoreError> {
    let text = sql(&["SELECT ", FLAG, " WHERE f.n = ?1"]);
    let mut select = conn.prepare_cached(&text).doing("preparing to read a flag")?;
    let Some(mut found) = select.query_row([n], flag).optional().doing("reading a flag")? else { return Ok(None) };
    found.notes = notes(conn, n, i64::MAX)?;
    Ok(Some(found))
}

/// A flag's notes, oldest first, of each so many characters.
fn notes(conn: &Connection, flag: i64, characters: i64) -> Result<Vec<(Timestamp, String)>, StoreError> {
    let mut select = conn
        .prepare_cached("SELECT at, substr(text, 1, ?2) FROM flag_note WHERE flag_n = ?1 ORDER BY n LIMIT ?3")
        .doing("preparing to read notes")?;
    let rows = select.query_map(params![flag, characters, NOTES_MAX], |row| Ok((time(row, 0)?, row.get(1)?))).doing("reading notes")?;
    rows.collect::<Result<_, _>>().doing("reading notes")
}
