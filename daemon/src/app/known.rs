//! Which strings are secrets of ours: what `reading` asks while it strikes them out (law 2).

use resetd_core::secret::{Code, KeyRing, TOKEN_CHARS, Token};

use crate::config::Settings;
use crate::reading::Secrets;
use crate::store::ResetRow;

/// Knows our tokens by their signature, our links by their beginning, and our codes by deriving them. Where it is not known
/// whose mail is quoted, every number as long as a code counts as one.
pub struct Known<'a> {
    ring: &'a KeyRing,
    settings: &'a Settings,
    codes: Option<Vec<Code>>,
}

impl<'a> Known<'a> {
    /// For a message about one of `rows` (the reset and its siblings); none: for one about nobody knows what.
    pub fn new(ring: &'a KeyRing, settings: &'a Settings, rows: &[ResetRow]) -> Self {
        let derive = |row: &ResetRow| {
            let length = settings.portals.get(&row.portal).map(|portal| portal.code_length).unwrap_or_default();
            Code::derive(ring, row.key_id, &row.selector, length)
        };
        let codes = (!rows.is_empty()).then(|| rows.iter().filter_map(derive).collect());
        Self { ring, settings, codes }
    }
}

impl Secrets for Known<'_> {
    fn is_token(&self, candidate: &str) -> bool {
        Token::check(self.ring, candidate).is_some()
    }

    fn token_len(&self) -> usize {
        TOKEN_CHARS
    }

    fn is_code(&self, digits: &str) -> bool {
        match &self.codes {
            Some(codes) => codes.iter().any(|code| code.matches(digits)),
            None => self.settings.portals.values().any(|portal| usize::from(portal.code_length.digits()) == digits.len()),
        }
    }

    fn is_link(&self, url: &str) -> bool {
        let bare = |text: &str| text.trim_start_matches("https://").trim_start_matches("http://").to_lowercase();
        let url = bare(url);
        self.settings.portals.values().any(|portal| url.starts_with(&bare(&portal.reset_url.before)))
    }
}
