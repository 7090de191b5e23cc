//! A mailing list broke the author's signature and sealed what it had found (RFC 8617): its word counts where it is trusted, and
//! nowhere else.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::sync::Arc;

use mail_auth::arc::ArcSealer;
use mail_auth::common::crypto::{RsaKey, Sha256};
use mail_auth::common::headers::HeaderWriter;
use mail_auth::{ArcOutput, AuthenticatedMessage, AuthenticationResults, DmarcOutput, DmarcResult};
use resetd::authentication::Authenticator;
use resetd::config::DkimKey;
use resetd::mail::dkim::publish;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

#[path = "../../tests/src/names.rs"]
#[allow(dead_code, reason = "shared with the tests from outside")]
mod names;

use names::Names;

const MESSAGE: &str = "From: ann@mail.example\r\nTo: reply@in.shop.example\r\nSubject: [list] Re: Reset\r\nDate: Thu, 26 Nov 2026 10:00:00 +0000\r\n\
    Message-ID: <1@mail.example>\r\n\r\nIt was not me.\r\n";

/// A list's key, made for this run.
fn key() -> Option<String> {
    let made = std::process::Command::new("openssl").args(["genrsa", "2048"]).output().ok().filter(|made| made.status.success());
    if made.is_none() {
        println!("skipped: no openssl here (Debian package openssl)");
    }
    made.map(|made| String::from_utf8(made.stdout).unwrap())
}

fn sealed(pem: &str, found: &DmarcOutput) -> Vec<u8> {
    let key = RsaKey::<Sha256>::from_key_der(PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let message = AuthenticatedMessage::parse(MESSAGE.as_bytes()).unwrap();
    let results = AuthenticationResults::new("lists.example").with_dmarc_result(found);
    let sealer = ArcSealer::from_key(key).domain("lists.example").selector("a").headers(["From", "To", "Subject", "Date", "Message-ID"]);
    let set = sealer.seal(&message, &results, &ArcOutput::default()).unwrap();
    format!("{}{MESSAGE}", set.to_header()).into_bytes()
}

async fn vouches(names: &Names, sealers: &[&str], raw: &[u8]) -> Option<String> {
    let sealers: Vec<String> = sealers.iter().map(|domain| (*domain).to_owned()).collect();
    let authenticator = Arc::new(Authenticator::new(&[names.at()], "mx.in.shop.example", &sealers).unwrap());
    authenticator.author(raw.to_vec(), "127.0.0.1".parse().unwrap(), "lists.example".into(), "bounce@lists.example".into()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_seal_stands_for_the_signature_that_it_saw() {
    let Some(pem) = key() else { return };
    let names = Names::new();
    names.txt("_dmarc.mail.example", "v=DMARC1; p=reject");
    let record = publish(&DkimKey { domain: "lists.example".into(), selector: "a".into(), pem: pem.clone().into() }).unwrap();
    names.txt("a._domainkey.lists.example", &record.value);
    let passed = DmarcOutput::default().with_domain("mail.example").with_dkim_result(DmarcResult::Pass);
    let raw = sealed(&pem, &passed);

    assert_eq!(vouches(&names, &["lists.example"], &raw).await.as_deref(), Some("ann@mail.example"));
    assert_eq!(vouches(&names, &[], &raw).await, None, "nobody named the list");
    assert_eq!(vouches(&names, &["other.example"], &raw).await, None);
    let changed = String::from_utf8(raw.clone()).unwrap().replace("It was not me.", "It was me then.").into_bytes();
    assert_eq!(vouches(&names, &["lists.example"], &changed).await, None, "changed behind the seal");
    let forged = String::from_utf8(raw).unwrap().replacen("ARC-Authentication-Results:", "ARC-Authentication-Results: ", 1);
    let forged = forged.replace("From: ann@mail.example", "From: eve@bank.example").into_bytes();
    assert_eq!(vouches(&names, &["lists.example"], &forged).await, None, "another author");
    let failed = DmarcOutput::default().with_domain("mail.example");
    assert_eq!(vouches(&names, &["lists.example"], &sealed(&pem, &failed)).await, None, "the list saw no pass");
}
