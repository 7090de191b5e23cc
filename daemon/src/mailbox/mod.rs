//! Where inbound messages come from. Fetch, store, acknowledge: a source hands over raw octets and says "taken" only
//! when the sink has them on disk (law 3). It judges nothing.

mod desk;
pub mod imap;
pub mod maildir;
pub mod smtp;

use std::path::PathBuf;

pub use crate::ambient::Stop;
pub(crate) use crate::ambient::stopped;
pub use crate::app::{Arrival, Peer};
pub use desk::Desk;

/// The message could not be put on disk. Whoever says so has logged why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message could not be stored")]
pub struct StoreFailed;

/// What takes messages.
pub trait Sink: Send + Sync + 'static {
    /// Returns when the message is on disk. After an error the source acknowledges nothing and tries again, or its
    /// peer does.
    fn store(&self, arrived: Arrival) -> impl Future<Output = Result<(), StoreFailed>> + Send;

    /// Whether mail to this address (without brackets, as the peer wrote it) is for us.
    fn accepts(&self, rcpt: &str) -> bool;
}

/// Why a source can't start.
#[derive(Debug, thiserror::Error)]
pub enum MailboxError {
    /// The listener can't be made.
    #[error("LMTP on {at}: {source}")]
    Listen {
        /// The path or address.
        at: String,
        /// Why.
        source: std::io::Error,
    },
    /// The SMTP port can't be opened.
    #[error(
        "SMTP on {at}: {source}; ports below 1024 come from systemd (`systemctl enable --now resetd-smtp.socket`), and one mail server can have a port"
    )]
    SmtpListen {
        /// The address.
        at: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Its certificate.
    #[error("mailbox.smtp: {0}")]
    Tls(#[from] smtp::TlsError),
    /// Something that is not a socket stands at the path.
    #[error("LMTP on {0}: there is something that is not a socket; it is left alone")]
    NotASocket(PathBuf),
    /// Someone listens there already.
    #[error("LMTP on {0}: another process listens there")]
    InUse(PathBuf),
    /// TLS for an IMAP account can't be set up.
    #[error("the IMAP mailbox {name}: {source}")]
    Imap {
        /// Its name in the configuration.
        name: String,
        /// Why.
        source: crate::mail::transport::TransportError,
    },
    /// LMTP has no password and no TLS.
    #[error("LMTP on {0}: only loopback addresses are allowed")]
    NotLoopback(std::net::SocketAddr),
}
