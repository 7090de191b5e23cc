//! `[limits]`: how many mails may go out.

use resetd_core::limits::Limits;
use serde::Deserialize;

use super::values::{Amount, Span};

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct LimitsSection {
    cool_down: Span<0, 3_600>,
    per_account: Amount,
    per_address: Amount,
    per_ip: Amount,
    per_portal: Amount,
    in_all: Amount,
    wrong_codes_per_ip: Amount,
    wrong_codes_per_portal: Amount,
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self {
            cool_down: Span::of::<60>(),
            per_account: Amount(5),
            per_address: Amount(10),
            per_ip: Amount(40),
            per_portal: Amount(10_000),
            in_all: Amount(50_000),
            wrong_codes_per_ip: Amount(20),
            wrong_codes_per_portal: Amount(1_000),
        }
    }
}

impl LimitsSection {
    pub(super) fn check(self) -> Limits {
        Limits {
            cool_down: self.cool_down.duration(),
            per_account: self.per_account.0,
            per_address: self.per_address.0,
            per_ip: self.per_ip.0,
            per_portal: self.per_portal.0,
            in_all: self.in_all.0,
            wrong_codes_per_ip: self.wrong_codes_per_ip.0,
            wrong_codes_per_portal: self.wrong_codes_per_portal.0,
            ..Limits::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_rules() {
        assert_eq!(LimitsSection::default().check(), Limits::default());
    }
}
