//! Failed logins: counted in one row for each account, over a window that begins with the first.

use std::time::Duration;

use resetd_core::event::Event;
use rusqlite::{OptionalExtension, params};
use serde_json::json;

use super::row::Doing;
use super::writer::Tx;
use super::{Accepted, Request, Store, StoreError};

/// The portal's rule.
#[derive(Clone, Copy, Debug)]
pub struct LoginRule {
    /// Failures that start a reset; 0: none do.
    pub threshold: u32,
    /// Within which time.
    pub window: Duration,
    /// The least time between two such resets.
    pub at_most_every: Duration,
}

/// What a failure came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginFailed {
    /// Failures in the window.
    pub failures: u32,
    /// The reset that this one started.
    pub started: Option<Accepted>,
}

impl Store {
    /// Counts a failed login; at the threshold the reset is accepted in the same transaction.
    pub async fn login_failed(&self, request: Request, rule: LoginRule) -> Result<LoginFailed, StoreError> {
        self.writer.write(move |tx| tx.login_failed(&request, rule)).await
    }

    /// A login went well: the count is cleared. The day's cap on resets stays.
    pub async fn login_succeeded(&self, request: Request) -> Result<(), StoreError> {
        let work = move |tx: &mut Tx<'_>| {
            let mut update = tx
                .conn
                .prepare_cached("UPDATE login SET failures = 0, since = ?3 WHERE portal = ?1 AND account = ?2 AND failures > 0")
                .doing("preparing to clear failures")?;
            let values = params![request.portal.as_str(), request.account, request.created_at.as_millis()];
            update.execute(values).doing("clearing failures").map(|_| ())
        };
        self.writer.write(work).await
    }
}

impl Tx<'_> {
    fn login_failed(&mut self, request: &Request, rule: LoginRule) -> Result<LoginFailed, StoreError> {
        let (portal, account, now) = (request.portal.as_str(), request.account.as_deref().unwrap_or_default(), request.created_at);
        let mut upsert = self
            .conn
            .prepare_cached(
                "INSERT INTO login (portal, account, failures, since) VALUES (?1, ?2, 1, ?3) ON CONFLICT (portal, account) DO UPDATE SET \
                 failures = CASE WHEN since <= ?4 OR failures = 0 THEN 1 ELSE failures + 1 END, \
                 since = CASE WHEN since <= ?4 OR failures = 0 THEN ?3 ELSE since END RETURNING failures",
            )
            .doing("preparing to count a failure")?;
        let begun = (now - rule.window).as_millis();
        let failures: u32 =
            upsert.query_row(params![portal, account, now.as_millis(), begun], |row| row.get(0)).doing("counting a failure")?;
        drop(upsert);
        if failures == 1 {
            // One line for each window, not for each failure: a guesser must not fill the timeline.
            self.event(now, Event::LoginFailed, None, Some(&request.portal), json!({ "threshold": rule.threshold }))?;
        }
        if rule.threshold == 0 || failures < rule.threshold {
            return Ok(LoginFailed { failures, started: None });
        }
        let mut claim = self
            .conn
            .prepare_cached(
                "UPDATE login SET last_reset = ?3, failures = 0 WHERE portal = ?1 AND account = ?2 \
                 AND (last_reset IS NULL OR last_reset <= ?4) RETURNING 1",
            )
            .doing("preparing the threshold")?;
        let earliest = (now - rule.at_most_every).as_millis();
        let due: Option<i64> = claim
            .query_row(params![portal, account, now.as_millis(), earliest], |row| row.get(0))
            .optional()
            .doing("meeting the threshold")?;
        drop(claim);
        if due.is_none() {
            return Ok(LoginFailed { failures, started: None });
        }
        self.event(now, Event::LoginThreshold, None, Some(&request.portal), json!({ "failures": failures }))?;
        let started = self.accept(request)?;
        Ok(LoginFailed { failures, started: Some(started) })
    }
}
