//! A certificate authority of the test's own, and servers that it vouches for.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

/// The authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A server's certificate, its chain, and the configuration that shows it.
#[derive(Clone)]
pub struct Identity {
    /// The server's own.
    pub certificate: CertificateDer<'static>,
    /// Its public key, as it stands in the certificate (DER).
    pub public_key: Vec<u8>,
    /// For its side of TLS; shows the authority's certificate too.
    pub config: Arc<ServerConfig>,
}

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "Authority of a test");
        Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its own certificate, as a file.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Its own certificate.
    pub fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// Vouches for a server of these names.
    pub fn vouch(&self, names: &[&str]) -> Identity {
        self.vouch_until(names, 4096)
    }

    /// Vouches up to the beginning of this year.
    pub fn vouch_until(&self, names: &[&str], year: i32) -> Identity {
        use rcgen::PublicKeyData;
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut parameters = CertificateParams::new(names).unwrap();
        parameters.not_after = rcgen::date_time_ymd(year, 1, 1);
        let certificate = parameters.signed_by(&key, &self.0).unwrap().der().clone();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone(), self.der()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .unwrap();
        Identity { certificate, public_key: key.subject_public_key_info(), config: Arc::new(config) }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
