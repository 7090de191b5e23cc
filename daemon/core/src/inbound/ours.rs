//! The sentences of our own mails, to be known again where a quote could not be told from the writer's words. "If this
//! wasn't you, answer this mail" in a quote must never be read as the answer.

use std::collections::HashMap;
use std::ops::Range;

use super::words::{DISCLAIMERS, FIELDS};

/// Shortest sentence that is looked for, in characters without blanks: a shorter one is something that people type.
const LEAST_CHARS: usize = 18;
/// By so many first characters sentences are looked up.
const HEAD: usize = 8;
/// So many lines may stand between the last sentence and the foot of the mail.
const FOOT_LINES: usize = 3;
/// Longest value that may stand in a place of a sentence, in characters.
const VALUE_CHARS: usize = 120;

/// Sentences of ours, each as the texts between its places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OurWords {
    /// By the beginning of their first text; the longest first.
    sentences: HashMap<[char; HEAD], Vec<Vec<Vec<char>>>>,
    /// Those that people could type too: they are ours only where nothing else stands.
    short: Vec<Short>,
}

/// A short sentence of ours.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Short {
    /// The texts between its places.
    texts: Vec<Vec<char>>,
    /// A place stands before the first.
    open_start: bool,
    /// A place stands behind the last.
    open_end: bool,
}

impl OurWords {
    /// From sentences, each given as the texts between its places.
    pub fn new<'t>(sentences: impl IntoIterator<Item = Vec<&'t str>>) -> Self {
        let mut ours = Self::default();
        for texts in sentences {
            let texts: Vec<Vec<char>> = texts.iter().map(|text| folded(text).map(|(c, _)| c).collect()).collect();
            ours.short.extend(Short::new(&texts));
            // What stands in front of the first text of some length is short and goes unnoticed.
            let texts: Vec<Vec<char>> = texts.into_iter().skip_while(|text| text.len() < HEAD).filter(|text| !text.is_empty()).collect();
            let length: usize = texts.iter().map(Vec::len).sum();
            if let Some(head) = texts.first().and_then(|text| text.first_chunk::<HEAD>())
                && length >= LEAST_CHARS
            {
                ours.sentences.entry(*head).or_default().push(texts);
            }
        }
        for list in ours.sentences.values_mut() {
            list.sort_by_key(|texts| (std::cmp::Reverse(texts.iter().map(Vec::len).sum::<usize>()), texts.clone()));
            list.dedup();
        }
        ours.short.sort();
        ours.short.dedup();
        ours
    }

    /// What stands in the places at the ends of a line, a subject for example, that is one of our sentences; `None` if it is none.
    pub fn values_at_ends_of(&self, line: &str) -> Option<String> {
        let (chars, places): (Vec<char>, Vec<Range<usize>>) = folded(line).unzip();
        let long = chars.first_chunk::<HEAD>().and_then(|head| self.sentences.get(head));
        let is_long = long.is_some_and(|list| {
            list.iter().any(|texts| end_of(&chars, texts, 0).is_some()) || end_of_piece(&chars, &places, list, 0).is_some()
        });
        if is_long {
            return Some(String::new());
        }
        let found = self.short.iter().find_map(|short| short.whole(&chars))?;
        let before = places.get(found.start).map_or("", |place| &line[..place.start]);
        let behind = places.get(found.end).map_or("", |place| &line[place.start..]);
        Some(format!("{before} {behind}"))
    }

    /// What stands behind the last of our sentences and the lines that belong to it: its end, a button, addresses, links, a code.
    pub fn behind_last(&self, text: &str) -> Behind {
        let mut last = None;
        self.find(text, |_, end| last = Some(end));
        let Some(last) = last else { return Behind::NotOurs };
        let depth = |line: &str| line.chars().take_while(|c| matches!(c, '>' | ' ')).filter(|c| *c == '>').count();
        let own_line = text[..last].rfind('\n').map_or(0, |at| at + 1);
        let depth_of_ours = depth(&text[own_line..]);
        let bare = |line: &'_ str| line.trim_start_matches(['>', '|', ' ', '\u{a0}']).trim_end().to_owned();
        // What is left of the sentence's own line is its full stop.
        let lines: Vec<String> = text[last..]
            .lines()
            .skip(1)
            .take_while(|line| !is_field(&bare(line)))
            .filter(|line| depth(line) <= depth_of_ours)
            .map(bare)
            .collect();
        // A button may stand between the sentence and the mail's foot; without a foot, it is the last.
        let filled = |at: &usize| !lines[*at].is_empty();
        let foot = (0..lines.len()).filter(filled).take(FOOT_LINES).find(|at| is_of_mail(&lines[*at]));
        let from = match foot {
            Some(foot) => (foot..lines.len()).find(|at| filled(at) && !is_of_mail(&lines[*at])).unwrap_or(lines.len()),
            None => lines.iter().take_while(|line| line.is_empty() || self.is_label(line)).count(),
        };
        let rest = lines.get(from..).unwrap_or_default();
        let paragraphs = rest.split(|line| line.is_empty()).filter(|lines| !is_disclaimer(lines));
        let kept: Vec<String> = paragraphs.map(|lines| lines.join("\n")).filter(|text| text.chars().any(char::is_alphabetic)).collect();
        if kept.is_empty() { Behind::Nothing } else { Behind::Words(kept.join("\n\n")) }
    }

    /// Whether a line is a short sentence of ours without places, as a button's.
    fn is_label(&self, line: &str) -> bool {
        let letters: Vec<char> = folded(line).map(|(c, _)| c).collect();
        self.short.iter().any(|short| short.texts.len() == 1 && !short.open_start && !short.open_end && short.texts[0] == letters)
    }

    /// The text without our sentences, however they are broken into lines; `None` if none is in it.
    pub fn cut_from(&self, text: &str) -> Option<String> {
        let mut left = String::new();
        let mut kept = 0;
        self.find(text, |start, end| {
            left.push_str(&text[kept..start]);
            kept = end;
        });
        (kept > 0).then(|| left + &text[kept..])
    }

    /// Gives where each of our sentences begins and ends in a text, or a piece of one, in order.
    fn find(&self, text: &str, mut found: impl FnMut(usize, usize)) {
        let (chars, places): (Vec<char>, Vec<Range<usize>>) = folded(text).unzip();
        let mut at = 0;
        while let Some(head) = chars.get(at..).and_then(|rest| rest.first_chunk::<HEAD>()) {
            let whole = |list: &Vec<Vec<Vec<char>>>| list.iter().find_map(|texts| end_of(&chars, texts, at));
            let end = self.sentences.get(head).and_then(|list| whole(list).or_else(|| end_of_piece(&chars, &places, list, at)));
            match end {
                Some(end) => {
                    found(places[at].start, places[end - 1].end);
                    at = end;
                }
                None => at += 1,
            }
        }
    }
}

/// What stands below our mail in a quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behind {
    /// No sentence of ours is in the text.
    NotOurs,
    /// Our mail is the last there is.
    Nothing,
    /// Words of somebody else.
    Words(String),
}

impl Short {
    /// `None` for one that is long, or has nothing but values.
    fn new(texts: &[Vec<char>]) -> Option<Self> {
        let filled: Vec<Vec<char>> = texts.iter().filter(|text| !text.is_empty()).cloned().collect();
        let letters: usize = filled.iter().map(Vec::len).sum();
        // A sign of Han, kana or Hangul says as much as two letters.
        let signs = filled.iter().flatten().filter(|c| **c >= '\u{2e80}').count();
        let is_open = |text: Option<&Vec<char>>| texts.len() > 1 && text.is_some_and(Vec::is_empty);
        let (open_start, open_end) = (is_open(texts.first()), is_open(texts.last()));
        // "Hello NAME" and what else is nearly all value could be anything.
        let least = if open_start || open_end { HEAD } else { 1 };
        (letters + signs >= least && letters < 2 * LEAST_CHARS).then_some(Self { texts: filled, open_start, open_end })
    }

    /// Where its texts stand, if the letters are this sentence and nothing else.
    fn whole(&self, letters: &[char]) -> Option<Range<usize>> {
        let mut starts = if self.open_start { 0..=letters.len().min(VALUE_CHARS) } else { 0..=0 };
        starts.find_map(|start| {
            let end = end_of(letters, &self.texts, start)?;
            (self.open_end || end == letters.len()).then_some(start..end)
        })
    }
}

/// A line of a mail's foot: an address, a link, a telephone number, the line that binds a code to a page.
fn is_of_mail(line: &str) -> bool {
    let page =
        |word: &str| word.contains("://") || word.starts_with("www.") || word.split_once('/').is_some_and(|(host, _)| host.contains('.'));
    line.contains('@') || line.split(' ').any(page) || line.chars().filter(char::is_ascii_digit).count() >= 6
}

/// A field of a quoted header block: what follows is another mail's.
pub fn is_field(line: &str) -> bool {
    line.split_once([':', '：']).is_some_and(|(name, _)| FIELDS.contains_key(name.trim_matches(['*', ' ']).to_lowercase().as_str()))
}

fn is_disclaimer(lines: &[String]) -> bool {
    let text = lines.join(" ").to_lowercase();
    DISCLAIMERS.iter().any(|phrase| text.contains(phrase))
}

/// Letters and digits in lower case, each with where it stood: line breaks, quote marks and typographic marks make no
/// difference.
fn folded(text: &str) -> impl Iterator<Item = (char, Range<usize>)> {
    text.char_indices().filter(|(_, c)| c.is_alphanumeric()).map(|(at, c)| (c.to_lowercase().next().unwrap_or(c), at..at + c.len_utf8()))
}

/// The end of a sentence that begins at `start`: its texts one behind the other, with room for a value between them.
fn end_of(chars: &[char], texts: &[Vec<char>], start: usize) -> Option<usize> {
    let mut end = start;
    for (index, text) in texts.iter().enumerate() {
        let rest = chars.get(end..)?;
        let reach = (if index == 0 { 0 } else { VALUE_CHARS } + text.len()).min(rest.len());
        end += rest[..reach].windows(text.len()).position(|window| window == text)? + text.len();
    }
    Some(end)
}

/// The end of the longest beginning of a sentence that stands at `start`, to the last whole word: quotes are cut short, and
/// have marks with letters in them put between their lines. What a person went on to type instead stays.
fn end_of_piece(chars: &[char], places: &[Range<usize>], sentences: &[Vec<Vec<char>>], start: usize) -> Option<usize> {
    let alike = |texts: &Vec<Vec<char>>| {
        let text = texts.first().map_or(&[][..], Vec::as_slice);
        text.iter().zip(&chars[start..]).take_while(|(ours, theirs)| ours == theirs).count()
    };
    let mut end = start + sentences.iter().map(alike).max()?;
    while end > start && places.get(end).is_some_and(|next| next.start == places[end - 1].end) {
        end -= 1;
    }
    (end - start >= LEAST_CHARS).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> OurWords {
        OurWords::new([
            vec!["If it wasn't you, just ignore this mail, or answer it and tell us. Your password stays as it is."],
            vec!["Someone asked to change the password for ", " at ", ". If that was you, follow this link:"],
            vec!["Hello ", ","],
            vec!["This wasn't me"],
        ])
    }

    #[test]
    fn our_sentences_go_however_they_are_broken() {
        let text = "no\nIf it wasn’t you, just ignore this\n| mail, or answer it and tell us. Your\n| password stays as it is. bye";
        assert_eq!(ours().cut_from(text).as_deref(), Some("no\n. bye"));
        let text = "SOMEONE ASKED to change the password for jane@home.example at Acme Shop. If that was you, follow this link:";
        assert_eq!(ours().cut_from(text).as_deref(), Some(":"));
    }

    #[test]
    fn pieces_of_our_sentences_go_and_what_is_typed_behind_them_stays() {
        for (text, left) in [
            ("Danke! If it wasn't you, just ignore this mail, or ans", "Danke! "),
            ("JS> If it wasn't you, just ignore\nJS> this mail, or answer", "JS> \nJS> this mail, or answer"),
            ("Someone asked to change the password fortnightly, not me!", " fortnightly, not me!"),
            ("Someone asked to change the password but it was not me", " but it was not me"),
        ] {
            assert_eq!(ours().cut_from(text).as_deref(), Some(left), "{text}");
        }
    }

    #[test]
    fn what_is_typed_below_our_mail_is_found() {
        let mail = "Hello Jane,\n> If it wasn't you, just ignore this mail, or answer it and tell us. Your\n> password stays as it is.\n";
        let words = |text: &str| Behind::Words(text.into());
        for (below, found) in [
            ("> Example Ltd · Questions? help@shop.example\n>\n> Never asked for it.", words("Never asked for it.")),
            ("> This wasn't me\n> Example Ltd · Questions? help@shop.example\n>\n> Go away", words("Go away")),
            ("> Example Ltd · Questions? help@shop.example\n>\n> This wasn't me\n> Thank you", words("This wasn't me\nThank you")),
            ("> Example Ltd · Questions? help@shop.example\n\n@shop.example #12345678\n", Behind::Nothing),
            ("\nnot mine, who\nis this?\n\nJane\njane@home.example", words("not mine, who\nis this?\n\nJane\njane@home.example")),
            ("\n12 34 56\n", Behind::Nothing),
            ("> This wasn't me\n", Behind::Nothing),
            ("> help@shop.example\n> On 1 Jan Jane wrote:\n>> not me\n", words("On 1 Jan Jane wrote:")),
            ("> help@shop.example\nFrom: Jane\nit was not me\n", Behind::Nothing),
            ("> help@shop.example\n\nThis message is intended only for the addressee. Delete it.\n", Behind::Nothing),
        ] {
            assert_eq!(ours().behind_last(&format!("{mail}{below}")), found, "{below}");
        }
        assert_eq!(ours().behind_last("Never asked for it."), Behind::NotOurs);
    }

    #[test]
    fn a_subject_of_ours_is_known() {
        let ours = OurWords::new([
            vec!["Your password for ", ""],
            vec!["", ": new sign-in"],
            vec!["Locked out?"],
            vec!["Hello ", ","],
            vec!["Account"],
        ]);
        for subject in ["Your password for Acme", "Acme Shop: New sign-in", "Locked out?"] {
            assert!(ours.values_at_ends_of(subject).is_some(), "{subject}");
        }
        for subject in
            ["I never asked for a password", "wasn't me", "", "Hello, never asked", "I have no account", "No! Locked out? Not me"]
        {
            assert!(ours.values_at_ends_of(subject).is_none(), "{subject}");
        }
    }

    #[test]
    fn what_a_person_types_stays() {
        for text in ["Hello Jane, it wasn't me", "If it wasn't you, who was it?", "", "ignore this mail"] {
            assert_eq!(ours().cut_from(text), None, "{text}");
        }
    }
}
