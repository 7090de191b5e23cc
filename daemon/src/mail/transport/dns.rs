//! Asking DNS: one set-up for everybody who asks, failures told from negative answers, and plain questions about what a domain
//! publishes. What may be believed is decided elsewhere.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ProtocolConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::system_conf::read_system_conf;

use super::TransportError;
use crate::config::DnsSettings;

/// One question, all tries together.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Records of one answer that are looked at: a domain with more of them is up to something.
const RECORDS_MAX: usize = 50;

/// Whom to ask, `servers` or the system's, and how patiently.
pub(crate) fn set_up(servers: &[SocketAddr]) -> Result<(ResolverConfig, ResolverOpts), String> {
    let (config, mut options) = match servers {
        [] => read_system_conf().map_err(|error| error.to_string())?,
        servers => (ask(servers), ResolverOpts::default()),
    };
    options.timeout = Duration::from_secs(2);
    options.attempts = 2;
    Ok((config, options))
}

fn ask(servers: &[SocketAddr]) -> ResolverConfig {
    let connection = |protocol, port| {
        let mut connection = ConnectionConfig::new(protocol);
        connection.port = port;
        connection
    };
    let server = |at: &SocketAddr| {
        NameServerConfig::new(at.ip(), true, vec![connection(ProtocolConfig::Udp, at.port()), connection(ProtocolConfig::Tcp, at.port())])
    };
    ResolverConfig::from_parts(None, Vec::new(), servers.iter().map(server).collect())
}

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Missing {
    NoSuchDomain,
    NoRecords,
    /// They say that they can't say.
    Failed(String),
    /// Nobody answers.
    Silent(String),
}

pub(super) async fn ask_for(resolver: &TokioResolver, name: &str, kind: RecordType) -> Result<Lookup, Missing> {
    let name = Name::from_ascii(format!("{name}.")).map_err(|_| Missing::Failed("no name that DNS can be asked for".to_owned()))?;
    let asked = tokio::time::timeout(TIMEOUT, resolver.lookup(name, kind)).await;
    match asked.unwrap_or(Err(NetError::Timeout)) {
        Ok(found) => Ok(found),
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) => Err(match none.response_code {
            ResponseCode::NXDomain => Missing::NoSuchDomain,
            ResponseCode::NoError => Missing::NoRecords,
            code => Missing::Failed(format!("{code}")),
        }),
        Err(NetError::Dns(DnsError::ResponseCode(code))) => Err(Missing::Failed(format!("{code}"))),
        Err(NetError::Dns(_)) => Err(Missing::Failed("its DNSSEC signatures are wrong".to_owned())),
        Err(NetError::Timeout) => Err(Missing::Silent("no answer in time".to_owned())),
        Err(_) => Err(Missing::Silent("the name servers can't be asked".to_owned())),
    }
}

/// The texts of a name's TXT records, the strings of each put together.
pub(super) async fn texts(resolver: &TokioResolver, name: &str) -> Result<Vec<String>, String> {
    let text = |data: &RData| match data {
        RData::TXT(txt) => Some(txt.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect()),
        _ => None,
    };
    all(ask_for(resolver, name, RecordType::TXT).await, text)
}

/// Preference and name of each MX record; the root is an empty name.
pub(super) fn exchanges(found: &Lookup) -> Vec<(u16, String)> {
    let record = |data: &RData| match data {
        RData::MX(mx) => {
            let name = mx.exchange.to_ascii().trim_end_matches('.').to_ascii_lowercase();
            let good = name.is_empty() || resetd_core::address::check_domain(&name).is_ok();
            good.then_some((mx.preference, name))
        }
        _ => None,
    };
    found.answers().iter().filter_map(|answer| record(&answer.data)).take(RECORDS_MAX).collect()
}

/// What is wanted of an answer; nothing where there is nothing. The error says why there is no answer.
fn all<T>(found: Result<Lookup, Missing>, wanted: impl Fn(&RData) -> Option<T>) -> Result<Vec<T>, String> {
    match found {
        Ok(found) => Ok(found.answers().iter().filter_map(|record| wanted(&record.data)).take(RECORDS_MAX).collect()),
        Err(Missing::NoRecords | Missing::NoSuchDomain) => Ok(Vec::new()),
        Err(Missing::Failed(why) | Missing::Silent(why)) => Err(why),
    }
}

/// Asks what is published, with nothing remembered from before. The errors of its answers say why there are none.
pub struct Dns(TokioResolver);

/// Where a domain's mail goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TakesMail {
    /// To these servers (MX), the preferred ones first.
    Servers(Vec<String>),
    /// To the domain's own address, for it has no MX record.
    Itself,
    /// Nowhere: it says so (null MX, RFC 7505).
    Refuses,
    /// Nowhere: it has neither MX nor address records.
    Nothing,
}

impl Dns {
    /// Asking the servers of `[dns]`, or the system's.
    pub fn new(settings: &DnsSettings) -> Result<Self, TransportError> {
        let (config, options) = set_up(&settings.servers).map_err(TransportError::Dns)?;
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).with_options(options);
        builder.build().map(Self).map_err(|error| TransportError::Dns(error.to_string()))
    }

    /// Whether a name server answers at all, whatever it says. The error says what happens instead.
    pub async fn answers(&self) -> Result<(), String> {
        match ask_for(&self.0, "", RecordType::NS).await {
            Err(Missing::Silent(why)) => Err(why),
            _ => Ok(()),
        }
    }

    /// The texts of a name's TXT records.
    pub async fn texts(&self, name: &str) -> Result<Vec<String>, String> {
        texts(&self.0, name).await
    }

    /// Where mail to a domain goes.
    pub async fn takes_mail(&self, domain: &str) -> Result<TakesMail, String> {
        let mut records = match ask_for(&self.0, domain, RecordType::MX).await {
            Ok(found) => exchanges(&found),
            Err(Missing::NoRecords | Missing::NoSuchDomain) => Vec::new(),
            Err(Missing::Failed(why) | Missing::Silent(why)) => return Err(why),
        };
        records.sort();
        Ok(match &records[..] {
            [] if self.addresses(domain).await?.is_empty() => TakesMail::Nothing,
            [] => TakesMail::Itself,
            [(_, root)] if root.is_empty() => TakesMail::Refuses,
            _ => TakesMail::Servers(records.into_iter().map(|(_, name)| name).collect()),
        })
    }

    /// A host's addresses of both families.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        let (v4, v6) = tokio::join!(ask_for(&self.0, host, RecordType::A), ask_for(&self.0, host, RecordType::AAAA));
        let (v4, v6) = (all(v4, RData::ip_addr), all(v6, RData::ip_addr));
        match (v4, v6) {
            (Ok(v4), Ok(v6)) => Ok([v4, v6].concat()),
            // One family is better than none: many a name server stumbles over AAAA.
            (Ok(one), Err(_)) | (Err(_), Ok(one)) if !one.is_empty() => Ok(one),
            (Err(why), _) | (_, Err(why)) => Err(why),
        }
    }

    /// The names that reverse DNS has for an address.
    pub async fn names_of(&self, address: IpAddr) -> Result<Vec<String>, String> {
        let reverse = Name::from(address).to_ascii();
        let name = |data: &RData| match data {
            RData::PTR(name) => Some(name.to_ascii().trim_end_matches('.').to_ascii_lowercase()),
            _ => None,
        };
        all(ask_for(&self.0, reverse.trim_end_matches('.'), RecordType::PTR).await, name)
    }
}
