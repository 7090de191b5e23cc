//! A small HTTP/1.1 client on a Unix socket: blocking, keeps its connection, knows lengths and chunks.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// One connection; dialled anew where the daemon closed it between two requests.
pub struct Client {
    socket: PathBuf,
    stream: Option<BufReader<UnixStream>>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// No answer: the daemon is gone, or hung up.
pub type NoAnswer = std::io::Error;

impl Client {
    /// For the socket at `path`; dials when first used.
    pub fn new(path: &Path) -> Self {
        Self { socket: path.to_owned(), stream: None }
    }

    /// `GET`
    pub fn get(&mut self, path: &str) -> Reply {
        self.ask("GET", path, &[], b"")
    }

    /// `POST` with a JSON body.
    pub fn post(&mut self, path: &str, body: &Value) -> Reply {
        self.ask("POST", path, &[("Content-Type", "application/json")], body.to_string().as_bytes())
    }

    /// `DELETE`
    pub fn delete(&mut self, path: &str) -> Reply {
        self.ask("DELETE", path, &[], b"")
    }

    /// `POST /v1/inbound`
    pub fn hand_in(&mut self, message: &[u8]) -> Reply {
        self.ask("POST", "/v1/inbound", &[("Content-Type", "message/rfc822")], message)
    }

    /// Any request that must get an answer.
    pub fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.try_ask(method, path, headers, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Any request. `Err`: there was no answer; whether the request was heard is not known.
    pub fn try_ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Reply, NoAnswer> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: resetd\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let request = [head.as_bytes(), body].concat();
        let asked = self.exchange(&request);
        if asked.is_err() {
            self.stream = None;
        }
        asked
    }

    fn exchange(&mut self, request: &[u8]) -> Result<Reply, NoAnswer> {
        if self.stream.as_mut().is_some_and(|stream| !still_open(stream)) {
            self.stream = None;
        }
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(BufReader::new(UnixStream::connect(&self.socket)?)),
        };
        stream.get_mut().write_all(request)?;
        let reply = read_reply(stream)?;
        if reply.header("connection") == Some("close") {
            self.stream = None;
        }
        Ok(reply)
    }
}

/// Whether the daemon has hung up since the last answer: a dead connection must not pass for a request that was lost.
fn still_open(stream: &mut BufReader<UnixStream>) -> bool {
    if !stream.buffer().is_empty() || stream.get_ref().set_nonblocking(true).is_err() {
        return false;
    }
    let mut byte = [0];
    let silent = matches!(stream.get_mut().read(&mut byte), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock);
    silent && stream.get_ref().set_nonblocking(false).is_ok()
}

/// Reads one answer.
pub fn read_reply(stream: &mut impl BufRead) -> Result<Reply, NoAnswer> {
    let (status, headers) = read_head(stream)?;
    let mut reply = Reply { status, headers, body: Vec::new() };
    if reply.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        while let Some(chunk) = read_chunk(stream)? {
            reply.body.extend_from_slice(&chunk);
        }
    } else if let Some(length) = reply.header("content-length").and_then(|length| length.parse().ok()) {
        reply.body = vec![0; length];
        stream.read_exact(&mut reply.body)?;
    }
    Ok(reply)
}

/// Reads status line and headers.
pub fn read_head(stream: &mut impl BufRead) -> Result<(u16, Vec<(String, String)>), NoAnswer> {
    let first = read_line(stream)?;
    let status =
        first.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(|| NoAnswer::other(format!("no status in {first:?}")))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(stream)?;
        let Some((name, value)) = line.split_once(':') else { return Ok((status, headers)) };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

/// The next chunk; `None` after the last.
pub fn read_chunk(stream: &mut impl BufRead) -> Result<Option<Vec<u8>>, NoAnswer> {
    let size = read_line(stream)?;
    let size = usize::from_str_radix(size.trim(), 16).map_err(|_| NoAnswer::other(format!("no chunk size in {size:?}")))?;
    let mut chunk = vec![0; size];
    stream.read_exact(&mut chunk)?;
    read_line(stream)?;
    Ok((size > 0).then_some(chunk))
}

/// A line without its end.
pub fn read_line(stream: &mut impl BufRead) -> Result<String, NoAnswer> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(NoAnswer::from(std::io::ErrorKind::UnexpectedEof));
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

impl Reply {
    /// The header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(is, _)| is == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Fails the test unless the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// The `reason` of a refused secret.
    #[track_caller]
    pub fn reason(&self) -> String {
        self.json()["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// Fails unless this is problem+json whose `status` is that of the answer; gives it.
    #[track_caller]
    pub fn problem(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["status"].as_u64(), Some(u64::from(self.status)), "{problem}");
        assert!(problem["type"].as_str().is_some_and(|kind| kind.starts_with("urn:resetd:problem:")), "{problem}");
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
        problem
    }
}
