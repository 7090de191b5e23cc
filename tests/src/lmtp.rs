//! An LMTP client (RFC 2033), as the MTA on the host would be.

use std::io::{BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::client::read_line;

/// One session.
pub struct Lmtp(BufReader<UnixStream>);

impl Lmtp {
    /// Dials and says LHLO.
    pub fn dial(socket: &Path) -> Self {
        let mut session = Self(BufReader::new(UnixStream::connect(socket).unwrap()));
        assert!(session.reply().starts_with("220"));
        assert!(session.ask("LHLO mta.example").starts_with("250"));
        session
    }

    /// One command, its last reply line.
    pub fn ask(&mut self, command: &str) -> String {
        self.0.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
        self.reply()
    }

    /// Hands a message over; the reply to it.
    pub fn deliver(&mut self, from: &str, to: &str, message: &[u8]) -> String {
        let mail = self.ask(&format!("MAIL FROM:<{from}>"));
        assert!(mail.starts_with("250"), "{mail}");
        let rcpt = self.ask(&format!("RCPT TO:<{to}>"));
        if !rcpt.starts_with("250") {
            return rcpt;
        }
        assert!(self.ask("DATA").starts_with("354"));
        let text = String::from_utf8_lossy(message).replace("\r\n.", "\r\n..");
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
        self.ask(if text.ends_with("\r\n") { "." } else { "\r\n." })
    }

    fn reply(&mut self) -> String {
        loop {
            let line = read_line(&mut self.0).unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }
}
