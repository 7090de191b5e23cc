//! Numbers that help desks give: `[#48213]`, `Ticket ID: 4711`, `Case 00123`, `HD-482`, `ref:_00D…`.

use std::sync::LazyLock;

use super::phrases::words_of;

/// Fewest digits of a number that stands beside a word.
const DIGITS: usize = 3;
/// Most numbers whose neighbours are looked at.
const NUMBERS: usize = 20;
/// How far from its word a number may stand, in bytes, before and after it.
const BEFORE: usize = 60;
const AFTER: usize = 24;

static TICKET: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| words_of("ticket"));

/// Whether a folded text names a ticket's number.
pub(super) fn in_text(folded: &str) -> bool {
    let (mut at, mut looked, mut previous) = (0, 0, "");
    for word in folded.split(' ') {
        let is_code_line = previous.starts_with('@');
        if is_number(word) && looked < NUMBERS {
            if word.contains('#') && !is_code_line || is_beside_word(folded, at, word.len()) {
                return true;
            }
            looked += 1;
        }
        at += word.len() + 1;
        previous = word;
    }
    false
}

/// Whether a subject carries one, as written and folded.
pub(super) fn in_subject(subject: &str, folded: &str) -> bool {
    let bracketed = folded.split('[').skip(1).filter_map(|rest| rest.split_once(']')).any(|(inner, _)| inner.split(' ').any(is_number));
    bracketed
        || folded.contains("ref:_00d")
        || folded.contains("ref:00d")
        || in_text(folded)
        || subject.split_whitespace().take(3).any(is_key)
}

/// `HD-482`: a project's key and a number.
fn is_key(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    word.split_once('-').is_some_and(|(key, number)| {
        (2..=10).contains(&key.len())
            && key.chars().all(|c| c.is_ascii_uppercase())
            && (2..=8).contains(&number.len())
            && number.chars().all(|c| c.is_ascii_digit())
    })
}

/// Digits enough, and neither a time, a date, an address nor a page.
fn is_number(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let core = word.trim_matches(|c: char| !c.is_alphanumeric());
    // What is glued to it by a colon or a bracket is its label.
    let core = core.rsplit([':', '：', '(', '（', '#']).next().unwrap_or(core);
    let parts: Vec<&str> = core.split(['.', '/', '-', ':', ',']).collect();
    let is_date = parts.len() == 3 && parts.iter().all(|part| (1..=4).contains(&part.len()) && part.chars().all(|c| c.is_ascii_digit()));
    let is_year = core.len() == 4 && (core.starts_with("19") || core.starts_with("20"));
    digits >= DIGITS && !word.contains(['@', '€', '$']) && !word.contains("://") && !is_date && !is_year
}

fn is_beside_word(folded: &str, at: usize, length: usize) -> bool {
    let from = folded.floor_char_boundary(at.saturating_sub(BEFORE));
    let to = folded.ceil_char_boundary((at + length + AFTER).min(folded.len()));
    let near = &folded[from..to];
    TICKET.iter().any(|(language, word)| {
        if matches!(*language, "ja" | "th" | "zh" | "zh-TW" | "ko" | "he" | "ar" | "fa") {
            return near.contains(word.as_str());
        }
        let short = word.chars().count() <= 3;
        near.match_indices(word.as_str()).any(|(i, _)| {
            let begins = !near[..i].ends_with(char::is_alphanumeric);
            let rest = &near[i + word.len()..];
            // A short one ("nr", "ref") stands right before the number.
            let ends = !short || rest.trim_start_matches(['.', ':', '#', ' ', '-', '°', '_']).starts_with(|c: char| c.is_ascii_digit());
            begins && ends
        })
    })
}
