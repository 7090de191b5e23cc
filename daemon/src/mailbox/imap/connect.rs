//! From nothing to a session that is logged in. Nothing that matters is said before TLS, off loopback.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::login::login;
use super::response::Status;
use super::session::{Part, Session, succeeded};
use super::trouble::{Step, Trouble};
use super::wire::Wire;
use crate::config::{ImapSettings, TlsMode};
use crate::mail::transport::{Dial, DialError, Network, Source, Target, Wire as Stream};

/// How to reach one account.
pub(super) struct Door {
    connector: Option<TlsConnector>,
    name: Option<ServerName<'static>>,
    /// When a refused login may be tried again, and what was refused.
    gate: Mutex<Option<(Instant, String)>>,
}

/// A login that was refused is not tried by the account's other folders either, for less than the shortest pause of any.
const REFUSED: Duration = Duration::from_secs(200);

impl Door {
    /// The connector is made once: reading the system's authorities takes its time.
    pub fn new(account: &ImapSettings) -> Result<Self, crate::mail::transport::TransportError> {
        if account.tls == TlsMode::None {
            return Ok(Self { connector: None, name: None, gate: Mutex::default() });
        }
        let config = crate::mail::transport::client_config(account.ca.as_deref())?;
        let name = crate::mail::transport::server_name(&account.host)?;
        Ok(Self { connector: Some(TlsConnector::from(Arc::new(config))), name: Some(name), gate: Mutex::default() })
    }

    /// Connects and logs in, one folder after the other: a wrong password is tried once and not by each.
    pub async fn enter(&self, account: &ImapSettings) -> Result<Session, Trouble> {
        let mut gate = self.gate.lock().await;
        if let Some((_, why)) = gate.as_ref().filter(|(until, _)| Instant::now() < *until) {
            return Err(Trouble::Refused(why.clone()));
        }
        let entered = self.try_enter(account).await;
        *gate = match &entered {
            Err(trouble @ (Trouble::WrongPassword(_) | Trouble::WrongToken(_))) => Some((Instant::now() + REFUSED, trouble.to_string())),
            _ => None,
        };
        entered
    }

    async fn try_enter(&self, account: &ImapSettings) -> Result<Session, Trouble> {
        let stream = dial(account).await?;
        let mut session = match account.tls {
            TlsMode::Implicit => Session::new(Wire::new(self.wrap(stream, account).await?, account.timeout)),
            TlsMode::StartTls | TlsMode::None => Session::new(Wire::new(stream, account.timeout)),
        };
        let mut known = session.greeting().await?;
        if account.tls == TlsMode::StartTls {
            // A server that calls us logged in before TLS leaves no way to it (RFC 9051 §7.1.4): whoever is between may say so.
            if known {
                return Err(Trouble::NoStartTls);
            }
            session = self.start_tls(session, account).await?;
            known = false;
        }
        session.capability().await?;
        if known { Ok(session) } else { login(&mut session, &account.login).await.map(|()| session) }
    }

    async fn start_tls(&self, mut session: Session, account: &ImapSettings) -> Result<Session, Trouble> {
        session.capability().await?;
        if !session.can.has("STARTTLS") {
            return Err(Trouble::NoStartTls);
        }
        let answer = session.run(Step::StartTls, &[Part::Text("STARTTLS")], 0, |_| {}).await?;
        if answer.status == Status::Bad {
            return Err(Trouble::NoStartTls);
        }
        succeeded(Step::StartTls, &answer)?;
        let stream = session.into_wire().into_stream()?;
        Ok(Session::new(Wire::new(self.wrap(stream, account).await?, account.timeout)))
    }

    async fn wrap(&self, stream: Stream, account: &ImapSettings) -> Result<Stream, Trouble> {
        let (Some(connector), Some(name)) = (&self.connector, &self.name) else { return Err(Trouble::NoStartTls) };
        let shaken = tokio::time::timeout(account.timeout, connector.connect(name.clone(), stream)).await;
        match shaken.map_err(|_| Trouble::Timeout(Step::Tls))? {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(rustls::Error::InvalidCertificate(why)) => Trouble::Certificate(why.to_string()),
                Some(tls) => Trouble::Handshake(tls.to_string()),
                None => Trouble::Io(Step::Tls, error.kind()),
            }),
        }
    }
}

async fn dial(account: &ImapSettings) -> Result<Stream, Trouble> {
    let loopback_only = account.tls == TlsMode::None;
    let to = Target::Name(account.host.clone());
    let network = Network { to, port: account.port, loopback_only, source: Source::default(), timeout: account.timeout };
    // The network shares the time among a name's addresses; the name itself has to be found in time, too.
    let dialled = tokio::time::timeout(account.timeout * 2, network.dial()).await;
    dialled.map_err(|_| Trouble::Timeout(Step::Connect))?.map_err(|error| match error {
        DialError::Timeout => Trouble::Timeout(Step::Connect),
        DialError::Io(error) => Trouble::Io(Step::Connect, error.kind()),
        DialError::Missing(_) if loopback_only => Trouble::NotLoopback,
        _ => Trouble::Name,
    })
}
