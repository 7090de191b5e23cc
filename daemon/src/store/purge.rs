//! What goes with time: personal data first, then whole resets and lines. The timeline's lines lose their details with the personal
//! data and stay on the chain by their hash, until they go from its beginning, whose new place is vouched for.

use std::time::Duration;

use resetd_core::event::Event;
use resetd_core::secret::Link;
use resetd_core::time::Timestamp;
use rusqlite::{Row, params};
use serde_json::json;

use super::row::{Doing, Sql};
use super::writer::Tx;
use super::{Store, StoreError, schema};

/// Rows touched in one transaction of the upkeep, so that requests never wait long behind it.
const SLICE: i64 = 500;

/// Under this name stands the last line whose detail was erased for its age.
const ERASED: &str = "details erased up to";

impl Store {
    /// Purges personal data older than `personal`, and whole resets and lines older than `events`. Gives how many rows went; call
    /// again while it is not 0.
    pub async fn purge(&self, personal: Duration, events: Duration, now: Timestamp) -> Result<usize, StoreError> {
        let work = move |tx: &mut Tx<'_>| {
            let mut gone = 0;
            for (what, text, before) in PURGES {
                let limit = match before {
                    Age::Personal => now - personal,
                    Age::Events => now - events,
                    Age::Day => now - Duration::from_secs(86_400),
                };
                let mut statement = tx.conn.prepare_cached(text).doing("preparing to purge")?;
                let rows = statement.execute(params![limit.as_millis(), SLICE]).doing(what)?;
                gone += rows;
            }
            gone += tx.erase_old(now - personal)?;
            gone += tx.drop_old(now - events)?;
            if gone > 0 {
                tx.event(now, Event::Purged, None, None, json!({ "rows": gone }))?;
            }
            Ok(gone)
        };
        self.writer.write(work).await
    }
}

impl Tx<'_> {
    /// Erases the details of the oldest lines.
    fn erase_old(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        let done = schema::recall(self.conn, ERASED)?.and_then(|bytes| <[u8; 8]>::try_from(bytes.as_slice()).ok());
        let lines = self.oldest(done.map_or(0, i64::from_be_bytes), before)?;
        for (id, link) in &lines {
            self.chain.erase(self.conn, *id, *link)?;
        }
        if let Some((last, _)) = lines.last() {
            schema::replace(self.conn, ERASED, &last.to_be_bytes())?;
        }
        Ok(lines.len())
    }

    /// Drops the oldest lines, and moves the beginning of the chain behind them.
    fn drop_old(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        let lines = self.oldest(0, before)?;
        let Some((last, link)) = lines.last() else { return Ok(0) };
        let mut delete = self.conn.prepare_cached("DELETE FROM event WHERE id <= ?1").doing("preparing to purge old lines")?;
        delete.execute([last]).doing("purging old lines")?;
        drop(delete);
        // Lines of before the chain have no link; its beginning lies behind them already.
        if *link != Link::START {
            self.chain.cut(self.conn, *last, *link)?;
        }
        Ok(lines.len())
    }

    /// The oldest lines behind `after`, up to the first that is not older than `before`: the chain is cut at one place.
    fn oldest(&self, after: i64, before: Timestamp) -> Result<Vec<(i64, Link)>, StoreError> {
        let mut select = self
            .conn
            .prepare_cached("SELECT id, at, link FROM event WHERE id > ?1 ORDER BY id LIMIT ?2")
            .doing("preparing to find old lines")?;
        let read = |row: &Row<'_>| -> Sql<(i64, i64, Link)> {
            Ok((row.get(0)?, row.get(1)?, Link(row.get::<_, Option<[u8; 16]>>(2)?.unwrap_or_default())))
        };
        let rows = select.query_map(params![after, SLICE], read).doing("finding old lines")?;
        let old = rows.take_while(|row| row.as_ref().map_or(true, |(_, at, _)| *at < before.as_millis()));
        old.map(|row| row.map(|(id, _, link)| (id, link))).collect::<Result<_, _>>().doing("reading old lines")
    }
}

enum Age {
    Personal,
    Events,
    Day,
}

const PURGES: [(&str, &str, Age); 10] = [
    (
        "purging personal data of resets",
        "UPDATE reset SET email = NULL, name = NULL, ip = NULL, user_agent = NULL, account = NULL WHERE n IN \
         (SELECT n FROM reset WHERE created_at < ?1 AND state NOT IN ('accepted', 'sent') AND email IS NOT NULL LIMIT ?2)",
        Age::Personal,
    ),
    (
        "purging raw messages",
        "UPDATE inbound SET raw = NULL, envelope = x'', sealed_with = NULL WHERE n IN \
         (SELECT n FROM inbound WHERE received_at < ?1 AND raw IS NOT NULL AND state <> 'stored' LIMIT ?2)",
        Age::Personal,
    ),
    (
        "purging the words of resolved flags",
        "UPDATE flag SET text = '', sender = NULL, subject = NULL, account = NULL WHERE n IN \
         (SELECT n FROM flag WHERE resolved_at < ?1 AND (text <> '' OR sender IS NOT NULL) LIMIT ?2)",
        Age::Personal,
    ),
    (
        "purging login counts",
        "DELETE FROM login WHERE (portal, account) IN (SELECT portal, account FROM login WHERE since < ?1 LIMIT ?2)",
        Age::Personal,
    ),
    (
        "purging old resets",
        "DELETE FROM reset WHERE n IN (SELECT n FROM (SELECT n, created_at, state FROM reset ORDER BY n LIMIT ?2) \
         WHERE created_at < ?1 AND state NOT IN ('accepted', 'sent'))",
        Age::Events,
    ),
    (
        "purging old messages",
        "DELETE FROM inbound WHERE n IN (SELECT n FROM (SELECT n, received_at, state FROM inbound ORDER BY n LIMIT ?2) \
         WHERE received_at < ?1 AND state <> 'stored')",
        Age::Events,
    ),
    (
        "purging idempotency keys",
        "DELETE FROM idempotency WHERE (uid, key) IN (SELECT uid, key FROM idempotency WHERE created_at < ?1 LIMIT ?2)",
        Age::Day,
    ),
    ("purging held addresses", "DELETE FROM hold WHERE n IN (SELECT n FROM hold WHERE until < ?1 LIMIT ?2)", Age::Day),
    ("purging who was forgotten", "DELETE FROM forgotten WHERE who IN (SELECT who FROM forgotten WHERE at < ?1 LIMIT ?2)", Age::Personal),
    ("purging wrong codes", "DELETE FROM wrong_code WHERE rowid IN (SELECT rowid FROM wrong_code WHERE at < ?1 LIMIT ?2)", Age::Day),
];
