//! How a connection to one server has to be protected: DANE before MTA-STS before what it offers by itself (RFC 8461 §2: a
//! failing DANE check is not mended by MTA-STS).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::dane::{Pin, Pinned, usable};
use super::names::{Names, Tlsa};
use super::sts::{Policy, Sts};
use super::{lock, make_room};
use crate::config::MxSettings;
use crate::mail::TlsState;
use crate::mail::transport::TransportError;
use crate::mail::transport::smtp::{Check, Security, Tls, Verifier};

/// A server that has spoken TLS is not spoken to without for so long.
const REMEMBERED: Duration = Duration::from_secs(7 * 86_400);
/// Servers remembered.
const KEPT: usize = 50_000;

/// Decides.
pub(super) struct Policies {
    names: Arc<Names>,
    sts: Option<(Sts, Arc<Verifier>)>,
    require_tls: bool,
    seen: Mutex<HashMap<String, Instant>>,
}

/// Which server, and what is known of the way to it.
pub(super) struct Ask<'a> {
    pub host: &'a str,
    /// Whether DNSSEC vouches for its name.
    pub secure: bool,
    pub sts: Option<&'a Policy>,
}

/// What is asked of a connection.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Guard {
    /// A certificate that one of these names; none: any.
    Dane(Vec<Pin>),
    /// A certificate for its name from an authority.
    MtaSts,
    /// TLS, with any certificate.
    Encrypted,
    /// TLS where it is to be had.
    Opportunistic,
}

impl Guard {
    /// The policy's type in TLS-RPT (RFC 8460 §4.2).
    pub fn policy(&self) -> &'static str {
        match self {
            Self::Dane(_) => "tlsa",
            Self::MtaSts => "sts",
            Self::Encrypted | Self::Opportunistic => "no-policy-found",
        }
    }
}

impl Policies {
    pub fn new(names: Arc<Names>, settings: &MxSettings) -> Result<Self, TransportError> {
        let sts = match settings.mta_sts {
            false => None,
            true => {
                let verifier = Sts::new_verifier(settings.ca.as_deref())?;
                Some((Sts::new(Arc::clone(&names), Arc::clone(&verifier), settings.policy_port, settings.timeout), verifier))
            }
        };
        Ok(Self { names, sts, require_tls: settings.require_tls, seen: Mutex::default() })
    }

    /// The domain's MTA-STS policy.
    pub async fn of(&self, domain: &str) -> Option<Policy> {
        self.sts.as_ref()?.0.policy(domain).await
    }

    /// What a connection to this server needs. `Err`: it must not be used; TLS-RPT's policy and result, and why.
    pub async fn guard(&self, ask: &Ask<'_>) -> Result<Guard, (&'static str, &'static str, String)> {
        if ask.secure {
            match self.names.tlsa(ask.host).await {
                Tlsa::Records(records) => return Ok(Guard::Dane(usable(&records))),
                Tlsa::Unknown(why) => return Err(("tlsa", "dnssec-invalid", why)),
                Tlsa::None => {}
            }
        }
        if let Some(policy) = ask.sts.filter(|policy| policy.enforce) {
            let off = || ("sts", "validation-failure", "the domain's MTA-STS policy does not name it".to_owned());
            return if policy.allows(ask.host) { Ok(Guard::MtaSts) } else { Err(off()) };
        }
        let now = Instant::now();
        let seen = lock(&self.seen).get(ask.host).is_some_and(|until| now < *until);
        Ok(if seen || self.require_tls { Guard::Encrypted } else { Guard::Opportunistic })
    }

    /// The way to speak with `host` under `guard`.
    pub fn security(&self, host: &str, guard: &Guard) -> Result<Security, TransportError> {
        let pinned = |pins: &[Pin], check| Tls::with_verifier(host, Arc::new(Pinned { pins: pins.to_vec() }), check, None);
        Ok(match guard {
            Guard::Dane(pins) if pins.is_empty() => Security::StartTls(pinned(&[], Check::Unverified)?),
            Guard::Dane(pins) => Security::StartTls(pinned(pins, Check::Dane)?),
            Guard::MtaSts => match &self.sts {
                Some((_, verifier)) => Security::StartTls(Tls::with_verifier(host, Arc::clone(verifier) as _, Check::MtaSts, None)?),
                // Not to be met: the guard comes from a policy. Nothing goes out unverified for that.
                None => return Err(TransportError::Authorities("MTA-STS is off".to_owned())),
            },
            Guard::Encrypted => Security::StartTls(pinned(&[], Check::Unverified)?),
            Guard::Opportunistic => Security::Opportunistic(pinned(&[], Check::Unverified)?),
        })
    }

    /// Takes over what an earlier configuration had learned: a reload must not open a way to speak in clear again.
    pub fn inherit(&self, before: &Self) {
        lock(&self.seen).extend(lock(&before.seen).iter().map(|(host, until)| (host.clone(), *until)));
        if let (Some((sts, _)), Some((old, _))) = (&self.sts, &before.sts) {
            sts.inherit(old);
        }
    }

    /// Remembers that a server speaks TLS.
    pub fn saw(&self, host: &str, tls: TlsState) {
        if matches!(tls, TlsState::Clear | TlsState::Failed) {
            return;
        }
        let (mut seen, now) = (lock(&self.seen), Instant::now());
        if seen.len() >= KEPT {
            seen.retain(|_, until| now < *until);
            make_room(&mut seen, KEPT);
        }
        seen.insert(host.to_owned(), now + REMEMBERED);
    }
}
