//! One attempt to hand one mail over. It was counted before it came here; what it comes to is written down after.

use std::sync::Arc;
use std::time::Duration;

use resetd_core::event::Event;
use resetd_core::retry::{self, Next};
use resetd_core::smtp_reply::SmtpReply;
use resetd_core::time::Timestamp;
use serde_json::{Value, json};

use super::letters::{Case, Desk, Letter, LetterError};
use super::{App, Outfit};
use crate::ambient::random;
use crate::mail::{Outcome, Sent, Via};
use crate::store::{Flag, MailKind, Post, Record, ResetRow, StoreError, Work};

/// What an attempt came to.
pub struct Delivered {
    /// As it is to be written down.
    pub record: Record,
    /// What it showed of the destination.
    pub reached: Reached,
}

/// How far an attempt came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reached {
    /// Nobody was asked.
    Nobody,
    /// The destination said something of the mail.
    Destination,
    /// It is not to be had, and need not be asked for so long.
    Away(Duration),
}

impl From<Record> for Delivered {
    fn from(record: Record) -> Self {
        Self { record, reached: Reached::Nobody }
    }
}

impl App {
    /// A stretch of the waiting mails, for the start.
    pub async fn waiting(&self, after: i64, limit: u32) -> Result<Vec<Post>, StoreError> {
        self.store.waiting(after, limit, self.clock.now()).await
    }

    /// Where a mail goes: what has limits, a pace and a health of its own.
    pub fn destination(&self, post: &Post) -> String {
        let outfit = self.outfit();
        match post.kind {
            MailKind::Webhook => post.portal.as_str().to_owned(),
            MailKind::Alert => {
                let portal = outfit.settings.portals.get(&post.portal);
                let domain = portal.and_then(|portal| portal.alert.mail_to.as_ref()).map(|to| to.domain().to_lowercase());
                outfit.transport.destination(&domain.unwrap_or_default()).to_owned()
            }
            MailKind::Reset | MailKind::Notice | MailKind::Acknowledgement => outfit.transport.destination(&post.domain).to_owned(),
        }
    }

    /// Counts an attempt and gives its work; `None`: there is nothing left to send.
    pub async fn claim(&self, mail: i64) -> Result<Option<Work>, StoreError> {
        self.store.claim(mail, self.clock.now()).await
    }

    /// Tries once; what it came to is for [`App::write_down`].
    pub async fn deliver(&self, work: &Work) -> Delivered {
        match self.attempt(work).await {
            Ok(delivered) => delivered,
            Err(error) => self.later(work, error.to_string(), Value::Null).into(),
        }
    }

    /// An attempt that panicked: deferred like any other, so that a mail that can't be made ends by its schedule.
    pub fn delivery_broke(&self, work: &Work) -> Delivered {
        self.later(work, "an internal error; the log has it".into(), Value::Null).into()
    }

    async fn attempt(&self, work: &Work) -> Result<Delivered, StoreError> {
        let outfit = self.outfit.load_full();
        if !work.void
            && let Some(record) = self.dead_or_late(work).await?
        {
            return Ok(record.into());
        }
        if work.kind == MailKind::Webhook {
            return self.post_webhook(&outfit, work).await.map(Delivered::from);
        }
        Ok(match self.letter(&outfit, work).await? {
            _ if work.void => Record::Void.into(),
            Ok(letter) => {
                let destination = outfit.transport.destination(letter.envelope.to.domain()).to_owned();
                let sent = outfit.transport.send(&letter.envelope, &letter.message).await;
                drop(letter);
                self.sent(&outfit, work, &destination, sent)
            }
            Err(error) => self.unmade(work, &error).into(),
        })
    }

    /// Writes an outcome down, however long the disk is full: a mail that went out must not go out again for that.
    pub async fn write_down(&self, work: Arc<Work>, record: Record) {
        self.gauges.attempt(work.kind, &record);
        loop {
            match self.store.record(Arc::clone(&work), record.clone(), self.clock.now()).await {
                Ok(()) => return,
                Err(StoreError::Closed) => return tracing::error!(event = "mail.unrecorded", mail = work.mail),
                Err(error) => {
                    tracing::error!(event = "mail.record_failed", mail = work.mail, %error);
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
        }
    }

    /// Law 7: what can't be of use any more is not sent.
    async fn dead_or_late(&self, work: &Work) -> Result<Option<Record>, StoreError> {
        let now = self.clock.now();
        if now >= work.useful_until {
            return Ok(Some(dropped(work, "it could no longer arrive in time to be useful")));
        }
        let may_have_ended = work.attempts == 1 && self.store.endings() != work.endings;
        if let (Some(row), MailKind::Reset, true) = (&work.reset, work.kind, may_have_ended)
            && !self.store.is_open(row.n).await?
        {
            return Ok(Some(dropped(work, "its secret had ended before the mail could go out")));
        }
        Ok(None)
    }

    async fn letter(&self, outfit: &Outfit, work: &Work) -> Result<Result<Letter, LetterError>, StoreError> {
        let desk = Desk { ring: &self.ring(), outfit, now: self.clock.now() };
        let Some(row) = &work.reset else {
            return if work.kind == MailKind::Alert { self.alert(&desk, work).await } else { Ok(Err(LetterError::NoAddress)) };
        };
        Ok(match work.kind {
            MailKind::Reset => desk.reset(work, row),
            MailKind::Notice => desk.notice(work, row),
            MailKind::Acknowledgement => {
                let answered = self.answered_id(row).await?;
                desk.acknowledgement(work, row, answered.as_deref())
            }
            MailKind::Alert => return self.alert(&desk, work).await,
            MailKind::Webhook => Err(LetterError::NoAddress),
        })
    }

    async fn alert(&self, desk: &Desk<'_>, work: &Work) -> Result<Result<Letter, LetterError>, StoreError> {
        let Some(flag) = self.flag_of(work).await? else { return Ok(Err(LetterError::NoAddress)) };
        let message = self.struck_message(flag.id).await?;
        let state = work.reset.as_ref().map(|row| row.state.as_str());
        Ok(desk.alert(work, &Case { flag: &flag, message: message.as_deref(), state }))
    }

    async fn flag_of(&self, work: &Work) -> Result<Option<Flag>, StoreError> {
        match work.flag {
            Some(id) => self.store.flag(id).await,
            None => Ok(None),
        }
    }

    async fn post_webhook(&self, outfit: &Outfit, work: &Work) -> Result<Record, StoreError> {
        let hook = outfit.settings.portals.get(&work.portal).and_then(|portal| portal.alert.webhook.as_ref());
        let (Some(hook), Some(flag)) = (hook, self.flag_of(work).await?) else {
            return Ok(given_up(work, "no webhook is configured for the portal any more"));
        };
        let state = work.reset.as_ref().map(|row| row.state.as_str());
        let body = webhook_body(&flag, state).to_string();
        let id = format!("flag_{}", flag.id);
        Ok(match outfit.webhooks.post(hook, &id, self.clock.now(), body.as_bytes()).await {
            Ok(status @ 200..=299) => {
                Record::Sent { remote_id: None, expiry: None, detail: json!({ "kind": "webhook", "flag": flag.id, "status": status }) }
            }
            // Standard Webhooks: the receiver wants no more of it.
            Ok(410) => given_up(work, "the receiver answered 410: it is gone for good"),
            Ok(status) => self.later(work, format!("the receiver answered {status}"), Value::Null),
            Err(error) => self.later(work, error.to_string(), Value::Null),
        })
    }

    fn sent(&self, outfit: &Outfit, work: &Work, destination: &str, sent: Sent) -> Delivered {
        let now = self.clock.now();
        if let Some(tls) = sent.via.as_ref().and_then(|via| via.tls) {
            self.gauges.tls(tls);
        }
        let way = way(sent.via.as_ref());
        let reached = match sent.pause {
            Some(pause) => Reached::Away(pause),
            None => Reached::Destination,
        };
        match (&sent.pause, &sent.outcome) {
            (Some(_), Outcome::Deferred { detail, .. }) => self.gauges.away(destination, detail, now),
            _ => self.gauges.there(destination),
        }
        let record = match sent.outcome {
            Outcome::Accepted(reply) => {
                let expiry = work.reset.as_ref().filter(|_| work.kind == MailKind::Reset).and_then(|row| life(outfit, row, now));
                if expiry.is_some() {
                    self.gauges.mail.took(now.since(work.created_at));
                }
                let remote_id = reply.as_ref().and_then(SmtpReply::next_hop_id).map(str::to_owned);
                Record::Sent { remote_id, expiry, detail: told(work, with_reply(way, reply.as_ref()), None) }
            }
            Outcome::Deferred { reply, detail } => self.later(work, detail, with_reply(way, reply.as_ref())),
            Outcome::Refused { reply, detail } => Record::Failed {
                event: Event::MailRefused,
                hold: reply.as_ref().filter(|reply| reply.says_nobody_there()).map(|_| now + outfit.settings.hold_bounced(&work.portal)),
                detail: told(work, with_reply(way, reply.as_ref()), Some(&detail)),
                last: detail,
            },
        };
        Delivered { record, reached }
    }

    fn unmade(&self, work: &Work, error: &LetterError) -> Record {
        tracing::error!(event = "mail.unmade", mail = work.mail, kind = work.kind.as_str(), %error);
        match error {
            LetterError::NoAddress => dropped(work, "there is no address to send to"),
            error => self.later(work, error.to_string(), Value::Null),
        }
    }

    fn later(&self, work: &Work, why: String, met: Value) -> Record {
        let jitter = random::<1>(&*self.entropy).map_or(128, |[byte]| byte);
        match retry::next(work.attempts, work.useful_until, self.clock.now(), jitter) {
            Next::At(due_at) => Record::Deferred { due_at, detail: told(work, met, Some(&why)), last: why },
            Next::GiveUp if work.kind == MailKind::Webhook => given_up(work, &why),
            Next::GiveUp => dropped(work, &format!("it could no longer arrive in time to be useful; the last try met: {why}")),
        }
    }
}

fn life(outfit: &Outfit, row: &ResetRow, now: Timestamp) -> Option<resetd_core::reset::Expiry> {
    let portal = outfit.settings.portals.get(&row.portal);
    // A portal that was taken out of the configuration meanwhile: the cap, which the row has, goes on to count.
    Some(portal.map_or(resetd_core::reset::Expiry { link: row.until, code: row.code_until }, |portal| {
        portal.lifetimes.expiry(row.created_at, Some(now))
    }))
}

/// A line for the timeline: never an address, though servers like to repeat it. `met`: what the attempt met, an object or null.
fn told(work: &Work, met: Value, why: Option<&str>) -> Value {
    let mut detail = json!({ "kind": work.kind.as_str(), "attempt": work.attempts });
    if let (Value::Object(met), Some(detail)) = (met, detail.as_object_mut()) {
        detail.extend(met);
    }
    if let Some(why) = why {
        detail["why"] = Value::String(without_addresses(why));
    }
    if let Some(flag) = work.flag {
        detail["flag"] = Value::from(flag);
    }
    detail
}

/// The next hop and how the connection was protected.
fn way(via: Option<&Via>) -> Value {
    let Some(via) = via else { return json!({}) };
    let mut way = json!({ "via": via.host });
    if let Some(tls) = via.tls {
        way["tls"] = Value::from(tls.as_str());
    }
    way
}

fn with_reply(mut met: Value, reply: Option<&SmtpReply>) -> Value {
    if let Some(reply) = reply {
        met["reply"] = Value::String(without_addresses(&reply.to_string()));
    }
    met
}

fn without_addresses(text: &str) -> String {
    text.split(' ').map(|word| if word.contains('@') { "…" } else { word }).collect::<Vec<_>>().join(" ")
}

fn dropped(work: &Work, why: &str) -> Record {
    Record::Failed { event: Event::MailDropped, last: why.into(), detail: told(work, Value::Null, Some(why)), hold: None }
}

fn given_up(work: &Work, why: &str) -> Record {
    Record::Failed { event: Event::WebhookFailed, last: why.into(), detail: told(work, Value::Null, Some(why)), hold: None }
}

/// The body of a webhook: `type`, `timestamp` and `data`, as Standard Webhooks recommends. No secret, no address.
fn webhook_body(flag: &Flag, state: Option<&str>) -> Value {
    json!({
        "type": "flag.raised",
        "timestamp": flag.created_at,
        "data": {
            "id": flag.id, "reset": flag.reset, "portal": flag.portal, "account": flag.account,
            "severity": flag.severity.as_str(), "reason": flag.reason, "verdict": flag.verdict, "proof": flag.proof,
            "text": flag.text, "reset_state": state,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_lose_their_addresses() {
        let text = without_addresses("550 5.1.1 <ann@example.org>: Recipient address rejected");
        assert_eq!(text, "550 5.1.1 … Recipient address rejected");
        assert_eq!(MailKind::parse("webhook"), Some(MailKind::Webhook));
    }
}
