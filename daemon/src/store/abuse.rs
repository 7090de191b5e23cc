//! One flag for each pattern of abuse and portal, however often it is seen: counted while it is open, opened again when it goes on
//! soon after somebody closed it. And answers beyond what anybody could read, collected as notes of one such flag.

use std::time::Duration;

use resetd_core::event::Event;
use resetd_core::ids::PortalName;
use resetd_core::limits::Abuse;
use resetd_core::time::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde_json::json;

use super::row::Doing;
use super::writer::Tx;
use super::{Conclusion, MailKind, NewFlag, Severity, Store, StoreError};

/// A pattern that is seen again so soon after its flag was closed is the same case.
const SAME_CASE: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3600);
/// Flags an hour that the answers to one reset raise, with proof and without: the rest is collected.
const PROVEN_OF_RESET: u32 = 10;
const UNPROVEN_OF_RESET: u32 = 3;
/// Flags an hour that a portal's unproven answers raise.
const UNPROVEN_OF_PORTAL: u32 = 30;
/// Notes of one flag, so that whoever shows it can show them all. What comes after opens another.
pub(super) const NOTES_MAX: u32 = 500;

/// Sightings of a pattern, new ones since the last time.
#[derive(Clone, Debug)]
pub struct Sighted {
    /// The pattern.
    pub abuse: Abuse,
    /// Where.
    pub portal: PortalName,
    /// How loudly it asks.
    pub severity: Severity,
    /// How many are new.
    pub count: u64,
    /// What support reads.
    pub text: String,
    /// What is queued when the flag is opened.
    pub alerts: Vec<(MailKind, Timestamp)>,
    /// Now.
    pub at: Timestamp,
}

impl Store {
    /// Raises, counts up or opens again the flag of a pattern.
    pub async fn sighted(&self, sighted: Sighted) -> Result<i64, StoreError> {
        self.writer.write(move |tx| tx.sight(&sighted)).await
    }
}

impl Tx<'_> {
    pub(super) fn sight(&mut self, seen: &Sighted) -> Result<i64, StoreError> {
        let mut select = self
            .conn
            .prepare_cached(
                "SELECT n, resolved_at FROM flag WHERE portal = ?1 AND reason = ?2 AND count IS NOT NULL ORDER BY n DESC LIMIT 1",
            )
            .doing("preparing to find a pattern's flag")?;
        let found: Option<(i64, Option<i64>)> = select
            .query_row([seen.portal.as_str(), seen.abuse.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .doing("finding a pattern's flag")?;
        drop(select);
        match found {
            Some((n, _)) if self.is_full(n)? => self.open_pattern(seen),
            Some((n, None)) => self.count_up(n, seen).map(|()| n),
            Some((n, Some(closed))) if closed > (seen.at - SAME_CASE).as_millis() => self.open_again(n, seen).map(|()| n),
            _ => self.open_pattern(seen),
        }
    }

    fn count_up(&mut self, n: i64, seen: &Sighted) -> Result<(), StoreError> {
        let mut update = self
            .conn
            .prepare_cached("UPDATE flag SET count = count + ?2, last_at = ?3, text = ?4 WHERE n = ?1 RETURNING count")
            .doing("preparing to count a pattern")?;
        let count: i64 = update
            .query_row(params![n, seen.count.cast_signed(), seen.at.as_millis(), seen.text], |row| row.get(0))
            .doing("counting a pattern")?;
        drop(update);
        self.event(seen.at, Event::FlagNoted, None, Some(&seen.portal), json!({ "flag": n, "count": count }))
    }

    fn open_again(&mut self, n: i64, seen: &Sighted) -> Result<(), StoreError> {
        let mut note = self
            .conn
            .prepare_cached(
                "INSERT INTO flag_note (flag_n, at, text) SELECT n, ?2, 'opened again; it was closed by ' || coalesce(resolved_by, '?') || ': ' \
                 || coalesce(outcome, '') FROM flag WHERE n = ?1",
            )
            .doing("preparing to open a flag again")?;
        note.execute(params![n, seen.at.as_millis()]).doing("noting how a flag was closed")?;
        drop(note);
        let mut update = self
            .conn
            .prepare_cached(
                "UPDATE flag SET resolved_at = NULL, resolved_by = NULL, outcome = NULL, note = NULL, count = count + ?2, last_at = ?3, \
                 text = ?4 WHERE n = ?1",
            )
            .doing("preparing to open a flag again")?;
        update.execute(params![n, seen.count.cast_signed(), seen.at.as_millis(), seen.text]).doing("opening a flag again")?;
        drop(update);
        self.tell_pattern(n, seen, true)
    }

    fn open_pattern(&mut self, seen: &Sighted) -> Result<i64, StoreError> {
        let mut insert = self
            .conn
            .prepare_cached(
                "INSERT INTO flag (portal, severity, reason, proof, text, created_at, count, last_at) \
                 VALUES (?1, ?2, ?3, 'none', ?4, ?5, ?6, ?5)",
            )
            .doing("preparing a pattern's flag")?;
        let n = insert
            .insert(params![
                seen.portal.as_str(),
                seen.severity.as_str(),
                seen.abuse.as_str(),
                seen.text,
                seen.at.as_millis(),
                seen.count.cast_signed()
            ])
            .doing("raising a pattern's flag")?;
        drop(insert);
        self.tell_pattern(n, seen, false)?;
        Ok(n)
    }

    fn tell_pattern(&mut self, n: i64, seen: &Sighted, again: bool) -> Result<(), StoreError> {
        let detail =
            json!({ "flag": n, "severity": seen.severity.as_str(), "reason": seen.abuse.as_str(), "proof": "none", "again": again });
        self.event(seen.at, Event::FlagRaised, None, Some(&seen.portal), detail)?;
        for (kind, until) in &seen.alerts {
            self.queue_mail(*kind, None, Some(n), &seen.portal, *until, seen.at)?;
        }
        Ok(())
    }

    /// Puts an answer that nobody could read among so many into the flood's flag (law 4: it still reaches support). False: there is
    /// room for a flag of its own.
    pub(super) fn collect(&mut self, done: &Conclusion, flag: &NewFlag) -> Result<bool, StoreError> {
        let Some(flood) = &done.flood else { return Ok(false) };
        if !self.is_flood(done, &flood.portal)? {
            return Ok(false);
        }
        let n = self.sight(flood)?;
        let says = done.verdict.map_or(done.kind, |(verdict, _)| verdict);
        let about = done.reset.as_ref().map_or(String::new(), |row| format!(", reset {}", row.id));
        let note = format!("message {}{about}, {says}, proof {}: {}", done.inbound, done.proof, flag.text);
        let mut insert =
            self.conn.prepare_cached("INSERT INTO flag_note (flag_n, at, text) VALUES (?1, ?2, ?3)").doing("preparing a note")?;
        insert.execute(params![n, done.at.as_millis(), note]).doing("noting an answer of a flood")?;
        Ok(true)
    }

    /// Whether a flag takes no more notes (law 4: none is kept where nobody is shown it).
    pub(super) fn is_full(&self, flag: i64) -> Result<bool, StoreError> {
        let mut count =
            self.conn.prepare_cached("SELECT count(*) FROM flag_note WHERE flag_n = ?1").doing("preparing to count a flag's notes")?;
        let notes: u32 = count.query_row([flag], |row| row.get(0)).doing("counting a flag's notes")?;
        Ok(notes >= NOTES_MAX)
    }

    fn is_flood(&self, done: &Conclusion, portal: &PortalName) -> Result<bool, StoreError> {
        let since = (done.at - HOUR).as_millis();
        let proven = done.proof != "none";
        if let Some(row) = &done.reset {
            let mut count = self
                .conn
                .prepare_cached("SELECT count(*) FROM flag WHERE reset_n = ?1 AND created_at > ?2 AND (proof <> 'none') = ?3")
                .doing("preparing to count a reset's flags")?;
            let raised: u32 = count.query_row(params![row.n, since, proven], |row| row.get(0)).doing("counting a reset's flags")?;
            if raised >= if proven { PROVEN_OF_RESET } else { UNPROVEN_OF_RESET } {
                return Ok(true);
            }
        }
        if proven {
            return Ok(false);
        }
        let mut count = self
            .conn
            .prepare_cached("SELECT count(*) FROM flag WHERE portal = ?1 AND created_at > ?2 AND proof = 'none' AND count IS NULL")
            .doing("preparing to count a portal's flags")?;
        let raised: u32 = count.query_row(params![portal.as_str(), since], |row| row.get(0)).doing("counting a portal's flags")?;
        Ok(raised >= UNPROVEN_OF_PORTAL)
    }
}
