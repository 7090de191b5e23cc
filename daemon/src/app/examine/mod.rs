//! Whether mail gets out, is believed, and answers get back: looked at from the daemon's own place, with its network, resolver, user
//! and sandbox, for `resetctl doctor`. Changes nothing but what a test mail changes.

mod back;
mod dkim;
mod dmarc;
mod finding;
mod spf;
mod test_mail;
mod way;

use std::net::IpAddr;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use resetd_core::address::Mailbox;
use resetd_core::ids::PortalName;
use tokio::time::Instant;

use super::{App, AppError, Caller, Outfit};
use crate::authentication::receiver::Receiver;
use crate::config::{Portal, TransportSettings};
use crate::mail::transport::Transport;
use crate::mail::transport::dns::Dns;
use finding::Findings;

pub use finding::{Finding, State};

/// Portals that are looked at at a time.
const AT_ONCE: usize = 8;
/// After this no further portal's findings are waited for: where DNS is down, each look-up takes its whole time.
const LIMIT: Duration = Duration::from_secs(90);

/// `POST /v1/examine`, parsed.
#[derive(Clone, Debug)]
pub struct ExamineAsk {
    /// Which portal; `None`: all of them.
    pub portal: Option<PortalName>,
    /// Where a test mail goes.
    pub send_to: Option<Mailbox>,
}

/// What all examinations use.
struct Desk<'a> {
    outfit: &'a Outfit,
    dns: &'a Dns,
    receiver: &'a Receiver,
}

/// What is known of the addresses that mails come from, as receivers see them.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Sources {
    /// These: configured, and of the open network.
    Configured(Vec<IpAddr>),
    /// Those of the name in EHLO, which should be these.
    OfName(Vec<IpAddr>),
    /// Those that the relay is reached at; it may send from others.
    OfRelay(Vec<IpAddr>),
    /// Nothing.
    Unknown,
}

impl Sources {
    fn addresses(&self) -> &[IpAddr] {
        match self {
            Self::Configured(addresses) | Self::OfName(addresses) | Self::OfRelay(addresses) => addresses,
            Self::Unknown => &[],
        }
    }
}

impl App {
    /// Looks at everything between a mail's making and its receiver's trust. Takes as long as the slowest server takes, two
    /// minutes at the most, and then the test mail.
    pub async fn examine(&self, caller: &Caller, ask: ExamineAsk) -> Result<Vec<Finding>, AppError> {
        super::watch::admin(caller, "examinations are")?;
        let outfit = self.outfit.load_full();
        let portals: Vec<&Portal> = match &ask.portal {
            None => outfit.settings.portals.values().collect(),
            Some(name) => {
                let found = outfit.settings.portals.get(name);
                vec![found.ok_or_else(|| AppError::Invalid { field: "portal", rule: "must be a configured portal".into() })?]
            }
        };
        let tested = match (&ask.send_to, &portals[..]) {
            (None, _) => None,
            (Some(to), [portal]) => Some((to, *portal)),
            (Some(_), _) => {
                return Err(AppError::Invalid { field: "portal", rule: "must say whose test mail it is, for there are several".into() });
            }
        };
        let internal = |error: &dyn std::fmt::Display| AppError::Internal(error.to_string());
        let dns = Dns::new(&outfit.settings.dns).map_err(|error| internal(&error))?;
        let receiver = Receiver::new(&outfit.settings.dns.servers).map_err(|error| internal(&error))?;
        let desk = Desk { outfit: &outfit, dns: &dns, receiver: &receiver };
        let mut findings = self.look(&desk, &portals).await;
        if let Some((to, portal)) = tested {
            findings.extend(self.send_test_mail(&outfit, portal, to).await);
        }
        tracing::info!(event = "examine.done", findings = findings.len(), test_mail = tested.is_some());
        Ok(findings)
    }

    async fn look(&self, desk: &Desk<'_>, portals: &[&Portal]) -> Vec<Finding> {
        let asks = !matches!(desk.outfit.settings.sending.transport, TransportSettings::Capture(_));
        if asks && let Err(why) = desk.dns.answers().await {
            let mut findings = Findings::default();
            findings.fail(
                "DNS",
                format!("the name servers are silent ({why}): what is published can't be looked at"),
                "look at [dns] servers, or at the system's resolver",
            );
            // Relays are found by the system, which may know them all the same.
            if !is_direct(desk) {
                findings.0.extend(way::examine(desk, portals).await);
            }
            return findings.0;
        }
        let (mut findings, about) = tokio::join!(way::examine(desk, portals), self.about_portals(desk, portals));
        findings.extend(about);
        findings
    }

    /// Each portal's domains, in the order of the portals.
    async fn about_portals(&self, desk: &Desk<'_>, portals: &[&Portal]) -> Vec<Finding> {
        if matches!(desk.outfit.settings.sending.transport, TransportSettings::Capture(_)) {
            return Vec::new();
        }
        let each: Vec<_> = portals.iter().map(|portal| self.about(desk, portal)).collect();
        let (mut each, until) = (stream::iter(each).buffered(AT_ONCE), Instant::now() + LIMIT);
        let mut all = Vec::new();
        loop {
            match tokio::time::timeout_at(until, each.next()).await {
                Ok(Some(findings)) => all.extend(findings),
                Ok(None) => return all,
                Err(_) => {
                    let mut findings = Findings::default();
                    findings.warn("portals", "not all were looked at: it took too long", "look at one at a time: --portal NAME");
                    all.extend(findings.0);
                    return all;
                }
            }
        }
    }

    async fn about(&self, desk: &Desk<'_>, portal: &Portal) -> Vec<Finding> {
        let mut findings = Findings::of(&portal.name);
        let mut authors = Findings::of(&portal.name);
        let (sources, ()) = tokio::join!(way::sources(desk, portal), back::examine(desk, portal, &mut findings));
        spf::examine(desk, portal, &sources, &mut findings).await;
        tokio::join!(dkim::examine(desk, portal, &mut findings), dmarc::examine(desk, portal, self.clock.now(), &mut authors));
        findings.extend(authors);
        findings.0
    }
}

/// Whether mail goes straight to its domain: then the whole way is ours to set right.
fn is_direct(desk: &Desk<'_>) -> bool {
    matches!(desk.outfit.transport, Transport::Mx(_))
}

/// A domain as DNS knows it.
fn ascii(domain: &str) -> String {
    idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_ascii_lowercase())
}
