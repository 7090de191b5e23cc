//! Where an original begins that follows whole: a separator line, or a block of quoted header fields.

use super::super::words::{FIELDS, FROM, OTHER, SENT, SEPARATORS, SUBJECT, TO};
use super::attribution::has_clock;
use super::line::{Role, Sheet};

/// Most lines that are tried as the beginning of a block.
const MAX_TRIES: usize = 500;
/// Longest line that can be a field of a quoted header block.
const FIELD_CHARS: usize = 400;

/// Marks everything from the first separator or header block on as an original, if something is typed before it or
/// nothing marks what follows as quoted.
pub(super) fn cut(sheet: &mut Sheet) {
    let mut tries = 0;
    for at in 0..sheet.roles.len() {
        let labelled = sheet.roles[at] == Role::Text && sheet.folded[at].contains([':', '：']);
        tries += usize::from(labelled);
        let block = labelled && tries <= MAX_TRIES && is_block(sheet, at);
        if sheet.roles[at] == Role::Text && (block || is_separator(sheet, at)) {
            let end = block_end(sheet, at);
            let marked = sheet.next_filled(end - 1).is_some_and(|next| sheet.roles[next] == Role::Quote);
            if marked && !sheet.text_before(at) {
                // A block above a marked quote: what follows the quote may be typed.
                sheet.roles[at..end].fill(Role::Attribution);
                continue;
            }
            sheet.set_from(at, Role::Original);
            return;
        }
    }
}

/// `-----Original Message-----` and its like in many languages.
fn is_separator(sheet: &Sheet, at: usize) -> bool {
    let folded = sheet.folded[at].as_str();
    if folded.len() > 160 {
        return false;
    }
    let decoration = |c: char| c.is_whitespace() || "-—–_*=─━~<>:#|：".contains(c);
    let core = folded.trim_matches(decoration);
    if core.is_empty() || !SEPARATORS.contains(core) {
        return false;
    }
    let decorated = folded.starts_with(|c: char| "-—–_*=─━~".contains(c));
    decorated || folded.ends_with([':', '：']) || sheet.next_filled(at).is_some_and(|next| is_block(sheet, next))
}

/// A block of at least three different fields, an author or a date among the first.
fn is_block(sheet: &Sheet, at: usize) -> bool {
    let first = fields(&sheet.folded[at]);
    if first & (FROM | SENT | TO | SUBJECT) == 0 {
        return labelled_block(sheet, at);
    }
    if inline_fields(&sheet.folded[at]) {
        return true;
    }
    if labelled_block(sheet, at) {
        return true;
    }
    let (mut seen, mut count, mut strangers) = (first, 1, 0);
    let end = (at + 16).min(sheet.roles.len());
    for i in at + 1..end {
        let folded = &sheet.folded[i];
        if folded.is_empty() {
            continue;
        }
        match fields(folded) {
            0 => strangers += 1,
            found => {
                count += 1;
                seen |= found;
            }
        }
        // A folded address list may go on for a line or two.
        if strangers > 2 || count >= 4 {
            break;
        }
    }
    let kinds = (seen & !OTHER).count_ones();
    count >= 3 && kinds >= 3 && seen & (FROM | SENT) != 0 && strangers <= 2
}

/// A block in a language that the words file does not have: three to eight lines in a row, each a short label, a colon
/// and a value, among the values an address and a date with a time.
fn labelled_block(sheet: &Sheet, at: usize) -> bool {
    let (mut lines, mut address, mut dated) = (0, false, false);
    for folded in sheet.folded[at..].iter().take(8) {
        let Some((label, value)) = folded.split_once([':', '：']) else {
            break;
        };
        let label = label.trim_matches(['*', '_', ' ', '\t']);
        let wordy = (1..=28).contains(&label.chars().count()) && label.split(' ').count() <= 3 && label.chars().any(char::is_alphabetic);
        if !wordy || value.trim().is_empty() && lines == 0 {
            break;
        }
        lines += 1;
        address |= value.contains('@');
        dated |= has_clock(value) && value.bytes().filter(u8::is_ascii_digit).count() >= 6;
    }
    lines >= 3 && address && dated
}

/// Several fields on one line, as a converter without line breaks leaves them.
fn inline_fields(folded: &str) -> bool {
    if folded.len() > 600 || folded.matches([':', '：']).count() < 4 {
        return false;
    }
    let mut seen = 0;
    for (colon, _) in folded.match_indices([':', '：']) {
        let word = folded[..colon].trim_end().rsplit([' ', '*', '\t', ';']).next().unwrap_or("");
        seen |= FIELDS.get(word).copied().unwrap_or(0);
    }
    seen & FROM != 0 && seen & SENT != 0 && seen & SUBJECT != 0
}

/// The fields that a line may be, by the word before its colon.
fn fields(folded: &str) -> u8 {
    if folded.len() > FIELD_CHARS {
        return 0;
    }
    let line = folded.trim_start_matches(['*', '_', '|', ' ', '·', '•', '[', '#', '\t']);
    let Some(colon) = line.find([':', '：']) else {
        return 0;
    };
    let word = line[..colon].trim_matches(['*', '_', ' ', '\t', '\u{3000}', ']']);
    if let Some(found) = FIELDS.get(word) {
        return *found;
    }
    // "差 出 人", "主　　题": blanks between the letters.
    if word.len() <= 30 && !word.is_ascii() && word.contains([' ', '\u{3000}']) {
        let tight: String = word.chars().filter(|c| !c.is_whitespace()).collect();
        return FIELDS.get(tight.as_str()).copied().unwrap_or(0);
    }
    0
}

/// The line after the last field of the block (or separator) at `at`.
fn block_end(sheet: &Sheet, at: usize) -> usize {
    let mut end = at + 1;
    for i in at + 1..(at + 16).min(sheet.roles.len()) {
        if fields(&sheet.folded[i]) != 0 {
            end = i + 1;
        }
    }
    end
}
