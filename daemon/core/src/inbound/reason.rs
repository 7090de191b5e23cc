//! Why a mail came back: from the enhanced status and the remote system's words to a stable reason and a class.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::BounceClass;
use super::words::{find_phrase, rows};

/// A reason and what it means for the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// Stable snake_case name.
    pub reason: &'static str,
    /// Hard or soft.
    pub class: BounceClass,
}

/// What is known of a failure.
#[derive(Debug, Clone, Copy, Default)]
pub struct Symptoms<'a> {
    /// Enhanced status (`5.1.1`, RFC 3463).
    pub status: Option<&'a str>,
    /// SMTP reply code (`550`).
    pub code: Option<u16>,
    /// What the remote system said.
    pub reply: &'a str,
    /// What the reporting system says around it.
    pub report: &'a str,
    /// At which command it failed, if the report tells.
    pub stage: Option<Stage>,
}

/// The command of the SMTP dialogue that was refused (RFC 5321 §3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// `MAIL FROM`: the sender was refused.
    Sender,
    /// `RCPT TO`: the address was refused.
    Recipient,
    /// `DATA` and its end: the message was refused.
    Message,
}

/// Bytes of a reply or report that are looked at: the reason stands at the top.
const MAX_WORDS: usize = 3_000;

static PHRASES: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| rows(include_str!("../../data/inbound/reasons.tsv")).collect());
static STATUSES: LazyLock<HashMap<&str, &str>> =
    LazyLock::new(|| rows(include_str!("../../data/inbound/status.tsv")).map(|(reason, code)| (code, reason)).collect());

/// Judges a failure. The remote system's words come first, then the status code, then the report's words.
pub fn diagnose(symptoms: Symptoms) -> Diagnosis {
    let reply = fold(symptoms.reply);
    let by_code = symptoms.status.and_then(by_status);
    let reason =
        match (by_words(&reply), by_code) {
            // "5.1.1 … rejected": the code is narrower than such words.
            (Some(words), Some(code)) if is_vague(words) && !is_vague(code) => code,
            (Some("userunknown"), Some("hasmoved")) => "hasmoved",
            (Some(words), _) => words,
            (None, Some(code)) => code,
            (None, None) => by_words(&fold(symptoms.report))
                .or_else(|| symptoms.code.and_then(by_smtp))
                .unwrap_or(if temporary(&symptoms) { "expired" } else { "undefined" }),
        };
    let reason = refine(narrower(reason, &symptoms), &symptoms, &reply);
    Diagnosis { reason, class: class_of(reason, &symptoms) }
}

/// The reporting system may know better than "user unknown": a full or a closed mailbox; a look-up that may yet succeed.
fn narrower(reason: &'static str, symptoms: &Symptoms) -> &'static str {
    match reason {
        "userunknown" if names_missing_host(&fold(symptoms.reply)) => "hostunknown",
        "userunknown" => match by_words(&fold(symptoms.report)) {
            Some(better @ ("suspend" | "mailboxfull")) => better,
            _ => reason,
        },
        "hostunknown" if fold(symptoms.reply).contains("found, try again") || fold(symptoms.report).contains("found, try again") => {
            "networkerror"
        }
        _ => reason,
    }
}

/// "mx.example.com does not exist": a host, where an address would have an `@`.
fn names_missing_host(reply: &str) -> bool {
    let Some((before, _)) = reply.split_once(" does not exist") else { return false };
    let word = before.rsplit(' ').next().unwrap_or("");
    let label = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    word.contains('.') && word.split('.').all(label) && !word.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// Only a refusal of the address itself speaks against the address: with a code that says so (X.1.Y), or at `RCPT TO`,
/// or in the words of the reporting system. "User unknown" said to the message or the sender is a filter's answer.
fn refine(reason: &'static str, symptoms: &Symptoms, reply: &str) -> &'static str {
    if !matches!(reason, "userunknown" | "hostunknown") {
        return reason;
    }
    let about_address = |text: &str| ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"].iter().any(|code| text.contains(code));
    let coded = symptoms.status.is_some_and(about_address) || about_address(reply);
    // What RFC 5321 §4.2.3 gives as the text of 550: said by itself, it is about the mailbox.
    let mailbox = symptoms.code == Some(550) && reply.contains("mailbox unavailable");
    match symptoms.stage {
        Some(Stage::Sender) => "rejected",
        Some(Stage::Recipient) | None if mailbox && reason == "userunknown" => reason,
        _ if coded || reason == "hostunknown" => reason,
        Some(Stage::Recipient) => reason,
        Some(Stage::Message) => "filtered",
        // A code about something else, and no word on which address.
        None if symptoms.status.is_some_and(|status| status.starts_with("5.2.") || status.starts_with("5.7.")) => "filtered",
        None if symptoms.status.is_some() && !reply.contains('@') => "filtered",
        None => reason,
    }
}

fn class_of(reason: &str, symptoms: &Symptoms) -> BounceClass {
    match reason {
        "delivered" => BounceClass::Delivered,
        _ if temporary(symptoms) => BounceClass::Soft,
        "userunknown" | "hostunknown" | "hasmoved" | "notaccept" => BounceClass::Hard,
        _ => BounceClass::Soft,
    }
}

/// Lower-case, blanks folded, straight apostrophes.
fn fold(text: &str) -> String {
    let mut end = text.len().min(MAX_WORDS);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text[..end];
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").to_lowercase().replace('’', "'")
}

fn temporary(symptoms: &Symptoms) -> bool {
    match symptoms.code {
        Some(code) => (400..500).contains(&code),
        None => symptoms.status.is_some_and(|status| status.starts_with('4')),
    }
}

/// Reasons that say that it failed rather than why.
fn is_vague(reason: &str) -> bool {
    matches!(reason, "rejected" | "onhold" | "systemerror" | "expired" | "policyviolation" | "undefined" | "syntaxerror")
}

fn by_words(words: &str) -> Option<&'static str> {
    PHRASES.iter().find(|(_, phrase)| find_phrase(words, phrase)).map(|(reason, _)| *reason)
}

fn by_status(status: &str) -> Option<&'static str> {
    let (class, rest) = status.split_once('.')?;
    let reason = STATUSES.get(rest).copied()?;
    // A temporary failure of an unknown user is a matter of the remote's look-ups.
    match (class, reason) {
        ("2", _) => Some("delivered"),
        ("4", "userunknown" | "hasmoved") => None,
        ("4", "hostunknown") => Some("networkerror"),
        (_, reason) => Some(reason),
    }
}

fn by_smtp(code: u16) -> Option<&'static str> {
    match code {
        421 | 450 | 451 => Some("expired"),
        452 | 552 => Some("mailboxfull"),
        530 | 534 | 535 | 538 => Some("securityerror"),
        521 | 556 => Some("notaccept"),
        500..=504 => Some("syntaxerror"),
        551 => Some("hasmoved"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(status: &str, code: u16, reply: &str) -> (&'static str, BounceClass) {
        let found = diagnose(Symptoms { status: Some(status), code: Some(code), reply, report: "", stage: Some(Stage::Recipient) });
        (found.reason, found.class)
    }

    #[test]
    fn words_and_codes_make_a_reason() {
        assert_eq!(reason("5.1.1", 550, "550 5.1.1 <a@b.example>... User Unknown"), ("userunknown", BounceClass::Hard));
        assert_eq!(reason("5.2.2", 552, "552 5.2.2 Mailbox full"), ("mailboxfull", BounceClass::Soft));
        assert_eq!(reason("4.2.2", 452, "452 over quota"), ("mailboxfull", BounceClass::Soft));
        assert_eq!(reason("5.1.2", 550, "Host or domain name not found"), ("hostunknown", BounceClass::Hard));
        assert_eq!(reason("5.1.10", 556, "Domain does not accept mail (nullMX)"), ("notaccept", BounceClass::Hard));
    }

    #[test]
    fn a_host_that_does_not_exist_is_no_mailbox() {
        assert_eq!(reason("5.0.0", 553, "553 mx.example.com does not exist").0, "hostunknown");
        assert_eq!(reason("5.0.0", 553, "553 ann@mail.example does not exist").0, "userunknown");
        assert_eq!(reason("5.5.0", 550, "550 Requested action not taken: mailbox unavailable").1, BounceClass::Hard);
    }

    #[test]
    fn short_words_need_edges() {
        assert_ne!(reason("5.0.0", 550, "we could not produce an answer").0, "spamdetected");
    }
}
