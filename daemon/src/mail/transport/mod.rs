//! The ways out: one finished message to one recipient, and what became of it. A transport decides nothing about
//! retries; it says what the next hop said.

pub mod capture;
pub mod relay;

use capture::Capture;
use relay::Relay;

pub(crate) use relay::{Cause as DialError, Dial, Network, Wire, client_config, server_name};

use super::{Envelope, Outcome};
use crate::config::{Sending, TransportSettings};

/// Why a transport can't be made from its settings.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The Maildir can't be made.
    #[error("the capture folder {path}: {source}")]
    Folder {
        /// Where.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The server's name is neither a host name nor an IP address.
    #[error("the host `{0}` is neither a host name nor an IP address")]
    Host(String),
    /// Without TLS, with a host that is surely not loopback.
    #[error("the relay `{0}` is not on loopback: it needs TLS")]
    PlainAbroad(String),
    /// The authorities to trust can't be read.
    #[error("the authorities to trust: {0}")]
    Authorities(String),
    /// TLS can't be set up.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// A way out.
pub enum Transport {
    /// To a smarthost.
    Relay(Box<Relay>),
    /// Into a Maildir.
    Capture(Capture),
}

impl Transport {
    /// From `[sending]`. Opens no connection; makes the capture folder where it is missing.
    pub fn new(sending: &Sending) -> Result<Self, TransportError> {
        Ok(match &sending.transport {
            TransportSettings::Relay(relay) => Self::Relay(Box::new(Relay::new(relay, sending.connections)?)),
            TransportSettings::Capture(folder) => Self::Capture(Capture::new(folder)?),
        })
    }

    /// Hands one message to the next hop. Every phase has a deadline; whatever happens is an [`Outcome`].
    pub async fn send(&self, envelope: &Envelope, message: &[u8]) -> Outcome {
        match self {
            Self::Relay(relay) => relay.send(envelope, message).await,
            Self::Capture(capture) => capture.send(envelope, message).await,
        }
    }

    /// Says QUIT on idle connections. Mails under way are not touched; connections that come back later are closed.
    pub async fn close(&self) {
        match self {
            Self::Relay(relay) => relay.close().await,
            Self::Capture(_) => {}
        }
    }
}
