//! An SMTP server that follows a script, out of process for the daemon. One line, one step:
//!
//! ```text
//! S: 250 ok          it says this
//! C: MAIL FROM:<*    it must hear this (`*` at the end: and anything more)
//! C: (message)       it must hear a message up to its final dot, and keeps it
//! C: (chunk)         it must hear BDAT with its chunk, and keeps that
//! -- close           it hangs up
//! -- half-close      it says that it says nothing more, and goes on listening
//! -- stall           it says nothing more and waits for the client to hang up
//! -- flood N         it says N octets without a line's end
//! -- lines N         it says lines of one reply, N octets, without ever ending it
//! -- raw TEXT        it says this, `\r\n` in it where a line ends
//! -- tls             it does the TLS handshake
//! -- kill            the client is killed (SIGKILL) and started again
//! -- next            that was one connection; what follows is the next one
//! ```
//! At the end of a connection's steps it hears QUIT or the connection's end, and nothing else.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;

use crate::wire::Wire;

/// The server.
pub struct Script {
    port: u16,
    state: Arc<Mutex<State>>,
    kills: Mutex<Receiver<SyncSender<()>>>,
}

#[derive(Default)]
struct State {
    messages: Vec<Vec<u8>>,
    faults: Vec<String>,
    connections: usize,
}

impl Script {
    /// Follows `script` from now on, with this certificate.
    pub fn new(script: &str, tls: &Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (kill, kills) = sync_channel(0);
        let state: Arc<Mutex<State>> = Arc::default();
        let connections: Vec<Vec<String>> = script.split("-- next\n").map(|part| part.lines().map(str::to_owned).collect()).collect();
        let (shared, tls) = (Arc::clone(&state), Arc::clone(tls));
        std::thread::spawn(move || {
            let mut connections = connections.into_iter();
            for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
                let Some(steps) = connections.next() else {
                    shared.lock().unwrap().faults.push("it was dialled more often than the script says".to_owned());
                    continue;
                };
                shared.lock().unwrap().connections += 1;
                let _ = stream.set_nodelay(true);
                let play = Play { wire: BufReader::new(Wire::Plain(stream)), state: Arc::clone(&shared), tls: Arc::clone(&tls) };
                let (kill, shared) = (kill.clone(), Arc::clone(&shared));
                std::thread::spawn(move || {
                    if let Err(fault) = play.run(&steps, &kill) {
                        shared.lock().unwrap().faults.push(format!("connection {}: {fault}", number + 1));
                    }
                });
            }
        });
        Self { port, state, kills: Mutex::new(kills) }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the script asks for the client to be killed now. The one who kills it says so on the channel.
    pub fn wants_kill(&self) -> SyncSender<()> {
        self.kills.lock().unwrap().recv().unwrap()
    }

    /// The messages that were heard to their end.
    pub fn messages(&self) -> Vec<Vec<u8>> {
        self.state.lock().unwrap().messages.clone()
    }

    /// What was said that the script does not have.
    pub fn faults(&self) -> Vec<String> {
        self.state.lock().unwrap().faults.clone()
    }

    /// How many of its connections were made.
    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }
}

struct Play {
    wire: BufReader<Wire>,
    state: Arc<Mutex<State>>,
    tls: Arc<ServerConfig>,
}

impl Play {
    fn run(mut self, steps: &[String], kill: &SyncSender<SyncSender<()>>) -> Result<(), String> {
        for step in steps.iter().map(|step| step.trim()).filter(|step| !step.is_empty()) {
            let (who, what) = step.split_once(' ').unwrap_or((step, ""));
            match (who, what) {
                ("S:", line) => {
                    if !self.wire.buffer().is_empty() {
                        return Err(format!("before {step:?} it heard {:?}", String::from_utf8_lossy(self.wire.buffer())));
                    }
                    self.say(format!("{line}\r\n").as_bytes());
                }
                ("C:", "(message)") => self.hear_message()?,
                ("C:", "(chunk)") => self.hear_chunk()?,
                ("C:", wanted) => self.hear(wanted)?,
                ("--", "close") => return Ok(()),
                ("--", "half-close") => drop(self.wire.get_ref().socket().shutdown(Shutdown::Write)),
                ("--", "stall") => {
                    let _ = self.wire.read_to_end(&mut Vec::new());
                    return Ok(());
                }
                ("--", "tls") => {
                    let Wire::Plain(stream) = self.wire.into_inner() else { return Err("TLS twice".to_owned()) };
                    self.wire = BufReader::new(Wire::secured(stream, Arc::clone(&self.tls)).map_err(|error| error.to_string())?);
                }
                ("--", "kill") => {
                    let (done, is_done) = sync_channel(0);
                    let _ = kill.send(done);
                    let _ = is_done.recv();
                }
                ("--", more) => match more.split_once(' ') {
                    Some(("flood", count)) => self.say(&b"x".repeat(count.parse().unwrap())),
                    Some(("lines", count)) => self.say(&b"250-and more\r\n".repeat(count.parse::<usize>().unwrap() / 14)),
                    Some(("raw", text)) => self.say(text.replace("\\r\\n", "\r\n").as_bytes()),
                    _ => return Err(format!("{step:?} is not a step")),
                },
                _ => return Err(format!("{step:?} is not a step")),
            }
        }
        match self.line() {
            None => Ok(()),
            Some(line) if line == "QUIT" => {
                self.say(b"221 2.0.0 bye\r\n");
                Ok(())
            }
            Some(line) => Err(format!("after the end of the script it heard {line:?}")),
        }
    }

    /// A client that has hung up does not hear it; what it should have said instead shows with the next step.
    fn say(&mut self, octets: &[u8]) {
        let _ = self.wire.get_mut().write_all(octets).and_then(|()| self.wire.get_mut().flush());
    }

    fn hear(&mut self, wanted: &str) -> Result<(), String> {
        let line = self.line().ok_or_else(|| format!("the client hung up instead of {wanted:?}"))?;
        let right = wanted.strip_suffix('*').map_or(line == wanted, |start| line.starts_with(start));
        right.then_some(()).ok_or_else(|| format!("it heard {line:?} instead of {wanted:?}"))
    }

    fn hear_message(&mut self) -> Result<(), String> {
        let mut message = Vec::new();
        while !message.ends_with(b"\r\n.\r\n") {
            if self.wire.read_until(b'\n', &mut message).unwrap_or(0) == 0 {
                return Err("the client hung up within the message".to_owned());
            }
        }
        self.state.lock().unwrap().messages.push(message);
        Ok(())
    }

    fn hear_chunk(&mut self) -> Result<(), String> {
        let line = self.line().unwrap_or_default();
        let size = line.strip_prefix("BDAT ").and_then(|rest| rest.strip_suffix(" LAST")).and_then(|size| size.parse().ok());
        let mut message = vec![0; size.ok_or_else(|| format!("it heard {line:?} instead of BDAT"))?];
        self.wire.read_exact(&mut message).map_err(|_| "the client hung up within the chunk".to_owned())?;
        self.state.lock().unwrap().messages.push(message);
        Ok(())
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.wire.read_line(&mut line).ok().filter(|length| *length > 0)?;
        Some(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}
