//! `[sending.relay]`: the smarthost. Off loopback nothing goes out in clear, and a password never does.

use std::path::{Path, PathBuf};

use resetd_core::address::check_domain;
use serde::Deserialize;

use super::environment::Environment;
use super::report::Report;
use super::secrets::{SecretFiles, SecretKeys};
use super::types::{Login, RelaySettings, TlsMode};
use super::values::{Credential, Domain, Host, Span, Text, User, Whole, is_loopback};

const HERE: &str = "sending.relay";

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct RelaySection {
    host: Option<Text<Host>>,
    port: Option<Whole<1, 65_535>>,
    tls: Option<Text<TlsMode>>,
    ca: Option<Text<PathBuf>>,
    hello: Option<Text<Domain>>,
    timeout: Span<1, 300>,
    idle: Span<1, 600>,
    login: Option<LoginSection>,
}

impl Default for RelaySection {
    fn default() -> Self {
        Self { host: None, port: None, tls: None, ca: None, hello: None, timeout: Span::of::<30>(), idle: Span::of::<30>(), login: None }
    }
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct LoginSection {
    user: Option<Text<User>>,
    password_file: Option<Text<PathBuf>>,
    credential: Option<Text<Credential>>,
}

impl RelaySection {
    pub(super) fn check(self, env: &Environment, secrets: &SecretFiles<'_>, report: &mut Report<'_>) -> Option<RelaySettings> {
        let login = self.login.map(|login| login.check(secrets, report));
        if let Some(ca) = &self.ca
            && let Err(text) = check_ca(&ca.0)
        {
            report.value("sending.relay.ca", &text);
        }
        let host = report.required("sending.relay.host", self.host, "the smarthost's name or address")?.0.0;
        let loopback = is_loopback(&host);
        let tls = self.tls.map_or(if loopback { TlsMode::None } else { TlsMode::StartTls }, |tls| tls.0);
        if tls == TlsMode::None && !loopback {
            report.value("sending.relay.tls", "must be \"implicit\" or \"starttls\" (\"none\" only to loopback)");
            if login.is_some() {
                report.key("sending.relay.login", "must not be used without TLS (except to loopback): the password would go out in clear");
            }
        }
        if tls == TlsMode::None && self.ca.is_some() {
            report.value("sending.relay.ca", "must not stand beside tls = \"none\", which checks no certificate");
        }
        let port = self.port.map_or(default_port(tls), |port| u16::try_from(port.0).unwrap_or(u16::MAX));
        Some(RelaySettings {
            host,
            port,
            tls,
            ca: self.ca.map(|ca| ca.0),
            login: login.flatten(),
            hello: self.hello.map_or_else(|| default_hello(env), |hello| hello.0.0),
            timeout: self.timeout.duration(),
            idle: self.idle.duration(),
        })
    }
}

fn default_port(tls: TlsMode) -> u16 {
    match tls {
        TlsMode::Implicit => 465,
        TlsMode::StartTls => 587,
        TlsMode::None => 25,
    }
}

fn default_hello(env: &Environment) -> String {
    let name = env.host_name.to_ascii_lowercase();
    if name.is_ascii() && check_domain(&name).is_ok() { name } else { "localhost".to_owned() }
}

/// Whether a file holds certificates. The error is the end of a sentence.
pub(super) fn check_ca(path: &Path) -> Result<(), String> {
    let pem = std::fs::read_to_string(path).map_err(|error| format!("can't be read: {error}"))?;
    if pem.contains("-----BEGIN CERTIFICATE-----") { Ok(()) } else { Err("must be a file of certificates in PEM".to_owned()) }
}

impl LoginSection {
    fn check(self, secrets: &SecretFiles<'_>, report: &mut Report<'_>) -> Option<Login> {
        let table = format!("{HERE}.login");
        let user = report.required(&format!("{table}.user"), self.user, "the user to log in as");
        let at = format!("{table}.{}", if self.credential.is_some() { "credential" } else { "password_file" });
        let keys = SecretKeys { table, file_key: "password_file", file: self.password_file, credential: self.credential };
        let password = secrets.read(keys, report)?;
        if password.chars().any(char::is_control) {
            report.value(&at, "must be a file with one line, without control characters");
            return None;
        }
        Some(Login { user: user?.0.0, password })
    }
}
