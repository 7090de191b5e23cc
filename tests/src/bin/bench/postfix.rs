//! Postfix's `smtp-sink` as a child process that counts the mails it has taken.

use std::io::{BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A running smtp-sink. Dropped, it is killed.
pub struct SmtpSink {
    child: Child,
    port: u16,
    counter: BufReader<ChildStdout>,
    taken: u64,
}

impl SmtpSink {
    /// Starts one on a free port.
    pub fn start() -> Self {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
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
        let counter = BufReader::new(child.stdout.take().unwrap());
        Self { child, port, counter, taken: 0 }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits until it has taken so many mails since its start. It writes `sess=1 quit=0 mesg=2\r` after each.
    pub fn until(&mut self, mails: u64) {
        let (mut line, mut octet) = (Vec::new(), [0]);
        while self.taken < mails {
            self.counter.read_exact(&mut octet).expect("smtp-sink ended");
            if octet != *b"\r" {
                line.push(octet[0]);
                continue;
            }
            let text = String::from_utf8_lossy(&line);
            self.taken = text.rsplit("mesg=").next().and_then(|count| count.trim().parse().ok()).unwrap_or(self.taken);
            line.clear();
        }
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
