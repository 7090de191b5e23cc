//! A client that hands mails to Postfix: one warm session, its commands pipelined, as few octets as will do. An application's
//! own client is slower.

use std::fmt::Write;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A whole message.
const OCTETS: usize = 2048;

/// An open session.
pub struct Session {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Session {
    /// Opens one.
    pub async fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut session = Self { stream, buffer: Vec::with_capacity(4096) };
        session.replies(1).await;
        session.ask("EHLO client.example\r\n", 1).await;
        session
    }

    /// One mail.
    pub async fn submit(&mut self, number: u64) {
        let envelope = format!("MAIL FROM:<no-reply@shop.example>\r\nRCPT TO:<u{number:08}@mail.example>\r\nDATA\r\n");
        self.ask(&envelope, 3).await;
        self.ask(&message(number), 1).await;
    }

    async fn ask(&mut self, text: &str, replies: usize) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
        self.replies(replies).await;
    }

    /// Waits for so many replies, all of them good.
    async fn replies(&mut self, count: usize) {
        self.buffer.clear();
        while whole_replies(&self.buffer) < count {
            let read = self.stream.read_buf(&mut self.buffer).await.unwrap();
            assert!(read > 0, "Postfix hung up");
        }
        let good = self.buffer.split(|octet| *octet == b'\n').all(|line| matches!(line.first(), None | Some(b'2' | b'3')));
        assert!(good, "{}", String::from_utf8_lossy(&self.buffer));
    }
}

/// Lines without a hyphen behind their code.
fn whole_replies(buffer: &[u8]) -> usize {
    buffer.split_inclusive(|octet| *octet == b'\n').filter(|line| line.ends_with(b"\n") && line.get(3) != Some(&b'-')).count()
}

/// A message of 2 KB, its final dot included.
fn message(number: u64) -> String {
    let mut text = format!(
        "From: Example shop <no-reply@shop.example>\r\nTo: u{number:08}@mail.example\r\nSubject: Reset your password\r\n\
         Date: Tue, 25 Nov 2025 12:00:00 +0000\r\nMessage-ID: <{number:08}@shop.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n"
    );
    while text.len() < OCTETS - 80 {
        let _ = write!(text, "Somebody asked us to reset the password of your account, here is a line.\r\n");
    }
    text.push_str(".\r\n");
    text
}
