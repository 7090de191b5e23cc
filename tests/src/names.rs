//! A name server for tests: TXT records that were set, and nothing else.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

/// Answers until it is dropped.
pub struct Names {
    at: SocketAddr,
    records: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Names {
    /// On a port of its own.
    pub fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = socket.local_addr().unwrap();
        let records: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
        let known = records.clone();
        std::thread::spawn(move || {
            let mut question = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut question) {
                if length == 0 {
                    return;
                }
                if let Some(answer) = answer(&question[..length], &known.lock().unwrap()) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Self { at, records }
    }

    /// Where it listens.
    pub fn at(&self) -> SocketAddr {
        self.at
    }

    /// Sets a TXT record.
    pub fn txt(&self, name: &str, text: &str) {
        self.records.lock().unwrap().insert(name.to_owned(), text.to_owned());
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        // An empty datagram ends the thread.
        let _ = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(&[], self.at));
    }
}

/// RFC 1035 §4: the question again, with the record or NXDOMAIN.
fn answer(question: &[u8], records: &BTreeMap<String, String>) -> Option<Vec<u8>> {
    let (mut at, mut name) = (12, Vec::new());
    while *question.get(at)? != 0 {
        let length = usize::from(question[at]);
        name.push(String::from_utf8_lossy(question.get(at + 1..at + 1 + length)?).to_lowercase());
        at += 1 + length;
    }
    let end = at + 5;
    let asked_txt = question.get(at + 1..at + 3)? == [0, 16];
    let found = records.get(&name.join("."));
    let mut out = question.get(..2)?.to_vec();
    out.extend([0x84 | (question[2] & 1), if found.is_some() { 0x80 } else { 0x83 }, 0, 1]);
    let record = found.filter(|_| asked_txt);
    out.extend([0, u8::from(record.is_some()), 0, 0, 0, 0]);
    out.extend(question.get(12..end)?);
    if let Some(text) = record {
        let strings: Vec<u8> = text.as_bytes().chunks(255).flat_map(|part| [&[part.len() as u8][..], part].concat()).collect();
        out.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60]);
        out.extend((strings.len() as u16).to_be_bytes());
        out.extend(strings);
    }
    Some(out)
}
