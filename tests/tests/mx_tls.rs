//! Straight to MX: how connections are protected, and when no mail goes out because they are not.

use resetd_tests::policies::Policies;
use resetd_tests::sink::Tls;
use resetd_tests::{Authority, Config, Network, Sink, Site};
use serde_json::{Value, json};

/// Asks for a reset of `account` and waits for what becomes of its mail first.
#[track_caller]
fn first(site: &Site, account: &str) -> Value {
    let id = site.request_with(account, json!({ "email": format!("{account}@far.example") }));
    site.events().find(|event| event["reset"] == id && event["event"].as_str().unwrap().starts_with("mail."))
}

#[track_caller]
fn assert_sent(event: &Value, tls: &str) {
    assert_eq!((&event["event"], &event["detail"]["tls"]), (&json!("mail.sent"), &json!(tls)), "{event}");
}

/// It was put off, for this reason.
#[track_caller]
fn assert_waits(event: &Value, why: &str) {
    assert_eq!(event["event"], "mail.deferred", "{event}");
    assert!(event["detail"]["why"].as_str().unwrap().contains(why), "{event}");
}

#[test]
fn tls_wherever_it_is_offered() {
    let network = Network::new();
    let sink = network.server_of("far.example", "127.0.0.2");
    let site = Site::with(&network.config("idle = \"1s\"\n"));
    assert_sent(&first(&site, "clear"), "none");
    drop(sink);
    // A certificate from nobody, for another name: it keeps out who listens.
    let sink = reopened(&network, &Tls::With(Authority::new().vouch(&["other.example"]).config));
    assert_sent(&first(&site, "secret"), "unverified");
    assert_eq!((sink.mails().len(), sink.visits().last().unwrap().tls), (1, true));
}

#[test]
fn broken_tls_is_done_without_until_tls_was_seen() {
    let network = Network::new();
    let sink = network.server_of("far.example", "127.0.0.2");
    sink.tls(Tls::Broken);
    let site = Site::with(&network.config("idle = \"1s\"\n"));
    assert_sent(&first(&site, "first"), "failed");
    drop(sink);
    let good = Tls::With(Authority::new().vouch(&["mx.far.example"]).config);
    let sink = reopened(&network, &good);
    assert_sent(&first(&site, "second"), "unverified");
    drop(sink);
    for worse in [Tls::Broken, Tls::None] {
        // A new server, so that no connection is warm.
        let sink = reopened(&network, &worse);
        assert_waits(&first(&site, "later"), "TLS");
        assert_eq!(sink.mails().len(), 0, "never without again");
    }
    let sink = reopened(&network, &good);
    site.until_quiet();
    assert_eq!(sink.mails().len(), 2);
    assert!(sink.visits().iter().any(|visit| visit.tls));
}

/// Another server in the place of the one before.
fn reopened(network: &Network, tls: &Tls) -> Sink {
    let sink = network.open("127.0.0.2");
    sink.tls(tls.clone());
    sink
}

#[test]
fn tls_may_be_required() {
    let network = Network::new();
    let sink = network.server_of("far.example", "127.0.0.2");
    let site = Site::with(&network.config("require_tls = true\n"));
    assert_waits(&first(&site, "ann"), "STARTTLS");
    assert_eq!(sink.mails().len(), 0);
    sink.tls(Tls::With(Authority::new().vouch(&["mx.far.example"]).config));
    site.until_quiet();
    assert_eq!(sink.mails().len(), 1);
}

/// A domain with an MTA-STS policy, and a site that trusts `authority`.
struct Strict {
    network: Network,
    authority: Authority,
    policies: Policies,
    sink: Sink,
}

impl Strict {
    fn new(mode: &str, mx: &str) -> Self {
        let (network, authority) = (Network::new(), Authority::new());
        let policies = Policies::new(&authority.vouch(&["mta-sts.far.example"]).config, &policy(mode, mx));
        network.names.address("mta-sts.far.example", "127.0.0.1");
        network.names.txt("_mta-sts.far.example", "v=STSv1; id=1;");
        let sink = network.server_of("far.example", "127.0.0.2");
        Self { network, authority, policies, sink }
    }

    fn config(&self) -> Config {
        self.network.config(&format!("ca = \"{{dir}}/ca.pem\"\npolicy_port = {}\ntimeout = \"5s\"\n", self.policies.port()))
    }

    fn site(&self) -> Site {
        let mut site = Site::unstarted(&self.config());
        std::fs::write(site.path().join("ca.pem"), self.authority.pem()).unwrap();
        site.start();
        site
    }

    /// The server shows a certificate for this name, from this authority.
    fn show(&self, authority: &Authority, name: &str) {
        self.sink.tls(Tls::With(authority.vouch(&[name]).config));
    }
}

fn policy(mode: &str, mx: &str) -> String {
    format!("version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: 86400\n")
}

#[test]
fn a_policy_is_kept_to() {
    let strict = Strict::new("enforce", "*.far.example");
    let site = strict.site();
    // No TLS, a certificate from nobody, one for another name: nothing leaves.
    assert_waits(&first(&site, "clear"), "STARTTLS");
    strict.show(&Authority::new(), "mx.far.example");
    assert_waits(&first(&site, "nobody"), "TLS");
    strict.show(&strict.authority, "other.example");
    assert_waits(&first(&site, "other"), "TLS");
    assert_eq!(strict.sink.mails().len(), 0);
    strict.show(&strict.authority, "mx.far.example");
    site.until_quiet();
    assert_sent(&first(&site, "ann"), "mta-sts");
    assert_eq!((strict.sink.mails().len(), strict.policies.fetched()), (4, 1), "the policy is kept");
    // Whoever hides it changes nothing.
    strict.network.names.forget("_mta-sts.far.example");
    assert_sent(&first(&site, "bob"), "mta-sts");
}

#[test]
fn servers_that_a_policy_does_not_name_have_nothing() {
    let strict = Strict::new("enforce", "mx.far.example");
    strict.network.names.server("far.example", 1, "evil.example", "127.0.0.3");
    let evil = strict.network.open("127.0.0.3");
    evil.tls(Tls::With(strict.authority.vouch(&["evil.example"]).config));
    strict.show(&strict.authority, "mx.far.example");
    let site = strict.site();
    assert_sent(&first(&site, "ann"), "mta-sts");
    assert_eq!((strict.sink.mails().len(), evil.dialled()), (1, 0), "the one that is named");
    let other = Strict::new("enforce", "elsewhere.example");
    other.show(&other.authority, "mx.far.example");
    let site = other.site();
    assert_waits(&first(&site, "ann"), "the domain's MTA-STS policy does not name it");
    assert_eq!(other.sink.dialled(), 0);
}

#[test]
fn what_is_only_tested_or_not_a_policy_holds_nothing_up() {
    for (mode, mx) in [("testing", "elsewhere.example"), ("none", "elsewhere.example"), ("enforce", ""), ("guard", "mx.far.example")] {
        let strict = Strict::new(mode, mx);
        assert_sent(&first(&strict.site(), "ann"), "none");
    }
    // A redirect is not followed, a certificate from nobody not believed, a record of another version not looked up.
    let strict = Strict::new("enforce", "elsewhere.example");
    strict.policies.answer("HTTP/1.1 302 Found\r\nLocation: /.well-known/mta-sts.txt\r\nContent-Length: 0\r\n\r\n");
    assert_sent(&first(&strict.site(), "ann"), "none");
    let mut strict = Strict::new("enforce", "elsewhere.example");
    strict.policies = Policies::new(&Authority::new().vouch(&["mta-sts.far.example"]).config, &policy("enforce", "elsewhere.example"));
    assert_sent(&first(&strict.site(), "ann"), "none");
    assert_eq!(strict.policies.fetched(), 0);
    let strict = Strict::new("enforce", "elsewhere.example");
    strict.network.names.txt("_mta-sts.far.example", "v=STSv2; id=1;");
    assert_sent(&first(&strict.site(), "ann"), "none");
    assert_eq!(strict.policies.fetched(), 0);
}

/// Mails that come while the policy is fetched must not slip past it.
#[test]
fn mails_wait_for_the_policy() {
    let strict = Strict::new("enforce", "mx.far.example");
    strict.policies.hold();
    let site = strict.site();
    let ask = |account: &str| site.request_with(account, json!({ "email": format!("{account}@far.example") }));
    let one = ask("one");
    strict.policies.until_waiting(1);
    let other = ask("other");
    // Its turn has come when this one, which goes elsewhere and was asked for later, has been sent.
    let near = strict.network.server_of("near.example", "127.0.0.3");
    let id = site.request_with("near", json!({ "email": "near@near.example" }));
    site.events().until(&id, "mail.sent");
    strict.policies.go_on();
    for id in [&one, &other] {
        let event = site.events().find(|event| event["reset"] == **id && event["event"].as_str().unwrap().starts_with("mail."));
        assert_waits(&event, "STARTTLS");
    }
    assert_eq!((strict.sink.mails().len(), near.mails().len(), strict.policies.fetched()), (0, 1, 1));
}

#[test]
fn a_policy_host_that_never_answers_holds_up_no_other_domain() {
    let strict = Strict::new("enforce", "mx.far.example");
    strict.policies.hold();
    let site = strict.site();
    site.request_with("one", json!({ "email": "one@far.example" }));
    strict.policies.until_waiting(1);
    let near = strict.network.server_of("near.example", "127.0.0.3");
    let id = site.request_with("near", json!({ "email": "near@near.example" }));
    site.events().until(&id, "mail.sent");
    assert_eq!((near.mails().len(), strict.sink.mails().len()), (1, 0));
    // In the end it is done without.
    strict.sink.until(1);
}
