//! The sentences of our own mails, to be known again where a quote could not be told from the writer's words. "If this
//! wasn't you, answer this mail" in a quote must never be read as the answer.

use std::collections::HashMap;
use std::ops::Range;

/// Shortest sentence that is looked for, in characters without blanks: a shorter one is something that people type.
const LEAST_CHARS: usize = 18;
/// By so many first characters sentences are looked up.
const HEAD: usize = 8;
/// Longest value that may stand in a place of a sentence, in characters.
const VALUE_CHARS: usize = 120;

/// Sentences of ours, each as the texts between its places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OurWords {
    /// By the beginning of their first text; the longest first.
    sentences: HashMap<[char; HEAD], Vec<Vec<Vec<char>>>>,
    /// Those that people could type too: they are ours only where nothing else stands.
    short: Vec<Vec<Vec<char>>>,
}

impl OurWords {
    /// From sentences, each given as the texts between its places.
    pub fn new<'t>(sentences: impl IntoIterator<Item = Vec<&'t str>>) -> Self {
        let mut ours = Self::default();
        for texts in sentences {
            let texts: Vec<Vec<char>> = texts.iter().map(|text| folded(text).map(|(c, _)| c).collect()).collect();
            let short: Vec<Vec<char>> = texts.iter().filter(|text| !text.is_empty()).cloned().collect();
            if (1..2 * LEAST_CHARS).contains(&short.iter().map(Vec::len).sum()) {
                ours.short.push(short);
            }
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

    /// Whether a line, a subject for example, is one of our sentences with whatever values in its places.
    pub fn is_ours(&self, line: &str) -> bool {
        let (chars, places): (Vec<char>, Vec<Range<usize>>) = folded(line).unzip();
        let long = chars.first_chunk::<HEAD>().and_then(|head| self.sentences.get(head));
        let found = long.is_some_and(|list| {
            list.iter().any(|texts| end_of(&chars, texts, 0).is_some()) || end_of_piece(&chars, &places, list, 0).is_some()
        });
        // The first place may come before the first text.
        let whole = |texts: &Vec<Vec<char>>| (0..=chars.len().min(VALUE_CHARS)).any(|start| end_of(&chars, texts, start).is_some());
        found || self.short.iter().any(whole)
    }

    /// What stands behind the last of our sentences and the lines that belong to it, addresses and links; `None` if there is none of
    /// our sentences, or nothing behind it.
    pub fn behind_last(&self, text: &str) -> Option<String> {
        let mut last = None;
        self.find(text, |_, end| last = Some(end));
        let lines: Vec<&str> = text[last?..].lines().map(|line| line.trim_start_matches(['>', '|', ' ', '\u{a0}']).trim_end()).collect();
        let of_mail = |line: &&str| line.contains(['@', '#']) || line.contains("://");
        // What is left of the sentence's own line is its full stop.
        let from = lines.iter().rposition(of_mail).map_or(1, |at| at + 1);
        let spoken = |line: &&str| line.chars().any(char::is_alphabetic);
        let known = |line: &str| {
            let letters: Vec<char> = folded(line).map(|(c, _)| c).collect();
            self.short.iter().any(|texts| texts.len() == 1 && texts[0] == letters)
        };
        let rest: Vec<&str> = lines.get(from..)?.iter().copied().filter(spoken).filter(|line| !known(line)).collect();
        (!rest.is_empty()).then(|| rest.join("\n"))
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
        for (below, found) in [
            ("> Example Ltd · Questions? help@shop.example\n>\n> Never asked for it.", Some("Never asked for it.")),
            ("> Example Ltd · Questions? help@shop.example\n\n@shop.example #12345678\n", None),
            ("\nnot mine, who\nis this?", Some("not mine, who\nis this?")),
            ("\n12 34 56\n", None),
        ] {
            assert_eq!(ours().behind_last(&format!("{mail}{below}")).as_deref(), found, "{below}");
        }
        assert_eq!(ours().behind_last("Never asked for it."), None);
    }

    #[test]
    fn a_subject_of_ours_is_known() {
        let ours = OurWords::new([vec!["Your password for ", ""], vec!["", ": new sign-in"], vec!["Locked out?"]]);
        for subject in ["Your password for Acme", "Acme Shop: New sign-in", "Locked out?"] {
            assert!(ours.is_ours(subject), "{subject}");
        }
        for subject in ["I never asked for a password", "wasn't me", ""] {
            assert!(!ours.is_ours(subject), "{subject}");
        }
    }

    #[test]
    fn what_a_person_types_stays() {
        for text in ["Hello Jane, it wasn't me", "If it wasn't you, who was it?", "", "ignore this mail"] {
            assert_eq!(ours().cut_from(text), None, "{text}");
        }
    }
}
