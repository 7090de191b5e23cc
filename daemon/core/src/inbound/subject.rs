//! Wordings that give a machine away: subjects and opening sentences, from the data files.

use std::sync::LazyLock;

use super::words::{find_phrase, rows};

static AWAY: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| rows(include_str!("../../data/inbound/away_subjects.tsv")).collect());
static BOUNCED: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| rows(include_str!("../../data/inbound/bounce_subjects.tsv")).collect());
static RECEIPT: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| rows(include_str!("../../data/inbound/receipt_subjects.tsv")).collect());
static AWAY_TEXT: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| rows(include_str!("../../data/inbound/away_texts.tsv")).collect());
static BOUNCE_TEXT: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| rows(include_str!("../../data/inbound/bounce_text.tsv")).collect());

/// Whether a subject says that its writer is away or that this is an automatic answer.
pub fn says_away(subject: &str) -> bool {
    let subject = subject.trim().to_lowercase();
    without_prefixes(&subject) == subject && away(&subject)
}

/// Whether it says so behind a "Re:". A person who answers an automatic answer has such a subject too; it is a hint.
pub fn says_away_within(subject: &str) -> bool {
    away(without_prefixes(&subject.trim().to_lowercase()))
}

fn away(subject: &str) -> bool {
    AWAY.iter().any(|(place, text)| placed(place, text, subject))
}

/// Whether a subject is one that mail systems give to delivery reports.
pub fn says_bounced(subject: &str) -> bool {
    let subject = subject.trim().to_lowercase();
    BOUNCED.iter().any(|(place, text)| placed(place, text, &subject))
}

/// Whether a subject is one that mail programs give to read receipts.
pub fn says_receipt(subject: &str) -> bool {
    let subject = subject.trim().to_lowercase();
    RECEIPT.iter().any(|(_, text)| subject.starts_with(text))
}

/// Whether a text reads like an automatic answer. A hint, no proof: people write such sentences too.
pub fn reads_away(text: &str) -> bool {
    let text = folded(text, 1_500);
    AWAY_TEXT.iter().any(|(_, phrase)| find_phrase(&text, phrase))
}

/// Whether a text opens like a delivery report.
pub fn reads_bounced(text: &str) -> bool {
    let text = folded(text, 2_500);
    BOUNCE_TEXT.iter().any(|(_, phrase)| find_phrase(&text, phrase))
}

fn placed(place: &str, text: &str, subject: &str) -> bool {
    match place {
        "start" => subject.starts_with(text) && (subject.len() == text.len() || edge(text, &subject[text.len()..])),
        "whole" => subject == text,
        _ => subject.contains(text),
    }
}

/// A Latin beginning must end where its last word ends, or "absent" would catch "absentee"; a stem may go on.
fn edge(text: &str, rest: &str) -> bool {
    !text.is_ascii() || text.contains(' ') || text.len() > 8 || !rest.starts_with(|c: char| c.is_alphanumeric())
}

/// Lower-case, blanks folded, at most so many bytes.
fn folded(text: &str, most: usize) -> String {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let words: Vec<&str> = text[..end].split_whitespace().collect();
    words.join(" ").to_lowercase().replace('’', "'")
}

/// Without "Re:", "AW:", "Fwd:" and tags in brackets at the start.
/// The subject without `Re:` and its like.
pub fn without_prefixes(subject: &str) -> &str {
    const PREFIXES: [&str; 18] =
        ["re", "aw", "fw", "fwd", "sv", "vs", "antw", "odp", "回复", "答复", "回覆", "ynt", "res", "rv", "ref", "r", "wg", "tr"];
    let mut rest = subject.trim();
    for _ in 0..6 {
        let cut = rest
            .split_once([':', '：'])
            .filter(|(head, _)| PREFIXES.contains(&head.trim().to_lowercase().as_str()))
            .map(|(_, tail)| tail.trim_start());
        match cut {
            Some(tail) => rest = tail,
            None => break,
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn away_subjects_in_many_languages() {
        for subject in [
            "Automatic reply: Reset your password",
            "Abwesenheitsnotiz: Ihr Konto",
            "Réponse automatique : Mot de passe",
            "自動返信：パスワード",
            "Автоответ: сброс пароля",
        ] {
            assert!(says_away(subject), "{subject}");
        }
        assert!(!says_away("Re: Automatic reply: Reset") && says_away_within("Re: AW: Automatic reply: Reset"));
        for subject in ["Re: Reset your password", "Re: Automatically locked", "absentee ballots", "Re: your mail"] {
            assert!(!says_away(subject), "{subject}");
        }
    }
}
