//! What examinations came to: those made here, and those that the daemon made.

use std::collections::BTreeSet;

use crate::ctl::screen::{Screen, clean};
use crate::wire::{Finding, FindingState};

/// All of them.
#[derive(Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    pub(super) fn ok(&mut self, check: &str, found: String) {
        self.add(check, FindingState::Ok, found, None);
    }

    pub(super) fn warn(&mut self, check: &str, found: String, cure: impl Into<String>) {
        self.add(check, FindingState::Warn, found, Some(cure.into()));
    }

    pub(super) fn fail(&mut self, check: &str, found: String, cure: impl Into<String>) {
        self.add(check, FindingState::Fail, found, Some(cure.into()));
    }

    fn add(&mut self, check: &str, state: FindingState, found: String, cure: Option<String>) {
        self.0.push(Finding { check: check.to_owned(), portal: None, state, found, cure });
    }

    pub(super) fn any_failed(&self) -> bool {
        self.0.iter().any(|one| one.state == FindingState::Fail)
    }

    /// One line each, with further lines and the cure indented. The portal is named where there are several.
    pub(super) fn render(&self, screen: Screen) -> String {
        let portals: BTreeSet<&String> = self.0.iter().filter_map(|one| one.portal.as_ref()).collect();
        self.0.iter().map(|one| line(one, one.portal.as_deref().filter(|_| portals.len() > 1), screen)).collect()
    }
}

/// `ok    disk           12.4 GiB free`
fn line(finding: &Finding, portal: Option<&str>, screen: Screen) -> String {
    let (word, style) = match finding.state {
        FindingState::Ok => ("ok", "32"),
        FindingState::Warn => ("warn", "1;33"),
        FindingState::Fail => ("fail", "1;31"),
    };
    let found = clean(&portal.map_or_else(|| finding.found.clone(), |portal| format!("{portal}: {}", finding.found)));
    let mut lines = found.lines();
    let word = screen.style(&format!("{word:4}"), style);
    let check = screen.bold(&format!("{:13}", clean(&finding.check)));
    let mut text = format!("{word}  {check}  {}\n", lines.next().unwrap_or_default());
    for line in lines {
        text.push_str(&format!("{:21}{line}\n", ""));
    }
    for (at, line) in finding.cure.iter().flat_map(|cure| cure.lines()).enumerate() {
        let arrow = if at == 0 { "→" } else { " " };
        text.push_str(&format!("{:21}{}\n", "", screen.dim(&format!("{arrow} {}", clean(line)))));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctl::cli::Color;

    fn finding(portal: Option<&str>, found: &str, cure: Option<&str>) -> Finding {
        let (portal, cure) = (portal.map(str::to_owned), cure.map(str::to_owned));
        Finding { check: "SPF".into(), portal, state: FindingState::Fail, found: found.into(), cure }
    }

    #[test]
    fn nothing_from_outside_steers_the_terminal_and_portals_are_named_where_there_are_several() {
        let plain = Screen::new(Color::Never);
        let mut findings = Findings(vec![finding(Some("shop"), "two\x1b[2J\nlines", Some("one\x07"))]);
        assert_eq!(findings.render(plain), "fail  SPF            two[2J\n                     lines\n                     → one\n");
        findings.0.push(finding(Some("bank"), "none", None));
        assert!(findings.render(plain).starts_with("fail  SPF            shop: two"));
    }
}
