//! One next hop spoken to over SMTP: warm connections, pipelined dialogue, one redial when a warm one turns out dead, and a
//! circuit that keeps a dead one from being dialled by every mail. Which hop a mail goes to is decided by `relay` and `mx`.

mod body;
mod broken;
mod circuit;
mod dial;
mod dialogue;
mod hop;
mod login;
mod pool;
mod prepared;
mod reply;
mod session;
mod strike;
mod tls;
mod verifier;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(super) use tests::Peer;

// The IMAP mailbox dials and trusts in the same way.
pub(crate) use broken::Cause;
pub(crate) use dial::{Dial, Network, Source, Target, Wire};
pub(crate) use login::token;
pub(crate) use tls::{client_config, server_name};

pub(super) use circuit::Circuit;
pub(super) use hop::{Away, Hop, Tried};
pub(super) use pool::Wear;
pub(super) use prepared::Prepared;
pub(super) use session::{Manner, Security};
pub(super) use strike::strike;
pub(super) use tls::{Check, Tls, provider};
pub(super) use verifier::Verifier;
