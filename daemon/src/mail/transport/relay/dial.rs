//! Opens the connection itself, so that Nagle is off before the first octet (mail-send leaves it on: 40 ms a mail on a
//! warm connection) and so that plain text never leaves loopback.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Whatever carries the dialogue: TCP, or TLS over it.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection before it has spoken.
pub type Wire = Box<dyn Stream>;

/// Opens connections: over TCP, or to a scripted peer.
pub trait Dial: Send + Sync + 'static {
    /// A new connection. The caller sets the deadline.
    fn dial(&self) -> impl Future<Output = std::io::Result<Wire>> + Send;
}

/// TCP to a host and port.
#[derive(Debug)]
pub struct Network {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Take only the loopback addresses of the name.
    pub loopback_only: bool,
    /// What all addresses of the name have together.
    pub timeout: Duration,
}

impl Dial for Network {
    async fn dial(&self) -> std::io::Result<Wire> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await?;
        let addresses: Vec<SocketAddr> = found.filter(|address| !self.loopback_only || address.ip().is_loopback()).collect();
        // One dead address of several must not use up the whole deadline.
        let share = self.timeout / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
        let mut last = std::io::ErrorKind::AddrNotAvailable.into();
        for address in addresses {
            match tokio::time::timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true)?;
                    return Ok(Box::new(stream));
                }
                Ok(Err(error)) => last = error,
                Err(_) => last = std::io::ErrorKind::TimedOut.into(),
            }
        }
        Err(last)
    }
}
