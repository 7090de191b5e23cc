//! Inbound messages: kept sealed before anybody acknowledges them (laws 2 and 3), counted before they are read, and
//! concluded in one transaction: the denial, the flag, the alerts and the acknowledgement stand or fall together.

use resetd_core::address::Mailbox;
use resetd_core::event::Event;
use resetd_core::ids::{PortalName, ResetId};
use resetd_core::reset::State;
use resetd_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

use super::row::{Doing, RESET_ROW, reset_row};
use super::secrets::{by_id, sql};
use super::writer::Tx;
use super::{MailKind, ResetRow, Severity, Sighted, Store, StoreError};

/// Lines of one sort about the delivery of one mail: a flood of copies says nothing new.
const NEWS_MAX: i64 = 20;

/// Sealed bytes on their way to the disk.
#[derive(Clone)]
pub struct SealedMessage {
    /// `maildir`, `lmtp`, `imap`, `pipe`.
    pub source: &'static str,
    /// A keyed hash of it, and what it was while an older key was in use: the same message is kept once.
    pub digests: Vec<[u8; 12]>,
    /// Envelope, sealed.
    pub envelope: Vec<u8>,
    /// Message, sealed.
    pub raw: Vec<u8>,
    /// Now.
    pub received_at: Timestamp,
}

/// A kept message to be read now.
#[derive(Clone)]
pub struct Unread {
    /// Its number.
    pub n: i64,
    /// Attempts begun, this one included.
    pub attempts: u32,
    /// Envelope, sealed.
    pub envelope: Vec<u8>,
    /// Message, sealed.
    pub raw: Vec<u8>,
    /// When it came.
    pub received_at: Timestamp,
}

/// What a message was taken for and what follows.
#[derive(Clone)]
pub struct Conclusion {
    /// The message.
    pub inbound: i64,
    /// When it came.
    pub received_at: Timestamp,
    /// Now.
    pub at: Timestamp,
    /// Its kind.
    pub kind: &'static str,
    /// Its verdict and how sure that is, for replies.
    pub verdict: Option<(&'static str, f32)>,
    /// How far it is believed.
    pub proof: &'static str,
    /// The reset that it is about.
    pub reset: Option<ResetRow>,
    /// The portal that it is about.
    pub portal: Option<PortalName>,
    /// A proven "this wasn't me": the account's open secrets die.
    pub deny: bool,
    /// A case for support.
    pub flag: Option<NewFlag>,
    /// Where more answers come than anybody could read: the flag that collects them.
    pub flood: Option<Sighted>,
    /// Where an open flag of the same reset takes this message as a note, with this text.
    pub note: Option<String>,
    /// Until when an acknowledgement to the person is of use; `None`: none is sent.
    pub acknowledge: Option<Timestamp>,
    /// News about the mail's delivery.
    pub delivery: Option<Delivery>,
}

/// A case to be opened.
#[derive(Clone)]
pub struct NewFlag {
    /// Why.
    pub reason: &'static str,
    /// How loudly; raised to critical in the transaction where a proven denial meets a redeemed reset.
    pub severity: Severity,
    /// What the person typed, struck.
    pub text: String,
    /// From.
    pub sender: Option<String>,
    /// Subject, struck.
    pub subject: Option<String>,
    /// Alert mail and webhook to be queued, each useful until then.
    pub alerts: Vec<(MailKind, Timestamp)>,
}

/// What a bounce says of our mail.
#[derive(Clone)]
pub struct Delivery {
    /// `MailBounced`, `MailDelayed`, `MailDelivered`.
    pub event: Event,
    /// For the timeline.
    pub detail: Value,
    /// Ends the reset: it never arrived.
    pub failed: bool,
    /// Holds the address back until then.
    pub hold: Option<(Timestamp, String)>,
}

/// What a conclusion came to.
#[derive(Clone, Debug, Default)]
pub struct Concluded {
    /// Resets that were denied.
    pub denied: Vec<ResetId>,
    /// The flag that was raised.
    pub flag: Option<i64>,
    /// It was put into the flag of a flood instead.
    pub collected: bool,
}

impl Store {
    /// Keeps a message, and gives its number and whether it is new.
    pub async fn keep(&self, message: SealedMessage) -> Result<(i64, bool), StoreError> {
        let work = move |tx: &mut Tx<'_>| {
            let mut select = tx.conn.prepare_cached("SELECT n FROM inbound WHERE digest = ?1").doing("preparing to find a message")?;
            for digest in &message.digests {
                if let Some(n) = select.query_row([digest.as_slice()], |row| row.get(0)).optional().doing("finding a message")? {
                    return Ok((n, false));
                }
            }
            let mut insert = tx
                .conn
                .prepare_cached(
                    "INSERT INTO inbound (source, digest, received_at, envelope, raw, state, attempts, sealed_with) \
                     VALUES (?1, ?2, ?3, ?4, ?5, 'stored', 0, ?6)",
                )
                .doing("preparing to keep a message")?;
            let digest = message.digests.first().map(|digest| digest.as_slice());
            let sealed_with = message.raw.get(..1);
            let values = params![message.source, digest, message.received_at.as_millis(), message.envelope, message.raw, sealed_with];
            insert.execute(values).doing("keeping a message")?;
            let n = tx.conn.last_insert_rowid();
            tx.event(message.received_at, Event::InboundStored, None, None, json!({ "inbound": n, "source": message.source }))?;
            Ok((n, true))
        };
        self.writer.write(work).await
    }

    /// The numbers of messages that wait to be read.
    pub async fn unread(&self) -> Result<Vec<i64>, StoreError> {
        let read = |conn: &Connection| {
            let mut select = conn.prepare("SELECT n FROM inbound WHERE state = 'stored' ORDER BY n").doing("preparing to list unread")?;
            let rows = select.query_map([], |row| row.get(0)).doing("listing unread messages")?;
            rows.collect::<Result<_, _>>().doing("listing unread messages")
        };
        self.readers.read(read).await
    }

    /// Counts an attempt to read and gives the message. `None`: it was read already.
    pub async fn take_unread(&self, n: i64) -> Result<Option<Unread>, StoreError> {
        let work = move |tx: &mut Tx<'_>| {
            let mut update = tx
                .conn
                .prepare_cached(
                    "UPDATE inbound SET attempts = attempts + 1 WHERE n = ?1 AND state = 'stored' AND raw IS NOT NULL \
                     RETURNING attempts, envelope, raw, received_at",
                )
                .doing("preparing to take a message")?;
            update
                .query_row([n], |row| {
                    Ok(Unread {
                        n,
                        attempts: row.get(0)?,
                        envelope: row.get(1)?,
                        raw: row.get(2)?,
                        received_at: Timestamp::from_millis(row.get(3)?),
                    })
                })
                .optional()
                .doing("taking a message")
        };
        self.writer.write(work).await
    }

    /// A message that waits to be read, without counting an attempt. `None`: it was read already.
    pub async fn kept(&self, n: i64) -> Result<Option<Unread>, StoreError> {
        let read = move |conn: &Connection| {
            let mut select = conn
                .prepare_cached(
                    "SELECT attempts, envelope, raw, received_at FROM inbound WHERE n = ?1 AND state = 'stored' AND raw IS NOT NULL",
                )
                .doing("preparing to look at a message")?;
            let unread = |row: &rusqlite::Row<'_>| {
                let received_at = Timestamp::from_millis(row.get(3)?);
                Ok(Unread { n, attempts: row.get(0)?, envelope: row.get(1)?, raw: row.get(2)?, received_at })
            };
            select.query_row([n], unread).optional().doing("looking at a message")
        };
        self.readers.read(read).await
    }

    /// The sealed bytes behind a flag.
    pub async fn message_of_flag(&self, flag: i64) -> Result<Option<(Unread, Option<ResetRow>)>, StoreError> {
        let read = move |conn: &Connection| {
            let mut select = conn
                .prepare_cached(
                    "SELECT i.n, i.attempts, i.envelope, i.raw, i.received_at, f.reset_n FROM flag f JOIN inbound i ON i.n = f.inbound_n \
                     WHERE f.n = ?1 AND i.raw IS NOT NULL",
                )
                .doing("preparing to read a flag's message")?;
            let found = select
                .query_row([flag], |row| {
                    let received_at = Timestamp::from_millis(row.get(4)?);
                    let unread = Unread { n: row.get(0)?, attempts: row.get(1)?, envelope: row.get(2)?, raw: row.get(3)?, received_at };
                    Ok((unread, row.get::<_, Option<i64>>(5)?))
                })
                .optional()
                .doing("reading a flag's message")?;
            let Some((unread, reset_n)) = found else { return Ok(None) };
            let reset = reset_n.map(|n| row_by_n(conn, n)).transpose()?.flatten();
            Ok(Some((unread, reset)))
        };
        self.readers.read(read).await
    }

    /// The newest reply to a reset.
    pub async fn last_reply(&self, reset_n: i64) -> Result<Option<Unread>, StoreError> {
        let read = move |conn: &Connection| {
            let mut select = conn
                .prepare_cached(
                    "SELECT n, attempts, envelope, raw, received_at FROM inbound \
                     WHERE reset_n = ?1 AND kind = 'reply' AND raw IS NOT NULL ORDER BY n DESC LIMIT 1",
                )
                .doing("preparing to find a reply")?;
            select
                .query_row([reset_n], |row| {
                    let received_at = Timestamp::from_millis(row.get(4)?);
                    Ok(Unread { n: row.get(0)?, attempts: row.get(1)?, envelope: row.get(2)?, raw: row.get(3)?, received_at })
                })
                .optional()
                .doing("finding a reply")
        };
        self.readers.read(read).await
    }

    /// Concludes a message.
    pub async fn conclude(&self, conclusion: Conclusion) -> Result<Concluded, StoreError> {
        self.writer.write(move |tx| tx.conclude(&conclusion)).await
    }

    /// Finds the reset that a reply is about: by ids that were checked already, by ids that a next hop gave, or by the
    /// sender's address when that has a single open reset.
    pub async fn reset_of_reply(
        &self,
        ids: Vec<ResetId>,
        remote_ids: Vec<String>,
        sender: Option<String>,
    ) -> Result<(Option<ResetRow>, Match), StoreError> {
        self.readers.read(move |conn| reset_of_reply(conn, &ids, &remote_ids, sender.as_deref())).await
    }

    /// Every open reset of the same account or to the same address, for striking their codes out.
    pub async fn siblings(&self, row: ResetRow) -> Result<Vec<ResetRow>, StoreError> {
        let read = move |conn: &Connection| {
            let mut rows = match &row.account {
                Some(account) => super::secrets::open_of_account(conn, &row.portal, account)?,
                None => Vec::new(),
            };
            if let Some(email) = &row.email {
                let text = sql(&["SELECT ", RESET_ROW, " FROM reset r WHERE r.email = ?1 AND r.state IN ('accepted', 'sent') LIMIT 50"]);
                let mut select = conn.prepare_cached(&text).doing("preparing to find an address's resets")?;
                let found = select.query_map([email.as_str()], reset_row).doing("finding an address's resets")?;
                rows.extend(found.collect::<Result<Vec<_>, _>>().doing("reading an address's resets")?);
            }
            Ok(rows)
        };
        self.readers.read(read).await
    }
}

/// How a reply was tied to its reset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Match {
    /// By an id of ours that was signed.
    Id,
    /// By an id that the next hop gave.
    Remote,
    /// By the sender's address alone.
    Sender,
    /// Not at all.
    None,
}

pub(super) fn row_by_n(conn: &Connection, n: i64) -> Result<Option<ResetRow>, StoreError> {
    let text = sql(&["SELECT ", RESET_ROW, " FROM reset r WHERE r.n = ?1"]);
    let mut select = conn.prepare_cached(&text).doing("preparing a reset look-up")?;
    select.query_row([n], reset_row).optional().doing("looking up a reset")
}

fn reset_of_reply(
    conn: &Connection,
    ids: &[ResetId],
    remote_ids: &[String],
    sender: Option<&str>,
) -> Result<(Option<ResetRow>, Match), StoreError> {
    for id in ids {
        if let Some(row) = by_id(conn, *id)? {
            return Ok((Some(row), Match::Id));
        }
    }
    let text = sql(&["SELECT ", RESET_ROW, " FROM mail m JOIN reset r ON r.n = m.reset_n WHERE m.remote_id = ?1 LIMIT 1"]);
    let mut by_remote = conn.prepare_cached(&text).doing("preparing a next hop's id look-up")?;
    for id in remote_ids {
        if let Some(row) = by_remote.query_row([id], reset_row).optional().doing("looking up a next hop's id")? {
            return Ok((Some(row), Match::Remote));
        }
    }
    let Some(sender) = sender.and_then(|text| Mailbox::parse(text).ok()) else { return Ok((None, Match::None)) };
    let text = sql(&["SELECT ", RESET_ROW, " FROM reset r WHERE r.email = ?1 AND r.state IN ('accepted', 'sent') LIMIT 2"]);
    let mut by_sender = conn.prepare_cached(&text).doing("preparing a sender look-up")?;
    let rows = by_sender.query_map([sender.as_str()], reset_row).doing("looking up a sender")?;
    let mut rows: Vec<ResetRow> = rows.collect::<Result<_, _>>().doing("reading a sender's resets")?;
    if rows.len() == 1 { Ok((rows.pop(), Match::Sender)) } else { Ok((None, Match::None)) }
}

impl Tx<'_> {
    fn conclude(&mut self, done: &Conclusion) -> Result<Concluded, StoreError> {
        if !self.mark_read(done)? {
            return Ok(Concluded::default());
        }
        let subject = done.reset.as_ref().map(|row| (row.n, row.id));
        let portal = done.reset.as_ref().map(|row| row.portal.clone()).or_else(|| done.portal.clone());
        let verdict = done.verdict.map(|(verdict, confidence)| json!({ "verdict": verdict, "confidence": round(confidence) }));
        let detail = json!({ "inbound": done.inbound, "kind": done.kind, "proof": done.proof, "says": verdict });
        self.event(done.at, Event::InboundRead, subject, portal.as_ref(), detail)?;
        let mut concluded = Concluded::default();
        let redeemed = done.deny && self.was_redeemed(done)?;
        if done.deny {
            concluded.denied = self.deny(done)?;
        }
        if let (Some(delivery), Some(row)) = (&done.delivery, &done.reset) {
            self.delivery(delivery, row, done.at)?;
        }
        let noted = self.note(done)?;
        if let Some(flag) = &done.flag
            && !noted
        {
            concluded.collected = self.collect(done, flag)?;
        }
        if let Some(flag) = &done.flag
            && !noted
            && !concluded.collected
        {
            concluded.flag = Some(self.raise(done, flag, portal.as_ref(), redeemed)?);
        }
        if let (Some(until), Some(row)) = (done.acknowledge, &done.reset) {
            self.queue_mail(MailKind::Acknowledgement, Some(row.n), None, &row.portal, until, done.at)?;
        }
        Ok(concluded)
    }

    fn mark_read(&self, done: &Conclusion) -> Result<bool, StoreError> {
        let state = if done.kind == "unreadable" { "failed" } else { "read" };
        let mut update = self
            .conn
            .prepare_cached(
                "UPDATE inbound SET state = ?2, kind = ?3, verdict = ?4, proof = ?5, reset_n = ?6 WHERE n = ?1 AND state = 'stored'",
            )
            .doing("preparing to mark a message read")?;
        let values = params![
            done.inbound,
            state,
            done.kind,
            done.verdict.map(|(verdict, _)| verdict),
            done.proof,
            done.reset.as_ref().map(|row| row.n)
        ];
        Ok(update.execute(values).doing("marking a message read")? == 1)
    }

    /// Whether this reset, or one of the account made shortly before or since, was redeemed: then somebody has the account.
    fn was_redeemed(&self, done: &Conclusion) -> Result<bool, StoreError> {
        let Some(row) = &done.reset else { return Ok(false) };
        let mut select = self
            .conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM reset WHERE n = ?1 AND state = 'redeemed') \
                 OR EXISTS (SELECT 1 FROM reset WHERE portal = ?2 AND account = ?3 AND state = 'redeemed' AND created_at > ?4)",
            )
            .doing("preparing to look for a redeemed reset")?;
        let since = row.created_at.as_millis() - 7_200_000;
        select.query_row(params![row.n, row.portal.as_str(), row.account, since], |row| row.get(0)).doing("looking for a redeemed reset")
    }

    fn deny(&mut self, done: &Conclusion) -> Result<Vec<ResetId>, StoreError> {
        let Some(row) = &done.reset else { return Ok(Vec::new()) };
        let open = match &row.account {
            Some(account) => self.open_of_account(&row.portal, account)?,
            None => self.reset_by_n(row.n)?.into_iter().collect(),
        };
        let mut denied = Vec::new();
        for sibling in open {
            let detail = json!({ "inbound": done.inbound, "proof": done.proof });
            if self.end(&sibling, State::Denied, Event::ResetDenied, done.at, detail)? {
                denied.push(sibling.id);
            }
        }
        Ok(denied)
    }

    fn delivery(&mut self, delivery: &Delivery, row: &ResetRow, at: Timestamp) -> Result<(), StoreError> {
        if delivery.failed {
            self.set_state(row, State::Undeliverable)?;
        }
        let mut count = self
            .conn
            .prepare_cached("SELECT count(*) FROM event WHERE reset_n = ?1 AND kind = ?2")
            .doing("preparing to count news of a delivery")?;
        if count.query_row(params![row.n, delivery.event.as_str()], |row| row.get::<_, i64>(0)).doing("counting news of a delivery")?
            >= NEWS_MAX
        {
            return Ok(());
        }
        drop(count);
        if let (Some((until, why)), Some(email)) = (&delivery.hold, &row.email) {
            self.hold(email, &row.portal, why, at, *until)?;
        }
        self.event(at, delivery.event, Some((row.n, row.id)), Some(&row.portal), delivery.detail.clone())
    }

    /// Adds to the reset's open flag, where there is one and the message is to be a note. True: it was.
    fn note(&mut self, done: &Conclusion) -> Result<bool, StoreError> {
        let (Some(note), Some(row)) = (&done.note, &done.reset) else { return Ok(false) };
        let mut select = self
            .conn
            .prepare_cached("SELECT n FROM flag WHERE reset_n = ?1 AND resolved_at IS NULL ORDER BY n DESC LIMIT 1")
            .doing("preparing to find an open flag")?;
        let Some(flag) = select.query_row([row.n], |r| r.get::<_, i64>(0)).optional().doing("finding an open flag")? else {
            return Ok(false);
        };
        if self.is_full(flag)? {
            return Ok(false);
        }
        let mut insert =
            self.conn.prepare_cached("INSERT INTO flag_note (flag_n, at, text) VALUES (?1, ?2, ?3)").doing("preparing a note")?;
        insert.execute(params![flag, done.at.as_millis(), note]).doing("noting")?;
        self.event(done.at, Event::FlagNoted, Some((row.n, row.id)), Some(&row.portal), json!({ "flag": flag, "inbound": done.inbound }))?;
        Ok(true)
    }

    fn raise(&mut self, done: &Conclusion, flag: &NewFlag, portal: Option<&PortalName>, redeemed: bool) -> Result<i64, StoreError> {
        let (severity, reason) = if redeemed { (Severity::Critical, "not_me_after_redeem") } else { (flag.severity, flag.reason) };
        let mut insert = self
            .conn
            .prepare_cached(
                "INSERT INTO flag (reset_n, inbound_n, portal, account, severity, reason, verdict, confidence, proof, text, sender, \
                 subject, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )
            .doing("preparing a flag")?;
        let n = insert
            .insert(params![
                done.reset.as_ref().map(|row| row.n),
                done.inbound,
                portal.map(PortalName::as_str),
                done.reset.as_ref().and_then(|row| row.account.as_deref()),
                severity.as_str(),
                reason,
                done.verdict.map(|(verdict, _)| verdict),
                done.verdict.map(|(_, confidence)| f64::from(confidence)),
                done.proof,
                flag.text,
                flag.sender,
                flag.subject,
                done.at.as_millis(),
            ])
            .doing("raising a flag")?;
        let subject = done.reset.as_ref().map(|row| (row.n, row.id));
        let detail = json!({ "flag": n, "severity": severity.as_str(), "reason": reason, "proof": done.proof });
        self.event(done.at, Event::FlagRaised, subject, portal, detail)?;
        if let Some(portal) = portal {
            for (kind, until) in &flag.alerts {
                self.queue_mail(*kind, done.reset.as_ref().map(|row| row.n), Some(n), portal, *until, done.at)?;
            }
        }
        Ok(n)
    }
}

/// Two digits, as they are read.
fn round(confidence: f32) -> f64 {
    (f64::from(confidence) * 100.0).round() / 100.0
}
