//! `resetctl status`

use std::collections::BTreeMap;

use super::errand::Errand;
use super::failure::Failure;
use super::screen::{Screen, clean, span, when};
use super::table::{Sheet, styled};
use crate::wire::Status;

pub(super) async fn show(errand: &Errand) -> Result<(), Failure> {
    let asked = errand.get("/v1/status").await?;
    errand.show(&asked, sheet)
}

fn sheet(status: &Status, screen: Screen) -> String {
    let mut sheet = Sheet::new();
    let urgent = ["critical", "high"].into_iter().filter_map(|severity| status.open_flags.get_key_value(severity));
    let urgent = counts(&urgent.filter(|(_, count)| **count > 0).map(|(name, count)| (name.clone(), *count)).collect(), &["critical"]);
    let mut problems: Vec<String> = status.problems.iter().map(|one| clean(one)).collect();
    if urgent != "none" {
        problems.push(format!("support is waited for: {urgent} (`resetctl flags list`)"));
    }
    match problems.as_slice() {
        [] => sheet.line("state", styled("well", "32")),
        problems => sheet.line("state", styled(problems.join("\n"), "1;33")),
    };
    let waiting = match status.oldest_due {
        Some(due) if due < status.now => format!("{}, the oldest due for {}", status.queued, span(due, status.now)),
        _ => status.queued.to_string(),
    };
    sheet
        .line("version", status.version.clone())
        .line("running", format!("for {}, since {} UTC", span(status.started_at, status.now), when(status.started_at)))
        .line("portals", status.portals.join(", "))
        .line("sending", clean(&status.transport))
        .line("waiting", waiting)
        .line("unread", status.unread.to_string())
        .line("open flags", counts(&status.open_flags, &["critical", "high", "low"]))
        .maybe("resets", (!status.resets.is_empty()).then(|| counts(&status.resets, &[])));
    sheet.render(screen)
}

/// `3 critical, 1 low`: those of `first` before the others.
fn counts(counts: &BTreeMap<String, u64>, first: &[&str]) -> String {
    let mut list: Vec<_> = counts.iter().filter(|(_, count)| **count > 0).collect();
    list.sort_by_key(|(name, _)| first.iter().position(|is| is == name).unwrap_or(first.len()));
    match list.is_empty() {
        true => "none".into(),
        false => list.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loudest_comes_first() {
        let map = |pairs: &[(&str, u64)]| pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        assert_eq!(counts(&map(&[("high", 2), ("low", 0), ("critical", 1)]), &["critical", "high", "low"]), "1 critical, 2 high");
        assert_eq!(counts(&map(&[]), &[]), "none");
    }
}
