//! Addresses that get no mail for a while after a hard bounce: nobody reads there, and who goes on writing to such addresses
//! loses his good name with their servers.

use resetd_core::address::Mailbox;
use resetd_core::event::Event;
use resetd_core::ids::PortalName;
use resetd_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use super::row::{Doing, Sql, time};
use super::writer::Tx;
use super::{Held, Listed, Page, Store, StoreError};

impl Store {
    /// A stretch of the addresses held at `now`, in the order in which they were first held.
    pub async fn holds(&self, page: Page, portals: Option<Vec<PortalName>>, now: Timestamp) -> Result<Listed<Held>, StoreError> {
        let read = move |conn: &Connection| {
            let mut select = conn
                .prepare_cached("SELECT n, email, portal, why, since, until FROM hold WHERE n > ?1 AND until > ?2 ORDER BY n")
                .doing("preparing to list held addresses")?;
            let rows = select.query_map(params![page.after.unwrap_or(0), now.as_millis()], held).doing("listing held addresses")?;
            let may_see = |held: &Held| portals.as_ref().is_none_or(|list| held.portal.as_ref().is_none_or(|portal| list.contains(portal)));
            Listed::cut(rows.filter(|row| row.as_ref().map_or(true, may_see)), page, |held| held.id)
        };
        self.readers.read(read).await
    }

    /// Lets an address have mail again. `None`: there is no such hold that the caller may see.
    pub async fn release(&self, id: i64, portals: Option<Vec<PortalName>>, by: String, now: Timestamp) -> Result<Option<()>, StoreError> {
        let work = move |tx: &mut Tx<'_>| {
            let mut select = tx
                .conn
                .prepare_cached("SELECT n, email, portal, why, since, until FROM hold WHERE n = ?1")
                .doing("preparing to release an address")?;
            let found = select.query_row([id], held).optional().doing("finding a held address")?;
            // One that is held in no portal's name is for those who see all.
            let may = |held: &Held| portals.as_ref().is_none_or(|list| held.portal.as_ref().is_some_and(|portal| list.contains(portal)));
            let Some(held) = found.filter(may) else { return Ok(None) };
            drop(select);
            let mut delete = tx.conn.prepare_cached("DELETE FROM hold WHERE n = ?1").doing("preparing to release an address")?;
            delete.execute([id]).doing("releasing an address")?;
            drop(delete);
            tx.event(now, Event::AddressReleased, None, held.portal.as_ref(), json!({ "hold": id, "by": by })).map(Some)
        };
        self.writer.write(work).await
    }
}

pub(super) fn held(row: &Row<'_>) -> Sql<Held> {
    let portal: String = row.get(2)?;
    Ok(Held {
        id: row.get(0)?,
        email: row.get(1)?,
        portal: PortalName::parse(&portal).ok(),
        why: row.get(3)?,
        since: time(row, 4)?,
        until: time(row, 5)?,
    })
}

impl Tx<'_> {
    /// Holds an address back from a portal, or for longer.
    pub(super) fn hold(
        &self,
        email: &Mailbox,
        portal: &PortalName,
        why: &str,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let mut hold = self
            .conn
            .prepare_cached(
                "INSERT INTO hold (email, portal, why, since, until) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT (email, portal) DO UPDATE SET why = ?3, until = max(until, ?5)",
            )
            .doing("preparing to hold an address")?;
        let values = params![email.hold_key(), portal.as_str(), why, since.as_millis(), until.as_millis()];
        hold.execute(values).doing("holding an address").map(|_| ())
    }
}
