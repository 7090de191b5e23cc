//! Cuts a text into tokens that remember where they stood, each with its folded form.

use super::fold;

/// What a token is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A word of a script that writes spaces.
    Word,
    /// One character of a script that does not (Han, kana, Thai).
    Sign,
    /// A number, whatever its digits.
    Number,
    /// A mark, a run of marks, or an emoji that carries meaning by itself.
    Mark,
}

/// One token: where it stood in the text, its folded form, and which sentence and clause it belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    /// Byte offset of its first byte in the text.
    pub start: usize,
    /// Byte offset behind its last byte.
    pub end: usize,
    /// What it is made of.
    pub kind: Kind,
    /// Case, diacritics, script variants and repeats folded away.
    pub folded: String,
    /// Number of its sentence, from 0.
    pub sentence: u16,
    /// Whether a comma or the like stands before it.
    pub after_pause: bool,
}

/// Cuts `text` into tokens, in order.
pub fn tokenise(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut sentence = 0u16;
    let mut filled = false;
    let mut pause = false;
    let mut chars = text.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        let mut end = start + c.len_utf8();
        let (kind, folded) = if is_unspaced(c) {
            (Kind::Sign, fold::sign(c))
        } else if is_word(c) {
            while let Some(&(at, next)) = chars.peek() {
                if is_unspaced(next) || !(is_word(next) || (is_apostrophe(next) && followed_by_word(text, at, next))) {
                    break;
                }
                end = at + next.len_utf8();
                chars.next();
            }
            let folded = fold::word(&text[start..end]);
            let number = text[start..end].chars().all(char::is_numeric);
            if number { (Kind::Number, "0".to_owned()) } else { (Kind::Word, folded) }
        } else if is_mark(c) {
            while let Some(&(at, next)) = chars.peek() {
                if fold::mark(next) != fold::mark(c) {
                    break;
                }
                end = at + next.len_utf8();
                chars.next();
            }
            let mut folded = fold::mark(c).to_string();
            if text[start..end].chars().nth(1).is_some() && c.is_ascii_punctuation() {
                folded.push('+');
            }
            (Kind::Mark, folded)
        } else {
            pause |= is_pause(c);
            if ends_sentence(c) && filled && !is_soft_break(text, start, c) {
                sentence = sentence.saturating_add(1);
                filled = false;
            }
            continue;
        };
        if folded.is_empty() {
            continue;
        }
        filled |= kind != Kind::Mark;
        tokens.push(Token { start, end, kind, folded, sentence, after_pause: pause });
        pause = false;
        if ends_sentence(c) && filled {
            sentence = sentence.saturating_add(1);
            filled = false;
        }
    }
    tokens
}

/// Whether a line break was made by a mail program that folds lines, and not by a person: the line was long, and the next goes on
/// with a small letter.
fn is_soft_break(text: &str, at: usize, c: char) -> bool {
    const LEAST_CHARS: usize = 40;
    let goes_on = || text[at + 1..].trim_start_matches([' ', '\t']).starts_with(char::is_lowercase);
    c == '\n' && goes_on() && text[..at].chars().rev().take_while(|c| *c != '\n').take(LEAST_CHARS).count() == LEAST_CHARS
}

/// Whether `c` belongs to a script that is written without spaces.
pub fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{0e00}'..='\u{0e7f}' | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || fold::is_combining(c)
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | '‘' | 'ʼ' | '`' | '´' | '′' | '\u{200c}' | '\u{200d}' | '\u{ad}' | '׳' | '״')
}

fn followed_by_word(text: &str, at: usize, c: char) -> bool {
    text[at + c.len_utf8()..].chars().next().is_some_and(|next| is_word(next) && !is_unspaced(next))
}

fn is_mark(c: char) -> bool {
    matches!(fold::mark(c), '!' | '?') || fold::is_emoji(c)
}

fn ends_sentence(c: char) -> bool {
    matches!(c, '.' | ';' | '\n' | '\r' | '…' | '–' | '—' | '。' | '।' | '\u{2028}') || matches!(fold::mark(c), '!' | '?')
}

fn is_pause(c: char) -> bool {
    matches!(c, ',' | ':' | '،' | '，' | '、' | '-' | '(' | ')' | '：') || ends_sentence(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> Vec<String> {
        tokenise(text).into_iter().map(|token| token.folded).collect()
    }

    #[test]
    fn variants_of_a_word_fold_together() {
        for (a, b) in [
            ("NICHT", "nicht"),
            ("zurücksetzen", "zuruecksetzen"),
            ("Nooooo", "no"),
            ("didn’t", "didnt"),
            ("это не я", "eto ne ya"),
            ("नहीं", "nahin"),
            ("không phải tôi", "khong phai toi"),
            ("δεν ζήτησα", "den zitisa"),
            ("請求", "请求"),
            ("ｃｏｄｅ", "code"),
        ] {
            assert_eq!(folded(a), folded(b), "{a} / {b}");
        }
    }

    #[test]
    fn a_fold_of_a_mail_program_parts_no_sentence() {
        let sentences = |text: &str| tokenise(text).last().map(|token| token.sentence);
        assert_eq!(sentences("please lock everything until monday, I have no\ncomputer here"), Some(0));
        assert_eq!(sentences("please lock everything until monday, I have no\nComputer here"), Some(1));
        assert_eq!(sentences("lock it\nno computer here"), Some(1));
    }

    #[test]
    fn sentences_are_counted_and_places_kept() {
        let text = "Hi,\n\nnot me!! 我没有";
        let tokens = tokenise(text);
        assert_eq!(tokens.iter().map(|t| t.sentence).collect::<Vec<_>>(), [0, 1, 1, 1, 2, 2, 2]);
        assert_eq!(&text[tokens[2].start..tokens[2].end], "me");
        assert_eq!(tokens[3].folded, "!+");
    }
}
