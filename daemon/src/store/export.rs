//! What else is held about a person, to be given out.

use resetd_core::event::Event;
use resetd_core::ids::PortalName;
use resetd_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use super::holds::held;
use super::row::{Doing, time};
use super::{Held, PersonalReset, ResetRow, Store, StoreError, Unread};

/// Failed logins of an account: portal, account, how many, since when.
type Login = (PortalName, String, u32, Timestamp);

impl Store {
    /// A reset with all that it holds.
    pub async fn personal(&self, n: i64) -> Result<Option<(ResetRow, PersonalReset)>, StoreError> {
        let read = move |conn: &Connection| {
            let Some(row) = super::inbound::row_by_n(conn, n)? else { return Ok(None) };
            let mut select =
                conn.prepare_cached("SELECT name, ip, user_agent FROM reset WHERE n = ?1").doing("preparing to export a reset")?;
            let more = |held: &Row<'_>| {
                Ok(PersonalReset {
                    name: held.get(0)?,
                    ip: held.get(1)?,
                    user_agent: held.get(2)?,
                    locale: row.locale.clone(),
                    valid_since: row.valid_since,
                    inspected_at: row.inspected_at,
                    completed_at: row.completed_at,
                })
            };
            let more = select.query_row([n], more).doing("exporting a reset")?;
            Ok(Some((row, more)))
        };
        self.readers.read(read).await
    }

    /// A kept message.
    pub async fn message(&self, n: i64) -> Result<Option<Unread>, StoreError> {
        let read = move |conn: &Connection| {
            let mut select = conn
                .prepare_cached("SELECT n, attempts, envelope, raw, received_at FROM inbound WHERE n = ?1 AND raw IS NOT NULL")
                .doing("preparing to export a message")?;
            select.query_row([n], super::person::unread).optional().doing("exporting a message")
        };
        self.readers.read(read).await
    }

    /// Which of these addresses are held.
    pub async fn holds_of(&self, addresses: Vec<String>) -> Result<Vec<Held>, StoreError> {
        let read = move |conn: &Connection| {
            let mut select = conn
                .prepare_cached("SELECT n, email, portal, why, since, until FROM hold WHERE email = ?1")
                .doing("preparing to export held addresses")?;
            let mut found = Vec::new();
            for address in addresses {
                let Ok(mailbox) = resetd_core::address::Mailbox::parse(&address) else { continue };
                let rows = select.query_map([mailbox.hold_key()], held).doing("exporting held addresses")?;
                found.extend(rows.collect::<Result<Vec<_>, _>>().doing("exporting held addresses")?);
            }
            Ok(found)
        };
        self.readers.read(read).await
    }

    /// Failed logins of these accounts.
    pub async fn logins_of(&self, portals: Vec<PortalName>, accounts: Vec<String>) -> Result<Vec<Login>, StoreError> {
        let read = move |conn: &Connection| {
            let mut select = conn
                .prepare_cached("SELECT failures, since FROM login WHERE portal = ?1 AND account = ?2")
                .doing("preparing to export logins")?;
            let mut found = Vec::new();
            for portal in portals {
                for account in &accounts {
                    let read = |row: &Row<'_>| Ok((row.get::<_, u32>(0)?, time(row, 1)?));
                    let login = select.query_row(params![portal.as_str(), account], read).optional().doing("exporting logins")?;
                    found.extend(login.map(|(failures, since)| (portal.clone(), account.clone(), failures, since)));
                }
            }
            Ok(found)
        };
        self.readers.read(read).await
    }

    /// Writes that what is held about somebody was given out; never about whom.
    pub async fn exported(&self, portal: Option<PortalName>, by: u32, now: Timestamp) -> Result<(), StoreError> {
        self.writer.write(move |tx| tx.event(now, Event::Exported, None, portal.as_ref(), json!({ "uid": by }))).await
    }

    /// Writes that a copy was made.
    pub async fn backed_up(&self, size: u64, by: u32, now: Timestamp) -> Result<(), StoreError> {
        self.writer.write(move |tx| tx.event(now, Event::BackedUp, None, None, json!({ "octets": size, "uid": by }))).await
    }
}
