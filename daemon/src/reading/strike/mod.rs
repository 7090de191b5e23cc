//! Law 2 at the border: what leaves for support never carries a live secret.
//!
//! Safe by construction: nothing of the original bytes is passed on. A new message is built from an allow-list of
//! decoded headers and decoded text parts, each struck; attachments are named, not carried. What was struck is read
//! again in every way we know; if anything is still found, the text is withheld.

mod message;
mod needles;
mod parts;
mod units;

use std::ops::Range;

use super::report::head;
use needles::{Found, Oracle};
use units::Unit;

pub use parts::strike;

/// Knows our secrets when it sees them. Implemented over the keys; a test uses a fake.
pub trait Secrets {
    /// Whether this string of [`Secrets::token_len`] base64url characters is a token of ours.
    fn is_token(&self, candidate: &str) -> bool;
    /// Length of a token in characters.
    fn token_len(&self) -> usize;
    /// Whether these digits (grouping taken out) may be a code of ours.
    fn is_code(&self, digits: &str) -> bool;
    /// Whether this URL is a reset link of ours, whatever token it carries.
    fn is_link(&self, url: &str) -> bool;
}

/// A copy of an inbound message that is fit for a support agent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Struck {
    /// Allowed headers, decoded and struck, in the order of the original.
    pub headers: Vec<(String, String)>,
    /// The whole text, quotes included: every text part, decoded, HTML turned to text, struck.
    pub text: String,
    /// What was not carried over, for a note: `image/png 20 KB shot.png`.
    pub left_out: Vec<String>,
}

/// Longest text that is passed on, in bytes; what is longer is cut.
const TEXT_BYTES: usize = 96 * 1024;
/// So much more is looked at: what is cut in two can't be known again, and may lack no more than a letter.
const MARGIN: usize = 4 * 1024;
/// How often a text is struck before it is withheld.
const ROUNDS: usize = 3;

/// Strikes our links and codes out of one decoded text.
pub fn strike_text(text: &str, secrets: &dyn Secrets) -> String {
    strike_up_to(text, TEXT_BYTES, secrets)
}

/// The same for the beginning of a text: so many bytes.
fn strike_up_to(text: &str, most: usize, secrets: &dyn Secrets) -> String {
    let text = head(text, most + MARGIN);
    let struck = strike_all(text, secrets);
    if struck.len() <= most {
        return struck;
    }
    format!("{}\n[cut short]", head(&struck, most))
}

fn strike_all(text: &str, secrets: &dyn Secrets) -> String {
    let mut text = text.to_owned();
    for _ in 0..ROUNDS {
        let oracle = Oracle::new(secrets);
        let found = search(&text, &oracle);
        if found.is_empty() {
            return text;
        }
        text = replace(&text, found);
    }
    "[text withheld: what it carries could not be struck out]".to_owned()
}

/// Everything found in any reading of the text.
fn search(text: &str, oracle: &Oracle) -> Vec<(Range<usize>, Found)> {
    let mut found = Vec::new();
    let plain = units::plain(text);
    let mut readings: Vec<Vec<Unit>> = Vec::new();
    if text.contains('<') {
        readings.push(units::untagged(&plain));
    }
    if text.contains('&') {
        readings.push(units::entities(&plain));
    }
    if text.contains('=') {
        readings.push(units::quoted_printable(&plain));
    }
    if text.contains("urldefense") {
        readings.push(units::urldefense(&plain));
    }
    // What one layer lays bare may be written in another one.
    for at in 0..readings.len() {
        if text.contains('&') {
            readings.push(units::untagged(&units::entities(&readings[at])));
        }
    }
    readings.push(plain);
    if text.contains('%') {
        for at in 0..readings.len() {
            let once = units::percent(&readings[at]);
            readings.push(units::percent(&once));
            readings.push(once);
        }
    }
    for reading in &readings {
        needles::find(reading, oracle, &mut found);
    }
    encoded(&readings, oracle, &mut found);
    found
}

/// Base64 in the text, and base64 in that.
fn encoded(readings: &[Vec<Unit>], oracle: &Oracle, found: &mut Vec<(Range<usize>, Found)>) {
    let Some(plain) = readings.iter().max_by_key(|reading| reading.len()) else {
        return;
    };
    for offset in 0..4 {
        let decoded = units::base64(plain, offset);
        needles::find(&decoded, oracle, found);
        if decoded.iter().any(|unit| unit.c == '%') {
            needles::find(&units::percent(&decoded), oracle, found);
        }
        for deeper in 0..4 {
            needles::find(&units::base64(&runs_only(&decoded), deeper), oracle, found);
        }
    }
}

/// Only what was decoded to longer runs of plain text: the rest is prose that was no base64.
fn runs_only(units: &[Unit]) -> Vec<Unit> {
    let mut out = Vec::new();
    for run in units.split(|unit| unit.c == '\u{0}') {
        if run.len() >= 12 {
            out.extend_from_slice(run);
        }
    }
    out
}

/// Puts marks where something was found. Ranges that touch become one; a link outranks a code.
fn replace(text: &str, mut found: Vec<(Range<usize>, Found)>) -> String {
    found.sort_by_key(|(range, _)| (range.start, range.end));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let mut rest = found.into_iter().peekable();
    while let Some((mut range, mut what)) = rest.next() {
        while let Some((next, also)) = rest.next_if(|(next, _)| next.start <= range.end) {
            range.end = range.end.max(next.end);
            what = what.max(also);
        }
        out.push_str(&text[at..range.start]);
        out.push_str(if what == Found::Link { "[link removed]" } else { "[code removed]" });
        at = range.end;
    }
    out.push_str(&text[at..]);
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
