//! Straight to MX: a domain whose servers are dead or slow delays no other. What is slow here is so for ever, so that a mail that
//! waited for it would never come.

use resetd_tests::names::Fault;
use resetd_tests::sink::Manner;
use resetd_tests::{Network, Sink, Site};
use serde_json::json;

/// More than the connections there are.
const MANY: usize = 70;
const PATIENT: &str = "timeout = \"300s\"\n";

/// Asks for so many resets at `domain`; gives their ids.
fn requests(site: &Site, domain: &str, count: usize) -> Vec<String> {
    let email = |n| json!({ "email": format!("u{n}@{domain}") });
    (0..count).map(|n| site.request_with(&format!("u{n}-{domain}"), email(n))).collect()
}

/// Mails to a good domain arrive, one by one and in a burst, while all else stands still. The server is to live as long as the test:
/// the last reply may be on its way.
#[must_use]
fn arrives_beside(network: &Network, site: &Site) -> Sink {
    let good = network.server_of("good.example", "127.0.0.100");
    for n in 0..10 {
        let id = site.request_with(&format!("paced{n}"), json!({ "email": "ann@good.example" }));
        site.events().until(&id, "mail.sent");
    }
    requests(site, "good.example", MANY);
    good.until(10 + MANY);
    good
}

#[test]
fn a_domain_that_stalls_after_the_message() {
    let network = Network::new();
    let slow = network.server_of("slow.example", "127.0.0.2");
    slow.manner(Manner::Stall);
    let site = Site::with(&network.config(PATIENT));
    requests(&site, "slow.example", MANY);
    slow.until_stalled(10);
    let _good = arrives_beside(&network, &site);
    assert_eq!((slow.mails().len(), slow.dialled()), (0, 10), "as many connections as one domain may have");
    slow.go_on();
    slow.until(MANY);
    site.until_quiet();
}

#[test]
fn a_domain_whose_servers_say_nothing() {
    let network = Network::new();
    let mute = network.server_of("mute.example", "127.0.0.2");
    mute.manner(Manner::Mute);
    let site = Site::with(&network.config(PATIENT));
    requests(&site, "mute.example", MANY);
    mute.until_dialled(10);
    let _good = arrives_beside(&network, &site);
    mute.go_on();
    mute.until(MANY);
}

#[test]
fn a_domain_whose_names_are_slow() {
    let network = Network::new();
    network.names.fault("deaf.example MX", Fault::Silent);
    let site = Site::with(&network.config(PATIENT));
    requests(&site, "deaf.example", MANY);
    network.names.until_asked("deaf.example MX");
    let _good = arrives_beside(&network, &site);
}

#[test]
fn a_domain_that_is_not_there() {
    let network = Network::new();
    network.names.server("dead.example", 10, "mx.dead.example", "127.0.0.2");
    let site = Site::with(&network.config(PATIENT));
    let ids = requests(&site, "dead.example", MANY);
    site.events().until(&ids[0], "mail.deferred");
    let _good = arrives_beside(&network, &site);
    let back = network.open("127.0.0.2");
    back.until(MANY);
    site.until_quiet();
}

/// A dozen tarpits, each with more mail than it may have connections.
#[test]
fn many_domains_that_stall() {
    let network = Network::new();
    let slow = network.open("127.0.0.2");
    slow.manner(Manner::Stall);
    let site = Site::with(&network.config(PATIENT));
    for n in 0..12 {
        let domain = format!("slow{n}.example");
        network.names.server(&domain, 10, &format!("mx.{domain}"), "127.0.0.2");
        requests(&site, &domain, 20);
    }
    slow.until_stalled(12);
    let _good = arrives_beside(&network, &site);
    slow.go_on();
    slow.until(12 * 20);
    site.until_quiet();
}
