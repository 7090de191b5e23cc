//! A server that follows a script. One line, one step:
//!
//! ```text
//! S: 250 ok          it says this
//! C: MAIL FROM:<*    it must hear this (`*` at the end: and anything more)
//! C: (chunk 12)      it must hear so many octets, and keeps them as a message
//! C: (message)       it must hear a message up to its final dot, and keeps it
//! -- close           it hangs up
//! -- wait            it lets a moment of the paused clock pass
//! -- stall           it says nothing more
//! -- flood 5         it says so many octets without a line end
//! -- lines 5         it says so many lines of one reply, without ever ending it
//! -- tls             it does the TLS handshake
//! -- next            that was one connection; what follows is the next one
//! ```
//! Before it says something it must have heard all that was sent: a client that pipelines where it should not fails.
//! At the end of a script it hears QUIT or the connection's end, and nothing else.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::mail::transport::smtp::broken::Cause;
use crate::mail::transport::smtp::dial::{Dial, Wire};

/// A server that follows a script, and the way to it.
#[derive(Clone, Default)]
pub struct Peer {
    scripts: Arc<Mutex<VecDeque<String>>>,
    running: Arc<Mutex<Vec<JoinHandle<()>>>>,
    messages: Arc<Mutex<Vec<String>>>,
    acceptor: Option<TlsAcceptor>,
}

impl Peer {
    pub fn new(script: &str) -> Self {
        let scripts = script.split("-- next\n").map(|part| part.lines().map(|line| format!("{}\n", line.trim())).collect());
        Self { scripts: Arc::new(Mutex::new(scripts.collect())), ..Self::default() }
    }

    pub fn with_tls(self, certificate: &rcgen::CertifiedKey<rcgen::KeyPair>) -> Self {
        let key = PrivatePkcs8KeyDer::from(certificate.signing_key.serialize_der());
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.cert.der().clone()], key.into())
            .unwrap();
        Self { acceptor: Some(TlsAcceptor::from(Arc::new(config))), ..self }
    }

    /// Waits for all connections' ends; what was said wrong fails here. Gives the messages heard.
    pub async fn finished(&self) -> Vec<String> {
        let running = std::mem::take(&mut *self.running.lock().unwrap());
        for task in running {
            if let Err(error) = task.await {
                std::panic::resume_unwind(error.into_panic());
            }
        }
        let left: Vec<_> = self.scripts.lock().unwrap().iter().filter(|script| !script.trim().is_empty()).cloned().collect();
        assert!(left.is_empty(), "never connected for: {left:#?}");
        std::mem::take(&mut self.messages.lock().unwrap())
    }
}

impl Dial for Peer {
    async fn dial(&self) -> Result<Wire, Cause> {
        let Some(script) = self.scripts.lock().unwrap().pop_front() else {
            return Err(Cause::Io(std::io::ErrorKind::ConnectionRefused.into()));
        };
        if script.trim() == "-- stall" {
            std::future::pending::<()>().await;
        }
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let play = Play { wire: Box::new(theirs), heard: Vec::new(), peer: self.clone() };
        self.running.lock().unwrap().push(tokio::spawn(play.run(script)));
        Ok(Box::new(ours))
    }
}

struct Play {
    wire: Wire,
    heard: Vec<u8>,
    peer: Peer,
}

impl Play {
    async fn run(mut self, script: String) {
        let mut lines = script.lines();
        while let Some(step) = lines.next() {
            match step.split_once(' ').unwrap_or((step, "")) {
                ("", _) => {}
                ("S:", line) => self.say(line).await,
                ("C:", "(message)") => self.hear_message().await,
                ("C:", wanted) if wanted.starts_with("(chunk ") => {
                    let size = wanted.trim_start_matches("(chunk ").trim_end_matches(')').parse().expect(step);
                    self.hear_chunk(size).await;
                }
                ("C:", wanted) => self.hear(wanted).await,
                ("--", "wait") => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
                ("--", "close") => return,
                ("--", "stall") => return self.stall().await,
                ("--", "tls") => {
                    let rest: String = lines.map(|line| format!("{line}\n")).collect();
                    return self.secure(rest).await;
                }
                ("--", much) => {
                    let (what, count) = much.split_once(' ').expect(step);
                    let count = count.parse().expect(step);
                    let octets = if what == "flood" { b"x".repeat(count) } else { b"250-more\r\n".repeat(count) };
                    let _ = self.wire.write_all(&octets).await;
                }
                _ => panic!("not a step: {step}"),
            }
        }
        if let Some(line) = self.line().await {
            assert_eq!(line, "QUIT", "said after the end of the script");
            let _ = self.wire.write_all(b"221 bye\r\n").await;
        }
    }

    async fn secure(self, script: String) {
        let acceptor = self.peer.acceptor.clone().expect("a certificate");
        // A client that does not trust us ends the handshake; what it must not do is go on.
        if let Ok(wire) = acceptor.accept(self.wire).await {
            let play = Self { wire: Box::new(wire), heard: Vec::new(), peer: self.peer };
            Box::pin(play.run(script)).await;
        }
    }

    async fn say(&mut self, line: &str) {
        assert!(self.heard.is_empty(), "sent before its turn: {:?}", String::from_utf8_lossy(&self.heard));
        let octets = format!("{}\r\n", line.replace("\\r\\n", "\r\n"));
        self.wire.write_all(octets.as_bytes()).await.expect("the client to listen");
        self.wire.flush().await.expect("the client to listen");
    }

    async fn hear(&mut self, wanted: &str) {
        let line = self.line().await.unwrap_or_else(|| panic!("the client hung up instead of {wanted}"));
        let right = wanted.strip_suffix('*').map_or(line == wanted, |start| line.starts_with(start));
        assert!(right, "heard {line:?} instead of {wanted:?}");
    }

    async fn hear_message(&mut self) {
        let mut message = String::new();
        loop {
            match self.line().await.expect("the message's end").as_str() {
                "." => break,
                line => message += &format!("{line}\r\n"),
            }
        }
        self.peer.messages.lock().unwrap().push(message);
    }

    async fn hear_chunk(&mut self, size: usize) {
        while self.heard.len() < size {
            assert!(self.wire.read_buf(&mut self.heard).await.expect("the chunk") > 0, "the client hung up within the chunk");
        }
        let chunk: Vec<u8> = self.heard.drain(..size).collect();
        self.peer.messages.lock().unwrap().push(String::from_utf8(chunk).expect("UTF-8"));
    }

    async fn stall(&mut self) {
        while self.line().await.is_some() {}
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.heard.windows(2).position(|window| window == b"\r\n") {
                let line = self.heard.drain(..end + 2).take(end).collect();
                return Some(String::from_utf8(line).expect("UTF-8"));
            }
            if self.wire.read_buf(&mut self.heard).await.unwrap_or(0) == 0 {
                assert!(self.heard.is_empty(), "half a line: {:?}", self.heard);
                return None;
            }
        }
    }
}
