//! The queue: claimed (counted) before each try, recorded after it. The first try of a reset mail was counted by the
//! transaction that accepted it.

use std::sync::Arc;

use resetd_core::event::Event;
use resetd_core::ids::PortalName;
use resetd_core::reset::{Expiry, Method, State};
use resetd_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Value, json};

use super::row::{Doing, RESET_ROW, Sql, portal, portal_opt, reset_row, time};
use super::secrets::sql;
use super::writer::Tx;
use super::{Listed, MailKind, Page, Post, Queued, ResetRow, Store, StoreError};

/// A mail to be tried now, with all that it is made from.
#[derive(Clone, Debug)]
pub struct Work {
    /// Its number.
    pub mail: i64,
    /// What it is.
    pub kind: MailKind,
    /// Its portal.
    pub portal: PortalName,
    /// Attempts begun, this one included.
    pub attempts: u32,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it stops being of use.
    pub useful_until: Timestamp,
    /// The reset that it is about.
    pub reset: Option<ResetRow>,
    /// The flag that it is about.
    pub flag: Option<i64>,
    /// How many resets had ended when this was read; see [`Store::endings`].
    pub endings: u64,
    /// Nothing may be sent: the request was suppressed, and its mail is made only to be the same work (law 8).
    pub void: bool,
}

/// What an attempt came to, as it is written down.
#[derive(Clone, Debug)]
pub enum Record {
    /// Taken. `expiry`: for a reset mail, the ends of its secrets, counted from now.
    Sent {
        /// The id that the next hop gave.
        remote_id: Option<String>,
        /// New ends.
        expiry: Option<Expiry>,
        /// For the timeline.
        detail: Value,
    },
    /// To be tried again.
    Deferred {
        /// When.
        due_at: Timestamp,
        /// What happened.
        last: String,
        /// For the timeline.
        detail: Value,
    },
    /// A void mail was made and thrown away.
    Void,
    /// Never again: refused by the next hop, or no longer of use.
    Failed {
        /// `MailRefused`, `MailDropped` or `WebhookFailed`.
        event: Event,
        /// What happened.
        last: String,
        /// For the timeline.
        detail: Value,
    },
}

impl Store {
    /// Every waiting mail, for the start.
    pub async fn waiting(&self) -> Result<Vec<Post>, StoreError> {
        let read = |conn: &Connection| {
            let mut select = conn
                .prepare("SELECT n, due_at, kind FROM mail WHERE state = 'queued' ORDER BY due_at")
                .doing("preparing to read the queue")?;
            let rows = select
                .query_map([], |row| Ok(Post { mail: row.get(0)?, due_at: time(row, 1)?, kind: mail_kind(row, 2)?, work: None }))
                .doing("reading the queue")?;
            rows.collect::<Result<_, _>>().doing("reading the queue")
        };
        self.readers.read(read).await
    }

    /// Counts an attempt and gives what it needs. `None`: the mail waits no more, or its reset has ended: then it is written
    /// off, since a dead secret is never mailed (law 7).
    pub async fn claim(&self, mail: i64, now: Timestamp) -> Result<Option<Work>, StoreError> {
        self.writer.write(move |tx| tx.claim(mail, now)).await
    }

    /// Writes down what an attempt came to. Nobody waits for it: a few milliseconds may pass, in which a crash would double a mail.
    pub async fn record(&self, work: Arc<Work>, record: Record, now: Timestamp) -> Result<(), StoreError> {
        self.writer.write_along(move |tx| tx.record(&work, &record, now)).await
    }

    /// A stretch of the queue, in the order of arrival.
    pub async fn queue(&self, page: Page, portals: Option<Vec<PortalName>>) -> Result<Listed<Queued>, StoreError> {
        self.readers.read(move |conn| queue(conn, page, portals.as_deref())).await
    }

    /// Makes a waiting mail due now. `None`: there is no such mail waiting.
    pub async fn retry_now(&self, mail: i64, now: Timestamp) -> Result<Option<()>, StoreError> {
        let work = move |tx: &mut Tx<'_>| {
            let mut update = tx
                .conn
                .prepare_cached("UPDATE mail SET due_at = ?2 WHERE n = ?1 AND state = 'queued' RETURNING kind")
                .doing("preparing a retry")?;
            let kind = update.query_row(params![mail, now.as_millis()], |row| mail_kind(row, 0)).optional().doing("making a mail due")?;
            Ok(kind.map(|kind| tx.posts.push(Post { mail, due_at: now, kind, work: None })))
        };
        self.writer.write(work).await
    }

    /// Counts the ends of resets since the start. While it stands as it did, every reset that was open is.
    pub fn endings(&self) -> u64 {
        self.writer.endings()
    }

    /// Whether a reset is still open, for a mail that has waited in memory.
    pub async fn is_open(&self, n: i64) -> Result<bool, StoreError> {
        let read = move |conn: &Connection| {
            let mut select =
                conn.prepare_cached("SELECT state IN ('accepted', 'sent') FROM reset WHERE n = ?1").doing("preparing a state look-up")?;
            Ok(select.query_row([n], |row| row.get(0)).optional().doing("looking up a state")?.unwrap_or(false))
        };
        self.readers.read(read).await
    }
}

fn mail_kind(row: &Row<'_>, index: usize) -> Sql<MailKind> {
    MailKind::parse(row.get_ref(index)?.as_str()?).ok_or(rusqlite::Error::InvalidQuery)
}

fn queue(conn: &Connection, page: Page, portals: Option<&[PortalName]>) -> Result<Listed<Queued>, StoreError> {
    let mut select = conn
        .prepare_cached(
            "SELECT m.n, m.kind, r.id, m.portal, coalesce(substr(r.email, instr(r.email, '@') + 1), ''), m.attempts, m.due_at, \
             m.useful_until, m.last, m.created_at FROM mail m LEFT JOIN reset r ON r.n = m.reset_n \
             WHERE m.state = 'queued' AND m.n > ?1 ORDER BY m.n",
        )
        .doing("preparing to list the queue")?;
    let read = |row: &Row<'_>| {
        let reset: Option<[u8; 16]> = row.get(2)?;
        Ok(Queued {
            id: row.get(0)?,
            kind: mail_kind(row, 1)?,
            reset: reset.map(resetd_core::ids::ResetId::from_bytes),
            portal: portal_opt(row, 3)?,
            domain: row.get(4)?,
            attempts: row.get(5)?,
            due_at: time(row, 6)?,
            useful_until: time(row, 7)?,
            last: row.get(8)?,
            created_at: time(row, 9)?,
        })
    };
    let rows = select.query_map([page.after.unwrap_or(0)], read).doing("listing the queue")?;
    let may_see = |item: &Queued| portals.is_none_or(|list| item.portal.as_ref().is_some_and(|portal| list.contains(portal)));
    Listed::cut(rows.filter(|row| row.as_ref().map_or(true, may_see)), page, |item| item.id)
}

impl Tx<'_> {
    fn claim(&mut self, mail: i64, now: Timestamp) -> Result<Option<Work>, StoreError> {
        let mut update = self
            .conn
            .prepare_cached(
                "UPDATE mail SET attempts = attempts + 1 WHERE n = ?1 AND state = 'queued' \
                 RETURNING kind, portal, attempts, created_at, useful_until, reset_n, flag_n",
            )
            .doing("preparing a claim")?;
        let claimed = update
            .query_row([mail], |row| {
                let work = Work {
                    mail,
                    kind: mail_kind(row, 0)?,
                    portal: portal(row, 1)?,
                    attempts: row.get(2)?,
                    created_at: time(row, 3)?,
                    useful_until: time(row, 4)?,
                    reset: None,
                    flag: row.get(6)?,
                    endings: self.endings,
                    void: false,
                };
                Ok((work, row.get::<_, Option<i64>>(5)?))
            })
            .optional()
            .doing("claiming a mail")?;
        drop(update);
        let Some((mut work, reset_n)) = claimed else { return Ok(None) };
        if let Some(n) = reset_n {
            work.reset = self.reset_by_n(n)?;
        }
        let dead = work.kind == MailKind::Reset && !work.reset.as_ref().is_some_and(|row| row.state.is_open() && now < row.until);
        if dead {
            let why = "its secret had ended before the mail could go out";
            let record = Record::Failed { event: Event::MailDropped, last: why.into(), detail: json!({ "kind": "reset", "why": why }) };
            self.record(&work, &record, now)?;
            return Ok(None);
        }
        Ok(Some(work))
    }

    pub(super) fn reset_by_n(&self, n: i64) -> Result<Option<ResetRow>, StoreError> {
        let text = sql(&["SELECT ", RESET_ROW, " FROM reset r WHERE r.n = ?1"]);
        let mut select = self.conn.prepare_cached(&text).doing("preparing a reset look-up")?;
        select.query_row([n], reset_row).optional().doing("looking up a reset")
    }

    fn record(&mut self, work: &Work, record: &Record, now: Timestamp) -> Result<(), StoreError> {
        let subject = work.reset.as_ref().map(|row| (row.n, row.id));
        match if work.void { &Record::Void } else { record } {
            Record::Sent { remote_id, expiry, detail } => {
                let mut update = self
                    .conn
                    .prepare_cached("UPDATE mail SET state = 'done', last = NULL, remote_id = ?2 WHERE n = ?1 AND state = 'queued'")
                    .doing("preparing to record a mail")?;
                update.execute(params![work.mail, remote_id]).doing("recording a mail")?;
                if let (Some(row), Some(expiry)) = (&work.reset, expiry) {
                    self.life_begins(row, expiry, now)?;
                }
                let event = if work.kind == MailKind::Webhook { Event::WebhookSent } else { Event::MailSent };
                self.event(now, event, subject, Some(&work.portal), detail.clone())
            }
            Record::Deferred { due_at, last, detail } => {
                let mut update = self
                    .conn
                    .prepare_cached("UPDATE mail SET due_at = ?2, last = ?3 WHERE n = ?1 AND state = 'queued'")
                    .doing("preparing to defer a mail")?;
                if update.execute(params![work.mail, due_at.as_millis(), last]).doing("deferring a mail")? == 1 {
                    self.posts.push(Post { mail: work.mail, due_at: *due_at, kind: work.kind, work: None });
                }
                self.event(now, Event::MailDeferred, subject, Some(&work.portal), detail.clone())
            }
            Record::Void => {
                let mut update = self
                    .conn
                    .prepare_cached("UPDATE mail SET state = 'void' WHERE n = ?1 AND state = 'void'")
                    .doing("preparing to record a void mail")?;
                update.execute([work.mail]).doing("recording a void mail").map(|_| ())
            }
            Record::Failed { event, last, detail } => {
                let mut update = self
                    .conn
                    .prepare_cached("UPDATE mail SET state = 'failed', last = ?2 WHERE n = ?1 AND state = 'queued'")
                    .doing("preparing to write a mail off")?;
                update.execute(params![work.mail, last]).doing("writing a mail off")?;
                if let (Some(row), MailKind::Reset) = (&work.reset, work.kind) {
                    self.set_state(row, State::Undeliverable)?;
                }
                self.event(now, *event, subject, Some(&work.portal), detail.clone())
            }
        }
    }

    /// Sets the ends of a reset's secrets, once: a mail sent twice after a crash does not live longer for it.
    fn life_begins(&self, row: &ResetRow, expiry: &Expiry, now: Timestamp) -> Result<(), StoreError> {
        let until = match row.method {
            Method::Link => expiry.link,
            Method::Code => expiry.code,
            Method::Both => expiry.link.max(expiry.code),
        };
        let mut update = self
            .conn
            .prepare_cached(
                "UPDATE reset SET state = 'sent', sent_at = ?2, until = ?3, code_until = ?4 WHERE n = ?1 AND state = 'accepted'",
            )
            .doing("preparing to begin a life")?;
        update
            .execute(params![row.n, now.as_millis(), until.as_millis(), expiry.code.as_millis()])
            .doing("beginning a secret's life")
            .map(|_| ())
    }

    /// Moves an open reset to an ended state. False: it was not open.
    pub(super) fn set_state(&self, row: &ResetRow, state: State) -> Result<bool, StoreError> {
        let mut update = self
            .conn
            .prepare_cached("UPDATE reset SET state = ?2 WHERE n = ?1 AND state IN ('accepted', 'sent')")
            .doing("preparing to end a reset")?;
        Ok(update.execute(params![row.n, state.as_str()]).doing("ending a reset")? == 1)
    }
}

impl<T> Listed<T> {
    /// The first `limit` of the rows, and the cursor if there are more.
    pub(super) fn cut(rows: impl Iterator<Item = Sql<T>>, page: Page, cursor: impl Fn(&T) -> i64) -> Result<Self, StoreError> {
        let limit = page.limit as usize;
        let mut items = rows.take(limit + 1).collect::<Result<Vec<_>, _>>().doing("reading a list")?;
        let next = if items.len() > limit {
            items.truncate(limit);
            items.last().map(&cursor)
        } else {
            None
        };
        Ok(Self { items, next })
    }
}
