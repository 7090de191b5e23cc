//! Delivery straight to the servers of the address's domain (RFC 5321 §5): found by `names`, protected as `policy` says, spoken
//! to by `smtp`. A domain whose names or servers can't be reached is left alone for a while that doubles.

mod dane;
mod names;
mod policy;
mod public;
mod report;
mod sts;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use resetd_core::address::Mailbox;

use super::TransportError;
use super::smtp::{Away, Circuit, Hop, Manner, Network, Prepared, Source, Target, Tried, Wear};
use crate::config::{DnsSettings, Face, MxSettings, Sending};
use crate::mail::{Envelope, Hitch, Obstacle, Outcome, Sent, Via};
use names::{Names, Route};
use policy::{Ask, Guard, Policies};
pub use public::is_public;
use report::Report;

/// Servers of one domain that are tried in one attempt.
const HOSTS_MAX: usize = 5;
/// Hops kept; above this, cold ones are dropped.
const HOPS_KEPT: usize = 500;
/// Domains with trouble that are remembered.
const DOMAINS_KEPT: usize = 10_000;

/// The way to every domain.
pub struct Mx {
    settings: MxSettings,
    connections: usize,
    wear: Wear,
    names: Arc<Names>,
    policies: Policies,
    report: Report,
    hops: Mutex<HashMap<Key, Arc<Hop>>>,
    domains: Mutex<HashMap<String, Arc<Circuit>>>,
}

/// What makes two connections one and the same.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    host: String,
    addresses: Vec<std::net::IpAddr>,
    guard: Guard,
    face: Face,
}

impl Mx {
    /// From `[sending.mx]` and `[dns]`. Asks nobody yet.
    pub fn new(settings: &MxSettings, sending: &Sending, dns: &DnsSettings) -> Result<Self, TransportError> {
        let names = Arc::new(Names::new(dns, settings)?);
        Ok(Self {
            connections: sending.per_destination,
            wear: Wear { idle: settings.idle, mails: sending.mails_per_connection },
            policies: Policies::new(Arc::clone(&names), settings)?,
            names,
            report: Report::default(),
            hops: Mutex::default(),
            domains: Mutex::default(),
            settings: settings.clone(),
        })
    }

    pub(super) async fn send(&self, envelope: &Envelope, mail: &Prepared) -> Sent {
        let Some(domain) = ascii_domain(&envelope.to) else {
            return Outcome::refused("the address's domain is no name that DNS can be asked for").into();
        };
        let circuit = self.circuit(&domain);
        let permit = match circuit.admit() {
            Ok(permit) => permit,
            Err(paused) => {
                let outcome = Outcome::put_off(format!("not tried, since the last try failed: {}", paused.last));
                return Sent { outcome, via: None, pause: Some(paused.left) };
            }
        };
        let hello = self.hello(&envelope.face);
        let sent = match self.names.route(&domain, hello, &envelope.envelope_id).await {
            Route::Never(why) => Outcome::refused(why).into(),
            Route::Later(why) => Sent { outcome: Outcome::put_off(why), via: None, pause: Some(Duration::ZERO) },
            Route::Hosts(hosts) => self.try_hosts(&domain, &hosts, envelope, mail).await,
        };
        match (&sent.pause, &sent.outcome) {
            (Some(_), Outcome::Deferred { detail, .. }) => {
                let pause = permit.failed(detail);
                Sent { pause: Some(pause.max(sent.pause.unwrap_or_default())), ..sent }
            }
            _ => {
                permit.succeeded();
                sent
            }
        }
    }

    async fn try_hosts(&self, domain: &str, hosts: &names::Hosts, envelope: &Envelope, mail: &Prepared) -> Sent {
        let sts = self.policies.of(domain).await;
        let mut last: Option<(Outcome, Option<Via>)> = None;
        for host in hosts.names.iter().take(HOSTS_MAX) {
            let ask = Ask { host, secure: hosts.secure, sts: sts.as_ref() };
            match self.try_host(&ask, envelope, mail).await {
                Ok(sent) => return sent,
                Err((outcome, via)) => last = Some((outcome, via)),
            }
        }
        let (outcome, via) = last.unwrap_or_else(|| (Outcome::put_off("the domain names no server that may be used"), None));
        Sent { outcome, via, pause: Some(Duration::ZERO) }
    }

    /// `Err`: this one is not to be had, the next may be.
    async fn try_host(&self, ask: &Ask<'_>, envelope: &Envelope, mail: &Prepared) -> Result<Sent, (Outcome, Option<Via>)> {
        let put_off = |why: String| (Outcome::put_off(format!("{}: {why}", ask.host)), None);
        let addresses = self.names.addresses(ask.host).await.map_err(put_off)?;
        let guard = self.policies.guard(ask).await.map_err(|(policy, result, why)| {
            self.report.count(policy, result);
            put_off(why)
        })?;
        let policy = guard.policy();
        let hop = self
            .hop(Key { host: ask.host.to_owned(), addresses, guard, face: envelope.face.clone() })
            .map_err(|error| put_off(error.to_string()))?;
        match hop.send(mail).await {
            Tried::Judged(outcome, via) => {
                if let Some(tls) = via.tls {
                    self.policies.saw(ask.host, tls);
                    self.report.count(policy, report::result_of(policy, tls));
                }
                Ok(Sent { outcome, via: Some(via), pause: None })
            }
            Tried::Away(Away { outcome, via, tls_failure, .. }) => {
                if let Some(failure) = tls_failure {
                    self.report.count(policy, failure);
                }
                let outcome = match outcome {
                    Outcome::Deferred { reply, detail } => Outcome::Deferred { reply, detail: format!("{}: {detail}", ask.host) },
                    other => other,
                };
                Err((outcome, Some(via)))
            }
        }
    }

    fn hop(&self, key: Key) -> Result<Arc<Hop>, TransportError> {
        let mut hops = lock(&self.hops);
        if let Some(hop) = hops.get(&key) {
            return Ok(Arc::clone(hop));
        }
        if hops.len() >= HOPS_KEPT {
            hops.retain(|_, hop| Arc::strong_count(hop) > 1 || !hop.is_cold());
        }
        let network = Network {
            to: Target::Addresses(key.addresses.clone()),
            port: self.settings.port,
            loopback_only: false,
            source: {
                let shown = self.shown(&key.face);
                Source { ipv4: shown.ipv4, ipv6: shown.ipv6 }
            },
            timeout: self.settings.timeout,
        };
        let manner = Manner {
            host: key.host.clone(),
            security: self.policies.security(&key.host, &key.guard)?,
            login: None,
            hello: self.hello(&key.face).to_owned(),
            timeout: self.settings.timeout,
        };
        let hop = Arc::new(Hop::new(network, manner, self.connections, self.wear));
        hops.insert(key, Arc::clone(&hop));
        Ok(hop)
    }

    fn hello<'a>(&'a self, face: &'a Face) -> &'a str {
        face.hello.as_deref().or(self.settings.face.hello.as_deref()).unwrap_or(&self.settings.host_name)
    }

    /// How mails of this face show themselves, the settings for all included.
    pub fn shown(&self, face: &Face) -> Face {
        let (ours, hello) = (&self.settings.face, self.hello(face));
        Face { hello: Some(hello.to_owned()), ipv4: face.ipv4.or(ours.ipv4), ipv6: face.ipv6.or(ours.ipv6) }
    }

    /// What a mail to `domain` would meet now: its servers one after the other, up to the first that is there. The error says why
    /// there is none to try.
    pub async fn probe(&self, domain: &str, face: &Face) -> Result<Vec<(String, Result<Via, Hitch>)>, String> {
        let hosts = match self.names.route(domain, self.hello(face), "").await {
            Route::Hosts(hosts) => hosts,
            Route::Never(why) | Route::Later(why) => return Err(why),
        };
        let sts = self.policies.of(domain).await;
        let mut met = Vec::new();
        for host in hosts.names.iter().take(HOSTS_MAX) {
            let found = self.probe_host(&Ask { host, secure: hosts.secure, sts: sts.as_ref() }, face).await;
            let there = found.is_ok();
            met.push((host.clone(), found));
            if there {
                break;
            }
        }
        Ok(met)
    }

    async fn probe_host(&self, ask: &Ask<'_>, face: &Face) -> Result<Via, Hitch> {
        let hitch = |obstacle, detail: String| Hitch { obstacle, detail };
        let addresses = self.names.addresses(ask.host).await.map_err(|why| hitch(Obstacle::Name, why))?;
        let guard = self.policies.guard(ask).await.map_err(|(_, _, why)| hitch(Obstacle::Tls, why))?;
        let key = Key { host: ask.host.to_owned(), addresses, guard, face: face.clone() };
        self.hop(key).map_err(|error| hitch(Obstacle::Other, error.to_string()))?.probe().await
    }

    /// Whether DNSSEC signatures come through. `None`: they are not wanted; `Err`: no name server answers.
    pub async fn passes_dnssec(&self) -> Result<Option<bool>, String> {
        self.names.passes_dnssec().await
    }

    fn circuit(&self, domain: &str) -> Arc<Circuit> {
        let mut domains = lock(&self.domains);
        if domains.len() >= DOMAINS_KEPT {
            domains.retain(|_, circuit| Arc::strong_count(circuit) > 1 || circuit.paused().is_some());
        }
        Arc::clone(domains.entry(domain.to_owned()).or_default())
    }

    pub(super) fn inherit(&self, before: &Self) {
        self.policies.inherit(&before.policies);
        self.report.inherit(&before.report);
    }

    pub(super) fn tls_results(&self) -> Vec<(&'static str, &'static str, u64)> {
        self.report.counts()
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let no_dnssec = self.names.lacks_dnssec();
        let words = "the name server does not pass DNSSEC signatures on: mail goes out without DANE (name a validating one in [dns])";
        no_dnssec.then(|| words.to_owned()).into_iter().collect()
    }

    pub(super) async fn close(&self) {
        let hops: Vec<Arc<Hop>> = lock(&self.hops).drain().map(|(_, hop)| hop).collect();
        futures_util::future::join_all(hops.iter().map(|hop| hop.close())).await;
    }
}

/// The domain as DNS knows it; addresses in brackets are none.
fn ascii_domain(to: &Mailbox) -> Option<String> {
    let (_, domain) = to.as_str().rsplit_once('@')?;
    let ascii = idna::domain_to_ascii(domain).ok()?;
    resetd_core::address::check_domain(&ascii).is_ok().then(|| ascii.to_ascii_lowercase())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets go of whatever comes first: what strangers publish must not fill the memory.
fn make_room<T>(kept: &mut HashMap<String, T>, most: usize) {
    while kept.len() >= most {
        let Some(name) = kept.keys().next().cloned() else { return };
        kept.remove(&name);
    }
}
