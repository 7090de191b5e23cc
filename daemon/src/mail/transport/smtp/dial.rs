//! Opens the connection itself, so that Nagle is off before the first octet (mail-send leaves it on: 40 ms a mail on a
//! warm connection), so that plain text never leaves loopback, and so that a dead address costs a quarter of a second.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};

use super::broken::Cause;

/// RFC 8305 §5: the next address is tried beside the one before after this.
const HEAD_START: Duration = Duration::from_millis(250);
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

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
    /// Where to.
    pub to: Target,
    /// Port.
    pub port: u16,
    /// Take only loopback addresses.
    pub loopback_only: bool,
    /// Where from.
    pub source: Source,
    /// What all addresses of the name have together.
    pub timeout: Duration,
}

/// What is dialled.
#[derive(Clone, Debug)]
pub enum Target {
    /// A name, looked up by the system, or an address.
    Name(String),
    /// Addresses that were looked up already.
    Addresses(Vec<IpAddr>),
}

/// The addresses to send from; none: the system chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Source {
    /// For IPv4.
    pub ipv4: Option<Ipv4Addr>,
    /// For IPv6.
    pub ipv6: Option<Ipv6Addr>,
}

impl Dial for Network {
    async fn dial(&self) -> Result<Wire, Cause> {
        let found: Vec<SocketAddr> = match &self.to {
            Target::Name(host) => tokio::net::lookup_host((host.as_str(), self.port)).await.map_err(|_| Cause::Nameless)?.collect(),
            Target::Addresses(addresses) => addresses.iter().map(|address| (*address, self.port).into()).collect(),
        };
        let addresses = in_turn(found.into_iter().filter(|address| !self.loopback_only || address.ip().is_loopback()).collect());
        if addresses.is_empty() {
            return Err(Cause::Missing("it has no address that may be used (without TLS: on loopback)"));
        }
        let share = self.timeout / u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        let stream = race(addresses, |address| {
            // One dead address of several must not use up the whole deadline.
            let share = share.max(Duration::from_secs(3));
            async move { tokio::time::timeout(share, connect(address, self.source)).await.unwrap_or(Err(Cause::Timeout)) }
        });
        let stream = stream.await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}

async fn connect(to: SocketAddr, from: Source) -> Result<TcpStream, Cause> {
    let source: Option<IpAddr> = match to {
        SocketAddr::V4(_) => from.ipv4.map(IpAddr::V4),
        SocketAddr::V6(_) => from.ipv6.map(IpAddr::V6),
    };
    let Some(source) = source else { return Ok(TcpStream::connect(to).await?) };
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.bind((source, 0).into())?;
    Ok(socket.connect(to).await?)
}

/// IPv6 and IPv4 by turns, the first found first (RFC 8305 §4).
fn in_turn(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = found.first().is_some_and(SocketAddr::is_ipv6);
    let (mut one, mut other): (Vec<_>, Vec<_>) = found.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut mixed = Vec::new();
    one.reverse();
    other.reverse();
    while !(one.is_empty() && other.is_empty()) {
        mixed.extend(one.pop());
        mixed.extend(other.pop());
    }
    mixed.truncate(ADDRESSES_MAX);
    mixed
}

/// The first that connects. Each gets a head start over the next; a failure lets the next go at once.
async fn race<T, F: Future<Output = Result<T, Cause>>>(addresses: Vec<SocketAddr>, connect: impl Fn(SocketAddr) -> F) -> Result<T, Cause> {
    let mut waiting = addresses.into_iter();
    let mut running = FuturesUnordered::new();
    let mut last = Cause::Timeout;
    loop {
        running.extend(waiting.next().map(&connect));
        let head_start = async {
            match waiting.len() {
                0 => std::future::pending().await,
                _ => tokio::time::sleep(HEAD_START).await,
            }
        };
        tokio::select! {
            ended = running.next() => match ended {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => last = error,
                None => return Err(last),
            },
            () = head_start => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    async fn dial(to: Target, port: u16) -> Result<Wire, Cause> {
        Network { to, port, loopback_only: true, source: Source::default(), timeout: Duration::from_secs(10) }.dial().await
    }

    #[tokio::test]
    async fn plain_text_goes_to_loopback_only() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let name = |host: &str| Target::Name(host.to_owned());
        assert!(dial(name("localhost"), port).await.is_ok());
        assert!(dial(Target::Addresses(vec!["192.0.2.1".parse().unwrap(), "127.0.0.1".parse().unwrap()]), port).await.is_ok());
        assert!(matches!(dial(name("192.0.2.1"), port).await, Err(Cause::Missing(_))));
        assert!(matches!(dial(name("no such name"), port).await, Err(Cause::Nameless)));
        drop(listener);
        let refused = std::io::ErrorKind::ConnectionRefused;
        assert!(matches!(dial(name("127.0.0.1"), port).await, Err(Cause::Io(error)) if error.kind() == refused));
    }

    #[tokio::test]
    async fn the_source_address_is_the_one_asked_for() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let source = Source { ipv4: Some(Ipv4Addr::new(127, 0, 0, 7)), ipv6: None };
        let to = Target::Name("127.0.0.1".into());
        let network = Network { to, port, loopback_only: false, source, timeout: Duration::from_secs(10) };
        let (dialled, taken) = tokio::join!(network.dial(), listener.accept());
        assert!(dialled.is_ok());
        assert_eq!(taken.unwrap().1.ip().to_string(), "127.0.0.7");
    }

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 25)).collect()
    }

    #[test]
    fn families_take_turns() {
        let mixed = in_turn(addresses(&["2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1"]));
        assert_eq!(mixed, addresses(&["2001:db8::1", "192.0.2.1", "2001:db8::2", "2001:db8::3"]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_address_costs_its_head_start_only() {
        let begun = Instant::now();
        let connect = |address: SocketAddr| async move {
            match address.is_ipv6() {
                true => std::future::pending().await,
                false => Ok(address),
            }
        };
        let found = race(addresses(&["2001:db8::1", "2001:db8::2", "192.0.2.1"]), connect).await.unwrap();
        assert_eq!((found.is_ipv4(), begun.elapsed()), (true, 2 * HEAD_START));
        // One that says no does not even cost that.
        let begun = Instant::now();
        let connect = |address: SocketAddr| async move { if address.is_ipv6() { Err(Cause::Nameless) } else { Ok(()) } };
        race(addresses(&["2001:db8::1", "192.0.2.1"]), connect).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
