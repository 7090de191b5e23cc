//! A relay on a port of this machine that does as it is told: takes mails, puts them off, refuses them, hangs up, stalls.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;

use rustls::ServerConfig;

use crate::Mail;
use crate::wire::Wire;

/// What it does with a mail.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Manner {
    /// Takes it.
    #[default]
    Take,
    /// 450 to RCPT.
    PutOff,
    /// 550 to RCPT.
    Refuse,
    /// Takes the message and hangs up instead of answering its final dot.
    HangUp,
    /// Takes the message and answers its final dot once [`Sink::go_on`] is called.
    Stall,
    /// Keeps the message and says 451 to its final dot.
    Keep,
    /// Says this instead of a greeting and hangs up.
    Greet(&'static str),
    /// Says nothing at all until [`Sink::go_on`] is called.
    Mute,
}

/// What it does about STARTTLS.
#[derive(Clone, Default)]
pub enum Tls {
    /// It does not know it.
    #[default]
    None,
    /// It shows this certificate.
    With(Arc<ServerConfig>),
    /// It offers it, and what follows is no TLS.
    Broken,
}

/// One connection that said EHLO.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Visit {
    /// Where it came from.
    pub from: IpAddr,
    /// The name it gave.
    pub hello: String,
    /// Whether over TLS.
    pub tls: bool,
}

/// The relay.
pub struct Sink {
    at: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    manner: Manner,
    tls: Tls,
    /// What AUTH PLAIN has to say.
    login: Option<String>,
    visits: Vec<Visit>,
    dialled: usize,
    /// Says `queued as` this with the mail's number.
    id_prefix: String,
    mails: Vec<Mail>,
    /// Final dots that wait for `go_on`.
    stalled: usize,
    refused: usize,
    closing: bool,
    open: Vec<TcpStream>,
    serving: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Sink {
    /// Opens one on a free port.
    pub fn new() -> Self {
        Self::on(0)
    }

    /// Opens one on this port: a relay that comes back.
    pub fn on(port: u16) -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// Opens one at this address.
    pub fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let at = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let inner = Arc::clone(&shared);
        let thread = std::thread::spawn(move || accept(&listener, &inner));
        Self { at, shared, thread: Some(thread) }
    }

    /// A port that nobody listens on, for a relay that is down at first.
    pub fn free_port() -> u16 {
        TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.at.port()
    }

    /// What it does about STARTTLS from now on.
    pub fn tls(&self, tls: Tls) {
        self.shared.lock().tls = tls;
    }

    /// Takes this user and password, and no others.
    pub fn login(&self, user: &str, password: &str) {
        self.shared.lock().login = Some(data_encoding::BASE64.encode(format!("\0{user}\0{password}").as_bytes()));
    }

    /// Who said EHLO so far, in order.
    pub fn visits(&self) -> Vec<Visit> {
        self.shared.lock().visits.clone()
    }

    /// How many connections there were.
    pub fn dialled(&self) -> usize {
        self.shared.lock().dialled
    }

    /// Waits until there were so many connections.
    pub fn until_dialled(&self, times: usize) {
        drop(self.shared.changed.wait_while(self.shared.lock(), |state| state.dialled < times).unwrap());
    }

    /// What it does from now on.
    pub fn manner(&self, manner: Manner) {
        self.shared.lock().manner = manner;
        self.shared.changed.notify_all();
    }

    /// The ids that it gives mails begin so.
    pub fn ids(&self, prefix: &str) {
        prefix.clone_into(&mut self.shared.lock().id_prefix);
    }

    /// Answers the dots that wait, and takes mails from now on.
    pub fn go_on(&self) {
        self.manner(Manner::Take);
    }

    /// Every mail taken so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.lock().mails.clone()
    }

    /// Waits until it has taken so many.
    pub fn until(&self, mails: usize) -> Vec<Mail> {
        let state = self.shared.changed.wait_while(self.shared.lock(), |state| state.mails.len() < mails).unwrap();
        state.mails.clone()
    }

    /// Waits until nobody is connected: what was on the way from a peer that died has arrived.
    pub fn until_idle(&self) {
        drop(self.shared.changed.wait_while(self.shared.lock(), |state| state.serving > 0).unwrap());
    }

    /// One of the last `few` mails, by lot; `None`: there is none yet.
    pub fn one_of_the_latest(&self, few: usize, lot: u64) -> Option<Mail> {
        let state = self.shared.lock();
        let latest = &state.mails[state.mails.len().saturating_sub(few)..];
        let at = usize::try_from(lot % u64::try_from(latest.len().max(1)).unwrap()).unwrap();
        latest.get(at).cloned()
    }

    /// Waits until so many final dots wait.
    pub fn until_stalled(&self, dots: usize) {
        drop(self.shared.changed.wait_while(self.shared.lock(), |state| state.stalled < dots).unwrap());
    }

    /// Waits until so many mails were put off, refused or hung up on.
    pub fn until_refused(&self, times: usize) {
        drop(self.shared.changed.wait_while(self.shared.lock(), |state| state.refused < times).unwrap());
    }
}

impl Default for Sink {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Sink {
    /// Closes the port and every connection.
    fn drop(&mut self) {
        {
            let mut state = self.shared.lock();
            state.closing = true;
            for stream in state.open.drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        self.shared.changed.notify_all();
        let _ = TcpStream::connect(self.at);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { return };
        {
            let mut state = shared.lock();
            if state.closing {
                return;
            }
            state.open.push(stream.try_clone().unwrap());
            state.serving += 1;
            state.dialled += 1;
        }
        shared.changed.notify_all();
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            let end = stream.try_clone();
            drop(serve(stream, &shared));
            // The list of open connections holds one more handle: without this the peer would not hear of the end.
            let _ = end.and_then(|end| end.shutdown(Shutdown::Both));
            shared.lock().serving -= 1;
            shared.changed.notify_all();
        });
    }
}

type Session = BufReader<Wire>;

fn say(session: &mut Session, text: &str) -> std::io::Result<()> {
    session.get_mut().write_all(format!("{text}\r\n").as_bytes())?;
    session.get_mut().flush()
}

fn serve(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let peer = stream.peer_addr()?.ip();
    let mut session = BufReader::new(Wire::Plain(stream));
    let mut manner = shared.lock().manner;
    if manner == Manner::Mute {
        drop(shared.changed.wait_while(shared.lock(), |state| state.manner == Manner::Mute && !state.closing).unwrap());
        manner = shared.lock().manner;
    }
    if let Manner::Greet(greeting) = manner {
        shared.lock().refused += 1;
        shared.changed.notify_all();
        return say(&mut session, greeting);
    }
    say(&mut session, "220 sink.example")?;
    let (mut from, mut to) = (String::new(), None::<String>);
    let mut line = String::new();
    loop {
        line.clear();
        if session.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let upper = line.to_ascii_uppercase();
        match upper.split([' ', ':']).next().unwrap_or_default().trim() {
            "EHLO" => {
                let tls = matches!(session.get_ref(), Wire::Tls(_));
                let hello = line.split_whitespace().nth(1).unwrap_or_default().to_owned();
                let offers_tls = {
                    let mut state = shared.lock();
                    state.visits.push(Visit { from: peer, hello, tls });
                    !tls && !matches!(state.tls, Tls::None)
                };
                let starttls = if offers_tls { "250-STARTTLS\r\n" } else { "" };
                let auth = if shared.lock().login.is_some() { "250-AUTH PLAIN\r\n" } else { "" };
                let offers = "250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES";
                say(&mut session, &format!("250-sink.example\r\n{starttls}{auth}{offers}"))?;
            }
            "AUTH" => match line.split_whitespace().nth(2) == shared.lock().login.as_deref() {
                true => say(&mut session, "235 2.7.0 welcome")?,
                false => say(&mut session, "535 5.7.8 wrong user or password")?,
            },
            "STARTTLS" => {
                let tls = shared.lock().tls.clone();
                say(&mut session, "220 2.0.0 go on")?;
                match (tls, session.into_inner()) {
                    (Tls::With(config), Wire::Plain(stream)) => session = BufReader::new(Wire::secured(stream, config)?),
                    (_, mut wire) => return wire.write_all(b"this is no TLS\r\n"),
                }
            }
            "MAIL" => {
                from = path(&line);
                to = None;
                say(&mut session, "250 2.1.0 ok")?;
            }
            "RCPT" => {
                let manner = shared.lock().manner;
                match manner {
                    Manner::PutOff => refuse(shared, &mut session, "450 4.2.0 try again later")?,
                    Manner::Refuse => refuse(shared, &mut session, "550 5.1.1 no such user")?,
                    _ => {
                        to = Some(path(&line));
                        say(&mut session, "250 2.1.5 ok")?;
                    }
                }
            }
            "DATA" if to.is_none() => say(&mut session, "503 5.5.1 no recipient")?,
            "DATA" => {
                say(&mut session, "354 go ahead")?;
                let raw = message(&mut session)?;
                let mail = Mail { from: from.clone(), to: to.take().unwrap_or_default(), raw };
                let Some(reply) = take(shared, mail) else { return Ok(()) };
                say(&mut session, &reply)?;
            }
            "RSET" | "NOOP" => say(&mut session, "250 2.0.0 ok")?,
            "QUIT" => return say(&mut session, "221 2.0.0 bye"),
            _ => say(&mut session, "502 5.5.1 not here")?,
        }
    }
}

fn refuse(shared: &Shared, session: &mut Session, reply: &str) -> std::io::Result<()> {
    shared.lock().refused += 1;
    shared.changed.notify_all();
    say(session, reply)
}

/// The reply to the final dot; `None`: hang up. The mail counts as taken from the moment the reply may leave.
fn take(shared: &Shared, mail: Mail) -> Option<String> {
    let mut state = shared.lock();
    if state.manner == Manner::HangUp {
        state.refused += 1;
        shared.changed.notify_all();
        return None;
    }
    if state.manner == Manner::Stall {
        state.stalled += 1;
        shared.changed.notify_all();
        state = shared.changed.wait_while(state, |state| state.manner == Manner::Stall && !state.closing).unwrap();
        state.stalled -= 1;
        if state.closing {
            return None;
        }
    }
    state.mails.push(mail);
    if state.manner == Manner::Keep {
        drop(state);
        shared.changed.notify_all();
        return Some("451 4.3.0 try again later".to_owned());
    }
    let reply = format!("250 2.0.0 Ok: queued as {}{:08}", state.id_prefix, state.mails.len());
    drop(state);
    shared.changed.notify_all();
    Some(reply)
}

/// What stands in angle brackets.
fn path(line: &str) -> String {
    line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(String::new(), |(path, _)| path.to_owned())
}

/// Up to the lone dot, dots unstuffed.
fn message(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" {
            return Ok(raw);
        }
        raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

/// How many of these mails went out more than once, by Message-ID: all beyond the first of each.
pub fn doubles(mails: &[Mail]) -> usize {
    let ids: HashSet<String> = mails.iter().map(Mail::message_id).collect();
    mails.len() - ids.len()
}

/// What their Message-IDs say of which resets they are about, as [`crate::outgoing::tag_of`] gives it.
pub fn tags(mails: &[Mail]) -> HashSet<String> {
    mails.iter().map(|mail| mail.message_id().get(1..26).unwrap_or_default().to_owned()).collect()
}
