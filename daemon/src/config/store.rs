//! `[store]`: where the database lies, and how long what is in it is kept.

use std::path::PathBuf;

use resetd_core::secret::KeyRing;
use serde::Deserialize;

use super::report::Report;
use super::secrets::SecretFiles;
use super::types::StoreSettings;
use super::values::{Span, Text};

/// The systemd credential that holds the root key, where there is one.
const ROOT_KEY_CREDENTIAL: &str = "root.key";

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct StoreSection {
    state_dir: Text<PathBuf>,
    root_key_file: Option<Text<PathBuf>>,
    keep_personal: Span<86_400, 315_360_000>,
    keep_events: Span<86_400, 315_360_000>,
}

impl Default for StoreSection {
    fn default() -> Self {
        Self {
            state_dir: Text("/var/lib/resetd".into()),
            root_key_file: None,
            keep_personal: Span::of::<{ 30 * 86_400 }>(),
            keep_events: Span::of::<{ 400 * 86_400 }>(),
        }
    }
}

impl StoreSection {
    pub(super) fn check(self, secrets: &SecretFiles<'_>, report: &mut Report<'_>) -> StoreSettings {
        let root_key = self.root_key_file.map(|path| path.0).or_else(|| secrets.credential_if_there(ROOT_KEY_CREDENTIAL));
        if let Some(path) = &root_key
            && let Err(error) = check_root_key(path, secrets)
        {
            let text = format!("{}: {error}", path.display());
            report.key("store.root_key_file", &text);
        }
        let settings = StoreSettings {
            state_dir: self.state_dir.0,
            root_key,
            keep_personal: self.keep_personal.duration(),
            keep_events: self.keep_events.duration(),
        };
        if settings.keep_personal > settings.keep_events && !report.complained("store") {
            report.value("store.keep_personal", "must not be longer than keep_events, with which it would be gone anyway");
        }
        settings
    }
}

fn check_root_key(path: &std::path::Path, secrets: &SecretFiles<'_>) -> Result<(), String> {
    let text = secrets.text_of(path)?;
    KeyRing::parse(&text).map(drop).map_err(|error| error.to_string())
}
