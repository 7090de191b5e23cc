//! MTA-STS (RFC 8461): a domain's policy that its mail goes to certain servers only, over verified TLS. Found by a TXT record,
//! fetched over HTTPS, kept as long as it says, so that whoever later hides it changes nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use resetd_core::address::check_domain;
use tokio::time::Instant;

use super::names::Names;
use super::{lock, make_room};
use crate::mail::transport::TransportError;
use crate::mail::transport::smtp::{Check, Dial, Network, Source, Target, Tls, Verifier};

/// The largest policy taken (RFC 8461 §3.3).
const SIZE_MAX: usize = 64 * 1024;
/// The first mail to a domain waits for its policy, so not for the minute that RFC 8461 §3.3 allows.
const FETCH: Duration = Duration::from_secs(8);
/// After a fetch failed.
const AGAIN: Duration = Duration::from_secs(300);
/// The TXT record is looked at again after this.
const RECORD: Duration = Duration::from_secs(60);
/// The longest life of a policy (RFC 8461 §3.2).
const LIFE_MAX: u64 = 31_557_600;
/// Domains kept.
const KEPT: usize = 10_000;
/// Servers that a policy may name: one with more of them is up to something.
const SERVERS_MAX: usize = 100;

/// What a domain asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Policy {
    /// Keep to it; otherwise (`testing`) it asks nothing of us.
    pub enforce: bool,
    mx: Vec<String>,
}

impl Policy {
    /// Whether mail may go to this server (RFC 8461 §4.1: `*.` stands for one label).
    pub fn allows(&self, host: &str) -> bool {
        self.mx.iter().any(|pattern| match pattern.strip_prefix("*.") {
            Some(parent) => host.split_once('.').is_some_and(|(first, rest)| !first.is_empty() && rest == parent),
            None => host == pattern,
        })
    }
}

/// Policies that were fetched.
pub(super) struct Sts {
    names: Arc<Names>,
    verifier: Arc<Verifier>,
    port: u16,
    private_to: Duration,
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Clone, Default)]
struct Known {
    id: String,
    policy: Option<Policy>,
    until: Option<Instant>,
    /// When the TXT record is looked at again.
    look_at: Option<Instant>,
    /// Held by the one who looks.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Known {
    fn valid(&self, now: Instant) -> Option<Policy> {
        self.policy.clone().filter(|_| self.until.is_some_and(|until| now < until))
    }
}

impl Sts {
    pub fn new(names: Arc<Names>, verifier: Arc<Verifier>, port: u16, timeout: Duration) -> Self {
        Self { names, verifier, port, private_to: timeout, known: Mutex::default() }
    }

    /// The domain's policy, if it has one. While one looks for news, others go on with the policy that is known; where none is, they
    /// wait: they must not slip past it.
    pub async fn policy(&self, domain: &str) -> Option<Policy> {
        let turn = match self.fresh(domain) {
            Ok(policy) => return policy,
            Err(known) => known.turn,
        };
        let _turn = match turn.try_lock() {
            Ok(turn) => turn,
            Err(_) => match self.fresh(domain).unwrap_or_else(|known| known.valid(Instant::now())) {
                Some(policy) => return Some(policy),
                None => turn.lock().await,
            },
        };
        // Another may have looked meanwhile.
        match self.fresh(domain) {
            Ok(policy) => policy,
            Err(known) => self.look(domain, known).await,
        }
    }

    /// What is known and need not be looked at again yet; `Err`: what is known.
    fn fresh(&self, domain: &str) -> Result<Option<Policy>, Known> {
        let (known, now) = (lock(&self.known).entry(domain.to_owned()).or_default().clone(), Instant::now());
        match known.look_at.is_some_and(|at| now < at) {
            true => Ok(known.valid(now)),
            false => Err(known),
        }
    }

    async fn look(&self, domain: &str, known: Known) -> Option<Policy> {
        let valid = known.valid(Instant::now());
        let id = self.record(domain).await;
        let Some(id) = id.filter(|id| valid.is_none() || *id != known.id) else {
            self.keep(domain, Known { look_at: Some(Instant::now() + RECORD), ..known });
            return valid;
        };
        match tokio::time::timeout(FETCH, self.fetch(domain)).await.ok().flatten() {
            Some((policy, life)) => {
                let now = Instant::now();
                let (until, look_at) = (Some(now + life), Some(now + RECORD));
                self.keep(domain, Known { id, policy: policy.clone(), until, look_at, ..known });
                policy
            }
            None => {
                self.keep(domain, Known { look_at: Some(Instant::now() + AGAIN), ..known });
                valid
            }
        }
    }

    /// Takes over what another has fetched.
    pub fn inherit(&self, before: &Self) {
        lock(&self.known).extend(lock(&before.known).iter().map(|(domain, known)| (domain.clone(), known.clone())));
    }

    fn keep(&self, domain: &str, known: Known) {
        let mut all = lock(&self.known);
        if all.len() >= KEPT {
            let now = Instant::now();
            all.retain(|_, known| known.until.is_some_and(|until| now < until));
            make_room(&mut all, KEPT);
        }
        all.insert(domain.to_owned(), known);
    }

    /// The id in the TXT record, if there is exactly one (RFC 8461 §3.1).
    async fn record(&self, domain: &str) -> Option<String> {
        let texts = self.names.texts(&format!("_mta-sts.{domain}")).await.ok()?;
        let mut ids = texts.iter().filter_map(|text| record_id(text));
        match (ids.next(), ids.next()) {
            (Some(id), None) => Some(id),
            _ => None,
        }
    }

    async fn fetch(&self, domain: &str) -> Option<(Option<Policy>, Duration)> {
        let host = format!("mta-sts.{domain}");
        let addresses = self.names.addresses(&host).await.ok()?;
        let to = Target::Addresses(addresses);
        let network = Network { to, port: self.port, loopback_only: false, source: Source::default(), timeout: self.private_to };
        let tls = Tls::with_verifier(&host, Arc::clone(&self.verifier) as _, Check::Authority, None).ok()?;
        let wire = tls.wrap(network.dial().await.ok()?).await.ok()?;
        let (mut client, connection) = hyper::client::conn::http1::handshake(TokioIo::new(wire)).await.ok()?;
        let connection = tokio::spawn(connection);
        let request = hyper::Request::get("/.well-known/mta-sts.txt").header("Host", &host).body(Empty::<Bytes>::new()).ok()?;
        let answer = client.send_request(request).await.ok()?;
        // No redirects (§3.3).
        if answer.status() != hyper::StatusCode::OK {
            return None;
        }
        let body = Limited::new(answer.into_body(), SIZE_MAX).collect().await.ok()?.to_bytes();
        connection.abort();
        parse(std::str::from_utf8(&body).ok()?)
    }

    /// For the policies' own HTTPS.
    pub fn new_verifier(ca: Option<&std::path::Path>) -> Result<Arc<Verifier>, TransportError> {
        Verifier::new(ca, &crate::mail::transport::smtp::provider()).map(Arc::new)
    }
}

fn record_id(text: &str) -> Option<String> {
    let mut fields = text.split(';').map(str::trim);
    if fields.next()? != "v=STSv1" {
        return None;
    }
    let id = fields.find_map(|field| field.strip_prefix("id="))?.trim();
    let good = (1..=32).contains(&id.len()) && id.bytes().all(|octet| octet.is_ascii_alphanumeric());
    good.then(|| id.to_owned())
}

/// A policy and its life; `mode: none` is no policy with a life of its own (RFC 8461 §3.2).
fn parse(text: &str) -> Option<(Option<Policy>, Duration)> {
    let (mut version, mut mode, mut life, mut mx) = (false, None, None, Vec::new());
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (key, value) = line.split_once(':')?;
        let value = value.trim();
        match key.trim() {
            "version" => version = value == "STSv1",
            "mode" => mode = mode.or(Some(value)),
            "max_age" => life = life.or(value.parse::<u64>().ok()),
            "mx" => mx.push(value.trim_end_matches('.').to_ascii_lowercase()),
            _ => {}
        }
    }
    let life = Duration::from_secs(life.filter(|_| version)?.min(LIFE_MAX));
    let named = |pattern: &String| check_domain(pattern.strip_prefix("*.").unwrap_or(pattern)).is_ok();
    match mode? {
        "none" => Some((None, life)),
        mode @ ("enforce" | "testing") if !mx.is_empty() && mx.len() <= SERVERS_MAX && mx.iter().all(named) => {
            Some((Some(Policy { enforce: mode == "enforce", mx }), life))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_as_the_rfc_writes_them() {
        let text = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.Example.net.\r\nmx: backupmx.example.com\r\nmax_age: 604800\r\n";
        let (policy, life) = parse(text).unwrap();
        let policy = policy.unwrap();
        assert_eq!((policy.enforce, life.as_secs()), (true, 604_800));
        for (host, allowed) in [
            ("mail.example.com", true),
            ("a.example.net", true),
            ("a.b.example.net", false),
            ("example.net", false),
            (".example.net", false),
            ("evil.example", false),
        ] {
            assert_eq!(policy.allows(host), allowed, "{host}");
        }
        assert_eq!(parse("version: STSv1\nmode: none\nmax_age: 86400\n"), Some((None, Duration::from_secs(86_400))));
        for bad in [
            "",
            "mode: enforce\nmx: a\nmax_age: 1",
            "version: STSv1\nmode: enforce\nmax_age: 1",
            "version: STSv1\nmode: enforce\nmx: a",
            "version: STSv1\nmode: enforce\nmx: \nmax_age: 1",
            "version: STSv1\nmode: enforce\nmx: a.*.example\nmax_age: 1",
            "<html>",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn records_as_the_rfc_writes_them() {
        assert_eq!(record_id("v=STSv1; id=20160831085700Z;").as_deref(), Some("20160831085700Z"));
        for bad in ["v=STSv2; id=1", "id=1; v=STSv1", "v=STSv1;", "v=STSv1; id=a b", "v=spf1 -all"] {
            assert_eq!(record_id(bad), None, "{bad}");
        }
    }
}
