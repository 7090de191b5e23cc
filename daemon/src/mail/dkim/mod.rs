//! DKIM signatures (RFC 6376; Ed25519: RFC 8463), made with keys that are read once, and the DNS records that publish them.

mod keys;
mod rsa;

use mail_auth::common::crypto::DkimKey as SigningKey;
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::{DkimSigner, Done};
use zeroize::Zeroizing;

pub use keys::{Algorithm, Fit, Generated, Record, fit, generate, publish};

use crate::config::DkimKey;

/// Which header fields are signed. Those named twice are signed once more than they occur, so that nobody can add another
/// one above ours (RFC 6376 §8.15); of those that are missing, the absence is signed.
const SIGNED: [&str; 21] = [
    "From",
    "From",
    "To",
    "To",
    "Subject",
    "Subject",
    "Reply-To",
    "Reply-To",
    "Date",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Cc",
    "MIME-Version",
    "Content-Type",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Language",
    "Auto-Submitted",
    "Feedback-ID",
];

/// Why a key or a signature can't be.
#[derive(Debug, thiserror::Error)]
pub enum DkimError {
    /// The PEM is none, or holds no private key in PKCS#8 or PKCS#1.
    #[error("the DKIM key {0} is no private key in PEM (PKCS#8 or PKCS#1)")]
    Pem(String),
    /// Neither RSA of 2048 to 8192 bits nor Ed25519.
    #[error("the DKIM key {0} is neither RSA (2048 to 8192 bits) nor Ed25519")]
    Kind(String),
    /// `d=` or `s=` is no domain name.
    #[error("the DKIM key {0} has a domain or selector that is no name")]
    Name(String),
    /// The system gives nothing to make a key of.
    #[error("the system gives no randomness to make the DKIM key {0} of")]
    NoEntropy(String),
    /// The message has no header, or the key failed.
    #[error("the message can't be signed with {0}")]
    Sign(String),
}

/// All keys, ready to sign.
pub struct Signers(Vec<Signer>);

struct Signer {
    domain: String,
    name: String,
    signer: DkimSigner<SigningKey, Done>,
}

impl Signers {
    /// Reads the keys.
    ///
    /// # Errors
    /// The first one that can't be used.
    pub fn new(keys: &[DkimKey]) -> Result<Self, DkimError> {
        keys.iter().map(Signer::new).collect::<Result<_, _>>().map(Self)
    }

    /// The message with a signature above it from each key whose domain is `from_domain` or one above it; as it was where
    /// there is none.
    ///
    /// # Errors
    /// A key failed: the message must not go out unsigned.
    pub fn sign(&self, from_domain: &str, message: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, DkimError> {
        let mut header = Vec::new();
        for key in self.0.iter().filter(|key| key.covers(from_domain)) {
            let signature = key.signer.sign(&message).map_err(|_| DkimError::Sign(key.name.clone()))?;
            signature.write_header(&mut header);
        }
        if header.is_empty() {
            return Ok(message);
        }
        let mut signed = Zeroizing::new(Vec::with_capacity(header.len() + message.len()));
        signed.extend_from_slice(&header);
        signed.extend_from_slice(&message);
        Ok(signed)
    }

    /// Whether mail from this domain is signed.
    pub fn covers(&self, from_domain: &str) -> bool {
        self.0.iter().any(|key| key.covers(from_domain))
    }
}

impl Signer {
    fn new(key: &DkimKey) -> Result<Self, DkimError> {
        let domain = key.domain.to_ascii_lowercase();
        let name = keys::record_name(&domain, &key.selector)?;
        let signer = DkimSigner::from_key(keys::parse(&key.pem, &name)?.into_signing())
            .domain(domain.as_str())
            .selector(key.selector.as_str())
            .headers(SIGNED);
        Ok(Self { domain, name, signer })
    }

    fn covers(&self, from_domain: &str) -> bool {
        covers(&self.domain, from_domain)
    }
}

/// Whether a key of `domain` signs mails from `from_domain`.
pub fn covers(domain: &str, from_domain: &str) -> bool {
    let (domain, from) = (domain.to_ascii_lowercase(), from_domain.to_ascii_lowercase());
    from == domain || from.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use std::borrow::Borrow;
    use std::collections::HashMap;
    use std::hash::Hash;
    use std::sync::Mutex;
    use std::time::Instant;

    use mail_auth::common::cache::NoCache;
    use mail_auth::common::parse::TxtRecordParser;
    use mail_auth::common::verify::DomainKey;
    use mail_auth::hickory_resolver::config::{ResolverConfig, ResolverOpts};
    use mail_auth::{AuthenticatedMessage, DkimResult, MessageAuthenticator, Parameters, ResolverCache, Txt};
    use resetd_core::address::{DisplayName, Mailbox};
    use resetd_core::ids::PortalName;
    use resetd_core::reset::Method;
    use resetd_core::time::Timestamp;

    use super::*;
    use crate::ambient::{SeededEntropy, SystemEntropy};
    use crate::config::Sender;
    use crate::mail::compose::{Auto, Head, compose};
    use crate::mail::templates::{Library, Sample, sample_brand};

    /// Made for this test with `openssl genrsa 2048`; signs nothing else.
    const RSA: &str = include_str!("testdata/rsa2048.pem");

    fn key(domain: &str, selector: &str, pem: &str) -> DkimKey {
        DkimKey { domain: domain.to_owned(), selector: selector.to_owned(), pem: Zeroizing::new(pem.to_owned()) }
    }

    fn ed25519(domain: &str) -> DkimKey {
        let made = generate(domain, "ed", Algorithm::Ed25519, &SeededEntropy::new(9)).unwrap();
        key(domain, "ed", &made.pem)
    }

    fn message() -> Zeroizing<Vec<u8>> {
        let brand = sample_brand();
        let values = Sample::new(&brand, Method::Both).values();
        let content = Library::builtin().unwrap().render(&PortalName::parse("shop").unwrap(), "friendly", "en", &values).unwrap();
        let from =
            Sender { name: DisplayName::parse("Zoë's Shop").unwrap(), address: Mailbox::parse("no-reply@mail.shop.example").unwrap() };
        let head = Head {
            from: &from,
            to: &Mailbox::parse("anna@mail.example").unwrap(),
            to_name: None,
            reply_to: "reply+x@shop.example",
            message_id: "1@shop.example",
            date: Timestamp::from_millis(1_795_455_840_000),
            auto: Auto::Generated,
            feedback: "easy:shop:reset",
            valid_since: None,
            attachment: None,
        };
        compose(&head, &content).unwrap()
    }

    /// DNS for the verifier.
    struct Dns(Mutex<HashMap<Box<str>, Txt>>);

    impl ResolverCache<Box<str>, Txt> for Dns {
        fn get<Q>(&self, name: &Q) -> Option<Txt>
        where
            Box<str>: Borrow<Q>,
            Q: Hash + Eq + ?Sized,
        {
            self.0.lock().unwrap().get(name).cloned()
        }

        fn remove<Q>(&self, name: &Q) -> Option<Txt>
        where
            Box<str>: Borrow<Q>,
            Q: Hash + Eq + ?Sized,
        {
            self.0.lock().unwrap().remove(name)
        }

        fn insert(&self, _: Box<str>, _: Txt, _: Instant) {}
    }

    /// What a receiver finds, one result per signature.
    async fn verify(message: &[u8], keys: &[DkimKey]) -> Vec<DkimResult> {
        let records = keys.iter().map(|key| publish(key).unwrap()).map(|record| {
            let parsed = DomainKey::parse(record.value.as_bytes()).unwrap();
            (format!("{}.", record.name).into(), Txt::DomainKey(parsed.into()))
        });
        let dns = Dns(Mutex::new(records.collect()));
        let resolver = MessageAuthenticator::new(ResolverConfig::default(), ResolverOpts::default()).unwrap();
        let message = AuthenticatedMessage::parse(message).unwrap();
        let parameters: Parameters<'_, _, Dns, NoCache<_, _>, NoCache<_, _>, NoCache<_, _>, NoCache<_, _>> =
            Parameters { params: &message, cache_txt: Some(&dns), cache_mx: None, cache_ptr: None, cache_ipv4: None, cache_ipv6: None };
        resolver.verify_dkim(parameters).await.iter().map(|output| output.result().clone()).collect()
    }

    #[tokio::test]
    async fn a_receiver_finds_both_signatures_good() {
        let keys = [key("shop.example", "rsa", RSA), ed25519("shop.example")];
        let signed = Signers::new(&keys).unwrap().sign("mail.shop.example", message()).unwrap();
        assert_eq!(verify(&signed, &keys).await, [DkimResult::Pass, DkimResult::Pass]);
        assert!(signed.ends_with(&message()));
    }

    #[tokio::test]
    async fn new_keys_sign() {
        let keys = [("rsa", Algorithm::Rsa), ("ed", Algorithm::Ed25519)].map(|(selector, algorithm)| {
            key("shop.example", selector, &generate("shop.example", selector, algorithm, &SystemEntropy::new()).unwrap().pem)
        });
        let signed = Signers::new(&keys).unwrap().sign("shop.example", message()).unwrap();
        assert_eq!(verify(&signed, &keys).await, [DkimResult::Pass, DkimResult::Pass]);
    }

    #[tokio::test]
    async fn a_changed_message_is_found_out() {
        let keys = [ed25519("shop.example")];
        let signed = Signers::new(&keys).unwrap().sign("shop.example", message()).unwrap();
        let text = String::from_utf8(signed.to_vec()).unwrap();
        for changed in [
            text.replace("To: ", "From: evil@x.example\r\nTo: "),
            format!("Subject: You won\r\n{text}"),
            format!("Reply-To: <evil@x.example>\r\n{text}"),
            format!("Cc: <evil@x.example>\r\n{text}"),
            text.replace("2718 0463", "2718 0464"),
        ] {
            assert_ne!(changed, text);
            assert_ne!(verify(changed.as_bytes(), &keys).await, [DkimResult::Pass], "{}", &changed[..300]);
        }
    }

    #[test]
    fn only_mail_of_the_domain_is_signed() {
        let signers = Signers::new(&[ed25519("shop.example")]).unwrap();
        assert!(signers.covers("shop.example") && signers.covers("a.b.SHOP.example"));
        for other in ["example", "othershop.example", "shop.example.evil.example"] {
            assert_eq!(*signers.sign(other, message()).unwrap(), *message(), "{other}");
        }
    }

    #[test]
    fn bad_keys_are_refused() {
        let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let broken = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert!(matches!(Signers::new(&[key("a.example", "s", "")]), Err(DkimError::Pem(_))));
        assert!(matches!(Signers::new(&[key("a.example", "s", certificate)]), Err(DkimError::Pem(_))));
        assert!(matches!(Signers::new(&[key("a.example", "s", broken)]), Err(DkimError::Kind(_))));
        assert!(matches!(Signers::new(&[key("a.example", "s", include_str!("testdata/rsa1024.pem"))]), Err(DkimError::Kind(_))));
        for (domain, selector) in [("", "s"), ("a.example", ""), ("a;b=c", "s"), ("a.example", "s\r\nx")] {
            assert!(matches!(Signers::new(&[key(domain, selector, RSA)]), Err(DkimError::Name(_))), "{domain:?} {selector:?}");
        }
    }
}
