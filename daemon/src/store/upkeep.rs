//! What keeps the database well: expiry and counts.

use std::time::Duration;

use resetd_core::event::Event;
use resetd_core::limits::{Limits, Subject, Windows};
use resetd_core::reset::State;
use resetd_core::time::Timestamp;
use rusqlite::{Connection, Row, params};
use serde_json::Value;

use super::row::{Doing, RESET_ROW, portal, reset_row, time};
use super::secrets::sql;
use super::writer::Tx;
use super::{Counts, ResetRow, Severity, Store, StoreError};

/// Rows touched in one transaction of the upkeep, so that requests never wait long behind it.
const SLICE: i64 = 500;

impl Store {
    /// Ends resets whose time ran out. Gives how many; call again while it is not 0.
    pub async fn expire(&self, now: Timestamp) -> Result<usize, StoreError> {
        let work = move |tx: &mut Tx<'_>| {
            let text = sql(&["SELECT ", RESET_ROW, " FROM reset r WHERE r.state IN ('accepted', 'sent') AND r.until <= ?1 LIMIT ?2"]);
            let mut select = tx.conn.prepare_cached(&text).doing("preparing to expire")?;
            let rows = select.query_map(params![now.as_millis(), SLICE], reset_row).doing("finding what has expired")?;
            let rows: Vec<ResetRow> = rows.collect::<Result<_, _>>().doing("reading what has expired")?;
            drop(select);
            for row in &rows {
                tx.end(row, State::Expired, Event::ResetExpired, now, Value::Null)?;
            }
            Ok(rows.len())
        };
        self.writer.write(work).await
    }

    /// Counts for status and metrics.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        self.readers.read(counts).await
    }

    /// Whether the writer answers: an empty transaction goes through. For the watchdog.
    pub async fn alive(&self) -> Result<(), StoreError> {
        self.writer.write(|_| Ok(())).await
    }
}

fn counts(conn: &Connection) -> Result<Counts, StoreError> {
    let read = |text: &str| -> Result<Vec<(String, u64)>, StoreError> {
        let mut select = conn.prepare_cached(text).doing("preparing to count")?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()))).doing("counting")?;
        rows.collect::<Result<_, _>>().doing("counting")
    };
    let open = read("SELECT state, count(*) FROM reset WHERE state IN ('accepted', 'sent') GROUP BY state")?;
    let flags = read("SELECT severity, count(*) FROM flag WHERE resolved_at IS NULL GROUP BY severity")?;
    let mut one = conn
        .prepare_cached(
            "SELECT (SELECT count(*) FROM mail WHERE state = 'queued'), (SELECT min(due_at) FROM mail WHERE state = 'queued'), \
             (SELECT count(*) FROM inbound WHERE state = 'stored')",
        )
        .doing("preparing to count")?;
    let (queued, oldest, unread) =
        one.query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, i64>(2)?))).doing("counting")?;
    Ok(Counts {
        resets: open.into_iter().filter_map(|(name, n)| State::parse(&name).map(|state| (state, n))).collect(),
        open_flags: flags.into_iter().filter_map(|(name, n)| Severity::parse(&name).map(|severity| (severity, n))).collect(),
        queued: queued.unsigned_abs(),
        oldest_due: oldest.map(Timestamp::from_millis),
        unread: unread.unsigned_abs(),
    })
}

/// Fills the limits' counts from the last hour's rows, so that a restart forgives nothing.
pub(super) fn refill(conn: &Connection, now: Timestamp) -> Result<Windows, StoreError> {
    let mut windows = Windows::default();
    let limits = Limits { per_ip: u32::MAX, ..Limits::default() };
    let since = (now - Duration::from_secs(3600)).as_millis();
    // Ids grow with time: walking back from the newest ends at the first row that is older.
    let mut back = conn.prepare("SELECT n, created_at FROM reset ORDER BY n DESC").doing("preparing to refill the limits")?;
    let mut rows = back.query([]).doing("refilling the limits")?;
    let mut first = None;
    while let Some(row) = rows.next().doing("refilling the limits")? {
        let (n, at): (i64, i64) = (row.get(0).doing("refilling the limits")?, row.get(1).doing("refilling the limits")?);
        if at < since {
            break;
        }
        first = Some(n);
    }
    let Some(first) = first else { return Ok(windows) };
    let mut select = conn
        .prepare("SELECT portal, account, email, ip, mailed, created_at FROM reset WHERE n >= ?1 ORDER BY n")
        .doing("preparing to refill the limits")?;
    let mut rows = select.query([first]).doing("refilling the limits")?;
    let text = |row: &Row<'_>, index| row.get::<_, Option<String>>(index).doing("refilling the limits");
    while let Some(row) = rows.next().doing("refilling the limits")? {
        let (portal, at) = (portal(row, 0).doing("refilling the limits")?, time(row, 5).doing("refilling the limits")?);
        let (account, email, ip) = (text(row, 1)?, text(row, 2)?, text(row, 3)?);
        let mailed: bool = row.get(4).doing("refilling the limits")?;
        let Some(address) = email.and_then(|email| resetd_core::address::Mailbox::parse(&email).ok()) else { continue };
        let key = address.limit_key();
        let subject = Subject { portal: &portal, account: account.as_deref(), address: &key, ip: ip.as_deref() };
        windows.record(&limits, &subject, mailed, at);
        windows.commit();
    }
    Ok(windows)
}
