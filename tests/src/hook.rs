//! A receiver of webhooks: answers by script, keeps what came.

use std::collections::VecDeque;
use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use crate::client::read_line;

/// The receiver.
pub struct Hook {
    port: u16,
    posts: Receiver<Post>,
    statuses: Arc<Mutex<VecDeque<u16>>>,
}

/// One webhook.
#[derive(Debug)]
pub struct Post {
    /// Its header.
    pub headers: http::HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
    /// What it was answered with.
    pub status: u16,
}

impl Hook {
    /// Answers with these statuses in turn, and with 204 after that.
    pub fn new(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let statuses = Arc::new(Mutex::new(statuses.iter().copied().collect::<VecDeque<_>>()));
        let (sender, posts) = channel();
        let script = Arc::clone(&statuses);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let status = script.lock().unwrap().pop_front().unwrap_or(204);
                if let Ok(post) = answer(stream, status)
                    && sender.send(post).is_err()
                {
                    return;
                }
            }
        });
        Self { port, posts, statuses }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hooks", self.port)
    }

    /// The next webhook, however long it takes.
    pub fn next(&self) -> Post {
        self.posts.recv().unwrap()
    }

    /// Webhooks that came and were not looked at yet.
    pub fn waiting(&self) -> Vec<Post> {
        self.posts.try_iter().collect()
    }

    /// Whether the script is used up.
    pub fn script_done(&self) -> bool {
        self.statuses.lock().unwrap().is_empty()
    }
}

fn answer(stream: TcpStream, status: u16) -> std::io::Result<Post> {
    let mut stream = BufReader::new(stream);
    let first = read_line(&mut stream)?;
    assert!(first.starts_with("POST /hooks HTTP/1.1"), "{first}");
    let mut headers = http::HeaderMap::new();
    loop {
        let line = read_line(&mut stream)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.append(name.parse::<http::HeaderName>().unwrap(), value.trim().parse().unwrap());
    }
    let length = headers.get("content-length").and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    stream.get_mut().write_all(format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes())?;
    Ok(Post { headers, body, status })
}
