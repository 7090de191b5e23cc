//! `[portal.NAME.alert]`: where flags go.

use std::path::PathBuf;

use data_encoding::BASE64;
use resetd_core::address::Mailbox;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::config::report::Report;
use crate::config::secrets::{SecretFiles, SecretKeys};
use crate::config::types::{Alert, Webhook};
use crate::config::values::{Credential, FromText, Text, WebhookUrl};

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct AlertSection {
    mail_to: Option<Text<MailTo>>,
    webhook: Option<WebhookSection>,
}

/// An address, or "none".
enum MailTo {
    Nobody,
    Address(Mailbox),
}

impl FromText for MailTo {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::Nobody),
            address => Mailbox::from_text(address).map(Self::Address).map_err(|text| format!("{text}, or \"none\"")),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct WebhookSection {
    url: Option<Text<WebhookUrl>>,
    secret_file: Option<Text<PathBuf>>,
    credential: Option<Text<Credential>>,
}

impl AlertSection {
    /// Alerts go to the support address unless another one, or "none", is named.
    pub(super) fn check(self, path: &str, support: Option<&Mailbox>, secrets: &SecretFiles<'_>, report: &mut Report<'_>) -> Alert {
        let mail_to = match self.mail_to.map(|text| text.0) {
            Some(MailTo::Nobody) => None,
            Some(MailTo::Address(address)) => Some(address),
            None => support.cloned(),
        };
        let webhook = self.webhook.and_then(|webhook| webhook.check(format!("{path}.webhook"), secrets, report));
        Alert { mail_to, webhook }
    }
}

impl WebhookSection {
    fn check(self, path: String, secrets: &SecretFiles<'_>, report: &mut Report<'_>) -> Option<Webhook> {
        let url = report.required(&format!("{path}.url"), self.url, "where webhooks go, like https://desk.example/hooks/resetd");
        let at = format!("{path}.{}", if self.credential.is_some() { "credential" } else { "secret_file" });
        let keys = SecretKeys { table: path, file_key: "secret_file", file: self.secret_file, credential: self.credential };
        let secret = decode(&secrets.read(keys, report)?);
        if secret.is_none() {
            report.value(&at, "must be a file with whsec_ and 24 to 64 octets in base64 (Standard Webhooks)");
        }
        Some(Webhook { url: url?.0.0, secret: secret? })
    }
}

/// The key of a Standard Webhooks secret.
fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let base64 = text.trim().strip_prefix("whsec_")?;
    let key = Zeroizing::new(BASE64.decode(base64.as_bytes()).ok()?);
    (24..=64).contains(&key.len()).then_some(key)
}
