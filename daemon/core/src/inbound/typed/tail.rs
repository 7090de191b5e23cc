//! What mail programs and companies add below the words: signatures, device lines, disclaimers, rules.

use super::super::words::{DISCLAIMERS, SENT_FROM};
use super::line::{Role, Sheet};

/// Most lines of a signature below `-- `.
const SIGNATURE_LINES: usize = 25;
/// Most lines that are tried as the mark of a signature.
const SIGNATURES: usize = 100;
/// Longest line that a device adds, in characters.
const DEVICE_CHARS: usize = 90;
/// Most lines that a mailing list adds.
const LIST_LINES: usize = 6;
/// Most lines of a business card, of these above the first number or address, and most lines that it spans with blank ones.
const CARD_LINES: usize = 9;
const CARD_HEAD: usize = 3;
const CARD_SPAN: usize = 20;
/// Shortest paragraph taken for a disclaimer, in bytes.
const DISCLAIMER_BYTES: usize = 80;

pub(super) fn strip(sheet: &mut Sheet) {
    lists(sheet);
    signature(sheet);
    rules(sheet);
    devices(sheet);
    disclaimers(sheet);
    devices(sheet);
    rules(sheet);
    contacts(sheet);
    rules(sheet);
}

/// What a mailing list adds: a long rule, and under it how to leave.
fn lists(sheet: &mut Sheet) {
    let ruled = |folded: &str| folded.len() >= 20 && folded.bytes().all(|octet| octet == b'_');
    let Some(at) = (0..sheet.roles.len()).rev().find(|&i| sheet.roles[i] == Role::Text && ruled(&sheet.folded[i])) else { return };
    let below: Vec<usize> = (at..sheet.roles.len()).filter(|&i| sheet.roles[i] != Role::Blank).collect();
    let of_list = |&i: &usize| ["mailing list", "unsubscribe", "listinfo"].iter().any(|word| sheet.folded[i].contains(word));
    if below.len() <= LIST_LINES && below.iter().any(of_list) && sheet.text_before(at) {
        below.into_iter().for_each(|i| sheet.roles[i] = Role::Gone);
    }
}

/// A business card at the end of what was typed, without the mark of a signature: name, title and company above a telephone
/// number, a page or an address of mail that stands on a line of its own. Stripped in doubt, for it may have been typed.
fn contacts(sheet: &mut Sheet) {
    for end in region_ends(sheet) {
        let lines: Vec<usize> =
            (0..end).rev().take(CARD_SPAN).take_while(|&i| matches!(sheet.roles[i], Role::Text | Role::Blank)).collect();
        let filled: Vec<usize> = lines.into_iter().filter(|&i| sheet.roles[i] == Role::Text).collect();
        let card: Vec<usize> = filled.iter().copied().take(CARD_LINES).take_while(|&i| is_card_line(&sheet.lines[i].text)).collect();
        let Some(first) = card.iter().copied().filter(|&i| is_contact(&sheet.folded[i])).min() else { continue };
        // Name, title and company stand right above, as one paragraph or each for itself (Outlook).
        let above = card.iter().copied().filter(|&i| i < first).take(CARD_HEAD).take_while(|&i| is_name(&sheet.lines[i].text));
        let mut start = above.last().unwrap_or(first);
        // A card begins after a blank line.
        while start < first && !is_after_blank(sheet, start) {
            start = (start + 1..=first).find(|&i| sheet.roles[i] == Role::Text).unwrap_or(first);
        }
        if is_after_blank(sheet, start) && sheet.text_before(start) {
            card.into_iter().filter(|&i| i >= start).for_each(|i| sheet.roles[i] = Role::Doubtful);
        }
    }
}

/// One behind the last typed line above each quote and above the end.
fn region_ends(sheet: &Sheet) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut last = None;
    for (at, role) in sheet.roles.iter().enumerate() {
        match role {
            Role::Text => last = Some(at + 1),
            Role::Blank => {}
            _ => ends.extend(last.take()),
        }
    }
    ends.extend(last);
    ends.truncate(40);
    ends
}

fn is_after_blank(sheet: &Sheet, at: usize) -> bool {
    at > 0 && sheet.roles[at - 1] == Role::Blank
}

/// A telephone number with or without what it is, a page, an address of mail; nothing else on the line.
fn is_contact(folded: &str) -> bool {
    let words: Vec<&str> = folded.split_whitespace().collect();
    let page = |word: &str| word.starts_with("www.") || word.starts_with("http://") || word.starts_with("https://");
    let address = |word: &str| word.split_once('@').is_some_and(|(left, right)| !left.is_empty() && right.contains('.'));
    match words.as_slice() {
        [word] if page(word) || address(word) => return true,
        [label, word] if label.ends_with(':') && (page(word) || address(word)) => return true,
        _ => {}
    }
    let digits = folded.chars().filter(char::is_ascii_digit).count();
    let number = folded.trim_start_matches(|c: char| c.is_alphabetic() || matches!(c, '.' | ':' | ' '));
    let label = folded.chars().count() - number.chars().count();
    (7..=16).contains(&digits) && label <= 12 && number.chars().all(|c| c.is_ascii_digit() || " +-()/.".contains(c))
}

/// A line that may stand on a card: short, and no sentence.
fn is_card_line(text: &str) -> bool {
    let text = text.trim();
    let sentence =
        text.ends_with(['?', '!', '…', ',', ';', ':', '。', '？', '！', '।', '؟']) || (text.ends_with('.') && text.split(' ').count() > 4);
    text.chars().count() <= 70 && !sentence
}

/// A name, a title, a company: a few words, the first with a capital where the script has them.
fn is_name(text: &str) -> bool {
    let text = text.trim();
    text.split_whitespace().count() <= 9 && text.chars().next().is_some_and(|c| c.is_alphabetic() && !c.is_lowercase())
}

/// `-- ` (RFC 3676 §4.3), or a dash alone: what follows up to the next quote is a signature.
fn signature(sheet: &mut Sheet) {
    let mut tries = 0;
    for at in 0..sheet.roles.len() {
        if sheet.roles[at] != Role::Text || !sheet.text_before(at) {
            continue;
        }
        let proper = matches!(sheet.lines[at].text.trim_end_matches('\r'), "-- " | "--");
        let dash = matches!(sheet.folded[at].as_str(), "--" | "—" | "–" | "---" | "ー" | "__" | "— —");
        if !proper && !dash {
            continue;
        }
        tries += 1;
        if tries > SIGNATURES {
            return;
        }
        let end = (at..sheet.roles.len())
            .find(|&i| matches!(sheet.roles[i], Role::Quote | Role::Attribution | Role::Original))
            .unwrap_or(sheet.roles.len());
        let filled = (at + 1..end).filter(|&i| sheet.roles[i] == Role::Text).count();
        if filled > SIGNATURE_LINES {
            continue;
        }
        sheet.roles[at] = Role::Gone;
        for role in &mut sheet.roles[at + 1..end] {
            if *role == Role::Text {
                *role = if proper { Role::Gone } else { Role::Doubtful };
            }
        }
    }
}

/// "Sent from my phone" with nothing typed below it but a short line or two.
fn devices(sheet: &mut Sheet) {
    for at in last_lines(sheet) {
        if sheet.roles[at] != Role::Text || !is_device(&sheet.folded[at]) {
            continue;
        }
        let below = (at + 1..sheet.roles.len()).filter(|&i| sheet.roles[i] == Role::Text);
        let rest: Vec<usize> = below.take_while(|&i| !ends_region(sheet, at, i)).collect();
        // What is left below may be the name that goes with it, or the end of the same line, wrapped.
        let short = rest.len() <= 2 && rest.iter().all(|&i| sheet.folded[i].len() <= 40 && is_part_of_device(sheet, at, i));
        if (rest.is_empty() || short) && sheet.roles.iter().filter(|role| **role == Role::Text).count() > 1 + rest.len() {
            sheet.roles[at] = Role::Gone;
            rest.iter().for_each(|&i| sheet.roles[i] = Role::Gone);
        }
    }
}

/// The last typed lines above each quote and above the end, in order.
fn last_lines(sheet: &Sheet) -> Vec<usize> {
    let (mut found, mut below) = (Vec::new(), 0);
    for at in (0..sheet.roles.len()).rev() {
        match sheet.roles[at] {
            Role::Quote | Role::Attribution | Role::Original => below = 0,
            Role::Text => {
                below += 1;
                if below <= 4 && found.len() < 400 {
                    found.push(at);
                }
            }
            _ => {}
        }
    }
    found.reverse();
    found
}

/// A quote lies between the two lines, so that the lower one is an answer of its own.
fn ends_region(sheet: &Sheet, at: usize, i: usize) -> bool {
    sheet.roles[at..i].iter().any(|role| matches!(role, Role::Quote | Role::Attribution))
}

fn is_part_of_device(sheet: &Sheet, at: usize, i: usize) -> bool {
    i == at + 1 && (sheet.folded[i].starts_with(['<', '(', '[']) || sheet.folded[i].contains("://")) || is_device(&sheet.folded[i])
}

/// Whether a text is nothing but what a mail program adds.
pub(super) fn is_bare(text: &str) -> bool {
    text.lines().map(super::line::fold).filter(|line| !line.is_empty()).all(|line| is_device(&line))
}

fn is_device(folded: &str) -> bool {
    let line = folded.trim_start_matches(['-', '*', '_', '(', '[', '~', '.', ' ', '—', '<', '/', '📱']);
    line.chars().count() <= DEVICE_CHARS + line.matches("http").count() * 100
        && !line.is_empty()
        && (SENT_FROM.iter().any(|pattern| begins(line, pattern)) || is_advertisement(line) || is_separator(folded))
}

/// What a mail program or a scanner says for itself, in whatever language.
fn is_advertisement(line: &str) -> bool {
    let outlook = line.contains("outlook") && line.contains("aka.ms/");
    let short = line.chars().count() <= 50;
    let phone = ["android", "iphone", "ios"].iter().any(|name| line.contains(name));
    let app = phone && (line.contains("yahoo") || line.contains("outlook")) && line.chars().count() <= 70;
    app || outlook
        || line.ends_with("www.avast.com")
        || line.starts_with("yahoo mail: search, organize")
        || (short && line.contains("bluemail "))
}

/// `-------- Original message --------` in whatever language: nobody writes such a line.
fn is_separator(folded: &str) -> bool {
    let inner = folded.trim_matches('-');
    let dashes = folded.len() - inner.len();
    folded.starts_with("----") && folded.ends_with("----") && dashes >= 10 && (2..=60).contains(&inner.trim().chars().count())
}

/// `*` in a pattern stands for up to forty characters.
fn begins(line: &str, pattern: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return line.starts_with(pattern);
    };
    line.strip_prefix(head.trim_end())
        .is_some_and(|rest| rest.find(tail.trim_start()).is_some_and(|at| at > 0 && rest[..at].chars().count() <= 40))
}

/// Paragraphs of legal wording at the end, never the first paragraph.
fn disclaimers(sheet: &mut Sheet) {
    while let Some((start, end)) = last_paragraph(sheet) {
        if !sheet.text_before(start) {
            return;
        }
        let text = sheet.folded[start..end].join(" ");
        let legal = text.len() >= DISCLAIMER_BYTES && DISCLAIMERS.iter().any(|phrase| text.contains(phrase));
        if !legal {
            return;
        }
        sheet.roles[start..end].fill(Role::Doubtful);
    }
}

/// The last run of typed lines.
fn last_paragraph(sheet: &Sheet) -> Option<(usize, usize)> {
    let last = sheet.roles.iter().rposition(|role| *role == Role::Text)?;
    let start = sheet.roles[..last].iter().rposition(|role| *role != Role::Text).map_or(0, |i| i + 1);
    Some((start, last + 1))
}

/// Rules and tracking dots at the end, and rules alone between words and a quote.
fn rules(sheet: &mut Sheet) {
    for at in (0..sheet.roles.len()).rev() {
        if sheet.roles[at] != Role::Text {
            continue;
        }
        if !is_rule(&sheet.folded[at]) {
            return;
        }
        sheet.roles[at] = Role::Gone;
    }
}

fn is_rule(folded: &str) -> bool {
    let rule = |c: char| c.is_whitespace() || "-—–_=*~#+─━═ᐧ·.>|".contains(c);
    // A lone dot or plus may be an answer ("+" to a question); two characters of rule are not.
    folded == "ᐧ" || (folded.chars().count() >= 2 && folded != "..." && folded.chars().all(rule))
}
