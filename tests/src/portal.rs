//! An example of an application as a child process, and a person's browser at it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};

use crate::client::{read_chunk, read_head};
use crate::{Reply, Sink};

/// A running application. Dropped, it is killed.
pub struct Portal {
    child: Child,
    port: u16,
    said: Arc<Mutex<String>>,
}

impl Portal {
    /// A port for one that is to be started.
    pub fn port() -> u16 {
        Sink::free_port()
    }

    /// Starts it, and waits until it names its address.
    #[track_caller]
    pub fn start(mut command: Command, port: u16) -> Self {
        let (reader, writer) = std::io::pipe().unwrap();
        command.stdin(Stdio::null()).stdout(writer.try_clone().unwrap()).stderr(writer);
        let child = command.spawn().unwrap();
        // It has the last ends of the pipe: when it ends, so do the lines.
        drop(command);
        let said = Arc::new(Mutex::new(String::new()));
        let ready = follow(reader, Arc::clone(&said), format!("http://127.0.0.1:{port}"));
        let portal = Self { child, port, said };
        assert!(ready.recv().is_ok(), "the example ended:\n{}", portal.said());
        portal
    }

    /// All that it has printed.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Opens a page.
    #[track_caller]
    pub fn get(&self, path: &str) -> Reply {
        self.ask(&format!("GET {path} HTTP/1.1\r\n"), "")
    }

    /// Sends a form of the site's own page.
    #[track_caller]
    pub fn post(&self, path: &str, form: &[(&str, &str)]) -> Reply {
        self.post_from("same-origin", path, form)
    }

    /// Sends a form that another site's page, or ours, made.
    #[track_caller]
    pub fn post_from(&self, site: &str, path: &str, form: &[(&str, &str)]) -> Reply {
        let encode = |text: &str| -> String {
            let one = |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
            text.bytes().map(one).collect()
        };
        let mut body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        // The page with the form: its hidden field and its cookie against forgery, where it has them.
        let page = self.get(path);
        let cookie = page.header("set-cookie").and_then(|cookie| cookie.split(';').next()).unwrap_or_default();
        let text = page.text();
        if let Some((_, field)) = text.split_once("name=\"csrfmiddlewaretoken\" value=\"") {
            body.push(format!("csrfmiddlewaretoken={}", field.split('"').next().unwrap()));
        }
        // As browsers have it: no origin is told where no referrer is.
        let own = format!("http://127.0.0.1:{}", self.port);
        let origin = if page.header("referrer-policy") == Some("no-referrer") { "null" } else { &own };
        let head = format!("POST {path} HTTP/1.1\r\nOrigin: {origin}\r\nSec-Fetch-Site: {site}\r\nCookie: {cookie}\r\n");
        self.ask(&(head + "Content-Type: application/x-www-form-urlencoded\r\n"), &body.join("&"))
    }

    fn ask(&self, head: &str, body: &str) -> Reply {
        let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", self.port)).unwrap());
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let request = format!("{head}Host: 127.0.0.1:{}\r\nUser-Agent: Browser/1\r\nConnection: close\r\n{length}\r\n{body}", self.port);
        stream.get_mut().write_all(request.as_bytes()).unwrap();
        let (status, headers) = read_head(&mut stream).unwrap_or_else(|error| panic!("{head}: {error}\n{}", self.said()));
        let mut reply = Reply { status, headers, body: Vec::new() };
        if reply.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            while let Some(chunk) = read_chunk(&mut stream).unwrap() {
                reply.body.extend(chunk);
            }
        } else {
            stream.read_to_end(&mut reply.body).unwrap();
        }
        reply
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("--- the example said:\n{}", self.said());
        }
    }
}

/// Collects lines; says once when one holds `wanted`.
fn follow(reader: impl Read + Send + 'static, said: Arc<Mutex<String>>, wanted: String) -> Receiver<()> {
    let (ready, wait) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(reader).lines().map_while(Result::ok) {
            said.lock().unwrap().push_str(&format!("{line}\n"));
            if line.contains(&wanted) {
                let _ = ready.send(());
            }
        }
    });
    wait
}
