//! Attribution lines: "On Monday, NAME wrote:" in the languages we mail in, on one line or wrapped over several.

use super::super::words::{OPENERS, WROTE};
use super::line::{Role, Sheet};

/// Most lines that an attribution is wrapped over.
const MAX_WRAP: usize = 6;
/// Most lines that are tried as the beginning of one.
const MAX_TRIES: usize = 250;
/// Longest attribution, in bytes.
const MAX_LEN: usize = 500;

/// Marks attribution lines. One that is not followed by a marked quote introduces an original to the end of the text.
pub(super) fn mark(sheet: &mut Sheet) {
    let (mut at, mut tries) = (0, 0);
    while at < sheet.roles.len() && tries < MAX_TRIES {
        let candidate = sheet.roles[at] == Role::Text && may_begin(&sheet.folded[at]) && may_go_on(sheet, at);
        let found = if candidate { find(sheet, at) } else { None };
        tries += usize::from(candidate);
        let Some((end, sure)) = found else {
            at += 1;
            continue;
        };
        let quoted = sheet.next_filled(end - 1).is_some_and(|next| sheet.roles[next] == Role::Quote);
        if quoted {
            sheet.roles[at..end].fill(Role::Attribution);
        } else if sure {
            sheet.set_from(at, Role::Original);
            return;
        }
        at = end;
    }
}

/// Whether a line of a quote is itself an attribution (Apple and Chinese clients quote it with the rest).
pub(super) fn is_quoted_attribution(folded: &str) -> bool {
    let inner = folded.trim_start_matches(['>', ' ', '＞']);
    ends(inner) && judge(inner) != Judged::No
}

/// A cheap look: an opener, a digit, a name with an address, or a rule with a date in it.
fn may_begin(folded: &str) -> bool {
    folded.len() <= MAX_LEN
        && (folded.bytes().any(|b| b.is_ascii_digit()) || folded.contains(['<', '@']) || has_word(folded) || !folded.is_ascii())
}

/// A second cheap look: it ends like one at once, or begins like one.
fn may_go_on(sheet: &Sheet, at: usize) -> bool {
    let folded = sheet.folded[at].as_str();
    ends(folded) || opens(folded) || has_address(folded) || has_clock(folded)
}

/// The end of the attribution that begins at `at`, and whether it is one without regard to what follows.
fn find(sheet: &Sheet, at: usize) -> Option<(usize, bool)> {
    let mut joined = String::new();
    let mut blanks = 0;
    for end in at..(at + MAX_WRAP).min(sheet.roles.len()) {
        let folded = sheet.folded[end].as_str();
        let goes_on = match sheet.roles[end] {
            Role::Text => true,
            // "<\nmailto:…\n> wrote:"
            Role::Quote => joined.matches('<').count() > joined.matches('>').count(),
            Role::Blank => {
                blanks += 1;
                blanks <= 2 && opens(&joined)
            }
            _ => false,
        };
        if !goes_on || joined.len() + folded.len() > MAX_LEN {
            return None;
        }
        if !joined.is_empty() && !folded.is_empty() {
            joined.push(' ');
        }
        joined.push_str(folded);
        if ends(&joined) {
            match judge(&joined) {
                Judged::Sure => return Some((end + 1, true)),
                Judged::IfQuoted if next_is_quote(sheet, end) => return Some((end + 1, false)),
                _ => {}
            }
        } else if runs_on(&joined) {
            return Some((end + 1, true));
        }
        // A second line belongs to it only if the first one begins like an attribution.
        if end == at && !opens(&joined) && !(has_address(&joined) || has_clock(&joined)) {
            return None;
        }
    }
    None
}

#[derive(PartialEq, Eq)]
enum Judged {
    Sure,
    IfQuoted,
    No,
}

fn judge(joined: &str) -> Judged {
    let dated = has_clock(joined) || has_year(joined);
    let word = has_word(joined);
    let address = has_address(joined);
    let full = has_clock(joined) || (has_year(joined) && has_day(joined));
    if (word && full && (opens(joined) || address)) || (address && dated && has_clock(joined)) {
        return Judged::Sure;
    }
    if word && address && joined.len() < 200 {
        return Judged::Sure;
    }
    if word || (dated && opens(joined)) || (address && dated) { Judged::IfQuoted } else { Judged::No }
}

fn next_is_quote(sheet: &Sheet, at: usize) -> bool {
    sheet.next_filled(at).is_some_and(|next| sheet.roles[next] == Role::Quote)
}

/// The line ends as attributions do.
fn ends(joined: &str) -> bool {
    let tail = joined.trim_end_matches(['*', '_', '"', '\'', ' ', '>', '|']);
    if tail.ends_with([':', '：']) {
        return true;
    }
    let ruled = joined.starts_with("--") && joined.ends_with("--");
    ruled || WROTE.iter().any(|word| word.len() > 3 && tail.ends_with(word))
}

/// "On … NAME <address> wrote:   Hello": the original goes on in the same line (Yahoo's app).
fn runs_on(joined: &str) -> bool {
    opens(joined)
        && has_address(joined)
        && has_clock(joined)
        && WROTE.iter().any(|word| joined.find(word).is_some_and(|at| joined[at + word.len()..].starts_with([':', '：'])))
}

/// The line begins with an opener and has a digit soon after, or begins with a date.
fn opens(joined: &str) -> bool {
    let start = joined.trim_start_matches(['-', '*', '_', ' ', '"', '>', '|']);
    if start.starts_with(|c: char| c.is_ascii_digit()) {
        return has_year(start) || has_clock(start);
    }
    let first = start.split([' ', ',', '\u{3000}']).next().unwrap_or("");
    let digit_soon = start.chars().take(60).any(|c| c.is_numeric());
    let cjk = ["在", "于", "於", "에"].iter().any(|opener| start.starts_with(opener));
    digit_soon && (cjk || OPENERS.contains(first) || OPENERS.contains(first.trim_end_matches('.')) || starts_with_weekday(start))
}

/// "Mon, 1 Jan", "pon., 3 sty": a short word, a comma, a digit.
fn starts_with_weekday(start: &str) -> bool {
    start.split_once(',').is_some_and(|(day, rest)| {
        day.chars().count() <= 14 && !day.contains('@') && rest.trim_start().starts_with(|c: char| c.is_ascii_digit())
    })
}

fn has_word(joined: &str) -> bool {
    WROTE.iter().any(|word| joined.match_indices(word).any(|(at, _)| stands_alone(joined, at, word)))
}

/// For scripts with blanks between words, the word must not be part of a longer one.
fn stands_alone(text: &str, at: usize, word: &str) -> bool {
    let spaced = word.chars().next().is_some_and(|c| c < '\u{0e00}');
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    !spaced || (edge(text[..at].chars().next_back()) && edge(text[at + word.len()..].chars().next()))
}

fn has_address(joined: &str) -> bool {
    joined.contains('@') && joined.split('@').nth(1).is_some_and(|after| after.contains('.'))
}

/// A time of day: `10:30`, `10.30`, `10 h 30`, `10时30分`.
pub(super) fn has_clock(joined: &str) -> bool {
    let bytes = joined.as_bytes();
    bytes.windows(4).any(|w| w[0].is_ascii_digit() && matches!(w[1], b':' | b'.' | b'h') && w[2].is_ascii_digit() && w[3].is_ascii_digit())
        || joined.contains('时')
}

/// A year from 1990 to 2099, or one of the Buddhist, Persian and other calendars that mail programs write.
fn has_year(joined: &str) -> bool {
    let digits = |run: &str| run.len() == 4 && ["19", "20", "25", "14", "13"].iter().any(|century| run.starts_with(century));
    joined.split(|c: char| !c.is_ascii_digit()).any(digits)
        || joined.chars().filter(|c| matches!(c, '٠'..='٩' | '۰'..='۹')).count() >= 4
        || joined.split(|c: char| !c.is_ascii_digit()).filter(|run| (1..=2).contains(&run.len())).count() >= 3
}

/// A number that may be a day, beside the year.
fn has_day(joined: &str) -> bool {
    joined.split(|c: char| !c.is_numeric()).any(|run| (1..=2).contains(&run.chars().count()))
}
