//! A relay in this process that notes the moment of each of its `250`s, by the number in the recipient's address, and how long
//! the messages are.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

/// The relay. Its threads end with the process.
#[derive(Clone)]
pub struct Stopwatch {
    port: u16,
    shared: Arc<(Mutex<HashMap<u64, Instant>>, Condvar)>,
    octets: Arc<AtomicU64>,
}

impl Stopwatch {
    /// Opens one on a free port.
    pub fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let stopwatch = Self { port: listener.local_addr().unwrap().port(), shared: Arc::default(), octets: Arc::default() };
        let inner = stopwatch.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let inner = inner.clone();
                std::thread::spawn(move || inner.serve(stream));
            }
        });
        stopwatch
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits until it has taken so many mails; gives when it took which.
    pub fn until(&self, mails: usize) -> HashMap<u64, Instant> {
        let (taken, changed) = &*self.shared;
        changed.wait_while(taken.lock().unwrap(), |taken| taken.len() < mails).unwrap().clone()
    }

    /// Waits until it has taken the mail of this number; gives when that was.
    pub fn moment(&self, number: u64) -> Instant {
        let (taken, changed) = &*self.shared;
        changed.wait_while(taken.lock().unwrap(), |taken| !taken.contains_key(&number)).unwrap()[&number]
    }

    /// How long a message is, in the mean.
    pub fn octets(&self) -> f64 {
        self.octets.load(Ordering::Relaxed) as f64 / self.shared.0.lock().unwrap().len() as f64
    }

    fn serve(&self, stream: TcpStream) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        let mut writer = stream.try_clone().ok()?;
        let mut reader = BufReader::new(stream);
        let mut say = |text: &[u8]| writer.write_all(text).ok();
        say(b"220 sink.example\r\n")?;
        let (mut number, mut line) = (0, String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.get(..4)?.to_ascii_uppercase().as_str() {
                "EHLO" => say(b"250-sink.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n")?,
                "RCPT" => {
                    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
                    number = digits.parse().unwrap_or_default();
                    say(b"250 2.1.5 ok\r\n")?;
                }
                "DATA" => {
                    say(b"354 go ahead\r\n")?;
                    while line != ".\r\n" {
                        line.clear();
                        let length = reader.read_line(&mut line).ok()?;
                        self.octets.fetch_add(length as u64, Ordering::Relaxed);
                    }
                    let now = Instant::now();
                    say(b"250 2.0.0 Ok: queued as 4bXyZ1234567890\r\n")?;
                    self.shared.0.lock().ok()?.insert(number, now);
                    self.shared.1.notify_all();
                }
                _ => say(b"250 2.0.0 ok\r\n")?,
            }
        }
    }
}
