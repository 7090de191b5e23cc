//! A web server for MTA-STS policies (RFC 8461 §3.3): the same file for every domain that points here.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The server.
pub struct Policies {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    answer: String,
    fetched: usize,
    /// Fetches wait for `go_on`.
    held: bool,
    waiting: usize,
}

impl Policies {
    /// Shows a certificate and gives this file out.
    pub fn new(tls: &Arc<ServerConfig>, text: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let policies = Self { port, shared: Arc::default() };
        policies.say(text);
        let (tls, shared) = (Arc::clone(tls), Arc::clone(&policies.shared));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (tls, shared) = (Arc::clone(&tls), Arc::clone(&shared));
                std::thread::spawn(move || drop(serve(stream, &tls, &shared)));
            }
        });
        policies
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Gives this file out from now on.
    pub fn say(&self, text: &str) {
        let lines = text.replace('\n', "\r\n");
        self.answer(&format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{lines}", lines.len()));
    }

    /// Answers with this, word for word.
    pub fn answer(&self, answer: &str) {
        answer.clone_into(&mut self.shared.state.lock().unwrap().answer);
    }

    /// Keeps those who ask waiting.
    pub fn hold(&self) {
        self.shared.state.lock().unwrap().held = true;
    }

    /// Waits until so many wait.
    pub fn until_waiting(&self, count: usize) {
        let few = |state: &mut State| state.waiting < count;
        drop(self.shared.changed.wait_while(self.shared.state.lock().unwrap(), few).unwrap());
    }

    /// Answers those who wait.
    pub fn go_on(&self) {
        self.shared.state.lock().unwrap().held = false;
        self.shared.changed.notify_all();
    }

    /// How often it was asked.
    pub fn fetched(&self) -> usize {
        self.shared.state.lock().unwrap().fetched
    }
}

fn serve(stream: TcpStream, tls: &Arc<ServerConfig>, shared: &Shared) -> std::io::Result<()> {
    let connection = ServerConnection::new(Arc::clone(tls)).map_err(std::io::Error::other)?;
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    let (mut line, mut first) = (String::new(), String::new());
    while reader.read_line(&mut line)? > 2 {
        if first.is_empty() {
            first.clone_from(&line);
        }
        line.clear();
    }
    let answer = {
        let mut state = shared.state.lock().unwrap();
        state.fetched += 1;
        state.waiting += 1;
        shared.changed.notify_all();
        let mut state = shared.changed.wait_while(state, |state| state.held).unwrap();
        state.waiting -= 1;
        state.answer.clone()
    };
    let right = first == "GET /.well-known/mta-sts.txt HTTP/1.1\r\n";
    let answer = if right { answer } else { "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned() };
    reader.get_mut().write_all(answer.as_bytes())?;
    reader.get_mut().conn.send_close_notify();
    reader.get_mut().flush()
}
