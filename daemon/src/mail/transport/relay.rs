//! Delivery through smarthosts: the first that is there takes the mail.

use std::net::IpAddr;
use std::path::Path;

use super::TransportError;
use super::smtp::{Hop, Manner, Network, Prepared, Security, Source, Target, Tls, Tried, Wear};
use crate::config::{RelaySettings, Sending, TlsMode};
use crate::mail::{Hitch, Sent, Via};

/// Smarthosts, in the order of the configuration.
pub struct Relays {
    hops: Vec<Hop>,
}

impl Relays {
    /// From `[sending.relay]`. Connects to nothing yet.
    pub fn new(relays: &[RelaySettings], sending: &Sending) -> Result<Self, TransportError> {
        let wear = |relay: &RelaySettings| Wear { idle: relay.idle, mails: sending.mails_per_connection };
        let hop = |relay| Ok(Hop::new(network(relay)?, manner(relay)?, sending.per_destination, wear(relay)));
        Ok(Self { hops: relays.iter().map(hop).collect::<Result<_, TransportError>>()? })
    }

    pub(super) async fn send(&self, mail: &Prepared) -> Sent {
        failover(&self.hops, mail).await
    }

    /// What a mail would meet at each of them now, in their order.
    pub async fn probe(&self) -> Vec<Result<Via, Hitch>> {
        futures_util::future::join_all(self.hops.iter().map(Hop::probe)).await
    }

    pub(super) async fn close(&self) {
        futures_util::future::join_all(self.hops.iter().map(Hop::close)).await;
    }
}

/// Asks one after the other until one says something of the mail. Where none is there, the destination is left alone until the
/// first of them may be dialled again.
async fn failover<D: super::Dial>(hops: &[Hop<D>], mail: &Prepared) -> Sent {
    let mut away: Option<Sent> = None;
    for hop in hops {
        match hop.send(mail).await {
            Tried::Judged(outcome, via) => return Sent { outcome, via: Some(via), pause: None },
            Tried::Away(gone) => {
                let before = away.take();
                let pause = before.as_ref().and_then(|sent| sent.pause).map_or(gone.pause, |pause| pause.min(gone.pause));
                // What was met is better news than what was not tried.
                let outcome = match before {
                    Some(before) if !gone.was_tried => before.outcome,
                    _ => gone.outcome,
                };
                away = Some(Sent { outcome, via: Some(gone.via), pause: Some(pause) });
            }
        }
    }
    away.unwrap_or_else(|| crate::mail::Outcome::put_off("no relay is configured").into())
}

fn network(relay: &RelaySettings) -> Result<Network, TransportError> {
    let plain = relay.tls == TlsMode::None;
    if plain && relay.host.parse::<IpAddr>().is_ok_and(|address| !address.is_loopback()) {
        return Err(TransportError::PlainAbroad(relay.host.clone()));
    }
    let to = Target::Name(relay.host.clone());
    Ok(Network { to, port: relay.port, loopback_only: plain, source: Source::default(), timeout: relay.timeout })
}

fn manner(relay: &RelaySettings) -> Result<Manner, TransportError> {
    let identity = relay.identity.as_ref().map(|(certificate, key)| (certificate.as_path(), key.as_path()));
    let tls = || Tls::new(&relay.host, relay.ca.as_deref().map(Path::new), identity);
    let security = match relay.tls {
        TlsMode::None => Security::Clear,
        TlsMode::Implicit => Security::Implicit(tls()?),
        TlsMode::StartTls => Security::StartTls(tls()?),
    };
    let login = relay.login.clone();
    Ok(Manner { host: relay.host.clone(), security, login, hello: relay.hello.clone(), timeout: relay.timeout })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use resetd_core::address::Mailbox;

    use super::*;
    use crate::mail::transport::smtp::Peer;
    use crate::mail::{Envelope, Outcome};

    fn settings(host: &str) -> RelaySettings {
        RelaySettings {
            host: host.into(),
            port: 25,
            tls: TlsMode::None,
            ca: None,
            identity: None,
            login: None,
            hello: "client.example".into(),
            timeout: Duration::from_secs(30),
            idle: Duration::from_secs(60),
        }
    }

    fn hop(peer: &Peer) -> Hop<Peer> {
        Hop::new(peer.clone(), manner(&settings("relay.example")).unwrap(), 4, Wear { idle: Duration::from_secs(60), mails: 10 })
    }

    fn mail() -> Prepared {
        let to = Mailbox::parse("jo@example.org").unwrap();
        let envelope =
            Envelope { from: "b@shop.example".into(), to, valid_since: None, envelope_id: String::new(), face: Default::default() };
        Prepared::new(&envelope, b"A: b\r\n\r\nc\r\n").unwrap()
    }

    const TAKEN: &str = "S: 220 hi\nC: EHLO client.example\nS: 250-x\nS: 250 PIPELINING\nC: MAIL FROM:<*\nC: RCPT TO:<*\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: (message)\nS: 250 ok\n";

    #[tokio::test(start_paused = true)]
    async fn the_next_one_where_the_first_is_away() {
        for first in ["", "S: 421 4.3.2 not now\n-- close\n", "-- close\n", "S: 554 5.7.1 your address is listed\n-- close\n", "-- stall\n"]
        {
            let (one, other) = (Peer::new(first), Peer::new(TAKEN));
            let sent = failover(&[hop(&one), hop(&other)], &mail()).await;
            assert!(matches!(sent.outcome, Outcome::Accepted(_)) && sent.pause.is_none(), "{first}: {sent:?}");
            assert_eq!((one.finished().await.len(), other.finished().await.len()), (0, 1), "{first}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_said_of_the_mail_stands() {
        let refused =
            TAKEN.replace("S: 250 ok\nS: 250 ok\nS: 354 go\nC: (message)\nS: 250 ok\n", "S: 250 ok\nS: 450 4.2.0 later\nS: 503 no\n");
        let (one, other) = (Peer::new(&refused), Peer::new(""));
        let sent = failover(&[hop(&one), hop(&other)], &mail()).await;
        assert!(matches!(&sent.outcome, Outcome::Deferred { reply: Some(reply), .. } if reply.code == 450), "{sent:?}");
        assert_eq!(sent.pause, None, "the relay is there");
    }

    /// After the dot the mail may be there: another relay would double it.
    #[tokio::test(start_paused = true)]
    async fn never_two_after_the_dot() {
        let dropped = TAKEN.replace("C: (message)\nS: 250 ok\n", "C: (message)\n-- close\n");
        let (one, other) = (Peer::new(&dropped), Peer::new(""));
        let sent = failover(&[hop(&one), hop(&other)], &mail()).await;
        assert!(matches!(&sent.outcome, Outcome::Deferred { detail, .. } if detail.contains("may be doubled")), "{sent:?}");
        other.finished().await;
    }

    #[tokio::test(start_paused = true)]
    async fn all_away_is_a_pause() {
        let hops = [hop(&Peer::new("-- close\n")), hop(&Peer::default())];
        let sent = failover(&hops, &mail()).await;
        assert_eq!(sent.pause, Some(Duration::from_millis(500)));
        let again = failover(&hops, &mail()).await;
        assert!(matches!(&again.outcome, Outcome::Deferred { detail, .. } if detail.contains("not tried")), "{again:?}");
        assert!(again.pause.is_some_and(|pause| pause <= Duration::from_millis(500)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_says_no_more_than_it_must_and_counts_for_nothing() {
        use crate::mail::{Obstacle, TlsState, Via};
        let good = Peer::new("S: 220 hi\nC: EHLO client.example\nS: 250 x\nC: QUIT\nS: 221 bye\n");
        let via = hop(&good).probe().await;
        assert_eq!(via, Ok(Via { host: "relay.example".into(), tls: Some(TlsState::Clear) }));
        good.finished().await;
        for (script, obstacle, detail) in [
            ("S: 554 5.7.1 your address is listed\n-- close\n", Obstacle::Welcome, "554 5.7.1 your address is listed"),
            ("S: 220 hi\nC: EHLO client.example\nS: 421 not now\n-- close\n", Obstacle::Other, "EHLO: 421"),
            ("", Obstacle::Silent, "greeting: took too long"),
            ("-- stall\n", Obstacle::Connection, "connecting to the server: took too long"),
            ("nobody", Obstacle::Connection, "connecting"),
        ] {
            let hop = hop(&if script == "nobody" { Peer::default() } else { Peer::new(script) });
            let hitch = hop.probe().await.unwrap_err();
            assert!(hitch.obstacle == obstacle && hitch.detail.contains(detail), "{script}: {hitch:?}");
            assert!(hop.is_cold(), "the circuit knows nothing of it");
        }
    }

    #[test]
    fn plain_text_stays_on_loopback() {
        assert!(matches!(network(&settings("192.0.2.1")), Err(TransportError::PlainAbroad(_))));
    }
}
