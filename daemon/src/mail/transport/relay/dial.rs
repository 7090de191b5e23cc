//! Opens the connection itself, so that Nagle is off before the first octet (mail-send leaves it on: 40 ms a mail on a
//! warm connection) and so that plain text never leaves loopback.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::broken::Cause;

/// Whatever carries the dialogue: TCP, or TLS over it.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection before it has spoken.
pub type Wire = Box<dyn Stream>;

/// Opens connections: over TCP, or to a scripted peer.
pub trait Dial: Send + Sync + 'static {
    /// A new connection. The caller sets the deadline.
    fn dial(&self) -> impl Future<Output = Result<Wire, Cause>> + Send;
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
    async fn dial(&self) -> Result<Wire, Cause> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let found = found.map_err(|_| Cause::Nameless)?;
        let addresses: Vec<SocketAddr> = found.filter(|address| !self.loopback_only || address.ip().is_loopback()).collect();
        // One dead address of several must not use up the whole deadline.
        let share = self.timeout / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
        let mut last = Cause::Missing("it has no address that may be used (without TLS: on loopback)");
        for address in addresses {
            match tokio::time::timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true)?;
                    return Ok(Box::new(stream));
                }
                Ok(Err(error)) => last = Cause::Io(error),
                Err(_) => last = Cause::Timeout,
            }
        }
        Err(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn dial(host: &str, port: u16) -> Result<Wire, Cause> {
        Network { host: host.into(), port, loopback_only: true, timeout: Duration::from_secs(10) }.dial().await
    }

    #[tokio::test]
    async fn plain_text_goes_to_loopback_only() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(dial("localhost", port).await.is_ok());
        assert!(matches!(dial("192.0.2.1", port).await, Err(Cause::Missing(_))));
        assert!(matches!(dial("no such name", port).await, Err(Cause::Nameless)));
        drop(listener);
        assert!(matches!(dial("127.0.0.1", port).await, Err(Cause::Io(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused));
    }
}
