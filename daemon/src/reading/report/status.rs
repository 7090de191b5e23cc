//! The fields of `message/delivery-status` (RFC 3464 §2), with the repairs that real ones need: blank lines inside a
//! block, several recipients in one block, fields spelt and cased as they come.

use resetd_core::inbound::Action;

use super::super::header::{addr_spec, one_line};

/// Most recipients read of one report.
const RECIPIENTS: usize = 50;

/// What a report says of one recipient.
#[derive(Debug, Clone, Default)]
pub struct Recipient {
    /// `Final-Recipient`, or `Original-Recipient` if it names an address and the former does not.
    pub address: Option<String>,
    /// `Action`.
    pub action: Option<Action>,
    /// `Status`, the code alone.
    pub status: Option<String>,
    /// `Diagnostic-Code` without its type.
    pub diagnostic: Option<String>,
    /// `Original-Recipient`.
    original: Option<String>,
}

/// Whether a text has the fields in it.
pub fn looks_like(text: &str) -> bool {
    let has = |name: &str| text.lines().any(|line| line.trim_start().get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)));
    has("Final-Recipient:") && (has("Action:") || has("Status:")) || has("Reporting-MTA:") && has("Status:") && has("Action:")
}

/// All recipients in order. A new one begins where a field comes that the last one already has.
pub fn parse(text: &str) -> Vec<Recipient> {
    let mut found: Vec<Recipient> = Vec::new();
    let mut open = Recipient::default();
    for (name, value) in fields(text) {
        match name.as_str() {
            "final-recipient" | "smtp-remote-recipient" => {
                if open.address.is_some() && name == "final-recipient" {
                    found.push(std::mem::take(&mut open));
                }
                if open.address.is_none() {
                    open.address = addr_spec(&value);
                }
            }
            "original-recipient" | "x-actual-recipient" => {
                if name == "original-recipient" && open.original.is_some() {
                    found.push(std::mem::take(&mut open));
                }
                open.original = open.original.take().or_else(|| addr_spec(&value));
            }
            "action" => open.action = open.action.or_else(|| Action::parse(&value)),
            "status" => open.status = open.status.take().or_else(|| super::smtp::enhanced(&value)),
            "diagnostic-code" => {
                let text = untyped(&value).to_owned();
                open.diagnostic = open.diagnostic.take().or(Some(text));
            }
            _ => {}
        }
        if found.len() >= RECIPIENTS {
            break;
        }
    }
    if open.address.is_some() || open.action.is_some() || open.status.is_some() {
        found.push(open);
    }
    for one in &mut found {
        one.address = one.address.take().or_else(|| one.original.take());
    }
    found
}

/// Name and unfolded value of each field; anything else is passed over.
fn fields(text: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines().take(2_000) {
        if line.starts_with([' ', '\t']) && !line.trim().is_empty() {
            let inner = line.trim_start();
            let known = ["final-recipient:", "action:", "status:", "diagnostic-code:"];
            let fielded = known.iter().any(|name| inner.to_ascii_lowercase().starts_with(name));
            if !fielded {
                if let Some((_, value)) = fields.last_mut().filter(|(_, value)| value.len() < 8_192) {
                    value.push(' ');
                    value.push_str(inner);
                }
                continue;
            }
        }
        if let Some((name, value)) = line.trim_start().split_once(':')
            && name.len() < 60
            && !name.trim().contains(' ')
        {
            fields.push((name.trim().to_ascii_lowercase(), one_line(value)));
        } else if let Some((name, value)) = fields.last_mut()
            && name == "diagnostic-code"
            && !line.trim().is_empty()
            && value.len() < 8_192
        {
            // A diagnostic that was not folded.
            value.push(' ');
            value.push_str(line.trim());
        }
    }
    fields
}

/// Without `smtp;`, `X-Postfix;` and the like.
fn untyped(value: &str) -> &str {
    match value.split_once(';') {
        Some((kind, text)) if kind.len() < 24 && !kind.trim().contains(' ') => text.trim(),
        _ => value.trim(),
    }
}
