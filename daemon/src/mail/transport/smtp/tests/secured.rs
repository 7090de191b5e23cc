//! STARTTLS, implicit TLS and AUTH.

use std::io::Write;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, CertifiedKey, IsCa, KeyPair, generate_simple_self_signed};
use zeroize::Zeroizing;

use super::peer::Peer;
use super::*;
use crate::config::{LoginSecret, TlsMode};
use crate::mail::TlsState;
use crate::mail::transport::smtp::{Check, Tls};

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
    let trusting = Tls::new("relay.example", Some(ca.path()), None).unwrap();
    let security = if tls == TlsMode::Implicit { Security::Implicit(trusting) } else { Security::StartTls(trusting) };
    let peer = Peer::new(script).with_tls(certificate);
    let hop = Hop::new(peer.clone(), manner(security, login), 4, WEAR);
    let outcome = send(&hop, MESSAGE.as_bytes()).await;
    hop.close().await;
    (outcome, peer.finished().await)
}

fn login() -> Option<Login> {
    Some(Login { user: "tim".into(), secret: LoginSecret::Password(Zeroizing::new("tanstaaftanstaaf".into())) })
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
        ([START, "S: 454 4.7.0 not now\n"].concat(), "STARTTLS: the server said 454"),
        ([START, "S: 502 5.5.1 never heard\n"].concat(), "STARTTLS: the server said 502"),
    ] {
        let (outcome, messages) = secure_talk(TlsMode::StartTls, &own, &own.cert.pem(), login(), &script).await;
        assert_eq!((code(&outcome).0, messages.len()), ("deferred", 0));
        assert!(detail(&outcome).contains(wanted), "{outcome:?}");
    }
}

/// What someone on the way puts behind the 220 must not be taken for the server's word under TLS: here an EHLO reply that
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
        ("S: 250 AUTH PLAIN\nC: AUTH PLAIN *\nS: 535 5.7.8 wrong\n", "AUTH: the server said 535"),
        ("S: 250 AUTH PLAIN\nC: AUTH PLAIN *\nS: 454 4.7.0 later\n", "AUTH: the server said 454"),
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

/// On the real clock: what a program takes is no waiting for a timer.
#[tokio::test]
async fn logs_in_by_a_token() {
    let own = certificate("relay.example");
    let token = || Some(Login { user: "tim".into(), secret: LoginSecret::Command(vec!["/bin/echo".into(), "ya29.x".into()]) });
    let hello = "-- tls\nS: 220 hi\nC: EHLO client.example\nS: 250-relay.example\n";
    // user=tim^Aauth=Bearer ya29.x^A^A
    let taken = "S: 250-AUTH XOAUTH2\nS: 250 PIPELINING\nC: AUTH XOAUTH2 dXNlcj10aW0BYXV0aD1CZWFyZXIgeWEyOS54AQE=\nS: 235 2.7.0 in\n";
    let (outcome, messages) =
        secure_talk(TlsMode::Implicit, &own, &own.cert.pem(), token(), &[hello, taken, COMMANDS, SENT].concat()).await;
    assert_eq!((code(&outcome).0, messages.len()), ("accepted", 1), "{outcome:?}");
    let (outcome, _) = secure_talk(TlsMode::Implicit, &own, &own.cert.pem(), token(), &[hello, "S: 250 AUTH PLAIN\n"].concat()).await;
    assert!(detail(&outcome).contains("does not offer XOAUTH2"), "{outcome:?}");
}

/// A stranger's server: TLS with any certificate where it is offered, none where it is not, and none where it fails.
#[tokio::test(start_paused = true)]
async fn opportunistic() {
    let own = certificate("elsewhere.example");
    let pinned = || Arc::new(Anything);
    let hop = |peer: &Peer| {
        let tls = Tls::with_verifier("mx.example", pinned(), Check::Unverified, None).unwrap();
        Hop::new(peer.clone(), manner(Security::Opportunistic(tls), None), 4, WEAR)
    };
    for (script, tls) in [
        ([START, "S: 220 go\n-- tls\n", AGAIN, COMMANDS, SENT].concat(), TlsState::Unverified),
        ([HELLO, COMMANDS, SENT].concat(), TlsState::Clear),
        ([START, "S: 454 4.7.0 not now\n-- next\n", HELLO, COMMANDS, SENT].concat(), TlsState::Failed),
        ([START, "S: 220 go\n-- close\n-- next\n", HELLO, COMMANDS, SENT].concat(), TlsState::Failed),
    ] {
        let peer = Peer::new(&script).with_tls(&own);
        let hop = hop(&peer);
        let mail = Prepared::new(&envelope(), MESSAGE.as_bytes()).unwrap();
        let Tried::Judged(outcome, via) = hop.send(&mail).await else { panic!("away: {script}") };
        hop.close().await;
        assert_eq!((code(&outcome).0, via.tls), ("accepted", Some(tls)), "{outcome:?}");
        assert_eq!(peer.finished().await.len(), 1);
    }
}

/// Trusts whatever is shown.
#[derive(Debug)]
struct Anything;

impl rustls::client::danger::ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        super::super::tls::provider().signature_verification_algorithms.supported_schemes()
    }
}

#[test]
fn unusable_authorities_are_told_at_start() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"no certificate here").unwrap();
    let error = |ca: &std::path::Path, host: &str| Tls::new(host, Some(ca), None).err().unwrap().to_string();
    assert!(error(file.path(), "relay.example").contains("holds no certificate"));
    assert!(error("/nonexistent/ca.pem".as_ref(), "relay.example").contains("/nonexistent/ca.pem"));
    assert!(error(file.path(), "relay example").contains("neither a host name nor"));
}
