//! A next hop: what is tried with one mail, and what is kept for the next one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::broken::Broken;
use super::circuit::Circuit;
use super::dial::{Dial, Network};
use super::dialogue;
use super::pool::{Pool, Wear};
use super::prepared::Prepared;
use super::session::{Manner, Session};
use crate::mail::{Hitch, Outcome, Via};

/// One next hop.
pub(crate) struct Hop<D = Network> {
    dial: D,
    manner: Manner,
    slots: Semaphore,
    pool: Arc<Pool>,
    circuit: Circuit,
}

/// What one try with one hop came to.
pub(crate) enum Tried {
    /// It said something of the mail.
    Judged(Outcome, Via),
    /// It is not to be had. Another hop may be asked, for the mail is surely not there.
    Away(Away),
}

/// A hop that is not to be had.
pub(crate) struct Away {
    /// What happened.
    pub outcome: Outcome,
    /// How long it is left alone.
    pub pause: Duration,
    /// Who, and how far TLS came.
    pub via: Via,
    /// Whether it was dialled at all.
    pub was_tried: bool,
    /// What was wrong with TLS, in the words of RFC 8460 §4.3.
    pub tls_failure: Option<&'static str>,
}

impl<D: Dial> Hop<D> {
    /// Over connections made by `dial`, of which `connections` at most are open at a time. Connects to nothing yet.
    pub fn new(dial: D, manner: Manner, connections: usize, wear: Wear) -> Self {
        Self { dial, manner, slots: Semaphore::new(connections.max(1)), pool: Pool::new(wear), circuit: Circuit::default() }
    }

    /// Waits for a free connection, then every phase has its deadline.
    pub async fn send(&self, mail: &Prepared) -> Tried {
        let _slot = self.slots.acquire().await;
        if let Some(warm) = self.pool.take() {
            let via = self.via(&warm);
            match self.converse(warm, mail).await {
                Err(broken) if broken.surely_not_sent() => {
                    tracing::debug!(event = "hop.stale", detail = broken.detail(), "a warm connection was dead; dialling anew");
                }
                Err(broken) => return Tried::Judged(broken.into_outcome(), via),
                Ok(outcome) => return Tried::Judged(outcome, via),
            }
        }
        self.dial_anew(mail).await
    }

    async fn dial_anew(&self, mail: &Prepared) -> Tried {
        let unseen = || Via { host: self.manner.host.clone(), tls: None };
        let permit = match self.circuit.admit() {
            Ok(permit) => permit,
            Err(paused) => {
                let outcome = Outcome::put_off(format!("not tried, since the last try failed: {}", paused.last));
                return Tried::Away(Away { outcome, pause: paused.left, via: unseen(), was_tried: false, tls_failure: None });
            }
        };
        let session = match Session::open(&self.dial, &self.manner).await {
            Ok(session) => session,
            Err(broken) => {
                let pause = permit.failed(&broken.detail());
                let tls_failure = broken.tls_failure();
                return Tried::Away(Away { outcome: broken.into_outcome(), pause, via: unseen(), was_tried: true, tls_failure });
            }
        };
        let via = self.via(&session);
        match self.converse(session, mail).await {
            Err(broken) if broken.is_about_the_hop() => {
                let pause = permit.failed(&broken.detail());
                match broken.surely_not_sent() {
                    true => Tried::Away(Away { outcome: broken.into_outcome(), pause, via, was_tried: true, tls_failure: None }),
                    false => Tried::Judged(broken.into_outcome(), via),
                }
            }
            Err(broken) => {
                permit.succeeded();
                Tried::Judged(broken.into_outcome(), via)
            }
            Ok(outcome) => {
                permit.succeeded();
                Tried::Judged(outcome, via)
            }
        }
    }

    /// Opens a connection of its own as for a mail, greeting, TLS and login included, and ends it: what the next mail would meet.
    /// Neither the circuit nor the warm connections are touched.
    pub async fn probe(&self) -> Result<Via, Hitch> {
        let session = Session::open(&self.dial, &self.manner).await.map_err(Broken::into_hitch)?;
        let via = self.via(&session);
        session.quit().await;
        Ok(via)
    }

    async fn converse(&self, mut session: Session, mail: &Prepared) -> Result<Outcome, Broken> {
        let verdict = dialogue::deliver(&mut session, mail, self.manner.timeout).await?;
        session.mails += 1;
        if verdict.keep {
            self.pool.put(session);
        }
        Ok(verdict.outcome)
    }

    fn via(&self, session: &Session) -> Via {
        Via { host: self.manner.host.clone(), tls: Some(session.tls) }
    }

    /// Ends idle connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Whether nothing is kept of it: no connection, no failure.
    pub fn is_cold(&self) -> bool {
        self.pool.is_empty() && self.circuit.paused().is_none() && Arc::strong_count(&self.pool) == 1
    }

    #[cfg(test)]
    pub(super) fn has_warm(&self) -> bool {
        self.pool.take().is_some()
    }
}
