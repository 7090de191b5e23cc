//! What only a person says, and where a person says it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::fold::fold;
use super::phrases::{Hits, Kind, words_of};
use super::{SHORT_WORDS, Said, head, ticket, without_subject};

/// Most words of a greeting, most characters where words are not parted, and most words of a title that is a ticket's number.
const GREETING_WORDS: usize = 6;
const UNSPACED_CHARS: usize = 24;
const TITLE_WORDS: usize = 4;
/// Lines that a mail program wraps are no longer than this, and would be, with the next word, no shorter than that.
const WRAPPED_MOST: usize = 90;
const WRAPPED_LEAST: usize = 60;

static GREETINGS: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| words_of("greeting"));
static PERSON: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| words_of("person"));

/// Plural "we" that holds a singular "I".
const WE: [&str; 8] = ["chung toi", "我们", "我們", "我司", "我方", "我公司", "私ども", "私たち"];

/// First person singular, a denial, or what else no machine says, in the languages of the stock sentences.
pub(super) fn speaks_as_person(text: &str, languages: &BTreeSet<&str>) -> bool {
    let mut text = text.to_owned();
    for we in WE {
        text = text.replace(we, " ");
    }
    let words: Vec<&str> = text.split(|c: char| is_between(c)).filter(|word| !word.is_empty()).collect();
    let line = format!(" {} ", words.join(" "));
    PERSON.iter().filter(|(language, _)| languages.contains(language)).any(|(language, word)| {
        if matches!(*language, "ja" | "th" | "zh" | "zh-TW") {
            return text.contains(word.as_str());
        }
        if let Some(end) = word.strip_prefix('-') {
            return words.iter().any(|one| one.len() > end.len() + 2 && one.ends_with(end));
        }
        if word.ends_with('\'') {
            return words.iter().any(|one| one.starts_with(word.as_str()));
        }
        line.match_indices(word.as_str()).any(|(at, _)| line[..at].ends_with(' ') && line[at + word.len()..].starts_with(' '))
    })
}

fn is_between(c: char) -> bool {
    c.is_whitespace() || c.is_ascii_punctuation() && c != '\'' || "。、，！？：；…·،؟؛।«»„“”‘–—（）【】《》「」".contains(c)
}

/// Whether the first sentence that is no greeting, no thanks and no title is a machine's: who says something of their own says it
/// first, and what a company's mail program adds comes after it.
pub(super) fn opens_as_machine(said: &Said<'_>, subject: &str, languages: &BTreeSet<&str>) -> bool {
    let named = fold(&format!("{} {}", said.name, said.from));
    let named: BTreeSet<&str> = named.split(is_between).collect();
    let mut is_begun = false;
    for sentence in sentences(head(said.words)).into_iter().take(6) {
        let sentence = without_subject(&fold(&sentence), subject);
        let hits = Hits::all(&sentence).within(languages);
        // "Solved, no need to answer" is a person's.
        if [Kind::Automatic, Kind::Received, Kind::Receipt].into_iter().any(|kind| hits.has(kind)) {
            return true;
        }
        let words: Vec<&str> = sentence.split(is_between).filter(|word| !word.is_empty()).collect();
        let is_title = !words.is_empty() && words.iter().all(|word| named.contains(word));
        let is_number = words.len() <= TITLE_WORDS && !sentence.ends_with('?') && ticket::in_text(&sentence);
        let goes_on = hits.has(Kind::Thanks) || is_begun && (hits.has(Kind::Promise) || ticket::in_text(&sentence));
        is_begun |= is_title || is_number || goes_on;
        if !(is_title || is_number || goes_on || is_greeting(&sentence, words.len(), languages)) {
            return false;
        }
    }
    false
}

fn is_greeting(sentence: &str, words: usize, languages: &BTreeSet<&str>) -> bool {
    let is_alone = words <= SHORT_WORDS || words <= GREETING_WORDS && sentence.ends_with([',', '!', ':', '.', '،', '，', '：', '！']);
    let greets = |(language, word): &(&str, String)| match *language {
        "ja" | "ko" | "th" | "zh" | "zh-TW" => sentence.contains(word.as_str()) && sentence.chars().count() <= UNSPACED_CHARS,
        _ => sentence.strip_prefix(word.as_str()).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric)) && is_alone,
    };
    let is_line = sentence.ends_with([',', '،', '、', '，', ':', '：']) && (2..=GREETING_WORDS).contains(&words);
    !sentence.contains(['?', '？', '؟']) && (is_line || GREETINGS.iter().filter(|(language, _)| languages.contains(language)).any(greets))
}

/// The sentences of a text. A line ends one too, unless a mail program may have wrapped it there.
fn sentences(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current = String::new();
    let mut lines = text.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            current.push(c);
            if "。！？।؟".contains(c) || ".!?".contains(c) && chars.peek().is_none_or(|next| next.is_whitespace()) {
                found.push(std::mem::take(&mut current));
            }
        }
        current.push(' ');
        let length = line.chars().count();
        let next = lines.peek().and_then(|next| next.split_whitespace().next()).map_or(0, |word| word.chars().count());
        if next == 0 || length + next < WRAPPED_LEAST || length > WRAPPED_MOST {
            found.push(std::mem::take(&mut current));
        }
    }
    found.retain(|sentence| !sentence.trim().is_empty());
    found
}
