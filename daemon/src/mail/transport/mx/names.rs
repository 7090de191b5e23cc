//! DNS: which servers take a domain's mail, where they are, and what their TLSA records say. Failures are told from negative
//! answers; what a stranger publishes is bounded.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::dnssec::TrustAnchors;
use hickory_resolver::proto::rr::rdata::TLSA;
use hickory_resolver::proto::rr::{RData, RecordType};
use ring::digest;
use tokio::time::Instant;

use super::lock;
use super::public::is_public;
use crate::config::{DnsSettings, MxSettings};
use crate::mail::transport::TransportError;
use crate::mail::transport::dns::{self, Missing, ask_for, exchanges};

/// What the question for a host's other addresses has left when some are known.
const GRACE: Duration = Duration::from_millis(250);
/// Addresses of one host.
const ADDRESSES_MAX: usize = 16;
/// TLSA records of one host.
const TLSA_MAX: usize = 20;
/// After a name server was found not to pass DNSSEC on, it is asked again after this.
const ASK_AGAIN: Duration = Duration::from_secs(600);

/// Asks.
pub(super) struct Names {
    plain: TokioResolver,
    /// Validates what it hears, from the root's keys down.
    validating: Option<TokioResolver>,
    /// When it was last found whether signatures come through.
    probed: std::sync::Mutex<Option<Instant>>,
    signed: AtomicBool,
    private_addresses: bool,
    port: u16,
    turn: AtomicU64,
}

/// Where a domain's mail goes.
#[derive(Debug)]
pub(super) enum Route {
    /// To these.
    Hosts(Hosts),
    /// Nowhere, for good.
    Never(String),
    /// It can't be told now.
    Later(String),
}

/// A domain's servers, the preferred ones first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hosts {
    pub names: Vec<String>,
    /// Whether DNSSEC vouches for them.
    pub secure: bool,
}

/// What a host's TLSA records say.
#[derive(Debug)]
pub(super) enum Tlsa {
    /// Nothing that counts.
    None,
    /// This, and DNSSEC vouches for it.
    Records(Vec<TLSA>),
    /// It can't be told, and so the host must not be used (RFC 7672 §2.1.2).
    Unknown(String),
}

impl Names {
    /// Asking the servers of `[dns]`, or the system's.
    pub fn new(dns: &DnsSettings, settings: &MxSettings) -> Result<Self, TransportError> {
        let failed = |error: &dyn std::fmt::Display| TransportError::Dns(error.to_string());
        let (config, mut options) = dns::set_up(&dns.servers).map_err(TransportError::Dns)?;
        options.cache_size = 4096;
        let build = |anchor: Option<Arc<TrustAnchors>>| {
            let builder = TokioResolver::builder_with_config(config.clone(), TokioRuntimeProvider::default()).with_options(options.clone());
            match anchor {
                Some(anchor) => builder.with_trust_anchor(anchor),
                None => builder,
            }
            .build()
            .map_err(|error| failed(&error))
        };
        let anchor = match &dns.trust_anchor {
            Some(path) => TrustAnchors::from_file(path).map_err(|error| failed(&format!("{}: {error}", path.display())))?,
            None => TrustAnchors::default(),
        };
        Ok(Self {
            plain: build(None)?,
            validating: settings.dane.then(|| build(Some(Arc::new(anchor)))).transpose()?,
            probed: std::sync::Mutex::default(),
            signed: AtomicBool::new(false),
            private_addresses: settings.private_addresses,
            port: settings.port,
            turn: AtomicU64::new(0),
        })
    }

    /// Where mail to `domain` goes. `ourselves`: our own name, which must not be among the servers; `spread`: changes from mail to
    /// mail, so that servers of equal preference have their share.
    pub async fn route(&self, domain: &str, ourselves: &str, spread: &str) -> Route {
        let (found, secure) = match self.checked(domain, RecordType::MX).await {
            Checked::Secure(lookup) => (Ok(lookup), true),
            Checked::Bogus => return Route::Later(format!("{domain}: the DNSSEC signatures of its MX records are wrong")),
            Checked::Down(why) => return Route::Later(format!("DNS for {domain}: {why}")),
            Checked::Unsigned => (ask_for(&self.plain, domain, RecordType::MX).await, false),
        };
        let records = match found {
            Ok(lookup) => match exchanges(&lookup) {
                // RFC 5321 §5.1: the domain itself is the server only where there are no MX records at all.
                none if none.is_empty() && lookup.answers().iter().any(|answer| answer.record_type() == RecordType::MX) => {
                    return Route::Never("none of the domain's MX records names a server".to_owned());
                }
                records => records,
            },
            Err(Missing::NoSuchDomain) => return Route::Never("the domain does not exist".to_owned()),
            Err(Missing::NoRecords) => Vec::new(),
            Err(Missing::Failed(why) | Missing::Silent(why)) => return Route::Later(format!("DNS for {domain}: {why}")),
        };
        // RFC 7505.
        if let [(_, root)] = &records[..]
            && root.is_empty()
        {
            return Route::Never("the domain takes no mail (null MX)".to_owned());
        }
        if records.is_empty() {
            // RFC 5321 §5.1: without MX records the domain itself is the server.
            return match ask_for(&self.plain, domain, RecordType::A).await.and(Ok(())) {
                Err(Missing::NoRecords | Missing::NoSuchDomain)
                    if matches!(ask_for(&self.plain, domain, RecordType::AAAA).await, Err(Missing::NoRecords | Missing::NoSuchDomain)) =>
                {
                    Route::Never("the domain has neither MX nor address records".to_owned())
                }
                Err(Missing::Failed(why) | Missing::Silent(why)) => Route::Later(format!("DNS for {domain}: {why}")),
                // Whether DNSSEC vouches for it shows with its TLSA records.
                _ => Route::Hosts(Hosts { names: vec![domain.to_owned()], secure: true }),
            };
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        match in_order(records, ourselves, &format!("{spread}{turn}")) {
            names if names.is_empty() => Route::Never("the domain's mail comes to this very host, which does not take it".to_owned()),
            names => Route::Hosts(Hosts { names, secure }),
        }
    }

    /// A host's addresses. The error says why there are none.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        let (v6, v4) = both(ask_for(&self.plain, host, RecordType::AAAA), ask_for(&self.plain, host, RecordType::A)).await;
        let failed = [&v6, &v4].into_iter().find_map(|found| match found {
            Err(Missing::Failed(why) | Missing::Silent(why)) => Some(format!("DNS: {why}")),
            _ => None,
        });
        let all: BTreeSet<IpAddr> =
            [v6, v4].iter().flatten().flat_map(Lookup::answers).filter_map(|record| record.data.ip_addr()).collect();
        let there = !all.is_empty();
        let mut usable: Vec<IpAddr> = all.into_iter().filter(|address| self.private_addresses || is_public(*address)).collect();
        // IPv6 first (RFC 6724), sorted so that the same host is the same hop.
        usable.sort_by_key(|address| (address.is_ipv4(), *address));
        usable.truncate(ADDRESSES_MAX);
        match (usable.is_empty(), there, failed) {
            (false, _, _) => Ok(usable),
            (true, true, _) => Err("it has none but private addresses".to_owned()),
            (true, false, Some(why)) => Err(why),
            (true, false, None) => Err("it has no address".to_owned()),
        }
    }

    /// The TLSA records of a host whose name DNSSEC vouches for.
    pub async fn tlsa(&self, host: &str) -> Tlsa {
        match self.checked(&format!("_{}._tcp.{host}", self.port), RecordType::TLSA).await {
            Checked::Secure(lookup) => {
                let records = lookup.answers().iter().filter_map(|record| match &record.data {
                    RData::TLSA(tlsa) if record.proof.is_secure() => Some(tlsa.clone()),
                    _ => None,
                });
                match records.take(TLSA_MAX).collect::<Vec<_>>() {
                    records if records.is_empty() => Tlsa::None,
                    records => Tlsa::Records(records),
                }
            }
            Checked::Bogus => Tlsa::Unknown("its TLSA records can't be had, though its zone is signed".to_owned()),
            Checked::Down(why) => Tlsa::Unknown(format!("DNS: {why}")),
            Checked::Unsigned => Tlsa::None,
        }
    }

    /// The texts of a name's TXT records.
    pub async fn texts(&self, name: &str) -> Result<Vec<String>, String> {
        dns::texts(&self.plain, name).await
    }

    /// Looks whether signatures come through. `None`: they are not wanted; `Err`: nobody answers.
    pub async fn passes_dnssec(&self) -> Result<Option<bool>, String> {
        match &self.validating {
            Some(resolver) => self.is_signed(resolver).await.map(Some),
            None => Ok(None),
        }
    }

    /// Whether the last look showed that signatures do not come through.
    pub fn lacks_dnssec(&self) -> bool {
        self.validating.is_some() && lock(&self.probed).is_some() && !self.signed.load(Ordering::Relaxed)
    }

    /// Asks and validates.
    async fn checked(&self, name: &str, kind: RecordType) -> Checked {
        let Some(resolver) = self.validating.as_ref() else { return Checked::Unsigned };
        match self.is_signed(resolver).await {
            Ok(true) => {}
            Ok(false) => return Checked::Unsigned,
            Err(why) => return Checked::Down(why),
        }
        match ask_for(resolver, name, kind).await {
            // An alias that is not signed may lead anywhere, a signed zone of somebody else's too (RFC 7672 §2.1.3).
            Ok(found)
                if found
                    .answers()
                    .iter()
                    .filter(|record| [kind, RecordType::CNAME].contains(&record.record_type()))
                    .all(|record| record.proof.is_secure()) =>
            {
                Checked::Secure(found)
            }
            Ok(_) | Err(Missing::NoRecords | Missing::NoSuchDomain) => Checked::Unsigned,
            // Where the name server can't say either, the plain question will tell why; TLSA records have none. A negative answer that
            // can't be validated is no answer: whoever hides MX records would have the mail go to the domain's own address.
            Err(Missing::Failed(_) | Missing::Silent(_)) if kind != RecordType::TLSA => match ask_for(&self.plain, name, kind).await {
                Err(Missing::Failed(why) | Missing::Silent(why)) => Checked::Down(why),
                Ok(_) | Err(Missing::NoRecords | Missing::NoSuchDomain) => Checked::Bogus,
            },
            Err(Missing::Failed(_) | Missing::Silent(_)) => Checked::Bogus,
        }
    }

    /// Whether signatures come through at all: many a home router drops them, and mail must go out there as well. `Err`: nobody
    /// answers, and so it can't be told; an outage must not pass for a name server that drops them.
    async fn is_signed(&self, resolver: &TokioResolver) -> Result<bool, String> {
        if self.signed.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let fresh = |probed: &Option<Instant>| probed.is_some_and(|at| at.elapsed() < ASK_AGAIN);
        if fresh(&lock(&self.probed)) {
            return Ok(false);
        }
        let (validated, plain) = tokio::join!(ask_for(resolver, "", RecordType::NS), ask_for(&self.plain, "", RecordType::NS));
        let signed = validated.is_ok_and(|found| {
            let mut kinds = found.answers().iter().filter(|record| record.record_type() == RecordType::NS).peekable();
            kinds.peek().is_some() && kinds.all(|record| record.proof.is_secure())
        });
        if let (false, Err(Missing::Silent(why))) = (signed, plain) {
            return Err(why);
        }
        self.signed.store(signed, Ordering::Relaxed);
        *lock(&self.probed) = Some(Instant::now());
        Ok(signed)
    }
}

/// What validation says.
enum Checked {
    Secure(Lookup),
    Bogus,
    /// Nothing is signed, or there is nothing.
    Unsigned,
    /// The name servers don't say.
    Down(String),
}

/// What both came to. Where one has found something, the other has [`GRACE`] left (RFC 8305 §3): name servers that never answer for
/// AAAA are not rare.
async fn both<F: Future<Output = Result<Lookup, Missing>>>(one: F, other: F) -> (F::Output, F::Output) {
    tokio::pin!(one, other);
    tokio::select! {
        first = &mut one => {
            let second = second(&first, other).await;
            (first, second)
        }
        first = &mut other => (second(&first, one).await, first),
    }
}

async fn second<T>(first: &Result<T, Missing>, other: impl Future<Output = Result<T, Missing>>) -> Result<T, Missing> {
    match first {
        Ok(_) => tokio::time::timeout(GRACE, other).await.unwrap_or_else(|_| Err(Missing::Silent("no answer in time".to_owned()))),
        Err(_) => other.await,
    }
}

/// The names, the lowest preference first, equals mixed by `spread` (RFC 5321 §5.1). Where our own name is among them, it and
/// all that are no better are left out, or mail would go round.
fn in_order(mut records: Vec<(u16, String)>, ourselves: &str, spread: &str) -> Vec<String> {
    let ours = records.iter().find(|(_, name)| name.eq_ignore_ascii_case(ourselves)).map(|(preference, _)| *preference);
    records.retain(|(preference, name)| !name.is_empty() && ours.is_none_or(|ours| *preference < ours));
    let mixed = |name: &str| {
        let digest = digest::digest(&digest::SHA256, format!("{spread}\0{name}").as_bytes());
        digest.as_ref().get(..8).map(<[u8]>::to_vec)
    };
    records.sort_by_cached_key(|(preference, name)| (*preference, mixed(name)));
    let mut seen = BTreeSet::new();
    records.into_iter().map(|(_, name)| name).filter(|name| seen.insert(name.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(texts: &[(u16, &str)]) -> Vec<(u16, String)> {
        texts.iter().map(|(preference, name)| (*preference, (*name).to_owned())).collect()
    }

    #[test]
    fn the_preferred_come_first_and_equals_take_turns() {
        let all = records(&[(20, "c"), (10, "a"), (10, "b"), (20, "c")]);
        let orders: BTreeSet<Vec<String>> = (0..50).map(|turn| in_order(all.clone(), "us", &turn.to_string())).collect();
        assert_eq!(orders.into_iter().map(|order| order.concat()).collect::<Vec<_>>(), ["abc", "bac"]);
    }

    #[test]
    fn mail_does_not_go_round() {
        let all = records(&[(10, "a"), (20, "us.example"), (20, "b"), (30, "c")]);
        assert_eq!(in_order(all, "US.example", ""), ["a"]);
        assert!(in_order(records(&[(10, "us.example")]), "us.example", "").is_empty());
    }
}
