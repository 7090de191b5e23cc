//! DANE for SMTP (RFC 7672, RFC 7671): whether a certificate is the one that the host's TLSA records name.

use std::sync::Arc;

use hickory_resolver::proto::rr::rdata::TLSA;
use hickory_resolver::proto::rr::rdata::tlsa::{CertUsage, Matching, Selector};
use ring::digest;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::mail::transport::smtp::provider;

/// A TLSA record that can be used.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Pin {
    /// DANE-TA(2) rather than DANE-EE(3).
    authority: bool,
    /// SPKI(1) rather than Cert(0).
    key_only: bool,
    hash: Hash,
    data: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Hash {
    Full,
    Sha256,
    Sha512,
}

/// The usable ones: PKIX-TA(0) and PKIX-EE(1) count for nothing in SMTP (RFC 7672 §3.1.3), nor does what is not known.
pub(super) fn usable(records: &[TLSA]) -> Vec<Pin> {
    let pin = |record: &TLSA| {
        let authority = match record.cert_usage {
            CertUsage::DaneTa => true,
            CertUsage::DaneEe => false,
            _ => return None,
        };
        let key_only = match record.selector {
            Selector::Full => false,
            Selector::Spki => true,
            _ => return None,
        };
        let (hash, length) = match record.matching {
            Matching::Raw => (Hash::Full, None),
            Matching::Sha256 => (Hash::Sha256, Some(32)),
            Matching::Sha512 => (Hash::Sha512, Some(64)),
            _ => return None,
        };
        let fits = length.is_none_or(|length| length == record.cert_data.len());
        fits.then(|| Pin { authority, key_only, hash, data: record.cert_data.clone() })
    };
    records.iter().filter_map(pin).collect()
}

impl Pin {
    fn matches(&self, certificate: &CertificateDer<'_>) -> bool {
        let octets = match self.key_only {
            false => certificate.as_ref().to_vec(),
            true => match ParsedCertificate::try_from(certificate) {
                Ok(parsed) => parsed.subject_public_key_info().as_ref().to_vec(),
                Err(_) => return false,
            },
        };
        match self.hash {
            Hash::Full => octets == self.data,
            Hash::Sha256 => digest::digest(&digest::SHA256, &octets).as_ref() == self.data,
            Hash::Sha512 => digest::digest(&digest::SHA512, &octets).as_ref() == self.data,
        }
    }
}

/// Trusts what the records name, or, where none is usable, everything (RFC 7672 §2.2: TLS is required all the same).
#[derive(Debug)]
pub(super) struct Pinned {
    pub pins: Vec<Pin>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // DANE-EE: neither names nor dates count (RFC 7672 §3.1.1).
        let itself = self.pins.iter().any(|pin| !pin.authority && pin.matches(shown));
        if self.pins.is_empty() || itself {
            return Ok(ServerCertVerified::assertion());
        }
        // DANE-TA: one of the chain, or the record itself where it holds a whole certificate, is the authority; names and dates
        // count (RFC 7672 §3.1.2).
        let mut refused = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        for pin in self.pins.iter().filter(|pin| pin.authority) {
            let whole = (pin.hash == Hash::Full && !pin.key_only).then(|| CertificateDer::from(pin.data.clone()));
            let named = intermediates.iter().chain([shown]).filter(|certificate| pin.matches(certificate)).cloned().chain(whole);
            for authority in named {
                let mut roots = RootCertStore::empty();
                if roots.add(authority.into_owned()).is_err() {
                    continue;
                }
                let Ok(verifier) = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build() else { continue };
                match verifier.verify_server_cert(shown, intermediates, name, ocsp, now) {
                    Ok(verified) => return Ok(verified),
                    Err(error) => refused = error,
                }
            }
        }
        Err(refused)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

    use super::*;

    struct Chain {
        leaf: CertificateDer<'static>,
        authority: CertificateDer<'static>,
    }

    fn chain(name: &str) -> Chain {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
        let leaf = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&KeyPair::generate().unwrap(), &authority).unwrap();
        Chain { leaf: leaf.der().clone(), authority: authority.der().clone() }
    }

    fn record(usage: u8, selector: u8, matching: u8, certificate: &CertificateDer<'_>) -> TLSA {
        let octets = match selector {
            1 => ParsedCertificate::try_from(certificate).unwrap().subject_public_key_info().as_ref().to_vec(),
            _ => certificate.as_ref().to_vec(),
        };
        let data = match matching {
            1 => digest::digest(&digest::SHA256, &octets).as_ref().to_vec(),
            2 => digest::digest(&digest::SHA512, &octets).as_ref().to_vec(),
            _ => octets,
        };
        TLSA::new(usage.into(), selector.into(), matching.into(), data)
    }

    fn verify(records: &[TLSA], chain: &Chain, with_authority: bool, name: &str) -> bool {
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_800_000_000));
        let intermediates = if with_authority { vec![chain.authority.clone()] } else { Vec::new() };
        let name = ServerName::try_from(name.to_owned()).unwrap();
        Pinned { pins: usable(records) }.verify_server_cert(&chain.leaf, &intermediates, &name, &[], now).is_ok()
    }

    #[test]
    fn every_way_to_name_a_certificate() {
        let (chain, other) = (chain("mx.example"), chain("mx.example"));
        for selector in [0, 1] {
            for matching in [0, 1, 2] {
                let leaf = record(3, selector, matching, &chain.leaf);
                assert!(verify(std::slice::from_ref(&leaf), &chain, false, "mx.example"), "3 {selector} {matching}");
                assert!(verify(std::slice::from_ref(&leaf), &chain, false, "other.example"), "names do not count");
                assert!(!verify(&[leaf], &other, true, "mx.example"));
                let authority = record(2, selector, matching, &chain.authority);
                assert!(verify(std::slice::from_ref(&authority), &chain, true, "mx.example"), "2 {selector} {matching}");
                assert!(!verify(std::slice::from_ref(&authority), &chain, true, "other.example"), "names count");
                assert_eq!(verify(&[authority], &chain, false, "mx.example"), (selector, matching) == (0, 0), "it is not in the chain");
            }
        }
    }

    #[test]
    fn what_can_not_be_used_counts_for_nothing() {
        let chain = chain("mx.example");
        let mut short = record(3, 1, 1, &chain.leaf);
        short.cert_data.pop();
        let useless = [
            record(0, 0, 1, &chain.authority),
            record(1, 1, 1, &chain.leaf),
            record(3, 7, 1, &chain.leaf),
            record(3, 0, 9, &chain.leaf),
            short,
        ];
        assert_eq!(usable(&useless), []);
    }
}
