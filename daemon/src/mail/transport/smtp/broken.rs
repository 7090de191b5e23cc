//! How a dialogue ends without the next hop's word on the mail: where it was, and what happened. None of it says
//! anything about the mail, so all of it defers.

use std::time::Duration;

use resetd_core::smtp_reply::SmtpReply;

use super::reply::ReplyError;
use crate::mail::{Hitch, Obstacle, Outcome};

/// Where in the dialogue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Connect,
    Tls,
    Greeting,
    Hello,
    StartTls,
    Login,
    Envelope,
    Body,
    Receipt,
}

impl Phase {
    fn words(self) -> &'static str {
        match self {
            Self::Connect => "connecting to the server",
            Self::Tls => "TLS with the server",
            Self::Greeting => "the server's greeting",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Login => "AUTH",
            Self::Envelope => "MAIL, RCPT and DATA",
            Self::Body => "sending the message",
            Self::Receipt => "the reply to the message",
        }
    }
}

/// What happened.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    #[error("took too long")]
    Timeout,
    #[error("{0}")]
    Reply(#[from] ReplyError),
    #[error("{}", .0.kind())]
    Io(#[from] std::io::Error),
    #[error("the server said {}", .0.code)]
    Said(SmtpReply),
    #[error("{0}")]
    Tls(rustls::Error),
    #[error("the token command {0}")]
    Token(&'static str),
    #[error("its name is not known")]
    Nameless,
    #[error("{0}")]
    Missing(&'static str),
    #[error("replies out of step")]
    OutOfStep,
}

/// A dialogue that ended too early.
#[derive(Debug)]
pub(super) struct Broken {
    pub phase: Phase,
    pub cause: Cause,
}

impl Broken {
    pub fn new(phase: Phase, cause: impl Into<Cause>) -> Self {
        Self { phase, cause: cause.into() }
    }

    /// Whether the next hop surely doesn't have the mail: the final dot was not sent.
    pub fn surely_not_sent(&self) -> bool {
        self.phase != Phase::Receipt
    }

    /// Whether the server asked to be left alone (421), or left before it had seen anything of the message: then any other
    /// mail would meet the same.
    pub fn is_about_the_hop(&self) -> bool {
        let goodbye = matches!(&self.cause, Cause::Said(reply) if reply.code == 421);
        goodbye || !matches!(self.phase, Phase::Body | Phase::Receipt)
    }

    /// What was wrong with TLS, in the words of RFC 8460 §4.3.
    pub fn tls_failure(&self) -> Option<&'static str> {
        use rustls::{CertificateError as Bad, Error};
        match (&self.cause, self.phase) {
            (Cause::Missing(_), Phase::StartTls) | (Cause::Said(_), Phase::StartTls) => Some("starttls-not-supported"),
            (Cause::Tls(Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. })), _) => {
                Some("certificate-host-mismatch")
            }
            (Cause::Tls(Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. })), _) => Some("certificate-expired"),
            (Cause::Tls(Error::InvalidCertificate(Bad::UnknownIssuer)), _) => Some("certificate-not-trusted"),
            (_, Phase::Tls) => Some("validation-failure"),
            _ => None,
        }
    }

    /// One line for the timeline.
    pub fn detail(&self) -> String {
        let doubt = if self.surely_not_sent() { "" } else { "; the server may have the mail already, so it may be doubled" };
        format!("{}: {}{doubt}", self.phase.words(), self.cause)
    }

    /// What would have to be done about a connection that did not come about.
    pub fn into_hitch(self) -> Hitch {
        use rustls::{CertificateError as Bad, Error};
        let obstacle = match (&self.cause, self.phase) {
            (Cause::Nameless, _) => Obstacle::Name,
            (Cause::Tls(Error::InvalidCertificate(bad)), _) => match bad {
                Bad::Expired | Bad::ExpiredContext { .. } | Bad::NotValidYet | Bad::NotValidYetContext { .. } => Obstacle::Expired,
                Bad::NotValidForName | Bad::NotValidForNameContext { .. } => Obstacle::OtherName,
                _ => Obstacle::Untrusted,
            },
            (Cause::Missing(_) | Cause::Said(_), Phase::StartTls) => Obstacle::NoTls,
            (_, Phase::Tls | Phase::StartTls) => Obstacle::Tls,
            (_, Phase::Connect) => Obstacle::Connection,
            (Cause::Said(_), Phase::Greeting) => Obstacle::Welcome,
            (_, Phase::Greeting) => Obstacle::Silent,
            (Cause::Said(_), Phase::Login) => Obstacle::Login,
            (Cause::Missing(_), Phase::Login) => Obstacle::NoLogin,
            (Cause::Token(_), _) => Obstacle::Token,
            _ => Obstacle::Other,
        };
        let detail = match &self.cause {
            Cause::Said(reply) => format!("{}: {reply}", self.phase.words()),
            _ => self.detail(),
        };
        Hitch { obstacle, detail }
    }

    pub fn into_outcome(self) -> Outcome {
        let detail = self.detail();
        let reply = match self.cause {
            Cause::Said(reply) => Some(reply),
            _ => None,
        };
        Outcome::Deferred { reply, detail }
    }
}

/// Runs one phase under its deadline.
pub(super) async fn within<T, E: Into<Cause>>(
    limit: Duration,
    phase: Phase,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Broken> {
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Broken::new(phase, error)),
        Err(_) => Err(Broken::new(phase, Cause::Timeout)),
    }
}

/// mail-send's errors. Their texts may quote a reply, and so are not passed on.
impl From<mail_send::Error> for Cause {
    fn from(error: mail_send::Error) -> Self {
        match error {
            mail_send::Error::Io(error) => Self::Io(error),
            mail_send::Error::Timeout => Self::Timeout,
            mail_send::Error::UnexpectedReply(reply) | mail_send::Error::AuthenticationFailed(reply) => {
                // Its status is taken out of the text there, into octets, where 5.7.509 becomes 5.7.253: rare in replies to EHLO and AUTH.
                Self::Said(SmtpReply::new(
                    reply.code,
                    &match reply.esc {
                        [0, ..] => reply.message,
                        [class, subject, detail] => format!("{class}.{subject}.{detail} {}", reply.message),
                    },
                ))
            }
            _ => Self::Reply(ReplyError::Garbled),
        }
    }
}
