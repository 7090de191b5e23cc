//! `[sending.mx]`: straight to the servers of the address's domain.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::environment::Environment;
use super::relay::{check_ca, default_hello};
use super::report::Report;
use super::types::{Face, MxSettings};
use super::values::{Domain, FromText, Span, Text, Whole, texts};

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct MxSection {
    hello: Option<Text<Domain>>,
    source: Vec<Spanned<Text<IpAddr>>>,
    timeout: Span<1, 300>,
    idle: Span<1, 600>,
    dane: bool,
    mta_sts: bool,
    require_tls: bool,
    private_addresses: bool,
    ca: Option<Text<PathBuf>>,
    port: Whole<1, 65_535>,
    policy_port: Whole<1, 65_535>,
}

impl Default for MxSection {
    fn default() -> Self {
        Self {
            hello: None,
            source: Vec::new(),
            timeout: Span::of::<30>(),
            idle: Span::of::<10>(),
            dane: true,
            mta_sts: true,
            require_tls: false,
            private_addresses: false,
            ca: None,
            port: Whole(25),
            policy_port: Whole(443),
        }
    }
}

impl MxSection {
    pub(super) fn check(self, env: &Environment, report: &mut Report<'_>) -> MxSettings {
        if let Some(ca) = &self.ca
            && let Err(text) = check_ca(&ca.0)
        {
            report.value("sending.mx.ca", &text);
        }
        let port = |whole: u32| u16::try_from(whole).unwrap_or(u16::MAX);
        MxSettings {
            face: face("sending.mx", self.hello, self.source, report),
            host_name: default_hello(env),
            timeout: self.timeout.duration(),
            idle: self.idle.duration(),
            dane: self.dane,
            mta_sts: self.mta_sts,
            require_tls: self.require_tls,
            private_addresses: self.private_addresses,
            ca: self.ca.map(|ca| ca.0),
            port: port(self.port.0),
            policy_port: port(self.policy_port.0),
        }
    }
}

/// An EHLO name, and at most one source address of each family.
pub(super) fn face(table: &str, hello: Option<Text<Domain>>, source: Vec<Spanned<Text<IpAddr>>>, report: &mut Report<'_>) -> Face {
    let mut face = Face { hello: hello.map(|hello| hello.0.0), ..Face::default() };
    for address in texts(source) {
        let twice = match address {
            IpAddr::V4(address) => face.ipv4.replace(address).is_some(),
            IpAddr::V6(address) => face.ipv6.replace(address).is_some(),
        };
        if twice {
            report.value(&format!("{table}.source"), "must have one address of each family at the most");
        }
    }
    face
}

/// An address of this machine to send from.
impl FromText for IpAddr {
    fn from_text(text: &str) -> Result<Self, String> {
        let bad = || "must be an address of this machine, like 192.0.2.7 or 2001:db8::7".to_owned();
        match text.parse::<Self>() {
            Ok(Self::V4(Ipv4Addr::UNSPECIFIED)) | Ok(Self::V6(Ipv6Addr::UNSPECIFIED)) => Err(bad()),
            Ok(address) => Ok(address),
            Err(_) => Err(bad()),
        }
    }
}
