//! Delivery reports: with the structure of RFC 3464, or in the prose of the mail systems that came before or beside it.

mod notification;
mod prose;
mod smtp;
mod status;

use std::collections::BTreeSet;

use resetd_core::inbound::{
    Action, Bounce, BounceClass, Mark, Symptoms, diagnose, reads_bounced, says_bounced,
};

use super::body::Survey;
use super::header::Headers;
pub use smtp::head;
use status::Recipient;

/// What a report says, if the message may be one. The kind rules decide later whether it is.
pub fn read(headers: &Headers, survey: &Survey, marks: &mut BTreeSet<Mark>) -> Option<Bounce> {
    if survey.status.is_empty()
        && let Some(found) = notification::read(&survey.all_text)
    {
        marks.insert(if found.complaint {
            Mark::ForeignFeedback
        } else {
            Mark::DeliveryStatus
        });
        return found.bounce;
    }
    let report = prose::before_original(&survey.all_text);
    let mut recipients: Vec<Recipient> = survey
        .status
        .iter()
        .flat_map(|fields| status::parse(fields))
        .collect();
    if recipients.is_empty() && status::looks_like(report) {
        // The fields stand in a text: a lost part, or a mail system that only half follows the RFC.
        recipients = status::parse(report);
    }
    if !survey.status.is_empty()
        || recipients
            .iter()
            .any(|one| one.address.is_some() && one.action.is_some())
    {
        marks.insert(Mark::DeliveryStatus);
    } else if !may_be_report(headers, survey, marks) {
        return None;
    }
    let worst = recipients
        .iter()
        .position(|one| one.action == Some(Action::Failed))
        .unwrap_or(0);
    let told = if recipients.is_empty() {
        Recipient::default()
    } else {
        recipients.swap_remove(worst)
    };
    Some(conclude(headers, told, report))
}

/// Whether a mail system's answer with an enhanced code stands in the text above the original.
pub fn has_reply(text: &str) -> bool {
    let report = smtp::head(prose::before_original(text), 4_096);
    smtp::find(report).is_some_and(|reply| smtp::enhanced(smtp::head(&reply, 16)).is_some())
}

fn may_be_report(headers: &Headers, survey: &Survey, marks: &BTreeSet<Mark>) -> bool {
    let subject = headers
        .text("Subject")
        .is_some_and(|subject| says_bounced(&subject));
    marks.contains(&Mark::FailedRecipients)
        || subject
        || (reads_bounced(&survey.all_text)
            && (marks.contains(&Mark::MailSystemSender) || marks.contains(&Mark::NullPath)))
        || (marks.contains(&Mark::MailSystemSender) && marks.contains(&Mark::NullPath))
}

/// Puts fields and prose together. What the fields leave open the prose may say.
fn conclude(headers: &Headers, told: Recipient, report: &str) -> Bounce {
    let said = told
        .diagnostic
        .as_deref()
        .filter(|text| smtp::has_words(text));
    let in_prose = if said.is_none() {
        smtp::find(report)
    } else {
        None
    };
    let reply = said
        .map(str::to_owned)
        .or_else(|| in_prose.clone())
        .or_else(|| told.diagnostic.clone());
    let words = reply.clone().unwrap_or_default();
    let status = told
        .status
        .clone()
        .filter(|status| !status.ends_with(".0.0"))
        .or_else(|| smtp::enhanced(&words))
        .or_else(|| {
            if said.is_none() {
                smtp::enhanced(report)
            } else {
                None
            }
        })
        .or(told.status);
    let action = told
        .action
        .or_else(|| prose::action(headers.text("Subject").as_deref().unwrap_or(""), report));
    let code = smtp::code(&words);
    let found = diagnose(Symptoms {
        status: status.as_deref(),
        code,
        reply: &words,
        report,
        stage: prose::stage(&words, report),
    });
    let class = match action {
        Some(Action::Delayed) => BounceClass::Delayed,
        Some(Action::Delivered) => BounceClass::Delivered,
        Some(Action::Relayed | Action::Expanded) => BounceClass::Relayed,
        Some(Action::Failed) | None => found.class,
    };
    let reason = if class == BounceClass::Delivered {
        "delivered"
    } else {
        found.reason
    };
    Bounce {
        recipient: told.address.or_else(|| prose::recipient(headers, report)),
        action: action.or_else(|| class.failed().then_some(Action::Failed)),
        status,
        class,
        reason: reason.to_owned(),
        reply: reply
            .map(|text| smtp::one_reply(&text))
            .filter(|text| !text.is_empty()),
    }
}
