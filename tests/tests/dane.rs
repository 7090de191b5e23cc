//! Straight to MX where DNSSEC vouches for the names: Knot DNS with a root that it signs, and servers whose certificates are named
//! there, or are not.

use data_encoding::HEXLOWER;
use resetd_tests::knot::Denial;
use resetd_tests::sink::Tls;
use resetd_tests::{Authority, Knot, Network, Sink, Site};
use serde_json::{Value, json};

/// A signed zone, and mail servers at 127.0.0.10 and after it.
struct Signed {
    network: Network,
    zone: String,
    sinks: Vec<Sink>,
}

impl Signed {
    fn new() -> Self {
        Self { network: Network::new(), zone: String::new(), sinks: Vec::new() }
    }

    /// A domain with one server; `tlsa`: the data of its TLSA records. Gives the server's number.
    fn domain(&mut self, domain: &str, tls: Tls, tlsa: &[String]) -> usize {
        let address = self.next();
        self.zone.push_str(&format!("{domain}. 60 MX 10 mx.{domain}.\nmx.{domain}. 60 A {address}\n"));
        self.tlsa(&format!("mx.{domain}"), tlsa);
        self.open(&address, tls)
    }

    fn tlsa(&mut self, host: &str, tlsa: &[String]) {
        let port = self.network.port();
        tlsa.iter().for_each(|data| self.zone.push_str(&format!("_{port}._tcp.{host}. 60 TLSA {data}\n")));
    }

    fn next(&self) -> String {
        format!("127.0.0.{}", 10 + self.sinks.len())
    }

    fn open(&mut self, address: &str, tls: Tls) -> usize {
        let sink = self.network.open(address);
        sink.tls(tls);
        self.sinks.push(sink);
        self.sinks.len() - 1
    }

    fn sign(&self, unsigned: &str, denial: Denial) -> Option<Knot> {
        Knot::sign(&self.zone, unsigned, denial)
    }

    fn site(&self, knot: &Knot) -> Site {
        let anchor = format!("trust_anchor = \"{}\"\n", knot.anchor().display());
        Site::with(&self.network.config_asking(knot.at(), &anchor, "", "timeout = \"5s\"\n"))
    }

    fn taken(&self, number: usize) -> usize {
        self.sinks[number].mails().len()
    }
}

/// Asks for a reset that is mailed to `domain`, and waits for what becomes of its mail first.
#[track_caller]
fn first(site: &Site, domain: &str) -> Value {
    let id = site.request_with(&format!("at-{domain}"), json!({ "email": format!("ann@{domain}") }));
    site.events().find(|event| event["reset"] == id && event["event"].as_str().unwrap().starts_with("mail."))
}

#[track_caller]
fn assert_sent(event: &Value, tls: &str) {
    assert_eq!((&event["event"], &event["detail"]["tls"]), (&json!("mail.sent"), &json!(tls)), "{event}");
}

#[track_caller]
fn assert_waits(event: &Value, why: &str) {
    assert_eq!(event["event"], "mail.deferred", "{event}");
    assert!(event["detail"]["why"].as_str().unwrap().contains(why), "{event}");
}

fn sha256(octets: &[u8]) -> String {
    HEXLOWER.encode(ring::digest::digest(&ring::digest::SHA256, octets).as_ref())
}

#[test]
#[ignore = "needs knot"]
fn certificates_that_dns_names() {
    certificates_that_dns_names_by(Denial::Nsec);
    certificates_that_dns_names_by(Denial::Nsec3);
}

fn certificates_that_dns_names_by(denial: Denial) {
    let mut signed = Signed::new();
    let authority = Authority::new();
    let key = |name: &str| {
        let identity = authority.vouch(&[name]);
        (Tls::With(identity.config.clone()), sha256(&identity.public_key), sha256(&identity.certificate))
    };
    // DANE-EE by key; the name in the certificate counts for nothing.
    let (tls, own_key, _) = key("other.example");
    signed.domain("key.example", tls, &[format!("3 1 1 {own_key}")]);
    // By the whole certificate, beside one that was there before and one that is of no use.
    let (tls, _, whole) = key("mx.whole.example");
    signed.domain("whole.example", tls, &[format!("3 1 1 {own_key}"), format!("3 0 1 {whole}"), format!("1 1 1 {own_key}")]);
    // DANE-TA by the authority, for a certificate that holds the name.
    let (tls, ..) = key("mx.authority.example");
    signed.domain("authority.example", tls, &[format!("2 0 1 {}", sha256(&authority.der()))]);
    // Without MX records the domain is the server, and its own TLSA records count.
    let (tls, own_key, _) = key("alone.example");
    let address = signed.next();
    signed.zone.push_str(&format!("alone.example. 60 A {address}\n"));
    signed.tlsa("alone.example", &[format!("3 1 1 {own_key}")]);
    let alone = signed.open(&address, tls);
    // None that can be used: TLS with whatever certificate (RFC 7672 §2.2).
    let (tls, ..) = key("nobody.example");
    signed.domain("useless.example", tls, &[format!("0 0 1 {own_key}")]);
    // Signed, and no TLSA records.
    signed.domain("plain.example", Tls::None, &[]);
    let Some(mut knot) = signed.sign("", denial) else { return };
    knot.start();
    let site = signed.site(&knot);
    for domain in ["key.example", "whole.example", "authority.example", "alone.example"] {
        assert_sent(&first(&site, domain), "dane");
    }
    assert_eq!(signed.taken(alone), 1);
    assert_sent(&first(&site, "useless.example"), "unverified");
    assert_sent(&first(&site, "plain.example"), "none");
    let event = first(&site, "nowhere.example");
    assert_eq!((&event["event"], &event["detail"]["why"]), (&json!("mail.refused"), &json!("the domain does not exist")), "{event}");
}

#[test]
#[ignore = "needs knot"]
fn certificates_that_dns_does_not_name() {
    let mut signed = Signed::new();
    let (authority, other) = (Authority::new(), Authority::new());
    let wrong = format!("3 1 1 {}", sha256(b"another key"));
    let show = |name: &str| Tls::With(authority.vouch(&[name]).config);
    signed.domain("wrong.example", show("mx.wrong.example"), std::slice::from_ref(&wrong));
    signed.domain("clear.example", Tls::None, std::slice::from_ref(&wrong));
    signed.domain("broken.example", Tls::Broken, std::slice::from_ref(&wrong));
    signed.domain("useless.example", Tls::None, &[format!("0 0 1 {}", sha256(b"another key"))]);
    let by_authority = |authority: &Authority| vec![format!("2 0 1 {}", sha256(&authority.der()))];
    signed.domain("stranger.example", show("mx.stranger.example"), &by_authority(&other));
    signed.domain("name.example", show("elsewhere.example"), &by_authority(&authority));
    let Some(mut knot) = signed.sign("", Denial::Nsec) else { return };
    knot.start();
    let site = signed.site(&knot);
    for domain in ["wrong.example", "clear.example", "broken.example", "useless.example", "stranger.example", "name.example"] {
        let event = first(&site, domain);
        assert_waits(&event, "TLS");
        assert_eq!(event["detail"]["via"], format!("mx.{domain}"));
    }
    assert!(signed.sinks.iter().all(|sink| sink.mails().is_empty()));
}

#[test]
#[ignore = "needs knot"]
fn names_that_were_changed_behind_the_signatures() {
    names_that_were_changed_behind_the_signatures_by(Denial::Nsec);
    names_that_were_changed_behind_the_signatures_by(Denial::Nsec3);
}

fn names_that_were_changed_behind_the_signatures_by(denial: Denial) {
    let mut signed = Signed::new();
    let identity = Authority::new().vouch(&["mx"]);
    let right = format!("3 1 1 {}", sha256(&identity.public_key));
    let tls = Tls::With(identity.config);
    for domain in ["good.example", "tlsa.example", "mx.example", "no-mx.example", "no-tlsa.example"] {
        signed.domain(domain, tls.clone(), std::slice::from_ref(&right));
    }
    // Were its MX records gone, it would be its own server.
    let evil = signed.domain("evil.example", Tls::None, &[]);
    let here = format!("127.0.0.{}", 10 + evil);
    signed.zone.push_str(&format!("no-mx.example. 60 A {here}\n"));
    let Some(mut knot) = signed.sign("", denial) else { return };
    let (port, key) = (signed.network.port(), sha256(&identity.public_key).to_uppercase());
    knot.forge(
        &format!("_{port}._tcp.mx.tlsa.example. 60 TLSA 3 1 1 {key}"),
        &format!("_{port}._tcp.mx.tlsa.example. 60 TLSA 3 1 1 {}", sha256(b"x")),
    );
    knot.forge("mx.example. 60 MX 10 mx.mx.example.", "mx.example. 60 MX 10 mx.evil.example.");
    knot.forge("no-mx.example. 60 MX 10 mx.no-mx.example.\n", "");
    knot.forge(&format!("_{port}._tcp.mx.no-tlsa.example. 60 TLSA 3 1 1 {key}\n"), "");
    knot.start();
    let site = signed.site(&knot);
    assert_sent(&first(&site, "good.example"), "dane");
    for (domain, what) in [("mx", "DNSSEC"), ("no-mx", "DNSSEC"), ("tlsa", "TLSA"), ("no-tlsa", "TLSA")] {
        assert_waits(&first(&site, &format!("{domain}.example")), what);
    }
    assert_eq!(signed.sinks.iter().map(|sink| sink.mails().len()).sum::<usize>(), 1);
}

#[test]
#[ignore = "needs knot"]
fn names_that_nobody_vouches_for() {
    names_that_nobody_vouches_for_by(Denial::Nsec);
    names_that_nobody_vouches_for_by(Denial::Nsec3);
}

fn names_that_nobody_vouches_for_by(denial: Denial) {
    let mut signed = Signed::new();
    let address = signed.next();
    let sink = signed.open(&address, Tls::None);
    let port = signed.network.port();
    // It names a certificate; but so might anyone.
    let tlsa = format!("_{port}._tcp.mx.shop.unsigned.example. 60 TLSA 3 1 1 {}", sha256(b"x"));
    let unsigned = format!("shop.unsigned.example. 60 MX 10 mx.shop.unsigned.example.\nmx.shop.unsigned.example. 60 A {address}\n{tlsa}\n");
    let Some(mut knot) = signed.sign(&unsigned, denial) else { return };
    knot.start();
    let site = signed.site(&knot);
    assert_sent(&first(&site, "shop.unsigned.example"), "none");
    assert_eq!(signed.taken(sink), 1);
}

/// A name server that is down at first must not be taken for one that passes no signatures on.
#[test]
#[ignore = "needs knot"]
fn signatures_count_after_an_outage() {
    let mut signed = Signed::new();
    signed.domain("clear.example", Tls::None, &[format!("3 1 1 {}", sha256(b"x"))]);
    let Some(mut knot) = signed.sign("", Denial::Nsec) else { return };
    let site = signed.site(&knot);
    assert_waits(&first(&site, "clear.example"), "DNS");
    knot.start();
    let event = site.events().find(|event| event["event"] == "mail.sent" || event["detail"]["via"] == "mx.clear.example");
    assert_waits(&event, "STARTTLS");
}
