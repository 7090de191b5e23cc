//! Whether the server's certificate is to be trusted: rustls's own verification, and one thing more. Who runs a server on
//! the next machine gives it a certificate signed by itself and names that very certificate as `ca`; what
//! `openssl req -x509` makes says CA:TRUE, which a server's certificate must not for webpki. A certificate that stands in
//! the file itself is trusted as it is, for the names it holds, like an authority in the file is.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::mail::transport::TransportError;

/// Trusts the system's authorities, or what one file holds.
#[derive(Debug)]
pub(in crate::mail::transport) struct Verifier {
    chains: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl Verifier {
    /// Trusting the certificates in `ca`, or the system's where there is none.
    pub fn new(ca: Option<&Path>, provider: &Arc<CryptoProvider>) -> Result<Self, TransportError> {
        let refuse = |what: String| TransportError::Authorities(what);
        let mut roots = RootCertStore::empty();
        let mut named = Vec::new();
        match ca {
            Some(path) => {
                let at = |error: &dyn std::fmt::Display| refuse(format!("{}: {error}", path.display()));
                for certificate in CertificateDer::pem_file_iter(path).map_err(|error| at(&error))? {
                    let certificate = certificate.map_err(|error| at(&error))?;
                    roots.add(certificate.clone()).map_err(|error| at(&error))?;
                    named.push(certificate);
                }
                if roots.is_empty() {
                    return Err(refuse(format!("{} holds no certificate", path.display())));
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    return Err(refuse("the system has none (package ca-certificates)".to_owned()));
                }
            }
        }
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        Ok(Self { chains: chains.build().map_err(|error| refuse(error.to_string()))?, named })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.named.iter().any(|certificate| certificate == shown) {
            rustls::client::verify_server_name(&ParsedCertificate::try_from(shown)?, name)?;
            return Ok(ServerCertVerified::assertion());
        }
        self.chains.verify_server_cert(shown, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}
