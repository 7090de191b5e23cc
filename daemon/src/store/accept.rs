//! One request becomes durable: reset, mail, event, idempotency key, older secrets, limits, in one transaction.

use std::sync::Arc;
use std::time::Duration;

use resetd_core::address::{DisplayName, Mailbox};
use resetd_core::event::Event;
use resetd_core::ids::{PortalName, ResetId};
use resetd_core::limits::{Limit, Limits, Subject};
use resetd_core::reset::{Method, State};
use resetd_core::secret::{KeyId, Selector};
use resetd_core::time::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde_json::{Value, json};

use super::row::{Doing, reset_id};
use super::writer::Tx;
use super::{CodeBudget, Guesser, MailKind, Post, ResetRow, Store, StoreError, Work};

/// The most open resets that one account has.
const OPEN_MAX: usize = 3;

/// A request that `app` has checked and given everything it needs.
#[derive(Clone)]
pub struct Request {
    /// The new id.
    pub id: ResetId,
    /// The new selector.
    pub selector: Selector,
    /// The key that its secrets come from.
    pub key_id: KeyId,
    /// The portal.
    pub portal: PortalName,
    /// The account.
    pub account: Option<String>,
    /// The address.
    pub email: Mailbox,
    /// The person's name.
    pub name: Option<DisplayName>,
    /// The language of the mail.
    pub locale: String,
    /// Link, code, or both.
    pub method: Method,
    /// The wording.
    pub wording: String,
    /// Of the person's client, cut to a subscriber.
    pub ip: Option<String>,
    /// Of the person's client.
    pub user_agent: Option<String>,
    /// RFC 7293.
    pub valid_since: Option<Timestamp>,
    /// Now.
    pub created_at: Timestamp,
    /// The hard cap.
    pub until: Timestamp,
    /// When sending stops being of use.
    pub useful_until: Timestamp,
    /// What it is counted against.
    pub limits: Limits,
    /// The portal's own hourly limit.
    pub portal_limit: u32,
    /// Whether older secrets of the account die at once.
    pub newest_only: bool,
    /// Client uid, key, SHA-256 of the body.
    pub idempotency: Option<(u32, String, [u8; 32])>,
    /// The wrong codes that are let pass.
    pub code_budget: CodeBudget,
    /// What `reset.accepted` says of its origin: `request` or `login_failures`.
    pub origin: &'static str,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// On disk: mailed or suppressed, the caller is not told which. With the limit that was met, for those who watch.
    New(ResetId, Option<Limit>),
    /// The same key and body as before: the id of then.
    Again(ResetId),
    /// The same key with another body: nothing was changed.
    KeyReused,
}

/// Why nothing is mailed.
enum Why {
    Limit(Limit),
    Unknown,
    Held(String),
}

impl Why {
    fn limit(&self) -> Option<Limit> {
        if let Self::Limit(limit) = self { Some(*limit) } else { None }
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Limit(limit) => write!(f, "limit: {}", limit.as_str()),
            Self::Unknown => f.write_str("unknown account"),
            Self::Held(why) => write!(f, "address held: {why}"),
        }
    }
}

impl Store {
    /// Makes a request durable, unless its idempotency key was seen before.
    pub async fn accept(&self, request: Request) -> Result<Accepted, StoreError> {
        self.writer.write(move |tx| tx.accept(&request)).await
    }
}

impl Tx<'_> {
    pub(super) fn accept(&mut self, request: &Request) -> Result<Accepted, StoreError> {
        if let Some(answer) = self.seen_before(request)? {
            return Ok(answer);
        }
        let linked = self.with_link_instead(request)?;
        let (request, instead) = (linked.as_ref().unwrap_or(request), linked.is_some());
        let address = request.email.limit_key();
        let subject =
            Subject { portal: &request.portal, account: request.account.as_deref(), address: &address, ip: request.ip.as_deref() };
        let why = self.suppressed(request, &subject)?;
        self.windows.record(&request.limits, &subject, why.is_none(), request.created_at);
        if why.is_none() {
            self.make_room(request)?;
        }
        let n = self.insert_reset(request)?;
        let mail = self.insert_first_mail(request, n)?;
        if why.is_some() {
            self.take_back(n, mail)?;
        }
        if let Some((uid, key, body)) = &request.idempotency {
            let mut insert = self
                .conn
                .prepare_cached("INSERT INTO idempotency (uid, key, body, reset_id, created_at) VALUES (?1, ?2, ?3, ?4, ?5)")
                .doing("preparing an idempotency key")?;
            insert
                .execute(params![uid, key, body.as_slice(), request.id.as_bytes().as_slice(), request.created_at.as_millis()])
                .doing("keeping an idempotency key")?;
        }
        let void = why.is_some();
        let met = why.as_ref().and_then(Why::limit);
        let (event, detail) = match why {
            None => {
                let mut detail = json!({ "origin": request.origin, "wording": request.wording, "method": request.method.as_str() });
                if instead {
                    detail["why"] = Value::from("codes are locked");
                }
                (Event::ResetAccepted, detail)
            }
            Some(why) => (Event::ResetSuppressed, json!({ "origin": request.origin, "why": why.to_string() })),
        };
        self.event(request.created_at, event, Some((n, request.id)), Some(&request.portal), detail)?;
        let work = Work { endings: self.endings, void, ..work(request, n, mail) };
        self.posts.push(Post {
            mail,
            kind: MailKind::Reset,
            is_minor: false,
            portal: request.portal.clone(),
            domain: request.email.domain().to_lowercase().into(),
            wait: Duration::ZERO,
            useful_until: request.useful_until,
            work: Some(Arc::new(work)),
        });
        Ok(Accepted::New(request.id, met))
    }

    /// A code that is locked would be a dead secret (law 7), and whoever used the guesses up would have locked the owner out: the mail
    /// carries a link instead. The look is made whoever asks for whomever (law 8).
    fn with_link_instead(&self, request: &Request) -> Result<Option<Request>, StoreError> {
        if !request.method.has_code() {
            return Ok(None);
        }
        let who = Guesser { portal: request.portal.clone(), account: request.account.clone().unwrap_or_default(), ip: request.ip.clone() };
        let locked = self.codes_are_locked(&who, request.code_budget, request.created_at)?;
        Ok(locked.then(|| Request { method: Method::Link, ..request.clone() }))
    }

    fn seen_before(&self, request: &Request) -> Result<Option<Accepted>, StoreError> {
        let Some((uid, key, body)) = &request.idempotency else { return Ok(None) };
        let mut select = self
            .conn
            .prepare_cached("SELECT body, reset_id FROM idempotency WHERE uid = ?1 AND key = ?2")
            .doing("preparing a key look-up")?;
        let found = select
            .query_row(params![uid, key], |row| Ok((row.get::<_, [u8; 32]>(0)?, reset_id(row, 1)?)))
            .optional()
            .doing("looking up an idempotency key")?;
        Ok(found.map(|(known, id)| if known == *body { Accepted::Again(id) } else { Accepted::KeyReused }))
    }

    /// Why nothing is mailed, where nothing is.
    fn suppressed(&self, request: &Request, subject: &Subject<'_>) -> Result<Option<Why>, StoreError> {
        // The look-up is made in every case, so that every answer takes the same work.
        let mut select = self
            .conn
            .prepare_cached("SELECT why FROM hold WHERE email IN (?1, ?3) AND portal IN (?4, '*') AND until > ?2 LIMIT 1")
            .doing("preparing a suppression look-up")?;
        let held: Option<String> = select
            .query_row(
                params![subject.address, request.created_at.as_millis(), request.email.as_str().to_lowercase(), request.portal.as_str()],
                |row| row.get(0),
            )
            .optional()
            .doing("looking up a suppression")?;
        let over = self.windows.check(&request.limits, request.portal_limit, subject, request.created_at);
        Ok(match (over, &request.account, held) {
            (Err(limit), _, _) => Some(Why::Limit(limit)),
            (_, None, _) => Some(Why::Unknown),
            (_, _, Some(why)) => Some(Why::Held(why)),
            _ => None,
        })
    }

    /// Ends older open resets of the account: all, or all but the newest two.
    fn make_room(&mut self, request: &Request) -> Result<(), StoreError> {
        let Some(account) = &request.account else { return Ok(()) };
        let open = self.open_of_account(&request.portal, account)?;
        let keep = if request.newest_only { 0 } else { OPEN_MAX - 1 };
        let going = open.len().saturating_sub(keep);
        for row in open.into_iter().take(going) {
            let detail = json!({ "by": request.id });
            self.end(&row, State::Superseded, Event::ResetSuperseded, request.created_at, detail)?;
        }
        Ok(())
    }

    /// Ends an open reset and the mail that would have carried its secret (law 7). False: it was not open any more.
    pub(super) fn end(&mut self, row: &ResetRow, state: State, event: Event, at: Timestamp, detail: Value) -> Result<bool, StoreError> {
        let mut update = self
            .conn
            .prepare_cached("UPDATE reset SET state = ?2 WHERE n = ?1 AND state IN ('accepted', 'sent')")
            .doing("preparing to end a reset")?;
        if update.execute(params![row.n, state.as_str()]).doing("ending a reset")? == 0 {
            return Ok(false);
        }
        let mut drop = self
            .conn
            .prepare_cached("UPDATE mail SET state = 'failed', last = ?2 WHERE reset_n = ?1 AND kind = 'reset' AND state = 'queued'")
            .doing("preparing to drop a mail")?;
        let reason = format!("the reset was {} before the mail went out", state.as_str());
        let dropped = drop.execute(params![row.n, reason]).doing("dropping a mail")?;
        let subject = Some((row.n, row.id));
        self.event(at, event, subject, Some(&row.portal), detail)?;
        if dropped > 0 {
            self.event(at, Event::MailDropped, subject, Some(&row.portal), json!({ "kind": "reset", "why": reason }))?;
        }
        Ok(true)
    }

    fn insert_reset(&self, request: &Request) -> Result<i64, StoreError> {
        let mut insert = self
            .conn
            .prepare_cached(
                "INSERT INTO reset (id, selector, key_id, portal, account, email, name, locale, method, wording, ip, user_agent, \
                 valid_since, state, mailed, created_at, until, code_until) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 1, ?15, ?16, ?16)",
            )
            .doing("preparing a reset")?;
        insert
            .insert(params![
                request.id.as_bytes().as_slice(),
                request.selector.as_bytes().as_slice(),
                request.key_id,
                request.portal.as_str(),
                request.account,
                request.email.as_str(),
                request.name.as_ref().map(DisplayName::as_str),
                request.locale,
                request.method.as_str(),
                request.wording,
                request.ip,
                request.user_agent,
                request.valid_since.map(Timestamp::as_millis),
                State::Accepted.as_str(),
                request.created_at.as_millis(),
                request.until.as_millis(),
            ])
            .doing("inserting a reset")
    }

    /// The reset mail.
    fn insert_first_mail(&self, request: &Request, reset_n: i64) -> Result<i64, StoreError> {
        let mut insert = self
            .conn
            .prepare_cached(
                "INSERT INTO mail (kind, reset_n, portal, state, attempts, created_at, due_at, useful_until) \
                 VALUES ('reset', ?1, ?2, 'queued', 1, ?3, ?3, ?4)",
            )
            .doing("preparing a mail")?;
        insert
            .insert(params![reset_n, request.portal.as_str(), request.created_at.as_millis(), request.useful_until.as_millis()])
            .doing("queueing a mail")
    }

    /// Suppresses a request that was just written like any other. The same pages of tables and of indices are written so, and the
    /// sync takes the same time (law 8): with the rows written as suppressed from the start it was 40 µs shorter.
    fn take_back(&self, n: i64, mail: i64) -> Result<(), StoreError> {
        let mut reset = self
            .conn
            .prepare_cached("UPDATE reset SET state = 'suppressed', mailed = 0 WHERE n = ?1")
            .doing("preparing to suppress a reset")?;
        reset.execute([n]).doing("suppressing a reset")?;
        let mut void = self.conn.prepare_cached("UPDATE mail SET state = 'void' WHERE n = ?1").doing("preparing to void a mail")?;
        void.execute([mail]).doing("voiding a mail").map(|_| ())
    }
}

fn work(request: &Request, n: i64, mail: i64) -> Work {
    Work {
        mail,
        kind: MailKind::Reset,
        portal: request.portal.clone(),
        attempts: 1,
        created_at: request.created_at,
        useful_until: request.useful_until,
        flag: None,
        endings: 0,
        void: false,
        reset: Some(ResetRow {
            n,
            id: request.id,
            selector: request.selector,
            key_id: request.key_id,
            portal: request.portal.clone(),
            account: request.account.clone(),
            email: Some(request.email.clone()),
            name: request.name.clone(),
            locale: request.locale.clone(),
            method: request.method,
            wording: request.wording.clone(),
            state: State::Accepted,
            created_at: request.created_at,
            sent_at: None,
            until: request.until,
            code_until: request.until,
            valid_since: request.valid_since,
            inspected_at: None,
            completed_at: None,
        }),
    }
}
