//! Reports without fields: where the original begins, whom they are about, whether they are only a warning.

use resetd_core::inbound::{Action, Stage};

use super::super::header::{Headers, addr_spec};
use super::smtp::head;

/// Lines under which the original stands, lower-case, rules taken off.
const BELOW: [&str; 22] = [
    "this is a copy of",
    "original message",
    "the header of the original message",
    "the header of the original",
    "below this line is a copy",
    "message headers follow",
    "message header follows",
    "unsent message follows",
    "message text follows",
    "original message follows",
    "returned message follows",
    "header of the original",
    "message header:",
    "headers of the message",
    "undelivered message headers",
    "returned content",
    "original headers",
    "copy of message",
    "the original message",
    "the body of the message is",
    "start of returned message",
    "received headers",
];

/// No report is longer; what comes later is the original.
const REPORT_BYTES: usize = 24 * 1024;

/// The text up to the original message or its headers.
pub fn before_original(text: &str) -> &str {
    let text = head(text, REPORT_BYTES);
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if at > 0 && (is_rule(line) || starts_headers(line)) {
            return &text[..at];
        }
        at += line.len();
    }
    text
}

fn is_rule(line: &str) -> bool {
    let line = line.trim();
    if line.len() > 90 || line.is_empty() {
        return false;
    }
    let core = line.trim_matches(|c: char| "-=_*|#.: ".contains(c)).to_lowercase();
    let ruled =
        line.starts_with(['-', '=', '_', '*', '|']) || core.ends_with("follow") || core.ends_with("follows") || core.ends_with("following");
    ruled && BELOW.iter().any(|below| core.starts_with(below)) && !core.contains("was received at")
}

fn starts_headers(line: &str) -> bool {
    let starts = ["Return-Path:", "Return-path:", "Received: ", "Received:from", "DKIM-Signature:", "X-Received:", "Delivered-To:"];
    starts.iter().any(|start| line.starts_with(start))
}

/// A warning or a success, where no field says so.
pub fn action(subject: &str, report: &str) -> Option<Action> {
    let subject = subject.to_lowercase();
    let report = head(report, 3_000).to_lowercase();
    let late = [
        "warning message only",
        "has not yet been delivered",
        "will be retried",
        "do not need to resend",
        "delivery attempts will continue",
        "has been delayed",
        "still being tried",
        "will continue to be attempted",
        "temporary problem delivering your message",
        "will keep trying",
        "will retry for",
        "will try again",
        "no action is required on your part",
        "could not be delivered for the last",
    ];
    if subject.contains("(delay)")
        || subject.contains("delayed")
        || subject.contains("warning:")
        || late.iter().any(|phrase| report.contains(phrase))
    {
        return Some(Action::Delayed);
    }
    let good = ["successfully delivered", "successful mail delivery", "was successfully relayed"];
    good.iter().any(|phrase| report.contains(phrase) || subject.contains(phrase)).then_some(Action::Delivered)
}

/// The command that was refused, as the reply or the transcript tells.
pub fn stage(reply: &str, report: &str) -> Option<Stage> {
    let text = head(report, 8_192).to_lowercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = format!("{} {}", reply.to_lowercase(), words.join(" "));
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
    // In a transcript the command stands right above the answer.
    let transcript = text.find("<<< 5").or_else(|| text.find("<<< 4")).map(|at| &text[..at]);
    if let Some(command) = transcript.and_then(|before| before.rsplit(">>> ").next().filter(|_| before.contains(">>> "))) {
        return match command.get(..4) {
            Some("data") => Some(Stage::Message),
            Some("rcpt") => Some(Stage::Recipient),
            Some("mail") => Some(Stage::Sender),
            _ => None,
        };
    }
    if says(&[
        "end of data",
        "data command",
        "text command",
        "smtp command data",
        "-smtp command data",
        "after i sent the message",
        "(data)",
        "did not like our data",
    ]) {
        return Some(Stage::Message);
    }
    if says(&["mail from command", "after mail from", "did not like our mail from", "[mail_from]", "to mail from"]) {
        return Some(Stage::Sender);
    }
    says(&["rcpt to", "rcpt_to", "rcpt command", "rejected recipient"]).then_some(Stage::Recipient)
}

/// Whom the report is about: the header that says so, `<address>:` on a line, or the first address that is neither the
/// one the report was sent to nor the sender's.
pub fn recipient(headers: &Headers, report: &str) -> Option<String> {
    for name in ["X-Failed-Recipients", "X-Failed-Recipient"] {
        if let Some(address) = headers.first(name).and_then(|field| addr_spec(field.plain().split(',').next()?)) {
            return Some(address);
        }
    }
    let ours: Vec<String> = ["To", "From", "Delivered-To"]
        .iter()
        .flat_map(|name| headers.all(name))
        .flat_map(|field| field.addresses())
        .map(|(_, address)| address.to_lowercase())
        .collect();
    let foreign = |address: &String| !ours.contains(&address.to_lowercase()) && !address.to_lowercase().starts_with("postmaster@");
    let text = head(report, 8_192);
    let marked = text
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with('<') && line.contains(">"))
        .filter_map(|line| addr_spec(&line[..=line.find('>')?]));
    let loose = text
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '(' | ')' | '"' | '\''))
        .filter(|word| word.contains('@') && !word.contains("://"))
        .map(|word| word.trim_start_matches("TO:").trim_start_matches("To:"))
        .filter_map(|word| addr_spec(word.trim_end_matches(['.', ':', '!', '?', '…'])));
    marked.chain(loose).find(foreign)
}
