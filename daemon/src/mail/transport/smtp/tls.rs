//! TLS towards the next hop: rustls on ring. A relay's certificate is always verified, with the system's authorities or the one
//! file that was named; a domain's own servers are verified by what its DNS or policy says, and without that not at all
//! (RFC 7435): then TLS only keeps out who listens.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::TlsConnector;

use super::broken::Cause;
use super::dial::Wire;
use super::verifier::Verifier;
use crate::mail::TlsState;
use crate::mail::transport::TransportError;

/// How to speak TLS with one hop.
pub(in crate::mail::transport) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
    check: Check,
}

/// What a finished handshake shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::mail::transport) enum Check {
    /// Nothing.
    Unverified,
    /// That authorities vouch for the name.
    Authority,
    /// That they do, as an MTA-STS policy asks.
    MtaSts,
    /// That a TLSA record matches.
    Dane,
}

impl Tls {
    /// For the relay `host`, trusting `ca` or the system's authorities, showing `identity` (certificate and key, PEM files).
    pub fn new(host: &str, ca: Option<&Path>, identity: Option<(&Path, &Path)>) -> Result<Self, TransportError> {
        server_name(host)?;
        let verifier = Arc::new(Verifier::new(ca, &provider())?);
        Self::with_verifier(host, verifier, Check::Authority, identity)
    }

    /// For `host`, trusting what `verifier` trusts.
    pub fn with_verifier(
        host: &str,
        verifier: Arc<dyn ServerCertVerifier>,
        check: Check,
        identity: Option<(&Path, &Path)>,
    ) -> Result<Self, TransportError> {
        let name = server_name(host)?;
        let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        let config = config.dangerous().with_custom_certificate_verifier(verifier);
        let config = match identity {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let (chain, key) = own_identity(certificate, key)?;
                config.with_client_auth_cert(chain, key)?
            }
        };
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name, check })
    }

    /// What a connection through this is.
    pub fn state(&self) -> TlsState {
        match self.check {
            Check::Unverified => TlsState::Unverified,
            Check::Authority => TlsState::Authority,
            Check::MtaSts => TlsState::MtaSts,
            Check::Dane => TlsState::Dane,
        }
    }

    /// The handshake. The caller sets the deadline.
    pub async fn wrap(&self, wire: Wire) -> Result<Wire, Cause> {
        match self.connector.connect(self.name.clone(), wire).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(tls) => Cause::Tls(tls.clone()),
                None => Cause::Io(error),
            }),
        }
    }
}

/// The name that a certificate must hold.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, TransportError> {
    let ascii = idna::domain_to_ascii(host).unwrap_or_else(|_| host.to_owned());
    ServerName::try_from(host.to_owned()).or_else(|_| ServerName::try_from(ascii)).map_err(|_| TransportError::Host(host.to_owned()))
}

/// A client that trusts `ca`, or the system's authorities.
pub(crate) fn client_config(ca: Option<&Path>) -> Result<ClientConfig, TransportError> {
    let provider = provider();
    let verifier = Verifier::new(ca, &provider)?;
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

/// The one crypto provider.
pub(in crate::mail::transport) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn own_identity(certificate: &Path, key: &Path) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TransportError> {
    let bad = |path: &Path, error: &dyn std::fmt::Display| TransportError::Identity(format!("{}: {error}", path.display()));
    let chain = CertificateDer::pem_file_iter(certificate).map_err(|error| bad(certificate, &error))?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(|error| bad(certificate, &error))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| bad(key, &error))?;
    Ok((chain, key))
}
