//! What an examination came to.

use crate::ctl::screen::{Screen, clean};

/// How it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// It works, but somebody should look.
    Warn,
    /// It does not work.
    Fail,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }

    fn style(self) -> &'static str {
        match self {
            Self::Ok => "32",
            Self::Warn => "1;33",
            Self::Fail => "1;31",
        }
    }
}

/// One line of the report.
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) state: State,
    pub(super) found: String,
    pub(super) cure: Option<String>,
}

impl Finding {
    /// `ok    disk  12.4 GiB free`, with further lines and the cure indented.
    pub(super) fn render(&self, screen: Screen) -> String {
        let found = clean(&self.found);
        let mut lines = found.lines();
        let word = screen.style(&format!("{:4}", self.state.word()), self.state.style());
        let mut text = format!("{word}  {}  {}\n", screen.bold(&format!("{:13}", self.check)), lines.next().unwrap_or_default());
        for line in lines {
            text.push_str(&format!("{:21}{line}\n", ""));
        }
        if let Some(cure) = &self.cure {
            text.push_str(&format!("{:21}{}\n", "", screen.dim(&format!("→ {cure}"))));
        }
        text
    }
}

/// All of them.
#[derive(Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    pub(super) fn ok(&mut self, check: &'static str, found: String) {
        self.0.push(Finding { check, state: State::Ok, found, cure: None });
    }

    pub(super) fn warn(&mut self, check: &'static str, found: String, cure: impl Into<String>) {
        self.0.push(Finding { check, state: State::Warn, found, cure: Some(cure.into()) });
    }

    pub(super) fn fail(&mut self, check: &'static str, found: String, cure: impl Into<String>) {
        self.0.push(Finding { check, state: State::Fail, found, cure: Some(cure.into()) });
    }
}
