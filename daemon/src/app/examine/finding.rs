//! What an examination came to.

use resetd_core::ids::PortalName;

/// The longest text of a finding, in characters.
const FOUND_MAX: usize = 2000;

/// How it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, but somebody should look.
    Warn,
    /// It does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What was looked at: `relay`, `SPF`, `DKIM` …
    pub check: &'static str,
    /// For which portal; `None`: for all.
    pub portal: Option<PortalName>,
    /// How it stands.
    pub state: State,
    /// What was found. May hold words from outside.
    pub found: String,
    /// What to do about it.
    pub cure: Option<String>,
}

/// Findings about one portal, or about all.
#[derive(Default)]
pub(super) struct Findings(pub Vec<Finding>, Option<PortalName>);

impl Findings {
    pub fn of(portal: &PortalName) -> Self {
        Self(Vec::new(), Some(portal.clone()))
    }

    pub fn ok(&mut self, check: &'static str, found: impl Into<String>) {
        self.add(check, State::Ok, found.into(), None);
    }

    pub fn warn(&mut self, check: &'static str, found: impl Into<String>, cure: impl Into<String>) {
        self.add(check, State::Warn, found.into(), Some(cure.into()));
    }

    pub fn fail(&mut self, check: &'static str, found: impl Into<String>, cure: impl Into<String>) {
        self.add(check, State::Fail, found.into(), Some(cure.into()));
    }

    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// DNS did not answer: neither good nor bad.
    pub fn unknown(&mut self, check: &'static str, what: &str, why: &str) {
        self.warn(
            check,
            format!("{what} can't be looked up now: {why}"),
            "ask again; if it stays so, look at [dns] and at the domain's name servers",
        );
    }

    fn add(&mut self, check: &'static str, state: State, found: String, cure: Option<String>) {
        // What stands in DNS or in a reply may be as long as anybody likes.
        let found = match found.char_indices().nth(FOUND_MAX) {
            Some((end, _)) => format!("{}…", &found[..end]),
            None => found,
        };
        self.0.push(Finding { check, portal: self.1.clone(), state, found, cure });
    }
}
