//! From what a message says to what is done about it (DESIGN §5): which reset it is about, how far it is believed, what
//! dies, who is told.

use std::time::Duration;

use resetd_core::event::Event;
use resetd_core::ids::{PortalName, ResetId};
use resetd_core::inbound::{Action, Bounce, BounceClass, Facts, Kind, Mark};
use resetd_core::limits::Abuse;
use resetd_core::secret::{Purpose, Tag};
use resetd_core::smtp_reply::is_unguessable;
use resetd_core::time::Timestamp;
use resetd_core::verdict::Verdict;
use serde_json::json;

use super::App;
use super::ingest::{Read, is_for_us};
use super::known::Known;
use crate::config::Settings;
use crate::reading;
use crate::store::{Conclusion, Delivery, MailKind, Match, NewFlag, ResetRow, Severity, StoreError, Unread};

/// Below this the judge is not believed enough to revoke by its word alone.
const SURE: f32 = 0.5;
/// Characters of a reply that a flag shows; the whole is in the message behind it.
const TEXT_MAX: usize = 4000;
/// Alerts are of use for long: a case does not go away.
const ALERT_USEFUL: Duration = Duration::from_secs(7 * 24 * 3600);
const WEBHOOK_USEFUL: Duration = Duration::from_secs(3 * 24 * 3600);
const ACK_USEFUL: Duration = Duration::from_secs(6 * 3600);

/// How far a message is believed, and so which reset it is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Proof {
    Tag,
    Reference,
    Dmarc,
    None,
}

impl Proof {
    fn as_str(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Reference => "reference",
            Self::Dmarc => "dmarc",
            Self::None => "none",
        }
    }
}

/// A flag before it has its words.
struct Case {
    reason: &'static str,
    severity: Severity,
    alert: bool,
}

impl App {
    /// What is to be done about a message that was read.
    pub(super) async fn conclusion(&self, unread: &Unread, read: Read) -> Result<Conclusion, StoreError> {
        let facts = &read.facts;
        let (row, proof) = self.matched(facts).await?;
        let proven = proof != Proof::None;
        let settings = self.settings();
        let kind = read.finding.kind;
        let verdict = read.judgement.verdict;
        let sure = read.judgement.confidence >= SURE;
        let portal = row.as_ref().map(|row| row.portal.clone()).or_else(|| portal_of(&settings, facts));
        let deny = kind == Kind::Reply && verdict == Verdict::NotMe && proven && sure && row.is_some();
        let case = self.case(&read, proof, row.is_some());
        let acknowledge = deny && may_acknowledge(&settings, row.as_ref(), facts);
        let at = self.clock.now();
        let hold_for = row.as_ref().map_or(settings.sending.hold_bounced, |row| settings.hold_bounced(&row.portal));
        let flag = match case {
            Some(case) => Some(self.new_flag(case, &read, row.as_ref(), portal.as_ref(), at).await?),
            None => None,
        };
        let note =
            flag.as_ref().filter(|_| kind == Kind::Reply && verdict == Verdict::WasMe).map(|flag| format!("answered later: {}", flag.text));
        let flood = portal.clone().filter(|_| flag.is_some());
        let flood = flood.map(|portal| self.sighting(Abuse::FloodAnswers, portal, 1, Abuse::FloodAnswers.advice().into(), at));
        Ok(Conclusion {
            inbound: unread.n,
            received_at: unread.received_at,
            at,
            kind: kind.as_str(),
            verdict: (kind == Kind::Reply).then(|| (verdict.as_str(), read.judgement.confidence)),
            proof: proof.as_str(),
            delivery: facts.bounce.as_ref().filter(|_| kind == Kind::Bounce && proven).and_then(|bounce| delivery(bounce, hold_for, at)),
            acknowledge: acknowledge.then(|| at + ACK_USEFUL),
            reset: row,
            portal,
            deny,
            flag,
            flood,
            note,
        })
    }

    /// A message that could not be read: a person looks at it.
    pub(super) fn unreadable(&self, unread: &Unread) -> Conclusion {
        self.unreadable_number(unread.n)
    }

    /// The same, by its number.
    pub(super) fn unreadable_number(&self, inbound: i64) -> Conclusion {
        let at = self.clock.now();
        let settings = self.settings();
        let portal = settings.portals.keys().next().cloned();
        let flood = portal.clone().map(|portal| self.sighting(Abuse::FloodAnswers, portal, 1, Abuse::FloodAnswers.advice().into(), at));
        let flag = NewFlag {
            reason: "unreadable",
            severity: Severity::Low,
            text: String::new(),
            sender: None,
            subject: None,
            alerts: alerts(&settings, portal.as_ref(), true, at),
        };
        Conclusion {
            inbound,
            received_at: at,
            at,
            kind: "unreadable",
            verdict: None,
            proof: Proof::None.as_str(),
            reset: None,
            portal,
            deny: false,
            flag: Some(flag),
            flood,
            note: None,
            acknowledge: None,
            delivery: None,
        }
    }

    /// Ties a message to its reset, in the order of DESIGN §5.
    async fn matched(&self, facts: &Facts) -> Result<(Option<ResetRow>, Proof), StoreError> {
        let tags = facts.recipients.iter().filter_map(|address| Tag::find(&self.ring(), address));
        let mut ids: Vec<(ResetId, Proof)> =
            tags.filter(|tag| matches!(tag.purpose, Purpose::Reply | Purpose::Bounce)).map(|tag| (tag.reset, Proof::Tag)).collect();
        let referred = facts.references.iter().chain(&facts.embedded_ids).filter_map(|id| Tag::find(&self.ring(), id));
        ids.extend(
            referred.filter(|tag| tag.purpose != Purpose::Bounce && tag.purpose != Purpose::Reply).map(|tag| (tag.reset, Proof::Reference)),
        );
        let wanted = ids.iter().map(|(id, _)| *id).collect();
        let remote: Vec<String> =
            facts.references.iter().chain(&facts.embedded_ids).chain(&facts.next_hop_ids).take(200).cloned().collect();
        // An id that can be guessed ties a message to a mail, and proves nothing.
        let (strong, weak): (Vec<_>, Vec<_>) = remote.into_iter().partition(|id| is_unguessable(id));
        let mut guessed = false;
        let (mut row, mut how) = self.store.reset_of_reply(wanted, strong, None).await?;
        if row.is_none() {
            (row, how) = self.store.reset_of_reply(Vec::new(), weak, facts.from.clone()).await?;
            guessed = how == Match::Remote;
        }
        let proof = match how {
            _ if guessed => Proof::None,
            Match::Id => ids.iter().find(|(id, _)| row.as_ref().is_some_and(|row| row.id == *id)).map_or(Proof::None, |(_, proof)| *proof),
            Match::Remote => Proof::Reference,
            Match::Sender if vouched_for_us(&self.settings(), facts) => Proof::Dmarc,
            Match::Sender | Match::None => Proof::None,
        };
        Ok((row, proof))
    }

    /// Whether support gets a case, and how loudly. Every answer of a human does (law 4).
    fn case(&self, read: &Read, proof: Proof, matched: bool) -> Option<Case> {
        let case = |reason, severity, alert| Some(Case { reason, severity, alert });
        if read.truncated_from.is_some() {
            return case("oversize", Severity::Low, true);
        }
        match (read.finding.kind, read.judgement.verdict) {
            (Kind::Reply, Verdict::NotMe) => case("not_me", Severity::High, true),
            (Kind::Reply, Verdict::WasMe) => case("was_me", Severity::Low, false),
            (Kind::Reply, Verdict::Help) => case("help", Severity::Low, true),
            (Kind::Reply, Verdict::Other) => case("other", Severity::Low, true),
            (Kind::Complaint, _) => case("complaint", Severity::Low, true),
            // What was taken for a machine's or for nothing of ours, though it came with proof, or from
            // somebody whom we wrote to, and speaks like a person.
            (Kind::AutoReply, Verdict::NotMe) if proof != Proof::None && read.judgement.confidence >= 0.9 => {
                case("auto_reply_denial", Severity::Low, true)
            }
            (Kind::Unrelated, Verdict::NotMe) if matched && read.judgement.confidence >= 0.9 => case("unrelated", Severity::Low, true),
            (Kind::Unrelated, _) if matched && proof != Proof::None && !read.facts.words().is_empty() => {
                case("unrelated", Severity::Low, true)
            }
            _ => None,
        }
    }

    async fn new_flag(
        &self,
        case: Case,
        read: &Read,
        row: Option<&ResetRow>,
        portal: Option<&PortalName>,
        at: Timestamp,
    ) -> Result<NewFlag, StoreError> {
        let settings = self.settings();
        let rows = self.family(row.cloned()).await?;
        let ring = self.ring();
        let known = Known::new(&ring, &settings, &rows);
        let words = read.facts.words();
        let words = if words.trim().is_empty() { read.facts.doubtful.clone() } else { words };
        let mut text: String = reading::strike_text(&words, &known).chars().take(TEXT_MAX).collect();
        if read.facts.has(Mark::Encrypted) && text.trim().is_empty() {
            text = "(this message is encrypted and could not be read: ask the person to write in clear)".into();
        }
        if let Some(size) = read.truncated_from {
            text = format!("(this message has {size} octets; only its beginning was kept) {text}");
        }
        let subject = read.facts.subject.as_deref().map(|subject| reading::strike_text(subject, &known).chars().take(300).collect());
        let sender = read.facts.from.as_deref().map(|from| reading::strike_text(from, &known).chars().take(254).collect());
        let alerts = alerts(&settings, portal, case.alert, at);
        Ok(NewFlag { reason: case.reason, severity: case.severity, text, sender, subject, alerts })
    }
}

/// Whether the author's domain vouches for a message that was written to us. What somebody wrote to another can be carried here
/// by that other, and its signature stays good.
fn vouched_for_us(settings: &Settings, facts: &Facts) -> bool {
    let vouched = facts.dmarc_pass.is_some() && facts.dmarc_pass == facts.sender_domain;
    vouched && facts.addressed.iter().any(|address| is_for_us(settings, address))
}

/// The alerts that a portal has configured. A case that makes no noise still goes to the webhook, which is a machine.
pub(super) fn alerts(settings: &Settings, portal: Option<&PortalName>, mail: bool, at: Timestamp) -> Vec<(MailKind, Timestamp)> {
    let Some(alert) = portal.and_then(|name| settings.portals.get(name)).map(|portal| &portal.alert) else { return Vec::new() };
    let mut list = Vec::new();
    if mail && alert.mail_to.is_some() {
        list.push((MailKind::Alert, at + ALERT_USEFUL));
    }
    if alert.webhook.is_some() {
        list.push((MailKind::Webhook, at + WEBHOOK_USEFUL));
    }
    list
}

/// The portal whose address a message was sent to; else the first, so that somebody is told.
fn portal_of(settings: &Settings, facts: &Facts) -> Option<PortalName> {
    let addressed = settings.portals.values().find(|portal| {
        let domains = [portal.reply_to.after.as_str(), portal.bounce_to.after.as_str()];
        facts.recipients.iter().any(|address| {
            let address = address.to_lowercase();
            domains.iter().any(|after| address.ends_with(&after.to_lowercase())) || portal.sender.address.same_as(&address)
        })
    });
    addressed.or_else(|| settings.portals.values().next()).map(|portal| portal.name.clone())
}

/// Law 6: only a human who wrote from the account's own address is answered.
fn may_acknowledge(settings: &Settings, row: Option<&ResetRow>, facts: &Facts) -> bool {
    let Some(row) = row else { return false };
    let wanted = settings.portals.get(&row.portal).is_some_and(|portal| portal.acknowledge);
    let own = row.email.as_ref().zip(facts.from.as_deref()).is_some_and(|(email, from)| email.same_as(from));
    let machine = [Mark::NullPath, Mark::NoReplySender, Mark::AutoReplied, Mark::AutoGenerated, Mark::PrecedenceBulk, Mark::ListMail];
    wanted && own && !machine.into_iter().any(|mark| facts.has(mark))
}

/// What a proven bounce means for the mail.
fn delivery(bounce: &Bounce, hold_for: Duration, at: Timestamp) -> Option<Delivery> {
    let detail = json!({ "class": bounce.class, "status": bounce.status, "reason": bounce.reason });
    let (event, failed) = match (bounce.class, bounce.action) {
        (BounceClass::Delayed, _) | (_, Some(Action::Delayed)) => (Event::MailDelayed, false),
        (BounceClass::Delivered | BounceClass::Relayed, _) => (Event::MailDelivered, false),
        (BounceClass::Hard | BounceClass::Soft, _) => (Event::MailBounced, true),
    };
    let hold = (failed && bounce.class == BounceClass::Hard).then(|| (at + hold_for, format!("it bounced: {}", bounce.reason)));
    Some(Delivery { event, detail, failed, hold })
}
