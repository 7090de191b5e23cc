//! Between rows and values. What does not read back is reported as the corruption that it is.

use resetd_core::address::{DisplayName, Mailbox};
use resetd_core::event::Event;
use resetd_core::ids::{PortalName, ResetId};
use resetd_core::reset::{Method, State};
use resetd_core::secret::Selector;
use resetd_core::time::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Error, Row, params};
use serde_json::Value;

use super::writer::Tx;
use super::{Line, Reset, ResetRow, StoreError};

pub(super) type Sql<T> = Result<T, Error>;

/// Turns a rusqlite error into the room's, saying what was being done.
pub(super) trait Doing<T> {
    fn doing(self, what: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Sql<T> {
    fn doing(self, what: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| StoreError::sqlite(what, error))
    }
}

fn bad(index: usize, what: &str) -> Error {
    Error::FromSqlConversionFailure(index, Type::Text, what.to_owned().into())
}

pub(super) fn time(row: &Row<'_>, index: usize) -> Sql<Timestamp> {
    row.get(index).map(Timestamp::from_millis)
}

pub(super) fn time_opt(row: &Row<'_>, index: usize) -> Sql<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(index)?.map(Timestamp::from_millis))
}

pub(super) fn reset_id(row: &Row<'_>, index: usize) -> Sql<ResetId> {
    row.get(index).map(ResetId::from_bytes)
}

pub(super) fn portal(row: &Row<'_>, index: usize) -> Sql<PortalName> {
    PortalName::parse(row.get_ref(index)?.as_str()?).map_err(|_| bad(index, "not a portal name"))
}

pub(super) fn portal_opt(row: &Row<'_>, index: usize) -> Sql<Option<PortalName>> {
    let text: Option<String> = row.get(index)?;
    text.map(|text| PortalName::parse(&text).map_err(|_| bad(index, "not a portal name"))).transpose()
}

pub(super) fn state(row: &Row<'_>, index: usize) -> Sql<State> {
    State::parse(row.get_ref(index)?.as_str()?).ok_or_else(|| bad(index, "not a state"))
}

pub(super) fn method(row: &Row<'_>, index: usize) -> Sql<Method> {
    Method::parse(row.get_ref(index)?.as_str()?).ok_or_else(|| bad(index, "not a method"))
}

pub(super) fn mailbox_opt(row: &Row<'_>, index: usize) -> Sql<Option<Mailbox>> {
    let text: Option<String> = row.get(index)?;
    text.map(|text| Mailbox::parse(&text).map_err(|_| bad(index, "not an address"))).transpose()
}

/// The columns that [`reset_row`] reads.
pub(super) const RESET_ROW: &str = "r.n, r.id, r.selector, r.key_id, r.portal, r.account, r.email, r.name, r.locale, r.method, r.wording, \
     r.state, r.created_at, r.sent_at, r.until, r.code_until, r.valid_since, r.inspected_at, r.completed_at";

pub(super) fn reset_row(row: &Row<'_>) -> Sql<ResetRow> {
    let name: Option<String> = row.get(7)?;
    Ok(ResetRow {
        n: row.get(0)?,
        id: reset_id(row, 1)?,
        selector: Selector::from_bytes(row.get(2)?),
        key_id: row.get(3)?,
        portal: portal(row, 4)?,
        account: row.get(5)?,
        email: mailbox_opt(row, 6)?,
        name: name.and_then(|name| DisplayName::parse(&name).ok()),
        locale: row.get(8)?,
        method: method(row, 9)?,
        wording: row.get(10)?,
        state: state(row, 11)?,
        created_at: time(row, 12)?,
        sent_at: time_opt(row, 13)?,
        until: time(row, 14)?,
        code_until: time(row, 15)?,
        valid_since: time_opt(row, 16)?,
        inspected_at: time_opt(row, 17)?,
        completed_at: time_opt(row, 18)?,
    })
}

impl ResetRow {
    /// What the outside sees. A reset whose time ran out reads `expired` even before the sweep has written it.
    pub fn view(self, now: Timestamp) -> Reset {
        let state = if self.state.is_open() && now >= self.until { State::Expired } else { self.state };
        Reset {
            id: self.id,
            portal: self.portal,
            account: self.account,
            email: self.email,
            state,
            created_at: self.created_at,
            sent_at: self.sent_at,
            expires_at: self.until,
            method: self.method,
            wording: self.wording,
        }
    }
}

impl Tx<'_> {
    /// Appends a line to the timeline; it is published when the transaction is committed.
    pub(super) fn event(
        &mut self,
        at: Timestamp,
        event: Event,
        reset: Option<(i64, ResetId)>,
        portal: Option<&PortalName>,
        detail: Value,
    ) -> Result<(), StoreError> {
        let text = detail.to_string();
        let (id, digest, link) = self.chain.append(at, event.as_str(), reset.map(|(n, _)| n), portal, &text);
        let mut insert = self
            .conn
            .prepare_cached(
                "INSERT INTO event (id, at, kind, reset_n, portal, detail, digest, link) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )
            .doing("preparing an event")?;
        let portal_name = portal.map(PortalName::as_str);
        let values =
            params![id, at.as_millis(), event.as_str(), reset.map(|(n, _)| n), portal_name, text, digest.as_slice(), link.0.as_slice()];
        insert.execute(values).doing("appending an event")?;
        self.lines.push(Line { id, at, event, reset: reset.map(|(_, id)| id), portal: portal.cloned(), detail });
        Ok(())
    }
}
