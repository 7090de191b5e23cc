//! The load: keep-alive connections on one thread, each with one request under way at a time, and as little work between an
//! answer and the next request as will do.

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// What came of a load.
pub struct Load {
    /// One for each call.
    pub times: Vec<Duration>,
    /// From the first request to the last answer.
    pub wall: Duration,
}

impl Load {
    /// Calls a second.
    pub fn rate(&self) -> f64 {
        self.times.len() as f64 / self.wall.as_secs_f64()
    }
}

/// When a load ends.
#[derive(Clone, Copy)]
pub enum Until {
    /// No request begins after this time.
    Over(Duration),
    /// After so many requests.
    Calls(usize),
}

/// `clients` connections, each sending the next of `requests` as soon as it has its answer, which must have this status.
pub fn drive(socket: &Path, clients: usize, until: Until, status: u16, mut next: impl FnMut() -> Vec<u8>) -> Load {
    runtime().block_on(async {
        let left = std::cell::Cell::new(match until {
            Until::Calls(calls) => calls,
            Until::Over(_) => usize::MAX,
        });
        let next = std::cell::RefCell::new(&mut next);
        let mut connections = Vec::new();
        for _ in 0..clients {
            connections.push(Connection::open(socket).await);
        }
        let begun = Instant::now();
        let clients = connections.into_iter().map(|mut connection| {
            let (left, next) = (&left, &next);
            async move {
                let mut times = Vec::new();
                while left.get() > 0 && !matches!(until, Until::Over(limit) if begun.elapsed() > limit) {
                    left.set(left.get() - 1);
                    let request = (next.borrow_mut())();
                    times.push(connection.call(&request, status).await);
                }
                times
            }
        });
        let times = futures_util::future::join_all(clients).await.concat();
        Load { times, wall: begun.elapsed() }
    })
}

/// One thread, as the daemon has to share the processors with it.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A keep-alive connection.
pub struct Connection {
    stream: UnixStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Opens one.
    pub async fn open(socket: &Path) -> Self {
        Self { stream: UnixStream::connect(socket).await.unwrap(), buffer: Vec::with_capacity(4096) }
    }

    /// One request and its whole answer.
    pub async fn call(&mut self, request: &[u8], status: u16) -> Duration {
        let begun = Instant::now();
        self.stream.write_all(request).await.unwrap();
        self.buffer.clear();
        while !is_whole(&self.buffer) {
            let read = self.stream.read_buf(&mut self.buffer).await.unwrap();
            assert!(read > 0, "the daemon hung up");
        }
        let took = begun.elapsed();
        let found = std::str::from_utf8(&self.buffer[9..12]).unwrap();
        assert!(found == status.to_string(), "{}", String::from_utf8_lossy(&self.buffer));
        took
    }
}

/// Whether this is an answer with all of its body. The daemon writes header names in lower case and lengths in all answers.
fn is_whole(buffer: &[u8]) -> bool {
    let Some(head) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let text = std::str::from_utf8(&buffer[..head]).unwrap();
    let length = text.split("\r\n").find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    buffer.len() >= head + 4 + length.parse::<usize>().unwrap()
}

/// `POST` with a JSON body.
pub fn post(path: &str, body: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nHost: resetd\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into()
}

/// `POST /v1/resets` for the account of this number, as a portal would send it.
pub fn request(number: u64) -> Vec<u8> {
    let client = "{\"ip\":\"192.0.2.7\",\"user_agent\":\"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\"}";
    post(
        "/v1/resets",
        &format!(
            "{{\"portal\":\"shop\",\"account\":\"u{number:08}\",\"email\":\"u{number:08}@mail.example\",\"name\":\"Ann Other\",\"client\":{client}}}"
        ),
    )
}
