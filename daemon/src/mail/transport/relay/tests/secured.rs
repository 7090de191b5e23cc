//! STARTTLS, implicit TLS and AUTH.

use std::io::Write;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, CertifiedKey, IsCa, KeyPair, generate_simple_self_signed};
use zeroize::Zeroizing;

use super::peer::Peer;
use super::*;
use crate::config::Login;

fn certificate(name: &str) -> CertifiedKey<KeyPair> {
    generate_simple_self_signed([name.to_owned()]).unwrap()
}

/// As `openssl req -x509` makes them: signed by itself, and an authority.
fn home_made(name: &str) -> CertifiedKey<KeyPair> {
    let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let signing_key = KeyPair::generate().unwrap();
    CertifiedKey { cert: parameters.self_signed(&signing_key).unwrap(), signing_key }
}

/// An authority's certificate in PEM, and a certificate that it signed.
fn signed(name: &str) -> (String, CertifiedKey<KeyPair>) {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
    let signing_key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&signing_key, &authority).unwrap();
    (authority.pem(), CertifiedKey { cert, signing_key })
}

/// Sends one mail to a peer with `certificate`, trusting `trusted`.
async fn secure_talk(
    tls: TlsMode,
    certificate: &CertifiedKey<KeyPair>,
    trusted: &str,
    login: Option<Login>,
    script: &str,
) -> (Outcome, Vec<String>) {
    let mut ca = tempfile::NamedTempFile::new().unwrap();
    ca.write_all(trusted.as_bytes()).unwrap();
    let settings = RelaySettings { tls, login, ca: Some(ca.path().to_owned()), ..settings() };
    let peer = Peer::new(script).with_tls(certificate);
    let relay = Relay::over(peer.clone(), &settings, 4).unwrap();
    let outcome = relay.send(&envelope(), MESSAGE.as_bytes()).await;
    relay.close().await;
    (outcome, peer.finished().await)
}

fn login() -> Option<Login> {
    Some(Login { user: "tim".into(), password: Zeroizing::new("tanstaaftanstaaf".into()) })
}

const START: &str = "S: 220 hi\nC: EHLO client.example\nS: 250-relay.example\nS: 250-PIPELINING\nS: 250 STARTTLS\nC: STARTTLS\n";
const AGAIN: &str = "C: EHLO client.example\nS: 250-relay.example\nS: 250 PIPELINING\n";

#[tokio::test(start_paused = true)]
async fn starttls_and_implicit() {
    let own = certificate("relay.example");
    let start = [START, "S: 220 go\n-- tls\n", AGAIN, COMMANDS, SENT].concat();
    let (outcome, messages) = secure_talk(TlsMode::StartTls, &own, &own.cert.pem(), None, &start).await;
    assert_eq!((code(&outcome).0, messages.len()), ("accepted", 1), "{outcome:?}");
    let (ca, below) = signed("relay.example");
    let home_made = home_made("relay.example");
    for (shown, trusted) in [(&below, &ca), (&home_made, &home_made.cert.pem())] {
        let (outcome, messages) = secure_talk(TlsMode::StartTls, shown, trusted, None, &start).await;
        assert_eq!((code(&outcome).0, messages.len()), ("accepted", 1), "{outcome:?}");
    }
    let implicit = ["-- tls\n", HELLO, COMMANDS, SENT].concat();
    let (outcome, messages) = secure_talk(TlsMode::Implicit, &own, &own.cert.pem(), None, &implicit).await;
    assert_eq!((code(&outcome).0, messages.len()), ("accepted", 1), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn starttls_is_never_done_without() {
    let own = certificate("relay.example");
    for (script, wanted) in [
        (HELLO.to_owned(), "does not offer it"),
        ([START, "S: 454 4.7.0 not now\n"].concat(), "STARTTLS: the relay said 454"),
        ([START, "S: 502 5.5.1 never heard\n"].concat(), "STARTTLS: the relay said 502"),
    ] {
        let (outcome, messages) = secure_talk(TlsMode::StartTls, &own, &own.cert.pem(), login(), &script).await;
        assert_eq!((code(&outcome).0, messages.len()), ("deferred", 0));
        assert!(detail(&outcome).contains(wanted), "{outcome:?}");
    }
}

/// What someone on the way puts behind the 220 must not be taken for the relay's word under TLS: here an EHLO reply that
/// takes back PIPELINING and offers AUTH, and replies that would say the mail is delivered.
#[tokio::test(start_paused = true)]
async fn injected_plaintext_is_dropped() {
    let own = certificate("relay.example");
    let injected = "S: 220 go\\r\\n250-relay.example\\r\\n250 AUTH PLAIN\\r\\n250 ok\\r\\n250 ok\\r\\n354 go\\r\\n250 thanks\n-- tls\n";
    let (outcome, messages) =
        secure_talk(TlsMode::StartTls, &own, &own.cert.pem(), None, &[START, injected, AGAIN, COMMANDS, SENT].concat()).await;
    assert_eq!((code(&outcome), messages.len()), (("accepted", Some(250)), 1));
    assert!(matches!(outcome, Outcome::Accepted(Some(reply)) if reply.text.contains("queued")));
}

#[tokio::test(start_paused = true)]
async fn certificates_are_checked() {
    let (own, other, elsewhere) = (certificate("relay.example"), certificate("relay.example"), certificate("other.example"));
    let (home_made, home_made_elsewhere) = (home_made("relay.example"), home_made("other.example"));
    let ((ca, _), (ca_elsewhere, signed_elsewhere)) = (signed("relay.example"), signed("other.example"));
    for (shown, trusted) in [
        (&own, other.cert.pem()),
        (&elsewhere, elsewhere.cert.pem()),
        (&home_made, own.cert.pem()),
        (&home_made_elsewhere, home_made_elsewhere.cert.pem()),
        (&signed_elsewhere, ca_elsewhere),
        (&signed_elsewhere, ca),
    ] {
        for (mode, start) in [(TlsMode::Implicit, String::new()), (TlsMode::StartTls, [START, "S: 220 go\n"].concat())] {
            let (outcome, messages) = secure_talk(mode, shown, &trusted, login(), &[&start, "-- tls\n"].concat()).await;
            assert_eq!((code(&outcome), messages.len()), (("deferred", None), 0));
            assert!(detail(&outcome).contains("certificate"), "{outcome:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn logs_in_by_one_mechanism() {
    let own = certificate("relay.example");
    let plain =
        "S: 250-AUTH DIGEST-MD5 CRAM-MD5 LOGIN PLAIN\nS: 250 PIPELINING\nC: AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\nS: 235 2.7.0 in\n";
    let by_login = "S: 250-AUTH LOGIN\nS: 250 PIPELINING\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: dGlt\nS: 334 UGFzc3dvcmQ6\nC: dGFuc3RhYWZ0YW5zdGFhZg==\nS: 235 2.7.0 in\n";
    for mechanism in [plain, by_login] {
        let script = ["-- tls\nS: 220 hi\nC: EHLO client.example\nS: 250-relay.example\n", mechanism, COMMANDS, SENT].concat();
        let (outcome, messages) = secure_talk(TlsMode::Implicit, &own, &own.cert.pem(), login(), &script).await;
        assert_eq!((code(&outcome).0, messages.len()), ("accepted", 1), "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_defers_and_shows_no_password() {
    let own = certificate("relay.example");
    let hello = "-- tls\nS: 220 hi\nC: EHLO client.example\nS: 250-relay.example\n";
    for (script, wanted) in [
        ("S: 250 AUTH PLAIN\nC: AUTH PLAIN *\nS: 535 5.7.8 wrong\n", "AUTH: the relay said 535"),
        ("S: 250 AUTH PLAIN\nC: AUTH PLAIN *\nS: 454 4.7.0 later\n", "AUTH: the relay said 454"),
        ("S: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 YWhhCg==\n", "AUTH"),
        ("S: 250 AUTH GSSAPI\n", "neither PLAIN nor LOGIN"),
        ("S: 250 PIPELINING\n", "neither PLAIN nor LOGIN"),
        ("S: 250 AUTH PLAIN\nC: AUTH PLAIN *\n-- stall\n", "AUTH: took too long"),
        ("S: 250 AUTH PLAIN\nC: AUTH PLAIN *\n-- close\n", "AUTH"),
    ] {
        let (outcome, _) = secure_talk(TlsMode::Implicit, &own, &own.cert.pem(), login(), &[hello, script].concat()).await;
        assert_eq!(code(&outcome).0, "deferred");
        assert!(detail(&outcome).contains(wanted), "{outcome:?}");
        assert!(!format!("{outcome:?}").contains("tanstaaf"));
    }
}

#[test]
fn plain_text_stays_on_loopback() {
    let abroad = RelaySettings { host: "192.0.2.1".into(), ..settings() };
    assert!(matches!(Relay::new(&abroad, 1), Err(crate::mail::transport::TransportError::PlainAbroad(_))));
}

#[test]
fn unusable_settings_are_told_at_start() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"no certificate here").unwrap();
    let tls = |ca: std::path::PathBuf, host: &str| RelaySettings { tls: TlsMode::Implicit, ca: Some(ca), host: host.into(), ..settings() };
    let error = |settings| Relay::new(&settings, 1).err().unwrap().to_string();
    assert!(error(tls(file.path().into(), "relay.example")).contains("holds no certificate"));
    assert!(error(tls("/nonexistent/ca.pem".into(), "relay.example")).contains("/nonexistent/ca.pem"));
    assert!(error(tls(file.path().into(), "relay example")).contains("neither a host name nor"));
}
