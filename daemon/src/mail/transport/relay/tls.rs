//! TLS towards the relay: rustls on ring, with the system's authorities or the one file that was named. There is no
//! way to switch verification off.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::broken::Cause;
use super::dial::Wire;
use crate::mail::transport::TransportError;

/// How to speak TLS with one relay.
pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// For `host`, trusting `ca` or the system's authorities.
    pub fn new(host: &str, ca: Option<&Path>) -> Result<Self, TransportError> {
        let ascii = idna::domain_to_ascii(host).unwrap_or_else(|_| host.to_owned());
        let name = ServerName::try_from(host.to_owned())
            .or_else(|_| ServerName::try_from(ascii))
            .map_err(|_| TransportError::Host(host.to_owned()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(authorities(ca)?)
            .with_no_client_auth();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// The handshake. The caller sets the deadline.
    pub async fn wrap(&self, wire: Wire) -> Result<Wire, Cause> {
        match self.connector.connect(self.name.clone(), wire).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(tls) => Cause::Tls(tls.to_string()),
                None => Cause::Io(error),
            }),
        }
    }
}

fn authorities(ca: Option<&Path>) -> Result<RootCertStore, TransportError> {
    let refuse = |what: String| TransportError::Authorities(what);
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            let named = |error: &dyn std::fmt::Display| refuse(format!("{}: {error}", path.display()));
            for certificate in CertificateDer::pem_file_iter(path).map_err(|error| named(&error))? {
                roots.add(certificate.map_err(|error| named(&error))?).map_err(|error| named(&error))?;
            }
            if roots.is_empty() {
                return Err(refuse(format!("{} holds no certificate", path.display())));
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                return Err(refuse("the system has none (package ca-certificates)".to_owned()));
            }
        }
    }
    Ok(roots)
}
