//! What mail programs and companies add below the words: signatures, device lines, disclaimers, rules.

use super::super::words::{DISCLAIMERS, SENT_FROM};
use super::line::{Role, Sheet};

/// Most lines of a signature below `-- `.
const SIGNATURE_LINES: usize = 25;
/// Longest line that a device adds, in characters.
const DEVICE_CHARS: usize = 90;
/// Shortest paragraph taken for a disclaimer, in bytes.
const DISCLAIMER_BYTES: usize = 80;

pub(super) fn strip(sheet: &mut Sheet) {
    signature(sheet);
    rules(sheet);
    devices(sheet);
    disclaimers(sheet);
    devices(sheet);
    rules(sheet);
}

/// `-- ` (RFC 3676 §4.3), or a dash alone: what follows up to the next quote is a signature.
fn signature(sheet: &mut Sheet) {
    for at in 0..sheet.roles.len() {
        if sheet.roles[at] != Role::Text || !sheet.text_before(at) {
            continue;
        }
        let proper = matches!(sheet.lines[at].text.trim_end_matches('\r'), "-- " | "--");
        let dash = matches!(sheet.folded[at].as_str(), "--" | "—" | "–" | "---" | "ー" | "__" | "— —");
        if !proper && !dash {
            continue;
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

fn is_device(folded: &str) -> bool {
    let line = folded.trim_start_matches(['-', '*', '_', '(', '[', '~', '.', ' ', '—', '<', '/', '📱']);
    line.chars().count() <= DEVICE_CHARS + line.matches("http").count() * 100
        && !line.is_empty()
        && SENT_FROM.iter().any(|pattern| begins(line, pattern))
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
