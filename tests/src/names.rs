//! A name server for tests: what was set, over UDP and TCP, and the ways in which name servers let one down.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

const A: u16 = 1;
const CNAME: u16 = 5;
const PTR: u16 = 12;
const MX: u16 = 15;
const TXT: u16 = 16;
const AAAA: u16 = 28;
/// What an answer over UDP may hold; a longer one is asked for again over TCP.
const DATAGRAM: usize = 1232;

/// Answers until it is dropped.
pub struct Names {
    at: SocketAddr,
    shared: Arc<Shared>,
}

/// How it lets one down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// SERVFAIL.
    Fails,
    /// No answer.
    Silent,
    /// The right answer, so much later than it should be.
    Slow(Duration),
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    asked: Condvar,
}

#[derive(Default)]
struct State {
    /// By name: type and data.
    records: BTreeMap<String, Vec<(u16, Data)>>,
    /// By `name`, `name TYPE` or `*`.
    faults: BTreeMap<String, Fault>,
    questions: Vec<String>,
    closing: bool,
}

#[derive(Clone)]
enum Data {
    Octets(Vec<u8>),
    /// A preference, where there is one, and a name.
    Name(Vec<u8>, String),
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Names {
    /// On a port of its own.
    pub fn new() -> Self {
        loop {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let at = socket.local_addr().unwrap();
            if let Ok(listener) = TcpListener::bind(at) {
                return Self::serving(socket, listener);
            }
        }
    }

    /// On this port: a name server that comes back.
    pub fn on(at: SocketAddr) -> Self {
        Self::serving(UdpSocket::bind(at).unwrap(), TcpListener::bind(at).unwrap())
    }

    fn serving(socket: UdpSocket, listener: TcpListener) -> Self {
        let (at, shared) = (socket.local_addr().unwrap(), Arc::<Shared>::default());
        let (by_datagram, by_stream) = (Arc::clone(&shared), Arc::clone(&shared));
        std::thread::spawn(move || datagrams(&socket, &by_datagram));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if by_stream.lock().closing {
                    return;
                }
                let shared = Arc::clone(&by_stream);
                std::thread::spawn(move || stream_of_questions(stream, &shared));
            }
        });
        Self { at, shared }
    }

    /// Where it listens.
    pub fn at(&self) -> SocketAddr {
        self.at
    }

    /// Sets a TXT record.
    pub fn txt(&self, name: &str, text: &str) {
        let mut state = self.shared.lock();
        let records = state.records.entry(name.to_owned()).or_default();
        records.retain(|(kind, _)| *kind != TXT);
        records.push((TXT, Data::Octets(strings(text))));
    }

    /// Adds a further TXT record.
    pub fn another_txt(&self, name: &str, text: &str) {
        self.add(name, TXT, Data::Octets(strings(text)));
    }

    /// Adds the name of an IPv4 address in reverse DNS.
    pub fn reverse(&self, address: &str, name: &str) {
        let backwards: Vec<&str> = address.rsplit('.').collect();
        self.add(&format!("{}.in-addr.arpa", backwards.join(".")), PTR, Data::Name(Vec::new(), name.to_owned()));
    }

    /// Adds an MX record; `.` as the server is the null MX.
    pub fn mx(&self, name: &str, preference: u16, server: &str) {
        self.add(name, MX, Data::Name(preference.to_be_bytes().to_vec(), server.trim_end_matches('.').to_owned()));
    }

    /// Adds an A or AAAA record.
    pub fn address(&self, name: &str, address: &str) {
        match address.parse().unwrap() {
            IpAddr::V4(address) => self.add(name, A, Data::Octets(address.octets().to_vec())),
            IpAddr::V6(address) => self.add(name, AAAA, Data::Octets(address.octets().to_vec())),
        }
    }

    /// Makes `name` another name for `target`.
    pub fn cname(&self, name: &str, target: &str) {
        self.add(name, CNAME, Data::Name(Vec::new(), target.to_owned()));
    }

    /// A name that is there and has no records.
    pub fn bare(&self, name: &str) {
        self.shared.lock().records.entry(name.to_owned()).or_default();
    }

    /// A server for `name`: an MX record, and where it points.
    pub fn server(&self, name: &str, preference: u16, server: &str, address: &str) {
        self.mx(name, preference, server);
        self.address(server, address);
    }

    /// Forgets all records of a name.
    pub fn forget(&self, name: &str) {
        self.shared.lock().records.remove(name);
    }

    fn add(&self, name: &str, kind: u16, data: Data) {
        self.shared.lock().records.entry(name.to_owned()).or_default().push((kind, data));
    }

    /// From now on questions about `what` meet this: a name, a name and a type (`mx.example AAAA`), or `*`.
    pub fn fault(&self, what: &str, fault: Fault) {
        self.shared.lock().faults.insert(what.to_owned(), fault);
    }

    /// All is well again.
    pub fn mend(&self) {
        self.shared.lock().faults.clear();
    }

    /// Waits until somebody has asked this: a name and a type (`shop.example MX`).
    pub fn until_asked(&self, what: &str) {
        let asked = |state: &mut State| !state.questions.iter().any(|question| question == what);
        drop(self.shared.asked.wait_while(self.shared.lock(), asked).unwrap());
    }

    /// How often somebody has asked this.
    pub fn asked(&self, what: &str) -> usize {
        self.shared.lock().questions.iter().filter(|question| *question == what).count()
    }
}

/// RFC 1035 §3.3.14: strings of at most 255 octets.
fn strings(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(255).flat_map(|part| [&[part.len() as u8][..], part].concat()).collect()
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        // An empty datagram, and a connection, end the threads.
        let _ = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(&[], self.at));
        let _ = TcpStream::connect(self.at);
    }
}

fn datagrams(socket: &UdpSocket, shared: &Arc<Shared>) {
    let mut question = [0; 2048];
    while let Ok((length, from)) = socket.recv_from(&mut question) {
        if length == 0 {
            return;
        }
        let Some((answer, fault)) = answer(&question[..length], shared) else { continue };
        let answer = if answer.len() > DATAGRAM { cut(&answer, &question[..length]) } else { answer };
        match fault {
            Some(Fault::Silent) => {}
            Some(Fault::Slow(delay)) => {
                let socket = socket.try_clone().unwrap();
                std::thread::spawn(move || {
                    std::thread::sleep(delay);
                    socket.send_to(&answer, from)
                });
            }
            _ => drop(socket.send_to(&answer, from)),
        }
    }
}

/// RFC 1035 §4.2.2. One question after the other.
fn stream_of_questions(mut stream: TcpStream, shared: &Arc<Shared>) {
    loop {
        let mut length = [0; 2];
        if stream.read_exact(&mut length).is_err() {
            return;
        }
        let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
        if stream.read_exact(&mut question).is_err() {
            return;
        }
        let Some((answer, fault)) = answer(&question, shared) else { return };
        match fault {
            Some(Fault::Silent) => continue,
            Some(Fault::Slow(delay)) => std::thread::sleep(delay),
            _ => {}
        }
        let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
        if stream.write_all(&[&length[..], &answer].concat()).is_err() {
            return;
        }
    }
}

/// Only the question, and the word that there was more.
fn cut(answer: &[u8], question: &[u8]) -> Vec<u8> {
    let end = name_at(question, 12).map_or(question.len(), |(_, end)| end + 4);
    let mut out = answer[..end].to_vec();
    out[2] |= 0x02;
    out[6..12].fill(0);
    out
}

/// RFC 1035 §4: the question again, and what is known; and what becomes of it.
fn answer(question: &[u8], shared: &Shared) -> Option<(Vec<u8>, Option<Fault>)> {
    let (name, end) = name_at(question, 12)?;
    let kind = u16::from_be_bytes(question.get(end..end + 2)?.try_into().ok()?);
    let mut state = shared.lock();
    let asked = format!("{name} {}", word(kind));
    let fault = ["*", &name, &asked].into_iter().find_map(|what| state.faults.get(what).copied());
    state.questions.push(asked);
    shared.asked.notify_all();
    let mut out = question.get(..2)?.to_vec();
    let (answers, code) = match fault {
        Some(Fault::Fails) => (Vec::new(), 2),
        _ => state.find(&name, kind),
    };
    out.extend([0x84 | (question[2] & 1), 0x80 | code, 0, 1]);
    out.extend(u16::try_from(answers.len()).unwrap().to_be_bytes());
    out.extend([0; 4]);
    out.extend(question.get(12..end + 4)?);
    for (owner, kind, data) in &answers {
        out.extend(written(owner, &name));
        out.extend(kind.to_be_bytes());
        // Class IN, ten seconds.
        out.extend([0, 1, 0, 0, 0, 10]);
        let octets = match data {
            Data::Octets(octets) => octets.clone(),
            Data::Name(before, target) => [before.clone(), written(target, &name)].concat(),
        };
        out.extend(u16::try_from(octets.len()).unwrap().to_be_bytes());
        out.extend(octets);
    }
    Some((out, fault))
}

impl State {
    /// Records, following CNAMEs, and the response code.
    fn find(&self, name: &str, kind: u16) -> (Vec<(String, u16, Data)>, u8) {
        let (mut answers, mut at) = (Vec::new(), name.to_owned());
        // A loop of names is answered as far as it goes.
        for _ in 0..8 {
            let Some(records) = self.records.get(&at) else { return (answers, 3) };
            let right: Vec<_> = records.iter().filter(|(is, _)| *is == kind).collect();
            if let Some((_, Data::Name(_, target))) = records.iter().find(|(is, _)| *is == CNAME).filter(|_| right.is_empty()) {
                answers.push((at, CNAME, Data::Name(Vec::new(), target.clone())));
                at = target.clone();
                continue;
            }
            answers.extend(right.into_iter().map(|(kind, data)| (at.clone(), *kind, data.clone())));
            break;
        }
        (answers, 0)
    }
}

fn name_at(packet: &[u8], from: usize) -> Option<(String, usize)> {
    let (mut at, mut labels) = (from, Vec::new());
    while *packet.get(at)? != 0 {
        let length = usize::from(packet[at]);
        labels.push(String::from_utf8_lossy(packet.get(at + 1..at + 1 + length)?).to_lowercase());
        at += 1 + length;
    }
    Some((labels.join("."), at + 1))
}

/// A name, short where it ends as the question's does (RFC 1035 §4.1.4).
fn written(name: &str, question: &str) -> Vec<u8> {
    let (own, end) = match name.strip_suffix(question) {
        Some(own) if !question.is_empty() && (own.is_empty() || own.ends_with('.')) => (own, &[0xc0, 12][..]),
        _ => (name, &[0][..]),
    };
    let labels = own.split('.').filter(|label| !label.is_empty());
    labels.flat_map(|label| [&[label.len() as u8][..], label.as_bytes()].concat()).chain(end.iter().copied()).collect()
}

fn word(kind: u16) -> String {
    match kind {
        A => "A".to_owned(),
        AAAA => "AAAA".to_owned(),
        CNAME => "CNAME".to_owned(),
        MX => "MX".to_owned(),
        TXT => "TXT".to_owned(),
        other => other.to_string(),
    }
}
