//! Which marked lines go. An original goes with its attribution; a citation that someone made by hand, to answer to it
//! below, stays with its mark, so that the answer can be understood. [`super::super::Facts::words`] leaves it out.

use super::attribution::is_quoted_attribution;
use super::line::{Origin, Role, Sheet};

/// A longer run of marked lines is an original, not a citation.
const CITATION_LINES: usize = 12;

pub(super) fn settle(sheet: &mut Sheet) {
    let attributed = sheet.roles.contains(&Role::Attribution)
        || sheet.lines.iter().any(|line| line.origin != Origin::Plain)
        || (0..sheet.roles.len())
            .any(|i| sheet.roles[i] == Role::Quote && sheet.folded[i].len() < 500 && is_quoted_attribution(&sheet.folded[i]));
    if attributed {
        return;
    }
    let mut at = 0;
    while at < sheet.roles.len() {
        if sheet.roles[at] != Role::Quote {
            at += 1;
            continue;
        }
        let end = run_end(sheet, at);
        let link = (at..end).any(|i| sheet.folded[i].contains("://") || sheet.folded[i].contains("www."));
        if !link && end - at <= CITATION_LINES && sheet.text_from(end) {
            for role in &mut sheet.roles[at..end] {
                if *role == Role::Quote {
                    *role = Role::Text;
                }
            }
        }
        at = end;
    }
}

fn run_end(sheet: &Sheet, at: usize) -> usize {
    (at..sheet.roles.len()).find(|&i| !matches!(sheet.roles[i], Role::Quote)).unwrap_or(sheet.roles.len())
}
