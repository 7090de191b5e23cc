//! Postfix's `smtp-sink` as a child process that counts the mails it has taken.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// How often its counts are read. It writes one after each mail: a reader that woke up for each would take the processors from
/// what is measured, and one that reads none until the end would stop it when the pipe is full.
const LOOK: Duration = Duration::from_millis(1);

/// A running smtp-sink. Dropped, it is killed.
pub struct SmtpSink {
    child: Child,
    port: u16,
    /// Mails taken so far; `None`: it has ended.
    taken: Arc<(Mutex<Option<u64>>, Condvar)>,
}

impl SmtpSink {
    /// Starts one on a free port.
    pub fn start() -> Self {
        let port = free_port();
        let program = ["/usr/sbin/smtp-sink", "smtp-sink"].into_iter().find(|path| std::path::Path::new(path).exists());
        let mut command = Command::new(program.unwrap_or("smtp-sink"));
        if nix::unistd::Uid::effective().is_root() {
            command.args(["-u", "nobody"]);
        }
        command.args(["-c", &format!("127.0.0.1:{port}"), "1000"]).stdout(Stdio::piped());
        let mut child = command.spawn().expect("smtp-sink (Debian package postfix) is missing");
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(child.try_wait().unwrap().is_none(), "smtp-sink ended");
            std::thread::yield_now();
        }
        let counts = child.stdout.take().unwrap();
        let taken = Arc::new((Mutex::new(Some(0)), Condvar::new()));
        let shared = Arc::clone(&taken);
        std::thread::spawn(move || read_counts(counts, &shared));
        Self { child, port, taken }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits until it has taken so many mails since its start.
    pub fn until(&self, mails: u64) {
        let (taken, changed) = &*self.taken;
        let taken = changed.wait_while(taken.lock().unwrap(), |taken| taken.is_some_and(|taken| taken < mails)).unwrap();
        assert!(taken.is_some(), "smtp-sink ended");
    }

    /// Mails taken since its start.
    pub fn taken(&self) -> u64 {
        self.taken.0.lock().unwrap().expect("smtp-sink ended")
    }
}

/// A port of the loopback that nobody listens on now.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// It writes `sess=1 quit=0 mesg=2\r` after each mail. The last whole one of a piece counts.
fn read_counts(mut counts: ChildStdout, taken: &(Mutex<Option<u64>>, Condvar)) {
    let (mut buffer, mut rest) = (vec![0; 1 << 16], Vec::new());
    while let Ok(length @ 1..) = counts.read(&mut buffer) {
        rest.extend_from_slice(&buffer[..length]);
        if let Some(end) = rest.iter().rposition(|octet| *octet == b'\r') {
            let text = String::from_utf8_lossy(&rest[..end]);
            if let Some(count) = text.rsplit("mesg=").next().and_then(|count| count.trim().parse().ok()) {
                *taken.0.lock().unwrap() = Some(count);
                taken.1.notify_all();
            }
            rest.drain(..=end);
        }
        std::thread::sleep(LOOK);
    }
    *taken.0.lock().unwrap() = None;
    taken.1.notify_all();
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
