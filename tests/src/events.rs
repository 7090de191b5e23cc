//! Follows the event stream: how a test waits for something to happen.

use std::collections::VecDeque;
use std::io::{BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::Value;

use crate::client::{NoAnswer, read_chunk, read_head};

/// An open stream.
pub struct Events {
    stream: BufReader<UnixStream>,
    buffer: String,
    ready: VecDeque<Value>,
    seen: Vec<Value>,
}

impl Events {
    /// Everything behind the event `after`, then what comes.
    pub fn after(socket: &Path, after: i64) -> Self {
        Self::open(socket, &format!("Last-Event-ID: {after}\r\n"))
    }

    /// Only what comes.
    pub fn live(socket: &Path) -> Self {
        Self::open(socket, "")
    }

    fn open(socket: &Path, header: &str) -> Self {
        let mut stream = BufReader::new(UnixStream::connect(socket).unwrap());
        let request = format!("GET /v1/events HTTP/1.1\r\nHost: resetd\r\nAccept: text/event-stream\r\n{header}\r\n");
        stream.get_mut().write_all(request.as_bytes()).unwrap();
        let (status, headers) = read_head(&mut stream).unwrap();
        assert_eq!(status, 200, "{headers:?}");
        let kind = headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.as_str());
        assert!(kind.is_some_and(|kind| kind.starts_with("text/event-stream")), "{headers:?}");
        Self { stream, buffer: String::new(), ready: VecDeque::new(), seen: Vec::new() }
    }

    /// The next event, however long it takes.
    #[track_caller]
    pub fn one(&mut self) -> Value {
        self.try_next().unwrap_or_else(|error| panic!("the stream ended ({error}) after {}", self.told()))
    }

    /// The next event; `Err` when the stream has ended.
    pub fn try_next(&mut self) -> Result<Value, NoAnswer> {
        while self.ready.is_empty() {
            let chunk = read_chunk(&mut self.stream)?.ok_or_else(|| NoAnswer::from(std::io::ErrorKind::UnexpectedEof))?;
            self.buffer.push_str(&String::from_utf8_lossy(&chunk));
            while let Some((block, rest)) = self.buffer.split_once("\n\n") {
                self.ready.extend(parse(block));
                self.buffer = rest.to_owned();
            }
        }
        let event = self.ready.pop_front().unwrap();
        self.seen.push(event.clone());
        Ok(event)
    }

    /// The first event from here on that fits.
    #[track_caller]
    pub fn find(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let event = self.one();
            if fits(&event) {
                return event;
            }
        }
    }

    /// The first event of this name about this reset. A test that waits for what can't come any more fails: the reset's end
    /// by another name ends the wait.
    #[track_caller]
    pub fn until(&mut self, reset: &str, name: &str) -> Value {
        const ENDS: [&str; 4] = ["reset.suppressed", "mail.dropped", "mail.refused", "reset.expired"];
        let event = self.find(|event| event["reset"] == reset && (event["event"] == name || ENDS.iter().any(|end| event["event"] == *end)));
        assert_eq!(event["event"], name, "{event}");
        event
    }

    /// The first event of this name, about whatever.
    #[track_caller]
    pub fn named(&mut self, name: &str) -> Value {
        self.find(|event| event["event"] == name)
    }

    /// What was read so far.
    pub fn seen(&self) -> &[Value] {
        &self.seen
    }

    fn told(&self) -> String {
        self.seen.iter().map(|event| event["event"].as_str().unwrap_or_default()).collect::<Vec<_>>().join(", ")
    }
}

/// One block of the stream. `id:` and `event:` must repeat what stands in `data:`.
fn parse(block: &str) -> Option<Value> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let event: Value = serde_json::from_str(field("data:")?).unwrap();
    assert_eq!(field("id:"), event["id"].as_i64().map(|id| id.to_string()).as_deref(), "{block}");
    assert_eq!(field("event:"), event["event"].as_str(), "{block}");
    Some(event)
}
