//! The ways out: one finished message to one recipient, and what became of it. A transport decides nothing about
//! retries; it says what the next hop said.

pub mod capture;
pub mod dns;
pub mod mx;
pub mod relay;
mod smtp;

use std::time::Duration;

use capture::Capture;
use mx::Mx;
use relay::Relays;
use smtp::Prepared;

pub(crate) use smtp::{Cause as DialError, Dial, Network, Source, Target, Wire, client_config, server_name, token};

use super::{Envelope, Outcome, Sent};
use crate::config::{DnsSettings, Sending, TransportSettings};

/// How long a capture folder that takes nothing is left alone.
const FOLDER_PAUSE: Duration = Duration::from_secs(1);

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
    /// Our own certificate or its key can't be read.
    #[error("the certificate to show: {0}")]
    Identity(String),
    /// No name server can be asked.
    #[error("DNS can't be used ({0}): name the servers with [dns] servers = [\"192.0.2.53:53\"]")]
    Dns(String),
    /// TLS can't be set up.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// A way out.
pub enum Transport {
    /// To smarthosts.
    Relay(Relays),
    /// To the servers of the address's domain.
    Mx(Box<Mx>),
    /// Into a Maildir.
    Capture(Capture),
}

impl Transport {
    /// From `[sending]`. Opens no connection; makes the capture folder where it is missing.
    pub fn new(sending: &Sending, dns: &DnsSettings) -> Result<Self, TransportError> {
        Ok(match &sending.transport {
            TransportSettings::Relay(relays) => Self::Relay(Relays::new(relays, sending)?),
            TransportSettings::Mx(settings) => Self::Mx(Box::new(Mx::new(settings, sending, dns)?)),
            TransportSettings::Capture(folder) => Self::Capture(Capture::new(folder)?),
        })
    }

    /// Where a mail to an address in `domain` goes: what has limits, a circuit and a queue of its own.
    pub fn destination<'a>(&self, domain: &'a str) -> &'a str {
        match self {
            Self::Mx(_) => domain,
            Self::Relay(_) | Self::Capture(_) => "",
        }
    }

    /// Hands one message to the next hop. Every phase has a deadline; whatever happens is an [`Outcome`].
    pub async fn send(&self, envelope: &Envelope, message: &[u8]) -> Sent {
        if let Self::Capture(capture) = self {
            let outcome = capture.send(envelope, message).await;
            let pause = matches!(outcome, Outcome::Deferred { .. }).then_some(FOLDER_PAUSE);
            return Sent { outcome, via: None, pause };
        }
        let mail = match Prepared::new(envelope, message) {
            Ok(mail) => mail,
            Err(refused) => return refused.into(),
        };
        let sent = match self {
            Self::Relay(relays) => relays.send(&mail).await,
            Self::Mx(mx) => mx.send(envelope, &mail).await,
            Self::Capture(_) => return Outcome::put_off("").into(),
        };
        let [from, to] = mail.addresses();
        Sent { outcome: smtp::strike(sent.outcome, &[envelope.to.as_str(), from, to], message), ..sent }
    }

    /// How often TLS was spoken and how it failed, for metrics (RFC 8460 §4.3): policy, result, count.
    pub fn tls_results(&self) -> Vec<(&'static str, &'static str, u64)> {
        match self {
            Self::Mx(mx) => mx.tls_results(),
            Self::Relay(_) | Self::Capture(_) => Vec::new(),
        }
    }

    /// What an administrator should know of it.
    pub fn problems(&self) -> Vec<String> {
        match self {
            Self::Mx(mx) => mx.problems(),
            Self::Relay(_) | Self::Capture(_) => Vec::new(),
        }
    }

    /// Takes over what the one before had learned of the world, for a reload.
    pub fn inherit(&self, before: &Self) {
        if let (Self::Mx(mx), Self::Mx(old)) = (self, before) {
            mx.inherit(old);
        }
    }

    /// Says QUIT on idle connections. Mails under way are not touched; connections that come back later are closed.
    pub async fn close(&self) {
        match self {
            Self::Relay(relays) => relays.close().await,
            Self::Mx(mx) => mx.close().await,
            Self::Capture(_) => {}
        }
    }
}
