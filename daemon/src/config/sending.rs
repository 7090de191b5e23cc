//! `[sending]`: how mails leave, and what they are signed with.

use std::path::PathBuf;

use serde::Deserialize;

use super::environment::Environment;
use super::relay::RelaySection;
use super::report::Report;
use super::secrets::{SecretFiles, SecretKeys};
use super::types::{DkimKey, Sending, TransportSettings};
use super::values::{Credential, DkimSelector, Domain, Span, Text, Whole};

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct SendingSection {
    connections: Whole<1, 100>,
    hold_bounced: Span<0, 31_536_000>,
    relay: Option<RelaySection>,
    capture: Option<Text<PathBuf>>,
    dkim: Vec<DkimSection>,
}

impl Default for SendingSection {
    fn default() -> Self {
        Self { connections: Whole(10), hold_bounced: Span::of::<{ 7 * 86_400 }>(), relay: None, capture: None, dkim: Vec::new() }
    }
}

impl SendingSection {
    pub(super) fn check(self, env: &Environment, secrets: &SecretFiles<'_>, report: &mut Report<'_>) -> Option<Sending> {
        let capture = self.capture.map(|folder| folder.0);
        let both = self.relay.is_some() && capture.is_some();
        if both {
            report.value("sending.capture", "must not stand beside [sending.relay]: a mail goes one way");
        }
        let neither = self.relay.is_none() && capture.is_none();
        if neither && !report.complained("sending.relay") && !report.complained("sending.capture") {
            report.key("sending", "must have a way out: [sending.relay] with a host, or capture = \"/maildir\"");
        }
        let relay = self.relay.and_then(|relay| relay.check(env, secrets, report)).map(TransportSettings::Relay);
        let dkim = check_dkim(self.dkim, secrets, report);
        let transport = relay.or(capture.map(TransportSettings::Capture))?;
        Some(Sending { transport, connections: self.connections.count(), hold_bounced: self.hold_bounced.duration(), dkim })
    }
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct DkimSection {
    domain: Option<Text<Domain>>,
    selector: Option<Text<DkimSelector>>,
    key_file: Option<Text<PathBuf>>,
    credential: Option<Text<Credential>>,
}

fn check_dkim(sections: Vec<DkimSection>, secrets: &SecretFiles<'_>, report: &mut Report<'_>) -> Vec<DkimKey> {
    let mut keys: Vec<DkimKey> = Vec::new();
    for (index, section) in sections.into_iter().enumerate() {
        let path = format!("sending.dkim[{index}]");
        let Some(key) = section.check(&path, secrets, report) else { continue };
        if keys.iter().any(|other| other.domain == key.domain && other.selector == key.selector) {
            report.value(&format!("{path}.selector"), "must not stand there twice for one domain");
        }
        keys.push(key);
    }
    keys
}

impl DkimSection {
    fn check(self, path: &str, secrets: &SecretFiles<'_>, report: &mut Report<'_>) -> Option<DkimKey> {
        let domain = report.required(&format!("{path}.domain"), self.domain, "the domain that signs, like shop.example");
        let selector = report.required(&format!("{path}.selector"), self.selector, "the selector of the key's DNS record, like mail2026");
        let at = format!("{path}.{}", if self.credential.is_some() { "credential" } else { "key_file" });
        let keys = SecretKeys { table: path.to_owned(), file_key: "key_file", file: self.key_file, credential: self.credential };
        let pem = secrets.read(keys, report)?;
        if !pem.contains("-----BEGIN PRIVATE KEY-----") && !pem.contains("-----BEGIN RSA PRIVATE KEY-----") {
            report.value(&at, "must be a private key in PEM (PKCS#8 or PKCS#1)");
            return None;
        }
        Some(DkimKey { domain: domain?.0.0, selector: selector?.0.0, pem })
    }
}
