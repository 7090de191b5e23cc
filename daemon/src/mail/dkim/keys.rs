//! Private keys in PEM, and the TXT records that publish their public halves (RFC 6376 §3.6.1, RFC 8463 §4).

use std::collections::BTreeMap;

use data_encoding::BASE64;
use mail_auth::common::crypto::{DkimKey as SigningKey, Ed25519Key, RsaKey, Sha256};
use resetd_core::address::check_domain;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::DkimError;
use crate::ambient::{Entropy, random};
use crate::config::DkimKey;

/// What stands before the 32 octets of an Ed25519 seed in PKCS#8 version 1 (RFC 8410 §7): openssl reads it too.
const ED25519_PKCS8: [u8; 16] = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// `SEQUENCE { OID rsaEncryption, NULL }`
pub(super) const RSA_ALGORITHM: [u8; 15] = [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// The longest string inside a TXT record, octets (RFC 1035 §3.3).
const STRING_MAX: usize = 255;

/// A TXT record to publish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// `selector._domainkey.domain`
    pub name: String,
    /// `v=DKIM1; k=…; p=…`
    pub value: String,
}

impl Record {
    /// As a line of a zone file, the value cut into strings of at most 255 octets.
    pub fn zone_line(&self) -> String {
        let strings = self.value.as_bytes().chunks(STRING_MAX).map(|chunk| format!("\"{}\"", String::from_utf8_lossy(chunk)));
        format!("{}. IN TXT {}", self.name, strings.collect::<Vec<_>>().join(" "))
    }
}

/// A new key and its record. No `Debug`: it holds the key.
pub struct Generated {
    /// The private key, PKCS#8 PEM.
    pub pem: Zeroizing<String>,
    /// What to publish.
    pub record: Record,
}

/// What a key signs with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// RSA with 2048 bits: what every receiver verifies.
    Rsa,
    /// Ed25519 (RFC 8463): short and quick, and not verified everywhere yet.
    Ed25519,
}

/// A new key.
///
/// # Errors
/// `domain` or `selector` is no name, or there is no randomness.
pub fn generate(domain: &str, selector: &str, algorithm: Algorithm, entropy: &dyn Entropy) -> Result<Generated, DkimError> {
    // A bad name is told before seconds go into a key.
    let name = record_name(&domain.to_ascii_lowercase(), selector)?;
    let der = match algorithm {
        Algorithm::Rsa => super::rsa::new_key(entropy),
        Algorithm::Ed25519 => random::<32>(entropy).map(|seed| ed25519(&Zeroizing::new(seed))),
    };
    let der = der.ok_or(DkimError::NoEntropy(name))?;
    let pem = pem(&der);
    let key = DkimKey { domain: domain.to_owned(), selector: selector.to_owned(), pem: pem.clone() };
    Ok(Generated { record: publish(&key)?, pem })
}

fn ed25519(seed: &[u8; 32]) -> Zeroizing<Vec<u8>> {
    let mut der = Zeroizing::new(Vec::with_capacity(48));
    der.extend_from_slice(&ED25519_PKCS8);
    der.extend_from_slice(seed);
    der
}

/// PKCS#8 in lines of 64 characters (RFC 7468 §10).
fn pem(der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(BASE64.encode(der));
    let mut pem = Zeroizing::new(String::with_capacity(body.len() + body.len() / 64 + 64));
    pem.push_str("-----BEGIN PRIVATE KEY-----\n");
    for at in (0..body.len()).step_by(64) {
        pem.push_str(&body[at..body.len().min(at + 64)]);
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    pem
}

/// The record of any key that can sign.
///
/// # Errors
/// The key can't be read, or is not named well.
pub fn publish(key: &DkimKey) -> Result<Record, DkimError> {
    let name = record_name(&key.domain.to_ascii_lowercase(), &key.selector)?;
    let value = match parse(&key.pem, &name)? {
        Private::Rsa(rsa) => format!("v=DKIM1; k=rsa; p={}", BASE64.encode(&public_key_info(&rsa.public_key()))),
        Private::Ed25519(key) => format!("v=DKIM1; k=ed25519; p={}", BASE64.encode(&key.public_key())),
    };
    Ok(Record { name, value })
}

/// What a published record is to a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fit {
    /// Its public half.
    Same,
    /// The same, but receivers are told to take no notice of it (`t=y`).
    Testing,
    /// Another key's.
    Other,
    /// It says that the key is revoked (`p=`).
    Revoked,
    /// No record of a key that can verify (`v=`, `k=`, `h=` or `s=` are wrong, or it can't be read).
    Unusable,
}

/// Whether the text of a TXT record is the public half of a key whose record would be `ours`.
pub fn fit(text: &str, ours: &Record) -> Fit {
    let (Some(published), Some(wanted)) = (tags(text), tags(&ours.value)) else { return Fit::Unusable };
    let listed = |tag: &str, wanted: &str| {
        published.get(tag).is_none_or(|list| list.split(':').any(|one| one.trim() == wanted || one.trim() == "*"))
    };
    let kind = published.get("k").map_or("rsa", |kind| kind.as_str());
    let version = published.get("v").is_none_or(|version| version == "DKIM1");
    match published.get("p").map(String::as_str) {
        Some("") => Fit::Revoked,
        Some(_) if !version || !listed("h", "sha256") || !listed("s", "email") => Fit::Unusable,
        Some(key) if Some(kind) == wanted.get("k").map(String::as_str) && same_key(key, wanted.get("p").map_or("", String::as_str)) => {
            let testing = published.get("t").is_some_and(|flags| flags.split(':').any(|flag| flag.trim() == "y"));
            if testing { Fit::Testing } else { Fit::Same }
        }
        Some(key) if BASE64.decode(key.as_bytes()).is_ok() => Fit::Other,
        _ => Fit::Unusable,
    }
}

/// Whether both are one key. An RSA key may also be published without what says that it is one (RFC 6376 §3.6.1 and its errata).
fn same_key(published: &str, ours: &str) -> bool {
    let (Ok(published), Ok(ours)) = (BASE64.decode(published.as_bytes()), BASE64.decode(ours.as_bytes())) else { return false };
    published == ours || public_key_info(&published) == ours
}

/// The tags of a record (RFC 6376 §3.2), blanks in keys left out.
fn tags(text: &str) -> Option<BTreeMap<String, String>> {
    let mut tags = BTreeMap::new();
    for field in text.split(';').map(str::trim).filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once('=')?;
        let (name, value) = (name.trim().to_owned(), value.split_whitespace().collect());
        if tags.insert(name, value).is_some() {
            return None;
        }
    }
    Some(tags)
}

/// `selector._domainkey.domain`, of good names.
pub(super) fn record_name(domain: &str, selector: &str) -> Result<String, DkimError> {
    let name = format!("{selector}._domainkey.{domain}");
    let selector_ok = !selector.is_empty() && selector.split('.').all(|label| !label.is_empty() && label.bytes().all(is_label));
    if !selector_ok || !domain.is_ascii() || check_domain(domain).is_err() || name.len() > 253 {
        return Err(DkimError::Name(name.escape_default().to_string()));
    }
    Ok(name)
}

fn is_label(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'-' || b == b'_'
}

/// A private key of one of the two kinds.
pub(super) enum Private {
    Rsa(RsaKey<Sha256>),
    Ed25519(Ed25519Key),
}

impl Private {
    pub fn into_signing(self) -> SigningKey {
        match self {
            Self::Rsa(key) => key.into(),
            Self::Ed25519(key) => key.into(),
        }
    }
}

/// Reads a PEM of any of the two kinds.
pub(super) fn parse(pem: &str, name: &str) -> Result<Private, DkimError> {
    let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| DkimError::Pem(name.to_owned()))?;
    if let PrivateKeyDer::Pkcs8(pkcs8) = &der
        && let Ok(key) = Ed25519Key::from_pkcs8_maybe_unchecked_der(pkcs8.secret_pkcs8_der())
    {
        return Ok(Private::Ed25519(key));
    }
    RsaKey::from_key_der(der).map(Private::Rsa).map_err(|_| DkimError::Kind(name.to_owned()))
}

/// SubjectPublicKeyInfo around an RSAPublicKey: what receivers expect in `p=`, as openssl writes it.
fn public_key_info(rsa: &[u8]) -> Vec<u8> {
    let mut bits = vec![0];
    bits.extend_from_slice(rsa);
    let mut inner = RSA_ALGORITHM.to_vec();
    inner.extend(der(0x03, &bits));
    der(0x30, &inner)
}

pub(super) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(length @ 0..=127) => out.push(length),
        Ok(length) => out.extend([0x81, length]),
        // Keys of at most 8192 bits: two octets hold the length.
        Err(_) => {
            let [.., high, low] = content.len().to_be_bytes();
            out.extend([0x82, high, low]);
        }
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::{SeededEntropy, SystemEntropy};

    #[test]
    fn the_record_is_what_openssl_makes_of_the_key() {
        // openssl pkey -in rsa2048.pem -pubout -outform DER | base64 -w0
        let expected = include_str!("testdata/rsa2048.pub").trim();
        let pem = Zeroizing::new(include_str!("testdata/rsa2048.pem").to_owned());
        let record = publish(&DkimKey { domain: "Shop.example".to_owned(), selector: "r1".to_owned(), pem }).unwrap();
        assert_eq!(record.name, "r1._domainkey.shop.example");
        assert_eq!(record.value, format!("v=DKIM1; k=rsa; p={expected}"));
        let zone = record.zone_line();
        assert!(zone.starts_with("r1._domainkey.shop.example. IN TXT \"v=DKIM1; k=rsa; p="));
        assert!(zone.split('"').all(|string| string.len() <= STRING_MAX));
    }

    #[test]
    fn a_record_fits_its_key_and_no_other() {
        let make = |algorithm, seed| generate("shop.example", "s", algorithm, &SeededEntropy::new(seed)).unwrap().record;
        for algorithm in [Algorithm::Rsa, Algorithm::Ed25519] {
            let (ours, other) = (make(algorithm, 1), make(algorithm, 2));
            let key = ours.value.rsplit_once("p=").unwrap().1;
            let (head, _) = ours.value.rsplit_once("p=").unwrap();
            for (text, wanted) in [
                (ours.value.clone(), Fit::Same),
                (format!("{head}h=sha1:sha256; s=email; p={} {};", &key[..20], &key[20..]), Fit::Same),
                (format!("{} t=y:s;", ours.value.replace("p=", "p = ").replace("v=DKIM1; ", "") + ";"), Fit::Testing),
                (other.value, Fit::Other),
                (format!("{head}p="), Fit::Revoked),
                (format!("{head}h=sha1; p={key}"), Fit::Unusable),
                (format!("{head}s=tlsrpt; p={key}"), Fit::Unusable),
                (ours.value.replace("DKIM1", "DKIM2"), Fit::Unusable),
                (ours.value.replace("p=", "p=!"), Fit::Unusable),
                (format!("{}; p={key}", ours.value), Fit::Unusable),
                ("v=spf1 -all".to_owned(), Fit::Unusable),
                (String::new(), Fit::Unusable),
            ] {
                assert_eq!(fit(&text, &ours), wanted, "{text}");
            }
        }
        assert_eq!(fit(&make(Algorithm::Rsa, 1).value, &make(Algorithm::Ed25519, 1)), Fit::Other);
    }

    #[test]
    fn an_rsa_key_may_be_published_bare() {
        let ours = generate("shop.example", "s", Algorithm::Rsa, &SeededEntropy::new(1)).unwrap();
        let Private::Rsa(key) = parse(&ours.pem, "").unwrap() else { panic!() };
        assert_eq!(fit(&format!("p={}", BASE64.encode(&key.public_key())), &ours.record), Fit::Same);
    }

    #[test]
    fn ed25519_keys_are_those_of_rfc_8463() {
        let seed = BASE64.decode(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=").unwrap();
        let pem = pem(&ed25519(&seed.try_into().unwrap()));
        let record = publish(&DkimKey { domain: "football.example.com".into(), selector: "brisbane".into(), pem }).unwrap();
        assert_eq!(record.name, "brisbane._domainkey.football.example.com");
        assert_eq!(record.value, "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    }

    #[test]
    fn new_keys_are_read_back_and_named_well() {
        for (algorithm, kind) in [(Algorithm::Rsa, "k=rsa"), (Algorithm::Ed25519, "k=ed25519")] {
            let made = generate("Shop.example", "m1", algorithm, &SystemEntropy::new()).unwrap();
            assert_eq!(made.record.name, "m1._domainkey.shop.example");
            assert!(made.record.value.contains(kind), "{}", made.record.value);
            assert!(made.pem.lines().all(|line| line.len() <= 64));
            assert!(matches!(generate("a b", "s", algorithm, &SystemEntropy::new()), Err(DkimError::Name(_))));
        }
    }
}
