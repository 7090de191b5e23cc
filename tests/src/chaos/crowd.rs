//! Thousands of connections that mean no good, at every door: that say nothing, that say it a letter at a time, that ask and never
//! read. Who is thrown out comes again.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, UnixStream};

use super::{Dice, Reckoning, Stage, Told, until_answers};

/// How they behave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// They connect and say nothing.
    Silent,
    /// A letter every half second.
    Slow,
    /// They ask without end and read nothing.
    Deaf,
}

/// Where they come in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    /// The API's socket.
    Api,
    /// LMTP.
    Lmtp,
    /// SMTP, each from one of 250 addresses.
    Smtp,
}

/// Every crowd, by name; its size in a short run and in a long one.
pub const ALL: [(&str, Door, Manner, usize, usize); 7] = [
    ("API, silent", Door::Api, Manner::Silent, 2_000, 10_000),
    ("API, slow", Door::Api, Manner::Slow, 1_000, 10_000),
    ("API, never reads", Door::Api, Manner::Deaf, 600, 2_000),
    ("LMTP, silent", Door::Lmtp, Manner::Silent, 500, 2_000),
    ("LMTP, slow", Door::Lmtp, Manner::Slow, 500, 2_000),
    ("SMTP, silent", Door::Smtp, Manner::Silent, 2_000, 10_000),
    ("SMTP, slow", Door::Smtp, Manner::Slow, 1_000, 10_000),
];

/// More than SMTP and LMTP have seats for.
const ENOUGH: usize = 100;

/// A load, the same load in the crowd, and after it.
pub fn crowd(seed: u64, door: Door, manner: Manner, size: usize) -> Reckoning {
    let mut dice = Dice::new(seed);
    let mut stage = Stage::new("[server]\nsocket = \"{dir}/s\"\nheader_timeout = \"1s\"\nidle_timeout = \"1s\"");
    let told = Told::default();
    until_answers(&mut stage, &told, &mut dice, 0, 60, |_| {});
    let people = People::come(&stage, door, manner, size);
    let mut note = String::new();
    // They go before the load ends: who could not get in meanwhile gets in then.
    until_answers(&mut stage, &told, &mut dice, 1, 60, |_| note = people.go());
    until_answers(&mut stage, &told, &mut dice, 2, 60, |_| {});
    Reckoning { faults: 1, note, ..Reckoning::of(&stage, &told) }
}

struct People {
    runtime: tokio::runtime::Runtime,
    seen: Arc<Seen>,
    size: usize,
}

#[derive(Default)]
struct Seen {
    connected: AtomicUsize,
    refused: AtomicUsize,
    thrown_out: AtomicUsize,
    one: tokio::sync::Notify,
}

#[derive(Clone)]
enum Address {
    Unix(PathBuf),
    Tcp(u16),
}

impl People {
    fn come(stage: &Stage, door: Door, manner: Manner, size: usize) -> Self {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let address = match door {
            Door::Api => Address::Unix(stage.site.socket()),
            Door::Lmtp => Address::Unix(stage.lmtp()),
            Door::Smtp => Address::Tcp(stage.smtp),
        };
        let says: &[u8] = match (door, manner) {
            (_, Manner::Silent) => b"",
            (Door::Api, Manner::Deaf) => b"GET /openapi.json HTTP/1.1\r\nHost: resetd\r\n\r\n",
            (Door::Api, _) => b"GET /v1/status HTTP/1.1\r\nHost: resetd\r\nX-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            _ => b"EHLO slow.example and never to the end of this line of which there is no end",
        };
        let seen = Arc::<Seen>::default();
        for number in 0..size {
            runtime.spawn(person(address.clone(), number, manner, says, Arc::clone(&seen)));
        }
        // So many are in, or were turned away, that every seat is taken; the others find the backlog full, and the kernel lets them wait.
        let tried = || seen.connected.load(Ordering::Relaxed) + seen.refused.load(Ordering::Relaxed);
        runtime.block_on(async {
            while tried() < size.min(ENOUGH) {
                seen.one.notified().await;
            }
        });
        Self { runtime, seen, size }
    }

    /// All at once; what they saw.
    fn go(self) -> String {
        self.runtime.shutdown_background();
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        let Seen { connected, refused, thrown_out, .. } = &*self.seen;
        format!("{} at a time: {} connected, {} not, {} thrown out", self.size, count(connected), count(refused), count(thrown_out))
    }
}

async fn person(address: Address, number: usize, manner: Manner, says: &'static [u8], seen: Arc<Seen>) {
    loop {
        let got_in = match &address {
            Address::Unix(path) => match UnixStream::connect(path).await {
                Ok(stream) => {
                    stay(stream.into_split(), manner, says, &seen).await;
                    true
                }
                Err(_) => false,
            },
            Address::Tcp(port) => match dial(number, *port).await {
                Ok(stream) => {
                    stay(stream.into_split(), manner, says, &seen).await;
                    true
                }
                Err(_) => false,
            },
        };
        let counter = if got_in { &seen.thrown_out } else { &seen.refused };
        counter.fetch_add(1, Ordering::Relaxed);
        seen.one.notify_one();
        // Not a wait of the test's: a person who is thrown out takes a breath.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn dial(number: usize, port: u16) -> std::io::Result<tokio::net::TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let from = Ipv4Addr::new(127, 0, 1, u8::try_from(number % 250).unwrap() + 1);
    socket.bind(SocketAddr::new(IpAddr::V4(from), 0))?;
    socket.connect(SocketAddr::from(([127, 0, 0, 1], port))).await
}

async fn stay<R, W>((mut reader, mut writer): (R, W), manner: Manner, says: &'static [u8], seen: &Seen)
where
    R: tokio::io::AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    seen.connected.fetch_add(1, Ordering::Relaxed);
    seen.one.notify_one();
    let talk = async {
        match manner {
            Manner::Silent => std::future::pending().await,
            Manner::Slow => {
                for letter in says.iter().cycle() {
                    if writer.write_all(&[*letter]).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
            Manner::Deaf => while writer.write_all(says).await.is_ok() {},
        }
    };
    if manner == Manner::Deaf {
        return talk.await;
    }
    let hear = async {
        let mut buffer = [0; 512];
        while reader.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    };
    tokio::select! {
        () = talk => {}
        () = hear => {}
    }
}
