//! Stands between an application and the daemon, on a socket of its own: notes what is asked, and loses answers.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::Value;

use crate::client::{Client, NoAnswer, read_line};

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `POST /v1/resets`
    pub what: String,
    /// `Idempotency-Key`
    pub key: Option<String>,
    /// The body; null where there was none.
    pub body: Value,
}

/// The place between.
pub struct Between {
    path: PathBuf,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    asked: VecDeque<Asked>,
    lose: Option<Lose>,
}

/// What does not get through.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Lose {
    /// The next answer to this: the daemon has heard the request.
    Answer(String),
    /// Every request.
    All,
}

impl Between {
    /// Listens at `path` for those who mean `daemon`.
    pub fn new(path: PathBuf, daemon: &Path) -> Self {
        let listener = UnixListener::bind(&path).unwrap();
        let shared = Arc::new(Shared::default());
        let (daemon, given) = (daemon.to_owned(), Arc::clone(&shared));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (daemon, shared) = (daemon.clone(), Arc::clone(&given));
                std::thread::spawn(move || serve(stream.unwrap(), &daemon, &shared));
            }
        });
        Self { path, shared }
    }

    /// Its socket.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hangs up instead of handing on the next answer to `what`.
    pub fn lose_an_answer(&self, what: &str) {
        self.shared.state.lock().unwrap().lose = Some(Lose::Answer(what.to_owned()));
    }

    /// Hangs up on every request, until told otherwise.
    pub fn away(&self, away: bool) {
        self.shared.state.lock().unwrap().lose = away.then_some(Lose::All);
    }

    /// Forgets what was asked so far.
    pub fn forget(&self) {
        self.shared.state.lock().unwrap().asked.clear();
    }

    /// Waits until this was asked, and gives it; what came before it is forgotten.
    pub fn until(&self, what: &str) -> Asked {
        let mut state = self.shared.state.lock().unwrap();
        loop {
            while let Some(asked) = state.asked.pop_front() {
                if asked.what == what {
                    return asked;
                }
            }
            state = self.shared.changed.wait(state).unwrap();
        }
    }
}

fn serve(stream: UnixStream, daemon: &Path, shared: &Shared) {
    let mut stream = BufReader::new(stream);
    let mut client = Client::new(daemon);
    // Ends with the application's connection.
    while let Ok((first, headers, body)) = read_request(&mut stream) {
        let mut words = first.split(' ');
        let (Some(method), Some(path)) = (words.next(), words.next()) else { return };
        let key = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("idempotency-key")).map(|(_, value)| value.clone());
        let all = shared.state.lock().unwrap().lose == Some(Lose::All);
        if all {
            return;
        }
        let pass: Vec<(&str, &str)> = headers
            .iter()
            .filter(|(name, _)| !["host", "content-length", "connection"].contains(&name.to_ascii_lowercase().as_str()))
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let Ok(reply) = client.try_ask(method, path, &pass, &body) else { return };
        let what = format!("{method} {path}");
        let mut state = shared.state.lock().unwrap();
        state.asked.push_back(Asked { what: what.clone(), key, body: serde_json::from_slice(&body).unwrap_or_default() });
        shared.changed.notify_all();
        if state.lose == Some(Lose::Answer(what)) {
            state.lose = None;
            return;
        }
        drop(state);
        let mut head = format!("HTTP/1.1 {} -\r\n", reply.status);
        reply.headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        if stream.get_mut().write_all(&[head.as_bytes(), b"\r\n", &reply.body].concat()).is_err() {
            return;
        }
        // As the daemon would.
        if first.ends_with("HTTP/1.0") {
            return;
        }
    }
}

type Request = (String, Vec<(String, String)>, Vec<u8>);

fn read_request(stream: &mut impl BufRead) -> Result<Request, NoAnswer> {
    let first = read_line(stream)?;
    let mut headers = Vec::new();
    while let Some((name, value)) = read_line(stream)?.split_once(':') {
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length")).map_or("0", |(_, value)| value);
    let mut body = vec![0; length.parse().map_err(NoAnswer::other)?];
    stream.read_exact(&mut body)?;
    Ok((first, headers, body))
}
