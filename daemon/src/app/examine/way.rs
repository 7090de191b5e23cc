//! The way out: whether relays take us in, or whether port 25, reverse DNS and DNSSEC are as direct sending needs them.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use super::finding::{Finding, Findings};
use super::{Desk, Sources, ascii};
use crate::config::{Face, Portal, RelaySettings, TlsMode, TransportSettings};
use crate::mail::transport::Transport;
use crate::mail::transport::mx::{Mx, is_public};
use crate::mail::transport::relay::Relays;
use crate::mail::{Obstacle, TlsState, Via};

/// What all relays, or all servers of a face, have for all steps of their connections.
const LIMIT: Duration = Duration::from_secs(60);
/// Domains whose servers are tried until one is there.
const DOMAINS_MAX: usize = 5;

pub(super) async fn examine(desk: &Desk<'_>, portals: &[&Portal]) -> Vec<Finding> {
    let mut findings = Findings::default();
    match (&desk.outfit.transport, &desk.outfit.settings.sending.transport) {
        (Transport::Relay(relays), TransportSettings::Relay(settings)) => all_relays(relays, settings, &mut findings).await,
        (Transport::Mx(mx), _) => direct(desk, mx, portals, &mut findings).await,
        _ => findings.warn(
            "sending",
            "mails are captured into a folder: nothing leaves this machine",
            "configure [sending.relay] or [sending.mx] to send",
        ),
    }
    findings.0
}

/// How a portal's mails show themselves, where they go straight to their domain.
pub(super) fn shown(desk: &Desk<'_>, portal: &Portal) -> Option<Face> {
    match &desk.outfit.transport {
        Transport::Mx(mx) => Some(mx.shown(&portal.face)),
        _ => None,
    }
}

/// What is known of the addresses that a portal's mails come from.
pub(super) async fn sources(desk: &Desk<'_>, portal: &Portal) -> Sources {
    let known =
        |addresses: Vec<IpAddr>, of: fn(Vec<IpAddr>) -> Sources| if addresses.is_empty() { Sources::Unknown } else { of(addresses) };
    match &desk.outfit.settings.sending.transport {
        TransportSettings::Capture(_) => Sources::Unknown,
        TransportSettings::Mx(_) => match shown(desk, portal) {
            Some(face) => of_face(desk, &face).await,
            None => Sources::Unknown,
        },
        TransportSettings::Relay(relays) => {
            let mut all = Vec::new();
            for relay in relays {
                let found = match relay.host.parse() {
                    Ok(address) => vec![address],
                    Err(_) => desk.dns.addresses(&ascii(&relay.host)).await.unwrap_or_default(),
                };
                all.extend(found.into_iter().filter(|address| is_public(*address)));
            }
            known(all, Sources::OfRelay)
        }
    }
}

async fn of_face(desk: &Desk<'_>, face: &Face) -> Sources {
    let open = |address: &IpAddr| is_public(*address) || takes_private(desk);
    let configured: Vec<IpAddr> = face.ipv4.map(IpAddr::V4).into_iter().chain(face.ipv6.map(IpAddr::V6)).collect();
    if !configured.is_empty() {
        // Behind NAT the address outside is another one.
        let outside: Vec<IpAddr> = configured.into_iter().filter(open).collect();
        return if outside.is_empty() { Sources::Unknown } else { Sources::Configured(outside) };
    }
    let named = desk.dns.addresses(face.hello.as_deref().unwrap_or_default()).await.unwrap_or_default();
    let named: Vec<IpAddr> = named.into_iter().filter(open).collect();
    if named.is_empty() { Sources::Unknown } else { Sources::OfName(named) }
}

/// In a network of one's own its addresses are the open ones.
fn takes_private(desk: &Desk<'_>) -> bool {
    matches!(&desk.outfit.settings.sending.transport, TransportSettings::Mx(mx) if mx.private_addresses)
}

async fn all_relays(relays: &Relays, settings: &[RelaySettings], findings: &mut Findings) {
    let Ok(met) = tokio::time::timeout(LIMIT, relays.probe()).await else {
        return findings.fail("relay", "no relay was through with its greeting within a minute", "is it up, and not overloaded?");
    };
    for (relay, met) in settings.iter().zip(met) {
        let place = format!("{} port {}", relay.host, relay.port);
        match met {
            Ok(via) => {
                let login = relay.login.as_ref().map(|login| format!(", and takes the login of {}", login.user)).unwrap_or_default();
                findings.ok("relay", format!("{place} answers, {}{login}", protected(&via)));
            }
            Err(hitch) => {
                let cure = relay_cure(relay, hitch.obstacle);
                findings.fail("relay", format!("{place}: {}", hitch.detail), cure);
            }
        }
    }
}

fn protected(via: &Via) -> &'static str {
    match via.tls {
        Some(TlsState::Authority) => "with TLS and a certificate that is right",
        Some(TlsState::MtaSts) => "with TLS as its MTA-STS policy asks",
        Some(TlsState::Dane) => "with TLS as its TLSA records ask (DANE)",
        Some(TlsState::Unverified) => "with TLS (whose certificate nobody vouches for, as is usual between mail servers)",
        Some(TlsState::Failed) => "without TLS, which it offers and which failed",
        Some(TlsState::Clear) | None => "without TLS",
    }
}

fn relay_cure(relay: &RelaySettings, obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Name => "is `host` right, and does DNS answer (`resolvectl query HOST`)?",
        Obstacle::Connection => {
            "is the name right, is the relay up, does a firewall stand between? Providers take submissions on 587 or 465, not on 25"
        }
        Obstacle::Welcome | Obstacle::Other => "the relay's words, or its log, say why",
        Obstacle::Silent => match relay.tls {
            TlsMode::Implicit => "whatever listens there speaks TLS, but no SMTP: is the port right?",
            _ => "does the port speak TLS from the first octet (465)? Then it is tls = \"implicit\"",
        },
        Obstacle::NoTls => "it offers no STARTTLS: is it port 587, or should it be tls = \"implicit\" on 465?",
        Obstacle::Expired => "its certificate is out of date (or this machine's clock is): whoever runs the relay renews it",
        Obstacle::OtherName => "set `host` to a name that stands in the certificate",
        Obstacle::Untrusted => match relay.ca {
            Some(_) => "`ca` must name the authority of the certificate that the relay shows, or that very certificate",
            None => "if the relay has an authority of its own, name its certificate with `ca`; else is ca-certificates up to date?",
        },
        Obstacle::Tls => match relay.tls {
            TlsMode::Implicit => "does this port speak TLS from the first octet (465)? For 587 it is tls = \"starttls\"",
            _ => "is it a relay's port, and does it speak TLS 1.2 or 1.3?",
        },
        Obstacle::Login => {
            "user or password are wrong, or the account may not send: look at [sending.relay.login] and at the provider's page"
        }
        Obstacle::NoLogin => "take [sending.relay.login] out, or use the port for submissions (587, 465)",
        Obstacle::Token => "run token_command as the daemon's user and see what it says",
    }
}

async fn direct(desk: &Desk<'_>, mx: &Mx, portals: &[&Portal], findings: &mut Findings) {
    let mut faces: Vec<(Face, Vec<&Portal>)> = Vec::new();
    for portal in portals {
        let face = mx.shown(&portal.face);
        match faces.iter_mut().find(|(known, _)| *known == face) {
            Some((_, others)) => others.push(portal),
            None => faces.push((face, vec![portal])),
        }
    }
    let about = faces.iter().map(|(face, portals)| async move {
        let mut findings = Findings::default();
        port_25(mx, face, portals, &mut findings).await;
        reverse(desk, face, &mut findings).await;
        findings
    });
    futures_util::future::join_all(about).await.into_iter().for_each(|about| findings.extend(about));
    match mx.passes_dnssec().await {
        Ok(Some(true)) => findings.ok("DNSSEC", "signatures come through: DANE protects mails to domains that publish it"),
        Ok(Some(false)) => findings.warn(
            "DNSSEC",
            "the name server does not pass signatures on: mail goes out without DANE",
            "name a validating one in [dns] servers, such as an unbound on this machine",
        ),
        Ok(None) => findings.ok("DNSSEC", "not asked for ([sending.mx] dane = false)"),
        Err(why) => findings.unknown("DNSSEC", "whether signatures come through", &why),
    }
}

/// Whether any server of the open network can be reached: that of a domain of the portals' own.
async fn port_25(mx: &Mx, face: &Face, portals: &[&Portal], findings: &mut Findings) {
    let addresses =
        portals.iter().flat_map(|portal| [&portal.support_address, &portal.sender.address].into_iter().chain(&portal.alert.mail_to));
    let domains: BTreeSet<String> = addresses.map(|address| ascii(address.domain())).collect();
    let mut not = Vec::new();
    match tokio::time::timeout(LIMIT, first_there(mx, face, &domains, &mut not)).await {
        Ok(Some(found)) => return findings.ok("port 25", found),
        Ok(None) => {}
        Err(_) => not.push(("nobody was reached within a minute".to_owned(), Some(Obstacle::Connection))),
    }
    let tried = not.iter().any(|(_, obstacle)| obstacle.is_some());
    let found = not.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join("\n");
    match (tried, not.iter().find_map(|(_, obstacle)| *obstacle)) {
        (false, _) => findings.warn(
            "port 25",
            format!("none of the portals' own domains has a server to try it with\n{found}"),
            "try it with a test mail: --send-to ADDRESS",
        ),
        (true, Some(Obstacle::Welcome)) => findings.fail("port 25", found, "the server's words say why; is our address on a block list?"),
        (true, Some(Obstacle::Connection | Obstacle::Silent)) => findings.fail(
            "port 25",
            found,
            "is port 25 open to the outside? Many providers close it: ask them to open it, or send through a relay",
        ),
        (true, _) => findings.fail("port 25", found, "see what the server says, and its TLS, DANE and MTA-STS"),
    }
}

/// The first server that is there; why others are not goes to `not`.
async fn first_there(mx: &Mx, face: &Face, domains: &BTreeSet<String>, not: &mut Vec<(String, Option<Obstacle>)>) -> Option<String> {
    for domain in domains.iter().take(DOMAINS_MAX) {
        let met = match mx.probe(domain, face).await {
            Ok(met) => met,
            Err(why) => {
                not.push((format!("{domain}: {why}"), None));
                continue;
            }
        };
        for (host, met) in met {
            match met {
                Ok(via) => return Some(format!("{host} (for {domain}) answers, {}", protected(&via))),
                Err(hitch) => not.push((format!("{host} (for {domain}): {}", hitch.detail), Some(hitch.obstacle))),
            }
        }
    }
    None
}

/// Whether the name in EHLO leads to the sending address, and the address back to the name. Large receivers refuse mail otherwise.
async fn reverse(desk: &Desk<'_>, face: &Face, findings: &mut Findings) {
    const CHECK: &str = "reverse DNS";
    let hello = face.hello.clone().unwrap_or_default();
    let sources = of_face(desk, face).await;
    if sources == Sources::Unknown {
        let private = format!("see to it that the outside address leads to {hello} in reverse DNS, and that name back to it");
        return match desk.dns.addresses(&hello).await {
            _ if face.ipv4.is_some() || face.ipv6.is_some() => {
                findings.warn(CHECK, "the address to send from is a private one: which one the outside sees is not known", private);
            }
            Err(why) => findings.unknown(CHECK, &format!("the address of {hello}, which we say in EHLO,"), &why),
            Ok(addresses) if addresses.is_empty() => findings.fail(
                CHECK,
                format!("{hello}, which we say in EHLO, has no address"),
                "set `hello` in [sending.mx] to the name that the sending address has in reverse DNS",
            ),
            Ok(_) => findings.warn(CHECK, format!("{hello}, which we say in EHLO, has none but private addresses"), private),
        };
    }
    for address in sources.addresses() {
        let names = match desk.dns.names_of(*address).await {
            Ok(names) => names,
            Err(why) => {
                findings.unknown(CHECK, &format!("the name of {address}"), &why);
                continue;
            }
        };
        let mut confirmed = Vec::new();
        for name in &names {
            if desk.dns.addresses(name).await.is_ok_and(|back| back.contains(address)) {
                confirmed.push(name.as_str());
            }
        }
        if confirmed.iter().any(|name| name.eq_ignore_ascii_case(&hello)) {
            findings.ok(CHECK, format!("{address} is {hello}, and {hello} is {address}"));
        } else if let Some(name) = confirmed.first() {
            findings.warn(
                CHECK,
                format!("{address} is {name}, but we say {hello} in EHLO"),
                format!("set `hello` in [sending.mx] to {name}"),
            );
        } else if names.is_empty() {
            let cure = format!("have your provider set its name to {hello}");
            findings.fail(CHECK, format!("{address} has no name: large receivers refuse its mail"), cure);
        } else {
            let found =
                format!("{address} is {}, and that name does not lead back to it: large receivers refuse its mail", names.join(", "));
            findings.fail(CHECK, found, format!("let {hello} lead to {address}, and have your provider set the address's name to {hello}"));
        }
    }
}
