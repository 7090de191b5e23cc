//! The data files of this room, read once: lists of words in many languages that an administrator can read too.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// Words of attribution lines.
pub static WROTE: LazyLock<Vec<&str>> = LazyLock::new(|| second(include_str!("../../data/inbound/wrote.tsv")));
/// How attribution lines begin.
pub static OPENERS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| second(include_str!("../../data/inbound/openers.tsv")).into_iter().collect());
/// Lines above an original.
pub static SEPARATORS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| second(include_str!("../../data/inbound/separators.tsv")).into_iter().collect());
/// Beginnings of lines that a device adds.
pub static SENT_FROM: LazyLock<Vec<&str>> = LazyLock::new(|| second(include_str!("../../data/inbound/sent_from.tsv")));
/// Phrases of disclaimers.
pub static DISCLAIMERS: LazyLock<Vec<&str>> = LazyLock::new(|| second(include_str!("../../data/inbound/disclaimers.tsv")));

/// Which fields of a quoted header block a word may stand for; some words stand for two ("da" is sent and from).
pub static FIELDS: LazyLock<HashMap<&str, u8>> = LazyLock::new(|| {
    let mut fields = HashMap::new();
    for (field, word) in rows(include_str!("../../data/inbound/headers.tsv")) {
        let bit = match field {
            "from" => FROM,
            "sent" => SENT,
            "to" => TO,
            "subject" => SUBJECT,
            _ => OTHER,
        };
        *fields.entry(word).or_insert(0) |= bit;
    }
    fields
});

/// A header block's author line.
pub const FROM: u8 = 1;
/// Its date line.
pub const SENT: u8 = 2;
/// Its addressee line.
pub const TO: u8 = 4;
/// Its subject line.
pub const SUBJECT: u8 = 8;
/// Any other line of it.
pub const OTHER: u8 = 16;

/// The rows of a data file: two columns parted by a tab, `#` begins a comment line.
pub fn rows(data: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    data.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t'))
}

fn second(data: &'static str) -> Vec<&'static str> {
    rows(data).map(|(_, word)| word).collect()
}

/// Whether `text` holds `phrase` from the start of a word on; a phrase of four letters or less must be a whole word.
/// `" * "` in a phrase stands for up to sixty characters.
pub fn find_phrase(text: &str, phrase: &str) -> bool {
    match phrase.split_once(" * ") {
        None => find_from(text, phrase, 0).is_some(),
        Some((head, tail)) => {
            let mut from = 0;
            while let Some(at) = find_from(text, head, from) {
                let rest = &text[at + head.len()..];
                if rest.find(tail).is_some_and(|gap| gap <= 60) {
                    return true;
                }
                from = at + head.len();
            }
            false
        }
    }
}

fn find_from(text: &str, phrase: &str, from: usize) -> Option<usize> {
    let plain = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
    let worded = phrase.starts_with(|c: char| c.is_ascii_alphanumeric());
    text[from..].match_indices(phrase).map(|(at, _)| from + at).find(|&at| {
        let before = !worded || plain(text[..at].chars().next_back());
        let after = phrase.len() > 4 || !phrase.is_ascii() || plain(text[at + phrase.len()..].chars().next());
        before && after
    })
}
