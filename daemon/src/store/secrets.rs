//! A secret comes back: found, redeemed at most once (law 5), refused, counted.

use std::time::Duration;

use resetd_core::event::Event;
use resetd_core::ids::{PortalName, ResetId};
use resetd_core::limits::Limit;
use resetd_core::reset::{Refusal, State, refusal};
use resetd_core::secret::Selector;
use resetd_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

use super::row::{Doing, RESET_ROW, reset_row};
use super::writer::Tx;
use super::{MailKind, ResetRow, Store, StoreError};

/// What was presented, and so which end counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Means {
    /// The token of a link.
    Token,
    /// A typed code.
    Code,
}

const HOUR: Duration = Duration::from_secs(3600);

/// How many wrong codes are let pass.
#[derive(Clone, Copy, Debug)]
pub struct CodeBudget {
    /// For one account.
    pub tries: u32,
    /// Within which time. No shorter than a secret's hard cap, so that no reset ever sees more.
    pub window: Duration,
    /// From one client IP in an hour, over all accounts.
    pub per_ip: u32,
    /// In the portal in an hour, over all accounts.
    pub per_portal: u32,
}

/// Who tries a code, and for whom.
#[derive(Clone, Debug)]
pub struct Guesser {
    /// Where.
    pub portal: PortalName,
    /// Whose.
    pub account: String,
    /// The client's IP, cut to a subscriber, where the application tells it.
    pub ip: Option<String>,
}

impl Store {
    /// The reset that a token's selector names.
    pub async fn by_selector(&self, selector: Selector) -> Result<Option<ResetRow>, StoreError> {
        self.readers.read(move |conn| by_selector(conn, &selector)).await
    }

    /// The open resets of an account, oldest first, and the limit of wrong codes that is met, where one is.
    pub async fn open_codes(&self, who: Guesser, budget: CodeBudget, now: Timestamp) -> Result<(Vec<ResetRow>, Option<Limit>), StoreError> {
        let read = move |conn: &Connection| Ok((open_of_account(conn, &who.portal, &who.account)?, used_up(conn, &who, budget, now)?));
        self.readers.read(read).await
    }

    /// Redeems: one `UPDATE … WHERE` that carries state, time and, for a code, the account's budget. The siblings die in
    /// the same transaction. A refusal says what stood at that moment.
    pub async fn redeem(&self, row: ResetRow, means: Means, budget: CodeBudget, now: Timestamp) -> Result<Result<(), Refusal>, StoreError> {
        self.writer.write(move |tx| tx.redeem(&row, means, budget, now)).await
    }

    /// Counts a wrong code. `Some`: the limit that is met now, after which codes are locked; one that was met before counts no more.
    pub async fn wrong_code(&self, who: Guesser, budget: CodeBudget, now: Timestamp) -> Result<Option<Limit>, StoreError> {
        self.writer.write(move |tx| tx.wrong_code(&who, budget, now)).await
    }

    /// Remembers that a page asked about the reset, the first time.
    pub async fn inspected(&self, row: ResetRow, now: Timestamp) -> Result<(), StoreError> {
        let work = move |tx: &mut Tx<'_>| {
            let mut update = tx
                .conn
                .prepare_cached("UPDATE reset SET inspected_at = ?2 WHERE n = ?1 AND inspected_at IS NULL")
                .doing("preparing an inspection")?;
            if update.execute(params![row.n, now.as_millis()]).doing("recording an inspection")? == 1 {
                tx.event(now, Event::ResetInspected, Some((row.n, row.id)), Some(&row.portal), Value::Null)?;
            }
            Ok(())
        };
        self.writer.write(work).await
    }

    /// Writes that a secret of a known reset came back and was refused; at most twenty lines a reset.
    pub async fn refused(&self, row: ResetRow, why: Refusal, now: Timestamp) -> Result<(), StoreError> {
        let work = move |tx: &mut Tx<'_>| {
            let mut count = tx
                .conn
                .prepare_cached("SELECT count(*) FROM event WHERE reset_n = ?1 AND kind = 'reset.refused'")
                .doing("preparing to count refusals")?;
            if count.query_row([row.n], |r| r.get::<_, i64>(0)).doing("counting refusals")? < 20 {
                tx.event(now, Event::ResetRefused, Some((row.n, row.id)), Some(&row.portal), json!({ "reason": why.as_str() }))?;
            }
            Ok(())
        };
        self.writer.write(work).await
    }

    /// Takes an open reset back. False: it was not open any more.
    pub async fn revoke(&self, row: ResetRow, by: u32, now: Timestamp) -> Result<bool, StoreError> {
        let work = move |tx: &mut Tx<'_>| tx.end(&row, State::Revoked, Event::ResetRevoked, now, json!({ "uid": by }));
        self.writer.write(work).await
    }

    /// Writes that the password was changed and queues the notice, once. False: it was not redeemed, or said before.
    pub async fn completed(&self, row: ResetRow, useful_until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let work = move |tx: &mut Tx<'_>| {
            let mut update = tx
                .conn
                .prepare_cached("UPDATE reset SET completed_at = ?2 WHERE n = ?1 AND state = 'redeemed' AND completed_at IS NULL")
                .doing("preparing a completion")?;
            if update.execute(params![row.n, now.as_millis()]).doing("recording a completion")? == 0 {
                return Ok(false);
            }
            let subject = Some((row.n, row.id));
            tx.event(now, Event::ResetCompleted, subject, Some(&row.portal), Value::Null)?;
            tx.queue_mail(MailKind::Notice, Some(row.n), None, &row.portal, useful_until, now)?;
            Ok(true)
        };
        self.writer.write(work).await
    }
}

pub(super) fn by_selector(conn: &Connection, selector: &Selector) -> Result<Option<ResetRow>, StoreError> {
    let text = sql(&["SELECT ", RESET_ROW, " FROM reset r WHERE r.selector = ?1"]);
    let mut select = conn.prepare_cached(&text).doing("preparing a selector look-up")?;
    select.query_row([selector.as_bytes().as_slice()], reset_row).optional().doing("looking up a selector")
}

/// The open resets of an account, oldest first.
pub(super) fn open_of_account(conn: &Connection, portal: &PortalName, account: &str) -> Result<Vec<ResetRow>, StoreError> {
    let text = sql(&[
        "SELECT ",
        RESET_ROW,
        " FROM reset r WHERE r.portal = ?1 AND r.account = ?2 AND r.state IN ('accepted', 'sent') ORDER BY r.n",
    ]);
    let mut select = conn.prepare_cached(&text).doing("preparing an account look-up")?;
    let rows = select.query_map([portal.as_str(), account], reset_row).doing("looking up an account")?;
    rows.collect::<Result<_, _>>().doing("reading an account's resets")
}

pub(super) fn sql(parts: &[&str]) -> String {
    parts.concat()
}

/// The limit of wrong codes that is met. An IP over its own is no reason for others to be locked.
fn used_up(conn: &Connection, who: &Guesser, budget: CodeBudget, now: Timestamp) -> Result<Option<Limit>, StoreError> {
    if wrong_codes(conn, &who.portal, &who.account, now - budget.window)? >= budget.tries {
        return Ok(Some(Limit::Codes));
    }
    let since = (now - HOUR).as_millis();
    if let Some(ip) = &who.ip {
        let mut count = conn
            .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM wrong_code WHERE ip = ?1 AND at > ?2 LIMIT ?3)")
            .doing("preparing to count an IP's wrong codes")?;
        let wrong: u32 = count.query_row(params![ip, since, budget.per_ip], |row| row.get(0)).doing("counting an IP's wrong codes")?;
        if wrong >= budget.per_ip {
            return Ok(Some(Limit::CodesOfIp));
        }
    }
    let mut count = conn
        .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM wrong_code WHERE portal = ?1 AND at > ?2 LIMIT ?3)")
        .doing("preparing to count a portal's wrong codes")?;
    let values = params![who.portal.as_str(), since, budget.per_portal];
    let wrong: u32 = count.query_row(values, |row| row.get(0)).doing("counting a portal's wrong codes")?;
    Ok((wrong >= budget.per_portal).then_some(Limit::CodesOfPortal))
}

fn wrong_codes(conn: &Connection, portal: &PortalName, account: &str, since: Timestamp) -> Result<u32, StoreError> {
    let mut count = conn
        .prepare_cached("SELECT count(*) FROM wrong_code WHERE portal = ?1 AND account = ?2 AND at > ?3")
        .doing("preparing to count wrong codes")?;
    count.query_row(params![portal.as_str(), account, since.as_millis()], |row| row.get(0)).doing("counting wrong codes")
}

impl Tx<'_> {
    pub(super) fn open_of_account(&self, portal: &PortalName, account: &str) -> Result<Vec<ResetRow>, StoreError> {
        open_of_account(self.conn, portal, account)
    }

    fn redeem(&mut self, row: &ResetRow, means: Means, budget: CodeBudget, now: Timestamp) -> Result<Result<(), Refusal>, StoreError> {
        let account = row.account.as_deref().unwrap_or_default();
        let sql = match means {
            Means::Token => {
                "UPDATE reset SET state = 'redeemed' WHERE n = ?1 AND state IN ('accepted', 'sent') AND until > ?2 AND method <> 'code'"
            }
            Means::Code => {
                "UPDATE reset SET state = 'redeemed' WHERE n = ?1 AND state IN ('accepted', 'sent') AND code_until > ?2 \
                 AND method <> 'link' AND (SELECT count(*) FROM wrong_code WHERE portal = ?3 AND account = ?4 AND at > ?5) < ?6"
            }
        };
        let mut update = self.conn.prepare_cached(sql).doing("preparing to redeem")?;
        let changed = match means {
            Means::Token => update.execute(params![row.n, now.as_millis()]),
            Means::Code => {
                let since = (now - budget.window).as_millis();
                update.execute(params![row.n, now.as_millis(), row.portal.as_str(), account, since, budget.tries])
            }
        };
        if changed.doing("redeeming")? == 1 {
            self.event(now, Event::ResetRedeemed, Some((row.n, row.id)), Some(&row.portal), json!({ "means": means.as_str() }))?;
            self.siblings_die(row, now)?;
            return Ok(Ok(()));
        }
        self.why_not(row, means, budget, now).map(Err)
    }

    fn siblings_die(&mut self, row: &ResetRow, now: Timestamp) -> Result<(), StoreError> {
        let Some(account) = &row.account else { return Ok(()) };
        for sibling in self.open_of_account(&row.portal, account)? {
            let detail = json!({ "by": row.id, "why": "a sibling was redeemed" });
            self.end(&sibling, State::Superseded, Event::ResetSuperseded, now, detail)?;
        }
        let mut forget = self
            .conn
            .prepare_cached("DELETE FROM wrong_code WHERE portal = ?1 AND account = ?2")
            .doing("preparing to clear wrong codes")?;
        forget.execute([row.portal.as_str(), account]).doing("clearing wrong codes")?;
        Ok(())
    }

    fn why_not(&mut self, row: &ResetRow, means: Means, budget: CodeBudget, now: Timestamp) -> Result<Refusal, StoreError> {
        let account = row.account.as_deref().unwrap_or_default();
        if means == Means::Code && wrong_codes(self.conn, &row.portal, account, now - budget.window)? >= budget.tries {
            return Ok(Refusal::Locked);
        }
        let Some(current) = by_selector(self.conn, &row.selector)? else { return Ok(Refusal::Unknown) };
        Ok(means.refusal(&current, now).unwrap_or(Refusal::Unknown))
    }

    fn wrong_code(&mut self, who: &Guesser, budget: CodeBudget, now: Timestamp) -> Result<Option<Limit>, StoreError> {
        // The writer is alone: between this look and the insert nobody else counts.
        if let Some(limit) = used_up(self.conn, who, budget, now)? {
            return Ok(Some(limit));
        }
        let mut insert = self
            .conn
            .prepare_cached("INSERT INTO wrong_code (portal, account, at, ip) VALUES (?1, ?2, ?3, ?4)")
            .doing("preparing to count a wrong code")?;
        insert.execute(params![who.portal.as_str(), who.account, now.as_millis(), who.ip]).doing("counting a wrong code")?;
        drop(insert);
        let open = self.open_of_account(&who.portal, &who.account)?;
        let newest = open.last().map(|row| (row.n, row.id));
        let left = budget.tries.saturating_sub(wrong_codes(self.conn, &who.portal, &who.account, now - budget.window)?);
        self.event(now, Event::CodeWrong, newest, Some(&who.portal), json!({ "tries_left": left }))?;
        used_up(self.conn, who, budget, now)
    }

    /// Whether a code that is mailed now could not be redeemed: then a link goes out in its place.
    pub(super) fn codes_are_locked(&self, who: &Guesser, budget: CodeBudget, now: Timestamp) -> Result<bool, StoreError> {
        used_up(self.conn, who, budget, now).map(|limit| limit.is_some())
    }

    /// Queues a mail that is no reset mail.
    pub(super) fn queue_mail(
        &mut self,
        kind: MailKind,
        reset_n: Option<i64>,
        flag_n: Option<i64>,
        portal: &PortalName,
        useful_until: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut insert = self
            .conn
            .prepare_cached(
                "INSERT INTO mail (kind, reset_n, flag_n, portal, state, attempts, created_at, due_at, useful_until) \
                 VALUES (?1, ?2, ?3, ?4, 'queued', 0, ?5, ?5, ?6) ON CONFLICT DO NOTHING",
            )
            .doing("preparing a mail")?;
        let values = params![kind.as_str(), reset_n, flag_n, portal.as_str(), now.as_millis(), useful_until.as_millis()];
        if insert.execute(values).doing("queueing a mail")? == 1 {
            drop(insert);
            self.post(self.conn.last_insert_rowid(), now)?;
        }
        Ok(())
    }
}

impl Means {
    /// The name in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Code => "code",
        }
    }

    /// Why this reset's secret of this sort is refused at `now`; `None`: it is good.
    pub fn refusal(self, row: &ResetRow, now: Timestamp) -> Option<Refusal> {
        let (carried, until) = match self {
            Self::Token => (row.method.has_link(), row.until),
            Self::Code => (row.method.has_code(), row.code_until),
        };
        if carried { refusal(row.state, until, now) } else { Some(Refusal::Unknown) }
    }

    /// When this reset's secret of this sort ends.
    pub fn until(self, row: &ResetRow) -> Timestamp {
        match self {
            Self::Token => row.until,
            Self::Code => row.code_until,
        }
    }
}

/// The reset of an id.
pub(super) fn by_id(conn: &Connection, id: ResetId) -> Result<Option<ResetRow>, StoreError> {
    let text = sql(&["SELECT ", RESET_ROW, " FROM reset r WHERE r.id = ?1"]);
    let mut select = conn.prepare_cached(&text).doing("preparing a reset look-up")?;
    select.query_row([id.as_bytes().as_slice()], reset_row).optional().doing("looking up a reset")
}

impl Store {
    /// The reset of an id.
    pub async fn by_id(&self, id: ResetId) -> Result<Option<ResetRow>, StoreError> {
        self.readers.read(move |conn| by_id(conn, id)).await
    }
}
