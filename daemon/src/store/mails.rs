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
use super::{Attempt, Listed, MailKind, MailShown, Page, Post, Queued, ResetRow, Severity, Store, StoreError};

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
        /// Until when the address gets no more mail of the portal, where the refusal says that nobody is there.
        hold: Option<Timestamp>,
    },
}

impl Store {
    /// A stretch of the waiting mails in the order of arrival, those after `after`, for the start.
    pub async fn waiting(&self, after: i64, limit: u32, now: Timestamp) -> Result<Vec<Post>, StoreError> {
        let read = move |conn: &Connection| {
            let text = sql(&["SELECT ", POST, " WHERE m.state = 'queued' AND m.n > ?1 ORDER BY m.n LIMIT ?2"]);
            let mut select = conn.prepare_cached(&text).doing("preparing to read the queue")?;
            let rows = select.query_map(params![after, limit], |row| post(row, now)).doing("reading the queue")?;
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
            let mut update =
                tx.conn.prepare_cached("UPDATE mail SET due_at = ?2 WHERE n = ?1 AND state = 'queued'").doing("preparing a retry")?;
            if update.execute(params![mail, now.as_millis()]).doing("making a mail due")? == 0 {
                return Ok(None);
            }
            tx.post(mail, now).map(Some)
        };
        self.writer.write(work).await
    }

    /// Takes a waiting mail out of the queue; its reset ends as undeliverable. `None`: there is no such mail waiting.
    pub async fn drop_mail(&self, mail: i64, why: &'static str, now: Timestamp) -> Result<Option<()>, StoreError> {
        let work = move |tx: &mut Tx<'_>| {
            let Some(work) = tx.read_work(mail)? else { return Ok(None) };
            let detail = json!({ "kind": work.kind.as_str(), "attempt": work.attempts, "why": why });
            tx.record(&work, &Record::Failed { event: Event::MailDropped, last: why.into(), detail, hold: None }, now).map(Some)
        };
        self.writer.write(work).await
    }

    /// One mail and what its attempts met, the oldest first.
    pub async fn mail(&self, mail: i64) -> Result<Option<MailShown>, StoreError> {
        self.readers.read(move |conn| mail_shown(conn, mail)).await
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

/// What [`post`] reads.
const POST: &str = "m.n, m.kind, m.portal, m.due_at, m.useful_until, coalesce(r.email, ''), coalesce(f.severity, '') \
                    FROM mail m LEFT JOIN reset r ON r.n = m.reset_n LEFT JOIN flag f ON f.n = m.flag_n";

fn post(row: &Row<'_>, now: Timestamp) -> Sql<Post> {
    let kind = mail_kind(row, 1)?;
    let to_person = matches!(kind, MailKind::Reset | MailKind::Notice | MailKind::Acknowledgement);
    let email = row.get_ref(5)?.as_str()?;
    let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
    Ok(Post {
        mail: row.get(0)?,
        kind,
        is_minor: row.get_ref(6)?.as_str()? == Severity::Low.as_str(),
        portal: portal(row, 2)?,
        domain: if to_person { domain.to_lowercase().into() } else { Box::default() },
        wait: time(row, 3)?.since(now),
        useful_until: time(row, 4)?,
        work: None,
    })
}

fn mail_shown(conn: &Connection, mail: i64) -> Result<Option<MailShown>, StoreError> {
    let mut select = conn
        .prepare_cached(
            "SELECT m.kind, r.id, m.portal, coalesce(substr(r.email, instr(r.email, '@') + 1), ''), m.state, m.attempts, m.due_at, \
             m.useful_until, m.last, m.created_at, m.remote_id, m.flag_n FROM mail m LEFT JOIN reset r ON r.n = m.reset_n WHERE m.n = ?1",
        )
        .doing("preparing to show a mail")?;
    let read = |row: &Row<'_>| {
        let reset: Option<[u8; 16]> = row.get(1)?;
        let queued = Queued {
            id: mail,
            kind: mail_kind(row, 0)?,
            reset: reset.map(resetd_core::ids::ResetId::from_bytes),
            portal: portal_opt(row, 2)?,
            domain: row.get(3)?,
            attempts: row.get(5)?,
            due_at: time(row, 6)?,
            useful_until: time(row, 7)?,
            last: row.get(8)?,
            created_at: time(row, 9)?,
        };
        Ok(MailShown { mail: queued, state: row.get(4)?, remote_id: row.get(10)?, flag: row.get(11)?, attempts: Vec::new() })
    };
    let Some(mut shown) = select.query_row([mail], read).optional().doing("showing a mail")? else { return Ok(None) };
    let mut attempts = conn
        .prepare_cached("SELECT number, at, detail FROM attempt WHERE mail_n = ?1 ORDER BY number")
        .doing("preparing to list attempts")?;
    let rows = attempts.query_map([mail], |row| {
        let detail = serde_json::from_str(row.get_ref(2)?.as_str()?).unwrap_or(Value::Null);
        Ok(Attempt { number: row.get(0)?, at: time(row, 1)?, detail })
    });
    shown.attempts = rows.doing("listing attempts")?.collect::<Result<_, _>>().doing("listing attempts")?;
    Ok(Some(shown))
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
    /// Hands a waiting mail to the outbox when this is committed.
    pub(super) fn post(&mut self, mail: i64, now: Timestamp) -> Result<(), StoreError> {
        let text = sql(&["SELECT ", POST, " WHERE m.n = ?1"]);
        let mut select = self.conn.prepare_cached(&text).doing("preparing to post a mail")?;
        self.posts.push(select.query_row([mail], |row| post(row, now)).doing("posting a mail")?);
        Ok(())
    }

    fn claim(&mut self, mail: i64, now: Timestamp) -> Result<Option<Work>, StoreError> {
        let mut update = self
            .conn
            .prepare_cached("UPDATE mail SET attempts = attempts + 1 WHERE n = ?1 AND state = 'queued'")
            .doing("preparing a claim")?;
        if update.execute([mail]).doing("claiming a mail")? == 0 {
            return Ok(None);
        }
        drop(update);
        let Some(work) = self.read_work(mail)? else { return Ok(None) };
        let dead = work.kind == MailKind::Reset && !work.reset.as_ref().is_some_and(|row| row.state.is_open() && now < row.until);
        if dead {
            let why = "its secret had ended before the mail could go out";
            let record =
                Record::Failed { event: Event::MailDropped, last: why.into(), detail: json!({ "kind": "reset", "why": why }), hold: None };
            self.record(&work, &record, now)?;
            return Ok(None);
        }
        Ok(Some(work))
    }

    /// A waiting mail with all that it is made from.
    fn read_work(&self, mail: i64) -> Result<Option<Work>, StoreError> {
        let mut select = self
            .conn
            .prepare_cached(
                "SELECT kind, portal, attempts, created_at, useful_until, reset_n, flag_n FROM mail WHERE n = ?1 AND state = 'queued'",
            )
            .doing("preparing to read a mail")?;
        let read = |row: &Row<'_>| {
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
        };
        let Some((mut work, reset_n)) = select.query_row([mail], read).optional().doing("reading a mail")? else { return Ok(None) };
        if let Some(n) = reset_n {
            work.reset = self.reset_by_n(n)?;
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
                if update.execute(params![work.mail, due_at.as_millis(), last]).doing("deferring a mail")? == 0 {
                    // Dropped by hand while it was tried.
                    return Ok(());
                }
                drop(update);
                self.post(work.mail, now)?;
                self.attempted(work, detail, now)?;
                self.event(now, Event::MailDeferred, subject, Some(&work.portal), detail.clone())
            }
            Record::Void => {
                let mut update = self
                    .conn
                    .prepare_cached("UPDATE mail SET state = 'void' WHERE n = ?1 AND state = 'void'")
                    .doing("preparing to record a void mail")?;
                update.execute([work.mail]).doing("recording a void mail").map(|_| ())
            }
            Record::Failed { event, last, detail, hold } => {
                let mut update = self
                    .conn
                    .prepare_cached("UPDATE mail SET state = 'failed', last = ?2 WHERE n = ?1 AND state = 'queued'")
                    .doing("preparing to write a mail off")?;
                if update.execute(params![work.mail, last]).doing("writing a mail off")? == 0 {
                    return Ok(());
                }
                drop(update);
                self.attempted(work, detail, now)?;
                if let (Some(until), Some(email)) = (hold, work.reset.as_ref().and_then(|row| row.email.as_ref())) {
                    self.hold(email, &work.portal, last, now, *until)?;
                }
                if let (Some(row), MailKind::Reset) = (&work.reset, work.kind) {
                    self.set_state(row, State::Undeliverable)?;
                }
                self.event(now, *event, subject, Some(&work.portal), detail.clone())
            }
        }
    }

    /// Keeps what a failed attempt met.
    fn attempted(&self, work: &Work, detail: &Value, now: Timestamp) -> Result<(), StoreError> {
        let mut insert = self
            .conn
            .prepare_cached("INSERT INTO attempt (mail_n, number, at, detail) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")
            .doing("preparing to keep an attempt")?;
        insert.execute(params![work.mail, work.attempts, now.as_millis(), detail.to_string()]).doing("keeping an attempt").map(|_| ())
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
