//! Machines that answer without a header to say so: help desks, spam filters, receipts in prose. Their sentences are stock, and no
//! sentence counts alone: [`super::kind`] asks for two kinds of evidence, and for none of the words that only people use.

mod fold;
mod person;
mod phrases;
mod ticket;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use self::fold::fold;
use self::person::{opens_as_machine, speaks_as_person};
use self::phrases::{Hits, Kind, words_of};
use super::Mark;

/// How much of a text is looked at: a desk says what it is at the top.
const MOST_BYTES: usize = 3_000;
/// Shortest part of a subject that is looked for in the text.
const SUBJECT_BYTES: usize = 8;
const SUBJECT_PARTS: usize = 8;
/// Most words of a machine above what is taken off ("Your message", "Hello Kim,").
const SHORT_WORDS: usize = 3;

static MAILBOXES: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| words_of("mailbox"));
static SENDERS: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| words_of("sender"));

/// What the words of a message and its head say, as far as the stock sentences go.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// What was typed, without quotes and signatures.
    pub words: &'a str,
    /// What was taken off as a signature or a disclaimer, in doubt.
    pub doubtful: &'a str,
    /// All of the text, quotes and header blocks too.
    pub whole: &'a str,
    /// The decoded subject.
    pub subject: &'a str,
    /// Address of the author.
    pub from: &'a str,
    /// Name of the author.
    pub name: &'a str,
}

/// The marks that stock sentences, numbers and sender give.
pub fn stock_marks(said: &Said<'_>) -> BTreeSet<Mark> {
    let subject = fold(head(said.subject));
    let text = without_subject(&fold(head(said.words)), &subject);
    let hits = Hits::of(&text);
    let mut marks = BTreeSet::new();
    let mut set = |mark, seen| {
        if seen {
            marks.insert(mark);
        }
    };
    set(Mark::SaysAutomatic, hits.has(Kind::Automatic));
    set(Mark::NoAnswerWanted, hits.has(Kind::NoAnswer));
    set(Mark::DeskReceived, hits.has(Kind::Received));
    set(Mark::DeskPromise, hits.has(Kind::Promise));
    set(Mark::DeskThanks, hits.has(Kind::Thanks));
    set(Mark::TicketNumber, ticket::in_text(&text));
    set(Mark::TicketSubject, ticket::in_subject(said.subject, &subject) || announces(&subject));
    // Who asks is a person.
    let asks = text.contains(['?', '؟', '\u{37e}']);
    // Above what looks like a disclaimer or a business card, or like a header block, a machine leaves no more than a greeting.
    let is_short = text.split(' ').count() <= SHORT_WORDS;
    let below = |more: &str| if is_short { Hits::of(&fold(head(more))) } else { Hits::default() };
    let (aside, whole) = (below(said.doubtful), below(said.whole));
    let demands = hits.count(Kind::Demand) + aside.count(Kind::Demand);
    let guards = hits.count(Kind::Guard) + aside.count(Kind::Guard);
    set(Mark::ChallengeText, !asks && demands > 0 && demands + guards > 1);
    set(Mark::DeskSender, !asks && is_desk(said.from, said.name));
    set(Mark::ReceiptText, hits.has(Kind::Receipt) || whole.has(Kind::Receipt));
    let languages: BTreeSet<&str> = hits.languages().chain(whole.languages()).collect();
    if !languages.is_empty() {
        let doubts = asks && !hits.has(Kind::Automatic);
        let of_its_own = !hits.found.is_empty() && !opens_as_machine(said, &subject, &languages);
        set(Mark::PersonWords, doubts || of_its_own || speaks_as_person(&text, &languages));
    }
    marks
}

/// A machine repeats the subject, which is ours, with words that only a person would choose.
fn without_subject(text: &str, subject: &str) -> String {
    let starts = subject.match_indices([']', ':', '-', '»']).take(SUBJECT_PARTS).map(|(at, mark)| at + mark.len());
    let parts = std::iter::once(0)
        .chain(starts)
        .map(|at| subject[at..].trim())
        .filter(|part| part.len() >= SUBJECT_BYTES && !part.contains(|c: char| c.is_ascii_digit()));
    parts.fold(text.to_owned(), |text, part| text.replace(part, " "))
}

/// Whether a subject is a stock sentence itself. One behind a "Re:" is ours, or a person's.
fn announces(subject: &str) -> bool {
    if subject.starts_with("re:") {
        return false;
    }
    let hits = Hits::all(subject);
    hits.has(Kind::Automatic) || hits.has(Kind::Received)
}

/// Whether the author is a help desk, by address or name. People share such mailboxes; a hint.
fn is_desk(from: &str, name: &str) -> bool {
    let local = from.split('@').next().unwrap_or("").to_lowercase();
    let parts: Vec<&str> = local.split(|c: char| !c.is_ascii_alphabetic()).collect();
    let name = fold(name);
    let tight: String = local.chars().filter(char::is_ascii_alphabetic).collect();
    let is_desk = |part: &str| MAILBOXES.iter().any(|(_, mailbox)| mailbox == part);
    parts.iter().any(|part| is_desk(part)) || is_desk(&tight) || SENDERS.iter().any(|(_, desk)| name.contains(desk.as_str()))
}

fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(MOST_BYTES)]
}

#[cfg(test)]
mod tests;
