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
        let start = name_above(sheet, at);
        let quoted = sheet.next_filled(end - 1).is_some_and(|next| sheet.roles[next] == Role::Quote);
        if quoted {
            sheet.roles[start..end].fill(Role::Attribution);
        } else if sure {
            sheet.roles[start..end].fill(Role::Attribution);
            sheet.set_from(end, Role::Original);
            return;
        }
        at = end;
    }
}

/// Where an attribution begins whose first line was wrapped behind the name: "Example Shop\n<a@b> wrote:", "Example Shop <\na@b> wrote:".
fn name_above(sheet: &Sheet, at: usize) -> usize {
    let folded = sheet.folded[at].trim_start_matches('(');
    let address_first = folded.starts_with('<') || folded.matches('>').count() > folded.matches('<').count();
    let Some(above) = at.checked_sub(1).filter(|&above| address_first && sheet.roles[above] == Role::Text) else { return at };
    let name = sheet.folded[above].as_str();
    let alone = above > 0 && sheet.roles[above - 1] != Role::Text;
    let short = name.chars().count() <= 70 && !name.ends_with(['.', '!', '?', '…', '。', '？', '！', '।', '؟']);
    if short && (name.ends_with('<') || (alone && folded.starts_with('<'))) { above } else { at }
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
        let judged = match () {
            () if ends(&joined) => judge(&joined),
            () if runs_on(&joined) => Judged::Sure,
            // "Quoting NAME <address>" in whatever language (Horde).
            () if ends_with_address(&joined) && !sheet.roles[..at].contains(&Role::Quote) => Judged::IfQuoted,
            () => Judged::No,
        };
        if judged == Judged::Sure || (judged == Judged::IfQuoted && next_is_quote(sheet, end)) {
            return belongs(sheet, at, end, blanks > 0).then_some((end + 1, judged == Judged::Sure));
        }
        // A second line belongs to it only if the first one begins like an attribution.
        if end == at && !opens(&joined) && !(has_address(&joined) || has_clock(&joined)) {
            return None;
        }
    }
    None
}

/// Whether the lines above the last of a wrapped attribution are of it, and not the person's own, which may begin as attributions do
/// and hold a digit ("On 3 occasions …"). They are not where what stands below is an attribution by itself.
fn belongs(sheet: &Sheet, at: usize, end: usize, parted: bool) -> bool {
    let lower = |from: usize| {
        let lines: Vec<&str> = sheet.folded[from..=end].iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
        lines.join(" ")
    };
    let whole = |from: usize| {
        let below = lower(from);
        // Addresses hold digits of their own.
        let words: String = below.split(' ').filter(|word| !word.contains('@')).collect::<Vec<_>>().join(" ");
        let dated = (has_clock(&words) || has_year(&words)) && has_day(&words);
        let balanced = below.matches('<').count() == below.matches('>').count();
        let named = balanced && has_address(&below) && !below.starts_with('<');
        // Japanese ones of Gmail have no verb.
        let worded = has_word(&below) || (named && has_clock(&words) && has_year(&words));
        (dated && worded && !below.starts_with('<') && (opens(&below) || named)) || (parted && named && has_word(&below))
    };
    let mut own_lines = (at + 1..=end).filter(|&line| sheet.roles[line] != Role::Blank);
    if own_lines.any(|line| (ends(&lower(line)) || runs_on(&lower(line))) && whole(line) && !is_full(sheet, line - 1)) {
        return false;
    }
    if end == at {
        return true;
    }
    // Else the date, or the address, or a name that ran to the edge, stands above.
    let first = sheet.folded[at].as_str();
    let ended = first.ends_with(['.', '!', '?', '…', '。', '？', '！', '।', '؟']) && !first.ends_with("..");
    if parted {
        has_whole_year(first) && has_clock(first) && !ended
    } else {
        has_clock(first) || has_year(first) || has_address(first) || first.ends_with('<') || is_full(sheet, at)
    }
}

/// The line was full, so that a mail program had to go on in the next: with that one's first word it would be longer than such lines are.
fn is_full(sheet: &Sheet, at: usize) -> bool {
    const LEAST: usize = 60;
    let next = sheet.folded.get(at + 1).and_then(|line| line.split(' ').next()).unwrap_or("");
    !next.is_empty() && sheet.folded[at].chars().count() + 1 + next.chars().count() > LEAST
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
    // "---- NAME wrote ----" (Android): nobody writes such a line.
    let ruled = joined.starts_with("--") && joined.ends_with("--");
    if word && (ruled || (address && joined.len() < 200)) {
        return Judged::Sure;
    }
    // "NAME (DATE):" is a setting of mutt.
    let in_brackets = dated && joined.ends_with("):");
    let few = joined.split(' ').count() <= 12;
    if word || (address && few) || in_brackets || (dated && opens(joined)) { Judged::IfQuoted } else { Judged::No }
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

/// A name or a few words, and an address in brackets.
fn ends_with_address(joined: &str) -> bool {
    const WORDS: usize = 8;
    let balanced = joined.matches('<').count() == 1 && joined.matches('>').count() == 1;
    balanced && joined.ends_with('>') && has_address(joined) && joined.split(' ').count() <= WORDS
}

/// "On … NAME <address> wrote:   Hello": the original goes on in the same line (Yahoo's app).
fn runs_on(joined: &str) -> bool {
    // From the address on: a verb, or the date and a verb.
    const REST_CHARS: usize = 80;
    let colon = joined.find('@').and_then(|at| joined[at..].find('>').map(|end| at + end + 1)).and_then(|end| {
        let of_clock = |at: usize, c: char| joined[at + c.len_utf8()..].starts_with(|next: char| next.is_ascii_digit());
        let mut rest = joined[end..].char_indices().take(REST_CHARS).map(|(at, c)| (end + at, c));
        rest.find(|&(at, c)| matches!(c, ':' | '：') && !of_clock(at, c)).map(|(at, _)| at)
    });
    colon.is_some_and(|colon| {
        let head = &joined[..colon];
        has_word(head) && has_clock(head) && (opens(head) || has_year(head))
    })
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

/// A date with the year as two digits, or with all of it.
fn has_year(joined: &str) -> bool {
    has_whole_year(joined) || joined.split(|c: char| !c.is_ascii_digit()).filter(|run| (1..=2).contains(&run.len())).count() >= 3
}

/// A year from 1990 to 2099, or one of the Buddhist, Persian and other calendars that mail programs write.
fn has_whole_year(joined: &str) -> bool {
    let digits = |run: &str| run.len() == 4 && ["19", "20", "25", "14", "13"].iter().any(|century| run.starts_with(century));
    joined.split(|c: char| !c.is_ascii_digit()).any(digits) || joined.chars().filter(|c| matches!(c, '٠'..='٩' | '۰'..='۹')).count() >= 4
}

/// A number that may be a day, beside the year.
fn has_day(joined: &str) -> bool {
    joined.split(|c: char| !c.is_numeric()).any(|run| (1..=2).contains(&run.chars().count()))
}
