//! The timeline and the stream.

use std::sync::Arc;

use resetd_core::event::Event;
use resetd_core::ids::{PortalName, ResetId};
use rusqlite::{Connection, Row};
use tokio::sync::broadcast;

use super::flags::sees;
use super::row::{Doing, Sql, portal_opt, time};
use super::{Line, Listed, Page, Store, StoreError};

impl Store {
    /// The timeline of one reset, oldest first.
    pub async fn timeline(&self, n: i64) -> Result<Vec<Line>, StoreError> {
        let read = move |conn: &Connection| {
            let mut select = conn
                .prepare_cached(
                    "SELECT e.id, e.at, e.kind, r.id, e.portal, e.detail FROM event e LEFT JOIN reset r ON r.n = e.reset_n \
                     WHERE e.reset_n = ?1 ORDER BY e.id LIMIT 1000",
                )
                .doing("preparing to read a timeline")?;
            let rows = select.query_map([n], line).doing("reading a timeline")?;
            rows.collect::<Result<_, _>>().doing("reading a timeline")
        };
        self.readers.read(read).await
    }

    /// Lines after a cursor, oldest first.
    pub async fn events(&self, page: Page, portals: Option<Vec<PortalName>>) -> Result<Listed<Line>, StoreError> {
        let read = move |conn: &Connection| {
            let mut select = conn
                .prepare_cached(
                    "SELECT e.id, e.at, e.kind, r.id, e.portal, e.detail FROM event e LEFT JOIN reset r ON r.n = e.reset_n \
                     WHERE e.id > ?1 ORDER BY e.id",
                )
                .doing("preparing to read events")?;
            // The portal first: a client that may see a thousandth of the lines must not have them all read out.
            let visible = |row: &Row<'_>| -> Sql<Option<Line>> {
                let seen = sees(portals.as_deref(), portal_opt(row, 4)?.as_ref());
                if seen { line(row).map(Some) } else { Ok(None) }
            };
            let rows = select.query_map([page.after.unwrap_or(0)], visible).doing("reading events")?;
            Listed::cut(rows.filter_map(Result::transpose), page, |line| line.id)
        };
        self.readers.read(read).await
    }

    /// How often each event was committed since the start.
    pub fn tally(&self) -> Vec<(Event, u64)> {
        self.writer.tally()
    }

    /// How the writer works, as text for Prometheus.
    pub fn pace(&self, out: &mut String) {
        let pace = self.writer.pace();
        pace.jobs.render(out, "resetd_commit_jobs", "Transactions that shared one commit.");
        pace.seconds.render(out, "resetd_commit_seconds", "From the beginning of a commit until it is synced.");
    }

    /// Transactions that wait for the writer.
    pub fn waiting_jobs(&self) -> usize {
        self.writer.waiting()
    }

    /// New lines as they are committed.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Line>> {
        self.writer.subscribe()
    }
}

fn line(row: &Row<'_>) -> Sql<Line> {
    let kind: String = row.get(2)?;
    let id: Option<[u8; 16]> = row.get(3)?;
    let detail: String = row.get(5)?;
    Ok(Line {
        id: row.get(0)?,
        at: time(row, 1)?,
        event: Event::parse(&kind).ok_or(rusqlite::Error::InvalidQuery)?,
        reset: id.map(ResetId::from_bytes),
        portal: portal_opt(row, 4)?,
        detail: serde_json::from_str(&detail).unwrap_or_default(),
    })
}
