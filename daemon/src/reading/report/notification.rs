//! Amazon SES notifications, which come as JSON mailed by SNS, sometimes wrapped, escaped or cut by mail systems on the
//! way: the few fields needed are looked for rather than parsed.

use resetd_core::inbound::{Action, Bounce, BounceClass, Symptoms, diagnose};

/// What a notification says.
pub struct Notification {
    /// Whether it is a complaint.
    pub complaint: bool,
    /// The bounce or delivery, if it is one.
    pub bounce: Option<Bounce>,
}

/// Reads a text that is such a notification.
pub fn read(text: &str) -> Option<Notification> {
    let start = text.trim_start();
    if !start.starts_with('{') || !(start.contains("notificationType") || start.contains("eventType")) {
        return None;
    }
    let flat = super::smtp::head(start, 32 * 1024).replace("!\n ", "").replace("\\\"", "\"").replace("\n", "");
    let kind = value(&flat, "notificationType").or_else(|| value(&flat, "eventType"))?;
    let recipient = value(&flat, "emailAddress").or_else(|| {
        let list = flat.find("\"recipients\"").map(|at| &flat[at..])?;
        list.split('"').nth(3).map(str::to_owned)
    });
    let bounce = match kind.as_str() {
        "Complaint" => {
            return Some(Notification { complaint: true, bounce: None });
        }
        "Bounce" => bounced(&flat, recipient),
        "Delivery" => Bounce {
            recipient,
            action: Some(Action::Delivered),
            status: super::smtp::enhanced(&value(&flat, "smtpResponse").unwrap_or_default()),
            class: BounceClass::Delivered,
            reason: "delivered".to_owned(),
            reply: value(&flat, "smtpResponse"),
        },
        _ => return None,
    };
    Some(Notification { complaint: false, bounce: Some(bounce) })
}

fn bounced(flat: &str, recipient: Option<String>) -> Bounce {
    let reply = value(flat, "diagnosticCode").map(|text| text.trim_start_matches("smtp; ").to_owned());
    let status = value(flat, "status");
    let words = reply.clone().unwrap_or_default();
    let sub = value(flat, "bounceSubType").unwrap_or_default();
    let found = diagnose(Symptoms {
        status: status.as_deref(),
        code: super::smtp::code(&words),
        reply: &words,
        report: if sub == "MailboxFull" { "mailbox full" } else { "" },
        stage: None,
    });
    let unknown = found.reason == "undefined";
    let permanent = value(flat, "bounceType").as_deref() == Some("Permanent") && (sub == "General" || sub == "NoEmail");
    Bounce {
        recipient,
        action: value(flat, "action").and_then(|action| Action::parse(&action)).or(Some(Action::Failed)),
        status,
        class: if unknown && permanent { BounceClass::Hard } else { found.class },
        reason: if unknown && permanent { "userunknown" } else { found.reason }.to_owned(),
        reply,
    }
}

/// The string behind a key.
fn value(flat: &str, key: &str) -> Option<String> {
    let quoted = format!("\"{key}\"");
    let rest = flat[flat.find(&quoted)? + quoted.len()..].trim_start().strip_prefix(':')?.trim_start();
    let inner = rest.strip_prefix('"')?;
    inner.find('"').map(|end| inner[..end].to_owned())
}
