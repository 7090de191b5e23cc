//! Ids and addresses by which a message is tied to a mail of ours, from every place where they are met.

use resetd_core::inbound::Facts;

use super::body::Survey;
use super::header::{Field, Headers, addr_spec};
use super::{Envelope, limits};

/// Fields that hold addresses the message was sent to.
const ADDRESSED: [&str; 12] = [
    "Delivered-To",
    "X-Original-To",
    "Envelope-To",
    "X-Envelope-To",
    "X-Delivered-To",
    "X-Forwarded-To",
    "To",
    "Cc",
    "Apparently-To",
    "Resent-To",
    "X-Original-Recipient",
    "X-RCPT-To",
];

/// `In-Reply-To`, then `References`; no id twice.
pub fn references(headers: &Headers) -> Vec<String> {
    let fields = headers.all("In-Reply-To").chain(headers.all("References")).chain(headers.all("X-In-Reply-To"));
    distinct(fields.flat_map(Field::ids))
}

/// Every address it was sent to: the envelope first, then the fields that mail systems write, then `To` and `Cc`, then
/// the `for` clauses of `Received` (RFC 5321 §4.4).
pub fn recipients(headers: &Headers, envelope: &Envelope) -> Vec<String> {
    let envelope = envelope.rcpt_to.iter().filter_map(|address| addr_spec(address));
    let fields = ADDRESSED.iter().flat_map(|name| headers.all(name)).flat_map(addressed);
    let traces = headers.all("Received").filter_map(|field| for_clause(&field.plain()));
    distinct(envelope.chain(fields).chain(traces))
}

/// Message-IDs of originals: attached, appended, or named by a report or by Exchange.
pub fn embedded(survey: &Survey, headers: &Headers, facts: &mut Facts) {
    let named = ["X-Microsoft-Original-Message-ID", "X-Original-Message-ID", "Original-Message-ID"];
    let fields = named.iter().flat_map(|name| headers.all(name)).flat_map(Field::ids);
    facts.embedded_ids = distinct(fields.chain(survey.embedded_ids.iter().cloned()).chain(ids_in_text(&survey.all_text)));
}

/// What a next hop may have named in its `250`: whole ids, their local parts (SES), and queue ids from reports.
pub fn next_hop(survey: &Survey, facts: &mut Facts) {
    let whole = facts.references.iter().chain(&facts.embedded_ids);
    let locals = whole.clone().filter_map(|id| id.split_once('@')).map(|(local, _)| local.to_owned());
    facts.next_hop_ids = distinct(survey.queue_ids.iter().cloned().chain(locals).chain(whole.cloned()));
}

/// `Message-ID:` lines in running text, quoted or not.
fn ids_in_text(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().filter_map(|line| {
        let line = line.trim_start_matches(['>', ' ', '\t', '*']);
        let (name, value) = line.split_once(':')?;
        let names = ["message-id", "x-microsoft-original-message-id", "original-message-id", "x-original-message-id"];
        let known = names.iter().any(|known| name.trim().eq_ignore_ascii_case(known));
        known.then(|| Field { name: "", raw: value.as_bytes() }.ids().into_iter().next())?
    })
}

/// The addresses of a field, or the one that its bare value is.
pub fn addressed(field: Field) -> Vec<String> {
    let found: Vec<String> = field.addresses().into_iter().map(|(_, address)| address).collect();
    if found.is_empty() { addr_spec(&field.plain()).into_iter().collect() } else { found }
}

/// The address of `for <…>` in a trace line.
fn for_clause(value: &str) -> Option<String> {
    let at = value.find(" for ")?;
    let word = value[at + 5..].split([' ', ';', '(']).find(|word| !word.is_empty())?;
    addr_spec(word)
}

fn distinct(items: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    items.take(limits::ADDRESSES * 4).filter(|item| seen.insert(item.clone())).take(limits::ADDRESSES).collect()
}
