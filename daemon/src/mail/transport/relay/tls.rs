//! TLS towards the relay: rustls on ring, with the system's authorities or the one file that was named. There is no
//! way to switch verification off.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::broken::Cause;
use super::dial::Wire;
use super::verifier::Verifier;
use crate::mail::transport::TransportError;

/// How to speak TLS with one relay.
pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// For `host`, trusting `ca` or the system's authorities.
    pub fn new(host: &str, ca: Option<&Path>) -> Result<Self, TransportError> {
        let (name, config) = (server_name(host)?, client_config(ca)?);
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

/// The name that a certificate must hold.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, TransportError> {
    let ascii = idna::domain_to_ascii(host).unwrap_or_else(|_| host.to_owned());
    ServerName::try_from(host.to_owned()).or_else(|_| ServerName::try_from(ascii)).map_err(|_| TransportError::Host(host.to_owned()))
}

/// A client that trusts `ca`, or the system's authorities.
pub(crate) fn client_config(ca: Option<&Path>) -> Result<ClientConfig, TransportError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new(ca, &provider)?;
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}
