//! Delivery through a smarthost: warm connections, pipelined dialogue, one redial when a warm one turns out dead, and a
//! circuit that keeps a dead relay from being dialled by every mail.

mod body;
mod broken;
mod circuit;
mod dial;
mod dialogue;
mod pool;
mod prepared;
mod reply;
mod session;
mod strike;
mod tls;
mod verifier;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::Semaphore;

use broken::Broken;
use circuit::Circuit;
use pool::Pool;
use prepared::Prepared;
use session::{Manner, Session};
use tls::Tls;

// The IMAP mailbox dials and trusts in the same way.
pub(crate) use broken::Cause;
pub(crate) use dial::{Dial, Network, Wire};
pub(crate) use tls::{client_config, server_name};

use super::TransportError;
use crate::config::{RelaySettings, TlsMode};
use crate::mail::{Envelope, Outcome};

/// One smarthost.
pub struct Relay<D = Network> {
    dial: D,
    manner: Manner,
    slots: Semaphore,
    pool: Arc<Pool>,
    circuit: Circuit,
}

impl Relay {
    /// From `[sending.relay]`; `connections` at most are open at a time. Connects to nothing yet.
    pub fn new(settings: &RelaySettings, connections: usize) -> Result<Self, TransportError> {
        let plain = settings.tls == TlsMode::None;
        if plain && settings.host.parse::<IpAddr>().is_ok_and(|address| !address.is_loopback()) {
            return Err(TransportError::PlainAbroad(settings.host.clone()));
        }
        let dial = Network { host: settings.host.clone(), port: settings.port, loopback_only: plain, timeout: settings.timeout };
        Self::over(dial, settings, connections)
    }
}

impl<D: Dial> Relay<D> {
    /// Over connections made by `dial`.
    fn over(dial: D, settings: &RelaySettings, connections: usize) -> Result<Self, TransportError> {
        let tls = match settings.tls {
            TlsMode::None => None,
            mode => Some((mode, Tls::new(&settings.host, settings.ca.as_deref())?)),
        };
        let manner = Manner { tls, login: settings.login.clone(), hello: settings.hello.clone(), timeout: settings.timeout };
        Ok(Self { dial, manner, slots: Semaphore::new(connections.max(1)), pool: Pool::new(settings.idle), circuit: Circuit::default() })
    }

    /// One message to one recipient. Waits for a free connection, then every phase has its deadline.
    pub async fn send(&self, envelope: &Envelope, message: &[u8]) -> Outcome {
        let mail = match Prepared::new(envelope, message) {
            Ok(mail) => mail,
            Err(refused) => return refused,
        };
        let _slot = self.slots.acquire().await;
        let outcome = match self.hand_over(&mail).await {
            Ok(outcome) => outcome,
            Err(broken) => broken.into_outcome(),
        };
        let [from, to] = mail.addresses();
        strike::strike(outcome, &[envelope.to.as_str(), from, to], message)
    }

    /// Ends idle connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Over a warm connection; over a fresh one where there is none, or where the warm one was dead before the final
    /// dot was sent: then the mail is surely not there yet.
    async fn hand_over(&self, mail: &Prepared) -> Result<Outcome, Broken> {
        if let Some(warm) = self.pool.take() {
            match self.converse(warm, mail).await {
                Err(broken) if broken.surely_not_sent() => {
                    tracing::debug!(event = "relay.stale", detail = broken.detail(), "a warm connection was dead; dialling anew");
                }
                ended => return ended,
            }
        }
        let permit = match self.circuit.admit() {
            Ok(permit) => permit,
            Err(last) => return Ok(Outcome::Deferred { reply: None, detail: format!("not tried, since the last try failed: {last}") }),
        };
        let session = match Session::open(&self.dial, &self.manner).await {
            Ok(session) => session,
            Err(broken) => {
                permit.failed(&broken.detail());
                return Err(broken);
            }
        };
        let ended = self.converse(session, mail).await;
        match &ended {
            Err(broken) if broken.is_goodbye() => permit.failed(&broken.detail()),
            _ => permit.succeeded(),
        }
        ended
    }

    async fn converse(&self, mut session: Session, mail: &Prepared) -> Result<Outcome, Broken> {
        let verdict = dialogue::deliver(&mut session, mail, self.manner.timeout).await?;
        session.mails += 1;
        if verdict.keep {
            self.pool.put(session);
        }
        Ok(verdict.outcome)
    }
}
