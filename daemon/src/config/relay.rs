//! `[sending.relay]`, or `[[sending.relay]]` several times: the smarthosts, the first that answers takes the mail. Off loopback
//! nothing goes out in clear, and a password never does.

use std::path::{Path, PathBuf};

use resetd_core::address::check_domain;
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};

use super::environment::Environment;
use super::login::{Login, LoginKeys};
use super::report::Report;
use super::secrets::SecretFiles;
use super::types::{RelaySettings, TlsMode};
use super::values::{Credential, Domain, Host, Span, Text, User, Whole, Word, is_loopback};

/// One table, or several.
pub(super) enum RelaySections {
    One(Box<RelaySection>),
    Several(Vec<RelaySection>),
}

impl<'de> Deserialize<'de> for RelaySections {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrSeveral;
        impl<'de> Visitor<'de> for OneOrSeveral {
            type Value = RelaySections;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a table, or several: [[sending.relay]]")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                RelaySection::deserialize(MapAccessDeserializer::new(map)).map(|one| RelaySections::One(Box::new(one)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(RelaySections::Several)
            }
        }
        deserializer.deserialize_any(OneOrSeveral)
    }
}

impl RelaySections {
    /// Every relay, in the order of the file; what is bad in one is reported and leaves it out.
    pub(super) fn check(self, env: &Environment, secrets: &SecretFiles<'_>, report: &mut Report<'_>) -> Vec<RelaySettings> {
        match self {
            Self::One(section) => section.check("sending.relay", env, secrets, report).into_iter().collect(),
            Self::Several(sections) => {
                let mut relays: Vec<RelaySettings> = Vec::new();
                for (index, section) in sections.into_iter().enumerate() {
                    let table = format!("sending.relay[{index}]");
                    let Some(relay) = section.check(&table, env, secrets, report) else { continue };
                    if relays.iter().any(|other| (&other.host, other.port) == (&relay.host, relay.port)) {
                        report.value(&format!("{table}.host"), "must not stand there twice with the same port");
                    }
                    relays.push(relay);
                }
                relays
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct RelaySection {
    host: Option<Text<Host>>,
    port: Option<Whole<1, 65_535>>,
    tls: Option<Text<TlsMode>>,
    ca: Option<Text<PathBuf>>,
    certificate: Option<Text<PathBuf>>,
    key: Option<Text<PathBuf>>,
    hello: Option<Text<Domain>>,
    timeout: Span<1, 300>,
    idle: Span<1, 600>,
    login: Option<LoginSection>,
}

impl Default for RelaySection {
    fn default() -> Self {
        Self {
            host: None,
            port: None,
            tls: None,
            ca: None,
            certificate: None,
            key: None,
            hello: None,
            timeout: Span::of::<30>(),
            idle: Span::of::<30>(),
            login: None,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct LoginSection {
    user: Option<Text<User>>,
    password_file: Option<Text<PathBuf>>,
    credential: Option<Text<Credential>>,
    token_command: Option<Vec<Text<Word>>>,
}

impl RelaySection {
    fn check(self, table: &str, env: &Environment, secrets: &SecretFiles<'_>, report: &mut Report<'_>) -> Option<RelaySettings> {
        let at = |key: &str| format!("{table}.{key}");
        let login = self.login.map(|login| login.check(&at("login"), secrets, report));
        if let Some(ca) = &self.ca
            && let Err(text) = check_ca(&ca.0)
        {
            report.value(&at("ca"), &text);
        }
        let identity = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => {
                if let Err(text) = check_ca(&certificate.0) {
                    report.value(&at("certificate"), &text);
                }
                let key_pem = secrets.text_of(&key.0).map_err(|text| report.value(&at("key"), &text)).ok();
                if key_pem.as_ref().is_some_and(|pem| !pem.contains("PRIVATE KEY-----")) {
                    report.value(&at("key"), "must be a private key in PEM");
                }
                Some((certificate.0, key.0))
            }
            (None, None) => None,
            (Some(_), None) => {
                report.key(&at("certificate"), "must have its key beside it: key = \"/path\"");
                None
            }
            (None, Some(_)) => {
                report.key(&at("key"), "must have its certificate beside it: certificate = \"/path\"");
                None
            }
        };
        let host = report.required(&at("host"), self.host, "the smarthost's name or address")?.0.0;
        let loopback = is_loopback(&host);
        let tls = self.tls.map_or(if loopback { TlsMode::None } else { TlsMode::StartTls }, |tls| tls.0);
        if tls == TlsMode::None && !loopback {
            report.value(&at("tls"), "must be \"implicit\" or \"starttls\" (\"none\" only to loopback)");
            if login.is_some() {
                report.key(&at("login"), "must not be used without TLS (except to loopback): the password would go out in clear");
            }
        }
        if tls == TlsMode::None && self.ca.is_some() {
            report.value(&at("ca"), "must not stand beside tls = \"none\", which checks no certificate");
        }
        if tls == TlsMode::None && identity.is_some() {
            report.value(&at("certificate"), "must not stand beside tls = \"none\", which shows no certificate");
        }
        let port = self.port.map_or(default_port(tls), |port| u16::try_from(port.0).unwrap_or(u16::MAX));
        Some(RelaySettings {
            host,
            port,
            tls,
            ca: self.ca.map(|ca| ca.0),
            identity,
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

pub(super) fn default_hello(env: &Environment) -> String {
    let name = env.host_name.to_ascii_lowercase();
    if name.is_ascii() && check_domain(&name).is_ok() { name } else { "localhost".to_owned() }
}

/// Whether a file holds certificates. The error is the end of a sentence.
pub(super) fn check_ca(path: &Path) -> Result<(), String> {
    let pem = std::fs::read_to_string(path).map_err(|error| format!("can't be read: {error}"))?;
    if pem.contains("-----BEGIN CERTIFICATE-----") { Ok(()) } else { Err("must be a file of certificates in PEM".to_owned()) }
}

impl LoginSection {
    fn check(self, table: &str, secrets: &SecretFiles<'_>, report: &mut Report<'_>) -> Option<Login> {
        let user = report.required(&format!("{table}.user"), self.user, "the user to log in as");
        let keys = LoginKeys { file: self.password_file, credential: self.credential, command: self.token_command };
        let secret = keys.check(table, secrets, report)?;
        Some(Login { user: user?.0.0, secret })
    }
}
