//! `[sending]`: how mails leave, and what they are signed with.

use std::path::PathBuf;

use serde::Deserialize;

use super::environment::Environment;
use super::mx::MxSection;
use super::relay::RelaySections;
use super::report::Report;
use super::secrets::{SecretFiles, SecretKeys};
use super::types::{DkimKey, Sending, TransportSettings};
use super::values::{Amount, Credential, DkimSelector, Domain, Span, Text, Whole};

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct SendingSection {
    connections: Whole<1, 1_000>,
    per_destination: Whole<1, 100>,
    rate: Amount,
    mails_per_connection: Whole<1, 100_000>,
    hold_bounced: Span<0, 31_536_000>,
    relay: Option<RelaySections>,
    mx: Option<MxSection>,
    capture: Option<Text<PathBuf>>,
    dkim: Vec<DkimSection>,
}

impl Default for SendingSection {
    fn default() -> Self {
        Self {
            connections: Whole(50),
            per_destination: Whole(10),
            rate: Amount(u32::MAX),
            mails_per_connection: Whole(1000),
            hold_bounced: Span::of::<{ 7 * 86_400 }>(),
            relay: None,
            mx: None,
            capture: None,
            dkim: Vec::new(),
        }
    }
}

impl SendingSection {
    pub(super) fn check(self, env: &Environment, secrets: &SecretFiles<'_>, report: &mut Report<'_>) -> Option<Sending> {
        let capture = self.capture.map(|folder| folder.0);
        let ways = [("relay", self.relay.is_some()), ("mx", self.mx.is_some()), ("capture", capture.is_some())];
        let mut given = ways.into_iter().filter(|(_, given)| *given).map(|(key, _)| key);
        let first = given.next();
        for second in given {
            let first = first.unwrap_or_default();
            report.key(&format!("sending.{second}"), &format!("must not stand beside sending.{first}: a mail goes one way"));
        }
        let complained = ways.iter().any(|(key, _)| report.complained(&format!("sending.{key}")));
        if first.is_none() && !complained {
            report.key("sending", "must have a way out: [sending.relay] with a host, [sending.mx], or capture = \"/maildir\"");
        }
        let relays = self.relay.map(|relay| relay.check(env, secrets, report)).filter(|relays| !relays.is_empty());
        let mx = self.mx.map(|mx| mx.check(env, report));
        let dkim = check_dkim(self.dkim, secrets, report);
        let relays = relays.map(TransportSettings::Relay);
        let transport = relays.or(mx.map(TransportSettings::Mx)).or(capture.map(TransportSettings::Capture))?;
        Some(Sending {
            transport,
            connections: self.connections.count(),
            per_destination: self.per_destination.count(),
            rate: (self.rate.0 != u32::MAX).then_some(self.rate.0),
            mails_per_connection: self.mails_per_connection.0,
            hold_bounced: self.hold_bounced.duration(),
            dkim,
        })
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
