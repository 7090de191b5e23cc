//! `[portal.NAME.login_failures]`: how many failed logins start a reset by themselves.

use serde::Deserialize;

use crate::config::types::LoginFailures;
use crate::config::values::{Span, Text, Whole, WordingName};

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct LoginFailuresSection {
    threshold: Whole<0, 1_000>,
    window: Span<60, 86_400>,
    at_most_every: Span<3_600, 2_592_000>,
    wording: Text<WordingName>,
}

impl Default for LoginFailuresSection {
    fn default() -> Self {
        Self {
            threshold: Whole(5),
            window: Span::of::<900>(),
            at_most_every: Span::of::<86_400>(),
            wording: Text(WordingName("failed-logins".to_owned())),
        }
    }
}

impl LoginFailuresSection {
    pub(super) fn check(self) -> LoginFailures {
        LoginFailures {
            threshold: self.threshold.0,
            window: self.window.duration(),
            at_most_every: self.at_most_every.duration(),
            wording: self.wording.0.0,
        }
    }
}
