//! `[mailbox.smtp]`: our own listener for the reply domain; and `[dns]`, whom it asks about senders.

use std::net::SocketAddr;
use std::path::PathBuf;

use resetd_core::address::check_domain;
use serde::Deserialize;
use toml::Spanned;

use super::environment::Environment;
use super::report::Report;
use super::types::{DnsSettings, SmtpSettings};
use super::values::{Domain, FromText, Text, Whole, texts};

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct SmtpSection {
    listen: Vec<Spanned<Text<SocketAddr>>>,
    hostname: Option<Text<Domain>>,
    certificate: Option<Text<PathBuf>>,
    key: Option<Text<PathBuf>>,
    connections: Whole<1, 10_000>,
    per_address: Whole<1, 10_000>,
    arc_sealers: Vec<Spanned<Text<Domain>>>,
}

impl Default for SmtpSection {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            hostname: None,
            certificate: None,
            key: None,
            connections: Whole(64),
            per_address: Whole(8),
            arc_sealers: Vec::new(),
        }
    }
}

impl SmtpSection {
    pub(super) fn check(self, env: &Environment, report: &mut Report<'_>) -> Option<SmtpSettings> {
        if self.listen.is_empty() && !report.complained("mailbox.smtp.listen") {
            report.key("mailbox.smtp", "must have listen = [\"0.0.0.0:25\"], or where else it is to listen");
        }
        super::mailbox::refuse_twice(&self.listen, report);
        let tls = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Some((certificate.0, key.0)),
            (None, None) => None,
            (Some(_), None) => {
                report.key("mailbox.smtp.certificate", "must have its key beside it: key = \"/path\"");
                None
            }
            (None, Some(_)) => {
                report.key("mailbox.smtp.key", "must have its certificate beside it: certificate = \"/path\"");
                None
            }
        };
        let host = env.host_name.to_ascii_lowercase();
        let host = if host.is_ascii() && check_domain(&host).is_ok() { host } else { "localhost".to_owned() };
        Some(SmtpSettings {
            listen: texts(self.listen),
            hostname: self.hostname.map_or(host, |name| name.0.0),
            tls,
            connections: self.connections.count(),
            per_address: self.per_address.count(),
            arc_sealers: texts(self.arc_sealers).into_iter().map(|domain| domain.0).collect(),
        })
    }
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct DnsSection {
    servers: Vec<Spanned<Text<SocketAddr>>>,
    trust_anchor: Option<Text<PathBuf>>,
}

impl DnsSection {
    pub(super) fn check(self, report: &mut Report<'_>) -> DnsSettings {
        super::mailbox::refuse_twice(&self.servers, report);
        if let Some(anchor) = &self.trust_anchor
            && let Err(error) = std::fs::read_to_string(&anchor.0)
        {
            report.value("dns.trust_anchor", &format!("can't be read: {error}"));
        }
        DnsSettings { servers: texts(self.servers), trust_anchor: self.trust_anchor.map(|anchor| anchor.0) }
    }
}

/// `0.0.0.0:25`, `[::]:25`.
impl FromText for SocketAddr {
    fn from_text(text: &str) -> Result<Self, String> {
        match text.parse::<SocketAddr>() {
            Ok(address) if address.port() > 0 => Ok(address),
            _ => Err("must be an address with a port, like 0.0.0.0:25 or [::]:25".to_owned()),
        }
    }
}
