//! `resetctl doctor`, asked by an administrator: what is right is called right, and each thing that is wrong is found and its cure said.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use resetd_tests::names::{Fault, Names};
use resetd_tests::sink::{Manner, Tls};
use resetd_tests::{Authority, Config, Network, Sink, Site, daemon, program};
use serde_json::{Value, json};

/// What it found, and how it ended.
struct Report {
    items: Vec<Value>,
    code: i32,
}

impl Report {
    /// The findings of one check.
    fn of(&self, check: &str) -> Vec<&Value> {
        self.items.iter().filter(|one| one["check"] == check).collect()
    }

    /// The one finding of a check.
    #[track_caller]
    fn one(&self, check: &str) -> &Value {
        let found = self.of(check);
        assert_eq!(found.len(), 1, "{check}: {:#?}", self.items);
        found[0]
    }

    /// A finding of this check, in this state, with these words in what was found and in the cure.
    #[track_caller]
    fn assert(&self, check: &str, state: &str, found: &str, cure: &str) {
        let has = |one: &&Value, key: &str, words: &str| one[key].as_str().unwrap_or_default().contains(words);
        let right = self.of(check).into_iter().any(|one| one["state"] == state && has(&one, "found", found) && has(&one, "cure", cure));
        assert!(right, "{check} {state} {found:?} {cure:?}: {:#?}", self.of(check));
    }
}

fn resetctl(site: &Site, arguments: &[&str]) -> (String, i32) {
    let mut command = Command::new(daemon::program("resetctl"));
    command.arg("--socket").arg(site.socket()).args(arguments).current_dir(site.path());
    let output = command.output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

#[track_caller]
fn doctor(site: &Site, arguments: &[&str]) -> Report {
    let config = site.path().join("resetd.toml");
    let (text, code) = resetctl(site, &[&["--json", "doctor", "--config", config.to_str().unwrap()], arguments].concat());
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
    Report { items: report["items"].as_array().unwrap().clone(), code }
}

/// Both keys of shop.example, made by the command that makes them; gives the lines of `[sending]`.
fn keys(site: &Site) -> String {
    let (text, code) = resetctl(site, &["--json", "dkim", "generate", "--domain", "shop.example", "--selector", "m1", "--out", "dkim.pem"]);
    assert_eq!(code, 0, "{text}");
    let made: Value = serde_json::from_str(&text).unwrap();
    let section = |key: &Value| {
        let (selector, file) = (key["selector"].as_str().unwrap(), key["file"].as_str().unwrap());
        format!("[[sending.dkim]]\ndomain = \"shop.example\"\nselector = \"{selector}\"\nkey_file = \"{{dir}}/{file}\"\n")
    };
    made["items"].as_array().unwrap().iter().map(section).collect()
}

/// Publishes what `resetctl dkim record` prints for both.
fn publish_keys(site: &Site, names: &Names) {
    for (file, selector) in [("dkim-rsa.pem", "m1-rsa"), ("dkim-ed.pem", "m1-ed")] {
        let (text, _) = resetctl(site, &["--json", "dkim", "record", "--key", file, "--domain", "shop.example", "--selector", selector]);
        let record: Value = serde_json::from_str(&text).unwrap();
        names.txt(record["name"].as_str().unwrap(), record["value"].as_str().unwrap());
    }
}

/// A site that sends straight to MX, with all that it should have, and its own domain's server. Reverse DNS of loopback addresses is
/// never asked for, so it has the address of its EHLO name as far as anybody knows.
fn healthy() -> (Network, Site, Sink) {
    healthy_with("")
}

/// With further lines of `[sending.mx]`.
fn healthy_with(mx: &str) -> (Network, Site, Sink) {
    let network = Network::new();
    let mut site = Site::unstarted(&Config::new());
    let keys = keys(&site);
    site.configure(&network.config(&format!("dane = false\nmta_sts = false\n{mx}{keys}")));
    publish_keys(&site, &network.names);
    let sink = network.server_of("shop.example", "127.0.0.2");
    network.names.server("in.shop.example", 10, "mx.in.shop.example", "127.0.0.3");
    network.names.txt("in.shop.example", "v=spf1 ip4:10.0.0.9 -all");
    network.names.txt("_dmarc.shop.example", "v=DMARC1; p=reject");
    network.names.address("out.shop.example", "10.0.0.9");
    network.names.reverse("10.0.0.9", "out.shop.example");
    site.start();
    (network, site, sink)
}

/// The checks that the daemon makes.
const CHECKS: [&str; 8] = ["port 25", "reverse DNS", "DNSSEC", "way back", "TLS inwards", "SPF", "DKIM", "DMARC"];

#[test]
fn what_is_right_is_called_right() {
    let (_network, site, sink) = healthy();
    let report = doctor(&site, &[]);
    for check in CHECKS {
        let found = report.of(check);
        assert!(!found.is_empty() && found.iter().all(|one| one["state"] == "ok"), "{check}: {:#?}", report.items);
    }
    assert_eq!(report.of("DKIM").len(), 2, "RSA and Ed25519");
    report.assert("port 25", "ok", "mx.shop.example", "");
    report.assert("SPF", "ok", "it names 10.0.0.9", "");
    report.assert("DMARC", "ok", "by DKIM, and by SPF of in.shop.example", "");
    assert_eq!(report.one("SPF")["portal"], "shop");
    assert_eq!(sink.mails().len(), 0, "nobody asked for a test mail");
    assert_eq!(sink.visits()[0].hello, "out.shop.example");
    let config = site.path().join("resetd.toml");
    let (text, _) = resetctl(&site, &["doctor", "--config", config.to_str().unwrap()]);
    assert!(text.contains("ok    SPF            in.shop.example: v=spf1 ip4:10.0.0.9 -all; it names 10.0.0.9\n"), "{text}");
}

#[test]
fn each_wrong_record_is_found() {
    let (network, site, _sink) = healthy();
    let names = &network.names;
    let spf = |text: &str| names.txt("in.shop.example", text);

    spf("something else");
    doctor(&site, &[]).assert("SPF", "fail", "no SPF record", "in.shop.example. IN TXT \"v=spf1 ip4:10.0.0.9 -all\"");
    spf("v=spf1 ip4:10.0.0.9 -all");
    names.another_txt("in.shop.example", "v=spf1 mx -all");
    let report = doctor(&site, &[]);
    report.assert("SPF", "fail", "2 SPF records", "into one");
    assert_eq!(report.code, 1);
    spf("v=spf1 ip4:192.0.2.1 -all");
    doctor(&site, &[]).assert("SPF", "warn", "refuses 10.0.0.9", "add ip4:10.0.0.9");
    spf("v=spf1 ip4:192.0.2.1 ~all");
    doctor(&site, &[]).assert("SPF", "warn", "refuses 10.0.0.9", "add ip4:10.0.0.9");
    spf("v=spf1 ip4:192.0.2.1");
    doctor(&site, &[]).assert("SPF", "warn", "does not name 10.0.0.9", "add ip4:10.0.0.9");
    spf("v=spf1 ip4:10.0.0.9 ?all");
    doctor(&site, &[]).assert("SPF", "warn", "says nothing of others", "-all");
    spf("v=spf1 +all");
    doctor(&site, &[]).assert("SPF", "fail", "lets everybody send", "-all");
    spf("v=spf1 include:nowhere.example -all");
    doctor(&site, &[]).assert("SPF", "fail", "permerror", "RFC 7208");
    spf("v=spf1 ip4 -all");
    doctor(&site, &[]).assert("SPF", "fail", "can't be read", "");
    names.txt("_spf.shop.example", "v=spf1 ip4:10.0.0.0/28 -all");
    spf("v=spf1 include:_spf.shop.example -all");
    doctor(&site, &[]).assert("SPF", "ok", "it names 10.0.0.9", "");

    let name = "m1-rsa._domainkey.shop.example";
    names.txt(name, "v=DKIM1; k=rsa; p=");
    doctor(&site, &[]).assert("DKIM", "fail", "is revoked", "m1-rsa._domainkey.shop.example. IN TXT \"v=DKIM1; k=rsa; p=MII");
    names.txt(name, "v=spf1 -all");
    doctor(&site, &[]).assert("DKIM", "fail", "no receiver can verify with", "publish:");
    let (other, _) =
        resetctl(&site, &["--json", "dkim", "generate", "--domain", "a.example", "--selector", "s", "--algorithm", "rsa", "--out", "o"]);
    let other: Value = serde_json::from_str(&other).unwrap();
    names.txt(name, other["items"][0]["value"].as_str().unwrap());
    doctor(&site, &[]).assert("DKIM", "fail", "another key", "publish:");
    names.forget(name);
    let report = doctor(&site, &[]);
    report.assert("DKIM", "fail", "is not published", "publish:");
    report.assert("DKIM", "ok", "m1-ed._domainkey.shop.example is published and fits", "");
    report.assert("DMARC", "ok", "by DKIM", "");

    names.forget("m1-ed._domainkey.shop.example");
    doctor(&site, &[]).assert("DMARC", "ok", "by SPF of in.shop.example, if it passes", "");
    // Strict alignment: the bounces' subdomain is not the sender's.
    names.txt("_dmarc.shop.example", "v=DMARC1; p=quarantine; aspf=s");
    doctor(&site, &[]).assert("DMARC", "fail", "p=quarantine, and nothing here is for it", "bounce_to");
    names.txt("_dmarc.shop.example", "v=DMARC1; p=none; aspf=s");
    doctor(&site, &[]).assert("DMARC", "warn", "nothing here is for it", "bounce_to");
    names.another_txt("_dmarc.shop.example", "v=DMARC1; p=reject");
    doctor(&site, &[]).assert("DMARC", "fail", "several DMARC records", "leave one");
    names.forget("_dmarc.shop.example");
    doctor(&site, &[]).assert("DMARC", "warn", "no DMARC record", "_dmarc.shop.example. IN TXT");

    names.forget("9.0.0.10.in-addr.arpa");
    doctor(&site, &[]).assert("reverse DNS", "fail", "10.0.0.9 has no name", "out.shop.example");
    names.reverse("10.0.0.9", "nine.provider.example");
    doctor(&site, &[]).assert("reverse DNS", "fail", "does not lead back", "out.shop.example");
    names.address("nine.provider.example", "10.0.0.9");
    doctor(&site, &[]).assert("reverse DNS", "warn", "but we say out.shop.example", "to nine.provider.example");

    names.txt("_mta-sts.in.shop.example", "v=STSv1; id=1");
    doctor(&site, &[]).assert("TLS inwards", "warn", "no TLS-RPT", "_smtp._tls.in.shop.example");
    names.forget("in.shop.example");
    doctor(&site, &[]).assert("way back", "fail", "neither MX nor address", "MX record of in.shop.example");
    names.mx("in.shop.example", 0, ".");
    doctor(&site, &[]).assert("way back", "fail", "null MX", "MX record");
}

#[test]
fn an_address_that_was_configured_has_to_be_in_spf() {
    let (network, site, sink) = healthy_with("source = [\"127.0.0.9\"]\n");
    let report = doctor(&site, &[]);
    report.assert("SPF", "fail", "refuses 127.0.0.9, which we send from", "add ip4:127.0.0.9");
    assert_eq!(sink.visits()[0].from.to_string(), "127.0.0.9");
    network.names.txt("in.shop.example", "v=spf1 ip4:127.0.0.9 -all");
    doctor(&site, &[]).assert("SPF", "ok", "it names 127.0.0.9", "");
}

#[test]
fn a_name_server_that_fails_is_no_fault_of_the_domain() {
    let (network, site, _sink) = healthy();
    network.names.fault("in.shop.example TXT", Fault::Fails);
    network.names.fault("_dmarc.shop.example", Fault::Fails);
    let report = doctor(&site, &[]);
    report.assert("SPF", "warn", "can't be looked up now", "ask again");
    report.assert("DMARC", "warn", "can't be looked up now", "ask again");
    assert!(report.items.iter().all(|one| one["check"] == "clock" || one["state"] != "fail"), "{:#?}", report.items);
    network.names.fault("out.shop.example", Fault::Fails);
    doctor(&site, &[]).assert("reverse DNS", "warn", "the address of out.shop.example", "ask again");
    network.names.fault("*", Fault::Silent);
    let report = doctor(&site, &[]);
    report.assert("DNS", "fail", "no answer in time", "[dns] servers");
    assert_eq!((report.code, report.of("SPF").len()), (1, 0));
}

#[test]
fn nobody_to_be_reached_on_port_25() {
    let (_network, site, sink) = healthy();
    sink.manner(Manner::Greet("554 5.7.1 you are on a list"));
    doctor(&site, &[]).assert("port 25", "fail", "554 5.7.1 you are on a list", "block list");
    drop(sink);
    doctor(&site, &[]).assert("port 25", "fail", "mx.shop.example (for shop.example): connecting", "port 25 open");
    let network = Network::new();
    let site = Site::with(&network.config(""));
    let report = doctor(&site, &[]);
    report.assert("port 25", "warn", "none of the portals' own domains", "--send-to");
    report.assert("reverse DNS", "fail", "out.shop.example, which we say in EHLO, has no address", "hello");
    report.assert("DNSSEC", "warn", "does not pass signatures on", "[dns]");
    report.assert("DKIM", "warn", "go out unsigned", "dkim generate");
}

#[test]
fn a_test_mail_goes_the_real_way() {
    let (network, site, _sink) = healthy();
    let far = network.server_of("far.example", "127.0.0.4");
    far.tls(Tls::With(Authority::new().vouch(&["mx.far.example"]).config));
    let report = doctor(&site, &["--portal", "shop", "--send-to", "jo@far.example"]);
    let found = report.one("test mail")["found"].as_str().unwrap();
    assert!(found.starts_with("taken by mx.far.example (TLS: unverified): 250"), "{found}");
    assert!(found.contains("Authentication-Results"), "{found}");
    let [mail] = &far.mails()[..] else { panic!("{:?}", far.mails().len()) };
    assert_eq!(mail.to, "jo@far.example");
    assert!(mail.from.starts_with("reply+") && mail.from.ends_with("@in.shop.example"), "{}", mail.from);
    assert_eq!(mail.subject(), "Test mail of resetd for Example shop");
    assert_eq!(mail.sender(), "no-reply@shop.example");
    assert!(!mail.has_secret() && mail.text().contains("This is a test mail of resetd for Example shop."), "{}", mail.text());
    assert_eq!(String::from_utf8_lossy(&mail.raw).matches("DKIM-Signature:").count(), 2);
    assert!(!site.log().contains("jo@far.example"), "an address in the log");

    far.manner(Manner::Refuse);
    doctor(&site, &["--send-to", "jo@far.example"]).assert("test mail", "fail", "550 5.1.1", "words say why");
    far.manner(Manner::PutOff);
    doctor(&site, &["--send-to", "jo@far.example"]).assert("test mail", "fail", "450 4.2.0", "greylisting");
    doctor(&site, &["--send-to", "jo"]).assert("the way out", "fail", "no test mail was sent", "");
    doctor(&site, &["--portal", "no"]).assert("the way out", "fail", "must be a configured portal", "");
}

#[test]
fn with_several_portals_a_test_mail_needs_one() {
    let sink = Sink::new();
    let site = Site::with(&Config::new().portal("club", "").relay(sink.port()));
    let body = |portal: Value| json!({ "portal": portal, "send_to": "jo@far.example" });
    let problem = site.client().post("/v1/examine", &body(Value::Null)).expect(400).json();
    assert_eq!(problem["field"], "portal");
    assert_eq!(sink.mails().len(), 0);
    let found = site.client().post("/v1/examine", &body(json!("club"))).expect(200).json();
    let portals: Vec<&Value> =
        found["items"].as_array().unwrap().iter().map(|one| &one["portal"]).filter(|portal| !portal.is_null()).collect();
    assert!(!portals.is_empty() && portals.iter().all(|portal| *portal == "club"), "{portals:?}");
    assert_eq!(sink.mails()[0].sender(), "no-reply@club.example");
}

/// A site with a relay on loopback that speaks TLS. `more`: further lines of `[sending.relay]`.
fn with_relay(sink: &Sink, trusted: &str, names: &Names, more: &str) -> Site {
    let lines =
        format!("[sending.relay]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"starttls\"\nca = \"{{dir}}/ca.pem\"\n{more}", sink.port());
    let config = Config::new().sending(&lines).more(&format!("[dns]\nservers = [\"{}\"]\n", names.at()));
    let mut site = Site::unstarted(&config);
    fs::write(site.path().join("ca.pem"), trusted).unwrap();
    let password = site.path().join("password");
    fs::write(&password, "secret-of-relay").unwrap();
    fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
    site.start();
    site
}

const LOGIN: &str = "[sending.relay.login]\nuser = \"shop\"\npassword_file = \"{dir}/password\"\n";

#[test]
fn a_relay_is_tried_up_to_its_login() {
    let (sink, names, authority) = (Sink::new(), Names::new(), Authority::new());
    sink.tls(Tls::With(authority.vouch(&["127.0.0.1"]).config));
    let site = with_relay(&sink, &authority.pem(), &names, LOGIN);
    doctor(&site, &[]).assert("relay", "fail", "AUTH: the server offers neither PLAIN nor LOGIN", "take [sending.relay.login] out");
    sink.login("shop", "another");
    let report = doctor(&site, &[]);
    report.assert("relay", "fail", "AUTH: 535 5.7.8 wrong user or password", "user or password are wrong");
    assert_eq!(report.code, 1);
    assert!(report.of("sending").is_empty(), "the port was not tried from here");
    sink.login("shop", "secret-of-relay");
    let report = doctor(&site, &[]);
    report.assert("relay", "ok", "with TLS and a certificate that is right, and takes the login of shop", "");
    // A relay's own address says nothing of what it sends from, and it may sign itself.
    report.assert("DKIM", "ok", "the relay has to do it", "");
    assert!(report.items.iter().all(|one| !one.to_string().contains("secret-of-relay")));
    assert!(!site.log().contains("secret-of-relay"));
    drop(sink);
    doctor(&site, &[]).assert("relay", "fail", "connecting", "firewall");
}

#[test]
fn trouble_with_a_relays_certificate_is_told_apart() {
    let (names, authority, stranger) = (Names::new(), Authority::new(), Authority::new());
    for (tls, found, cure) in [
        (Tls::None, "STARTTLS", "implicit"),
        (Tls::Broken, "TLS with the server", "TLS 1.2"),
        (Tls::With(authority.vouch_until(&["127.0.0.1"], 2020).config), "expired", "out of date"),
        (Tls::With(authority.vouch(&["relay.example"]).config), "not valid for", "stands in the certificate"),
        (Tls::With(stranger.vouch(&["127.0.0.1"]).config), "invalid peer certificate", "`ca` must name the authority"),
    ] {
        let sink = Sink::new();
        sink.tls(tls);
        let site = with_relay(&sink, &authority.pem(), &names, "");
        doctor(&site, &[]).assert("relay", "fail", found, cure);
    }
}

#[test]
fn without_a_daemon_it_says_so_and_looks_at_the_rest() {
    let sink = Sink::new();
    let site = Site::unstarted(&Config::new().relay(sink.port()));
    let report = doctor(&site, &["--send-to", "jo@far.example"]);
    assert_eq!(report.code, 1);
    assert_eq!(report.one("daemon")["state"], "fail");
    report.assert("configuration", "ok", "is right", "");
    report.assert("the way out", "warn", "no test mail was sent", "the daemon has to run");
    report.assert("sending", "ok", "answers", "");
    assert!(report.of("SPF").is_empty());
}

#[test]
#[ignore = "needs python3-dkim and python3-nacl"]
fn dkimpy_verifies_both_signatures() {
    let Some(python) = debian_python() else { return };
    let (network, site, _sink) = healthy();
    let far = network.server_of("far.example", "127.0.0.4");
    let id = site.request_with("ann", json!({ "email": "ann@far.example" }));
    site.events().until(&id, "mail.sent");
    doctor(&site, &["--send-to", "jo@far.example"]).assert("test mail", "ok", "taken", "");
    let records: Value = [("dkim-rsa.pem", "m1-rsa"), ("dkim-ed.pem", "m1-ed")]
        .map(|(file, selector)| {
            let (text, _) =
                resetctl(&site, &["--json", "dkim", "record", "--key", file, "--domain", "shop.example", "--selector", selector]);
            let record: Value = serde_json::from_str(&text).unwrap();
            (record["name"].as_str().unwrap().to_owned(), record["value"].clone())
        })
        .into_iter()
        .collect::<serde_json::Map<_, _>>()
        .into();
    fs::write(site.path().join("records"), records.to_string()).unwrap();
    let mails = far.mails();
    assert_eq!(mails.len(), 2, "a reset mail and a test mail");
    for mail in mails {
        fs::write(site.path().join("mail"), &mail.raw).unwrap();
        assert_eq!(verified(&python, site.path()), "rsa-sha256 True\ned25519-sha256 True\n");
        let changed = String::from_utf8(mail.raw).unwrap().replacen("Subject: ", "Subject: Re: ", 1);
        fs::write(site.path().join("mail"), changed).unwrap();
        assert_eq!(verified(&python, site.path()), "rsa-sha256 False\ned25519-sha256 False\n");
    }
}

/// Debian's own, whose packages they are.
fn debian_python() -> Option<std::path::PathBuf> {
    let python = Path::new("/usr/bin/python3");
    let has = Command::new(python).args(["-c", "import dkim, nacl"]).output().is_ok_and(|output| output.status.success());
    if !has {
        println!("skipped: {} has no dkim and nacl (Debian packages python3-dkim, python3-nacl)", python.display());
    }
    (has && program("python3", "python3").is_some()).then(|| python.to_owned())
}

/// Algorithm and verdict of each signature.
fn verified(python: &Path, folder: &Path) -> String {
    const SCRIPT: &str = "
import dkim, json
records = json.load(open('records'))
dns = lambda name, timeout=5: records[name.decode().rstrip('.')].encode()
for n in range(2):
    check = dkim.DKIM(open('mail', 'rb').read())
    try:
        good = check.verify(idx=n, dnsfunc=dns)
    except dkim.ValidationError:
        good = False
    print(check.signature_fields[b'a'].decode(), good)
";
    let output = Command::new(python).args(["-c", SCRIPT]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
