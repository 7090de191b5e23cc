//! Real mail servers, as the relay and as the server that DNS names: what we hand over comes out behind them as it was.

use resetd_tests::mta::Kind;
use resetd_tests::names::Names;
use resetd_tests::sink::Manner;
use resetd_tests::{Config, Mail, Mta, Sink, Site};
use serde_json::json;

/// Mails in a burst.
const BURST: usize = 30;

fn relay(port: u16, more: &str) -> Config {
    Config::new().sending(&format!("[sending.relay]\nhost = \"127.0.0.1\"\nport = {port}\n{more}\n"))
}

fn mx(port: u16, names: &Names) -> Config {
    names.server("mail.example", 10, "mx.mail.example", "127.0.0.1");
    let config = Config::new().sending(&format!("[sending.mx]\nhello = \"out.shop.example\"\nprivate_addresses = true\nport = {port}\n"));
    config.more(&format!("[dns]\nservers = [\"{}\"]\n", names.at()))
}

/// Nothing but lines of its own stands before what we sent.
#[track_caller]
fn assert_as_it_was(delivered: &Mail, sent: &Mail) {
    assert_eq!((&delivered.from, &delivered.to), (&sent.from, &sent.to));
    let text = String::from_utf8_lossy(&delivered.raw);
    let before = delivered.raw.strip_suffix(&sent.raw[..]);
    let before = String::from_utf8_lossy(before.unwrap_or_else(|| panic!("{text}\n--- is not\n{}", String::from_utf8_lossy(&sent.raw))));
    let its_own = |line: &str| line.starts_with("Received:") || line.starts_with([' ', '\t']);
    assert!(before.contains("Received:") && before.lines().all(its_own), "{before}");
}

/// `relay_tls`: what a relay needs for TLS; `tls`: how connections are protected as relay and as MX; `utf8`: whether it takes
/// addresses beyond ASCII.
fn walk(kind: Kind, relay_tls: &str, tls: [&str; 2], utf8: bool) {
    let (behind, keeper, names) = (Sink::new(), Sink::new(), Names::new());
    let Some(mta) = Mta::start(kind, &behind) else { return };
    // The message as it leaves us: it is put off, and goes out again as it was.
    keeper.manner(Manner::Keep);
    let mut site = Site::with(&relay(keeper.port(), ""));
    let id = site.request("ann");
    site.events().until(&id, "mail.deferred");
    let sent = keeper.until(1).remove(0);
    let tls_lines = relay_tls.replace("{certificate}", &mta.certificate().display().to_string());
    site.configure(&relay(mta.port(), &tls_lines));
    site.daemon().hup();
    let event = site.events().until(&id, "mail.sent");
    assert_eq!(event["detail"]["tls"], tls[0], "{event}");
    assert_as_it_was(&behind.until(1)[0], &sent);
    for n in 0..BURST {
        site.request(&format!("relayed{n}"));
    }
    behind.until(1 + BURST);
    let utf8_id = site.request_with("joerg", json!({ "email": "jörg@mail.example" }));
    match utf8 {
        true => {
            site.events().until(&utf8_id, "mail.sent");
            assert_eq!(behind.until(2 + BURST)[1 + BURST].to, "jörg@mail.example");
        }
        false => {
            let event = site.events().until(&utf8_id, "mail.refused");
            assert!(event["detail"]["why"].as_str().unwrap().contains("SMTPUTF8"), "{event}");
        }
    }
    // The same server, found by DNS.
    site.configure(&mx(mta.port(), &names));
    site.daemon().hup();
    let before = behind.mails().len();
    let id = site.request("bob");
    let event = site.events().until(&id, "mail.sent");
    assert_eq!((&event["detail"]["via"], &event["detail"]["tls"]), (&json!("mx.mail.example"), &json!(tls[1])), "{event}");
    for n in 0..BURST {
        site.request(&format!("direct{n}"));
    }
    behind.until(before + 1 + BURST);
    site.until_quiet();
    let addresses: std::collections::BTreeSet<String> = behind.mails().into_iter().map(|mail| mail.to).collect();
    assert_eq!(addresses.len(), behind.mails().len(), "each of them once");
}

const STARTTLS: &str = "tls = \"starttls\"\nca = \"{certificate}\"";

/// SIZE, 8BITMIME, PIPELINING, DSN, CHUNKING, SMTPUTF8, STARTTLS.
#[test]
#[ignore = "needs postfix"]
fn postfix() {
    walk(Kind::Postfix, STARTTLS, ["verified", "unverified"], true);
}

/// The same.
#[test]
#[ignore = "needs exim4-daemon-light"]
fn exim() {
    walk(Kind::Exim, STARTTLS, ["verified", "unverified"], true);
}

/// SIZE, 8BITMIME, DSN, and neither PIPELINING nor CHUNKING. Debian 12's fails each TLS handshake (its RSA engine does not work with
/// OpenSSL 3): a server that offers STARTTLS and can't do it, as they are met outside.
#[test]
#[ignore = "needs opensmtpd"]
fn opensmtpd() {
    walk(Kind::OpenSmtpd, "", ["none", "failed"], false);
}
