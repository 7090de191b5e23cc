//! Straight to MX: which server has the mail, and what becomes of it where names and servers are not as they should be.

use std::collections::BTreeSet;
use std::time::Duration;

use resetd_tests::names::{Fault, Names};
use resetd_tests::sink::Manner;
use resetd_tests::{Network, Sink, Site};
use serde_json::{Value, json};

/// Asks for a reset that is mailed to `account` at `domain`.
#[track_caller]
fn request(site: &Site, account: &str, domain: &str) -> String {
    site.request_with(account, json!({ "email": format!("{account}@{domain}") }))
}

/// `why` of the event that ended a mail to `domain` for good.
#[track_caller]
fn refused(site: &Site, domain: &str) -> String {
    let id = request(site, &format!("at-{domain}"), domain);
    let event = site.events().find(|event| event["reset"] == id && matches!(name(event), "mail.refused" | "mail.sent" | "mail.deferred"));
    assert_eq!(event["event"], "mail.refused", "{event}");
    assert_eq!(site.state(&id), "undeliverable");
    event["detail"]["why"].as_str().unwrap().to_owned()
}

/// `why` of the first event that put this reset's mail off.
#[track_caller]
fn deferred(site: &Site, id: &str) -> String {
    site.events().until(id, "mail.deferred")["detail"]["why"].as_str().unwrap().to_owned()
}

fn name(event: &Value) -> &str {
    event["event"].as_str().unwrap()
}

#[test]
fn the_preferred_server_has_it_and_equals_have_their_share() {
    let network = Network::new();
    let [one, two, three, four] = [2, 3, 4, 5].map(|n| network.open(&format!("127.0.0.{n}")));
    network.names.server("far.example", 20, "second.far.example", "127.0.0.3");
    network.names.server("far.example", 10, "first.far.example", "127.0.0.2");
    network.names.server("big.example", 10, "a.big.example", "127.0.0.4");
    network.names.server("big.example", 10, "b.big.example", "127.0.0.5");
    let site = Site::with(&network.config(""));
    for n in 0..10 {
        request(&site, &format!("far{n}"), "far.example");
    }
    for n in 0..40 {
        request(&site, &format!("big{n}"), "big.example");
    }
    site.until_quiet();
    assert_eq!((one.mails().len(), two.dialled()), (10, 0), "the preferred one has all");
    let shares = [three.mails().len(), four.mails().len()];
    assert!(shares.iter().sum::<usize>() == 40 && !shares.contains(&0), "{shares:?}");
}

#[test]
fn what_never_can_be_delivered_ends_at_once() {
    let network = Network::new();
    let here = network.open("127.0.0.2");
    network.names.mx("null.example", 0, ".");
    network.names.bare("bare.example");
    network.names.mx("self.example", 10, "out.shop.example");
    network.names.mx("wrong.example", 10, "no_host_.wrong.example");
    network.names.address("wrong.example", "127.0.0.2");
    let site = Site::with(&network.config(""));
    assert_eq!(refused(&site, "null.example"), "the domain takes no mail (null MX)");
    assert_eq!(refused(&site, "nowhere.example"), "the domain does not exist");
    assert_eq!(refused(&site, "bare.example"), "the domain has neither MX nor address records");
    assert_eq!(refused(&site, "self.example"), "the domain's mail comes to this very host, which does not take it");
    assert_eq!(refused(&site, "wrong.example"), "none of the domain's MX records names a server");
    assert_eq!(here.dialled(), 0);
}

#[test]
fn names_lead_there_in_many_ways() {
    let network = Network::new();
    let here = network.open("127.0.0.2");
    let names = &network.names;
    // No MX: the domain itself (RFC 5321 §5.1).
    names.address("plain.example", "127.0.0.2");
    // Another name for the domain, and for the server.
    names.cname("alias.example", "real.example");
    names.server("real.example", 10, "mx.real.example", "127.0.0.2");
    names.mx("far.example", 10, "mx.far.example");
    names.cname("mx.far.example", "host.provider.example");
    names.address("host.provider.example", "127.0.0.2");
    // Servers that are no names, that are not there, that go in circles: the one that is.
    names.mx("odd.example", 1, "127.0.0.2");
    names.mx("odd.example", 2, "no_host_.odd.example");
    names.mx("odd.example", 3, "missing.odd.example");
    names.mx("odd.example", 4, "bare.odd.example");
    names.bare("bare.odd.example");
    names.mx("odd.example", 5, "round.odd.example");
    names.cname("round.odd.example", "and-round.odd.example");
    names.cname("and-round.odd.example", "round.odd.example");
    names.server("odd.example", 6, "mx.odd.example", "127.0.0.2");
    let site = Site::with(&network.config(""));
    for domain in ["plain.example", "alias.example", "far.example", "odd.example", "PLAIN.example"] {
        let id = request(&site, &format!("at-{domain}"), domain);
        site.events().until(&id, "mail.sent");
    }
    assert_eq!(here.mails().len(), 5);
}

#[test]
fn ipv6_or_ipv4_whichever_is_there() {
    let network = Network::new();
    let names = &network.names;
    names.server("both.example", 10, "mx.both.example", "::1");
    names.address("mx.both.example", "127.0.0.2");
    names.server("six.example", 10, "mx.six.example", "::1");
    let four = network.open("127.0.0.2");
    let site = Site::with(&network.config(""));
    let id = request(&site, "four", "both.example");
    site.events().until(&id, "mail.sent");
    assert_eq!(four.mails().len(), 1, "nobody listens on ::1");
    let six = network.open("::1");
    let id = request(&site, "six", "six.example");
    site.events().until(&id, "mail.sent");
    assert_eq!(six.visits()[0].from.to_string(), "::1");
    // The name server does not answer for AAAA: what is known is enough.
    names.server("deaf.example", 10, "mx.deaf.example", "127.0.0.2");
    names.fault("mx.deaf.example AAAA", Fault::Silent);
    let id = request(&site, "deaf", "deaf.example");
    site.events().until(&id, "mail.sent");
}

#[test]
fn names_that_fail_are_no_negative_answer() {
    let network = Network::new();
    let here = network.open("127.0.0.2");
    let site = Site::with(&network.config(""));
    for (domain, what) in [("far.example", "far.example MX"), ("near.example", "*")] {
        network.names.server(domain, 10, "mx.far.example", "127.0.0.2");
        network.names.fault(what, Fault::Fails);
        let id = request(&site, domain, domain);
        let why = deferred(&site, &id);
        assert!(why.starts_with(&format!("DNS for {domain}: ")), "{why}");
        network.names.mend();
        site.events().until(&id, "mail.sent");
    }
    // Which server it is can be told, and where that is can't.
    network.names.server("other.example", 10, "mx.other.example", "127.0.0.2");
    network.names.fault("mx.other.example A", Fault::Fails);
    network.names.fault("mx.other.example AAAA", Fault::Fails);
    let id = request(&site, "server", "other.example");
    let why = deferred(&site, &id);
    assert!(why.starts_with("mx.other.example: DNS: "), "{why}");
    network.names.mend();
    site.events().until(&id, "mail.sent");
    assert_eq!(here.mails().len(), 3);
}

#[test]
fn silent_names_are_waited_for() {
    let network = Network::new();
    let here = network.server_of("far.example", "127.0.0.2");
    network.names.fault("*", Fault::Silent);
    let site = Site::with(&network.config(""));
    let id = request(&site, "ann", "far.example");
    let why = deferred(&site, &id);
    assert_eq!(why, "DNS for far.example: no answer in time");
    network.names.mend();
    site.events().until(&id, "mail.sent");
    assert_eq!(here.mails().len(), 1);
}

#[test]
fn slow_names_are_waited_for() {
    let network = Network::new();
    let here = network.server_of("far.example", "127.0.0.2");
    network.names.fault("far.example MX", Fault::Slow(Duration::from_secs(7)));
    let site = Site::with(&network.config(""));
    let id = request(&site, "ann", "far.example");
    assert_eq!(deferred(&site, &id), "DNS for far.example: no answer in time");
    network.names.fault("far.example MX", Fault::Slow(Duration::from_millis(500)));
    site.events().until(&id, "mail.sent");
    assert_eq!(here.mails().len(), 1);
}

#[test]
fn a_name_server_that_is_down_comes_back() {
    let mut network = Network::new();
    let here = network.open("127.0.0.2");
    let at = network.names.at();
    let site = Site::with(&network.config(""));
    network.names = Names::new();
    let id = request(&site, "ann", "far.example");
    let why = deferred(&site, &id);
    assert!(why.starts_with("DNS for far.example: "), "{why}");
    network.names = Names::on(at);
    network.names.server("far.example", 10, "mx.far.example", "127.0.0.2");
    site.events().until(&id, "mail.sent");
    assert_eq!(here.mails().len(), 1);
}

#[test]
fn mail_does_not_go_round() {
    let network = Network::new();
    let worse = network.open("127.0.0.3");
    let names = &network.names;
    names.server("backed.example", 10, "mx.backed.example", "127.0.0.2");
    names.server("backed.example", 20, "OUT.shop.example", "127.0.0.3");
    names.server("backed.example", 30, "third.backed.example", "127.0.0.3");
    let site = Site::with(&network.config(""));
    let id = request(&site, "ann", "backed.example");
    let why = deferred(&site, &id);
    assert!(why.starts_with("mx.backed.example: connecting"), "{why}");
    let here = network.open("127.0.0.2");
    site.events().until(&id, "mail.sent");
    assert_eq!((here.mails().len(), worse.dialled()), (1, 0));
}

#[test]
fn very_many_servers_are_not_all_tried() {
    let network = Network::new();
    // As many as one answer can carry: 64 KiB over TCP hold some 2,900, ten thousand do not fit.
    for n in 0..2800_u16 {
        network.names.mx("many.example", n, &format!("{n}.many.example"));
    }
    network.names.address("0.many.example", "127.0.0.2");
    let site = Site::with(&network.config(""));
    let id = request(&site, "ann", "many.example");
    let why = deferred(&site, &id);
    assert!(why.contains("many.example: "), "{why}");
    let asked = (0..2800).filter(|n| network.names.asked(&format!("{n}.many.example A")) > 0).count();
    assert!(asked <= 5, "{asked} servers were looked up");
    let here = network.open("127.0.0.2");
    site.events().until(&id, "mail.sent");
    assert_eq!(here.mails().len(), 1);
}

#[test]
fn neighbours_are_not_spoken_to() {
    let network = Network::new();
    let neighbour = network.server_of("far.example", "127.0.0.2");
    network.names.address("mx.far.example", "10.0.0.1");
    network.names.address("mx.far.example", "::1");
    network.names.address("mx.far.example", "::ffff:127.0.0.2");
    let site = Site::with(&network.config("private_addresses = false\n"));
    let id = request(&site, "ann", "far.example");
    assert_eq!(deferred(&site, &id), "mx.far.example: it has none but private addresses");
    assert_eq!(neighbour.dialled(), 0);
}

#[test]
fn the_second_server_where_the_first_is_away() {
    const GREETINGS: [&str; 4] = ["421 4.3.2 not now", "554 5.7.1 your address is listed", "garbage", ""];
    let network = Network::new();
    let sinks: Vec<(Sink, Sink)> = (0..=GREETINGS.len())
        .map(|n| {
            let domain = format!("d{n}.example");
            let [first, second] = [10 + 2 * n, 11 + 2 * n].map(|host| format!("127.0.0.{host}"));
            network.names.server(&domain, 10, &format!("first.{domain}"), &first);
            network.names.server(&domain, 20, &format!("second.{domain}"), &second);
            (network.open(&first), network.open(&second))
        })
        .collect();
    for ((first, _), greeting) in sinks.iter().zip(GREETINGS) {
        first.manner(Manner::Greet(greeting));
    }
    // One is not there at all, one says nothing.
    let mut sinks = sinks;
    let (gone, second) = sinks.pop().unwrap();
    drop(gone);
    sinks[3].0.manner(Manner::Mute);
    let site = Site::with(&network.config("timeout = \"1s\"\n"));
    for n in 0..=GREETINGS.len() {
        let id = request(&site, &format!("u{n}"), &format!("d{n}.example"));
        let sent = site.events().until(&id, "mail.sent");
        assert_eq!(sent["detail"]["via"], format!("second.d{n}.example"));
    }
    assert_eq!(second.mails().len(), 1);
    for (first, second) in &sinks {
        assert_eq!((first.mails().len(), second.mails().len()), (0, 1));
    }
}

#[test]
fn what_a_server_says_of_the_mail_is_not_asked_of_another() {
    let network = Network::new();
    network.names.server("far.example", 10, "first.far.example", "127.0.0.2");
    network.names.server("far.example", 20, "second.far.example", "127.0.0.3");
    let (first, second) = (network.open("127.0.0.2"), network.open("127.0.0.3"));
    let site = Site::with(&network.config(""));
    first.manner(Manner::Refuse);
    let id = request(&site, "ann", "far.example");
    let event = site.events().until(&id, "mail.refused");
    assert!(event["detail"]["reply"].as_str().unwrap().starts_with("550 5.1.1"), "{event}");
    first.manner(Manner::PutOff);
    let id = request(&site, "bob", "far.example");
    assert_eq!(deferred(&site, &id), "the server put the address off (450)");
    first.manner(Manner::Take);
    site.events().until(&id, "mail.sent");
    assert_eq!((first.mails().len(), second.dialled()), (1, 0));
}

#[test]
fn each_portal_has_its_own_face() {
    let network = Network::new();
    let here = network.server_of("far.example", "127.0.0.2");
    let config = network.config("source = [\"127.0.0.20\"]\n");
    let config = config
        .shop("hello = \"mail.shop.example\"\nsource = [\"127.0.0.21\"]")
        .portal("club", "")
        .portal("bar", "source = [\"127.0.0.22\"]");
    let site = Site::with(&config);
    for portal in ["shop", "club", "bar", "shop"] {
        let id = site.request_with(portal, json!({ "portal": portal, "email": "ann@far.example" }));
        site.events().until(&id, "mail.sent");
    }
    let faces: BTreeSet<(String, String)> = here.visits().into_iter().map(|visit| (visit.hello, visit.from.to_string())).collect();
    let face = |hello: &str, from: &str| (hello.to_owned(), from.to_owned());
    let own = [face("mail.shop.example", "127.0.0.21"), face("out.shop.example", "127.0.0.20"), face("out.shop.example", "127.0.0.22")];
    assert_eq!(faces.into_iter().collect::<Vec<_>>(), own);
    assert_eq!(here.dialled(), 3, "connections are kept, and not shared between faces");
}
