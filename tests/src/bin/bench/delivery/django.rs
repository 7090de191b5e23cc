//! Django's password-reset view with its SMTP backend behind gunicorn: what people use today. `tests/bench` installs it.

use std::fs;
use std::net::TcpStream as Blocking;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::door::Door;
use super::guard::Guard;
use super::system::System;
use super::tree::Tree;
use crate::postfix::free_port;

/// Where `tests/bench` has put it, from the folder that it runs this in.
const INSTALLED: &str = "tests/.cache/django/bin";
const SITE: &str = include_str!("django_site.py");
/// As in the site.
const USERS: u64 = 1000;
/// Gunicorn's workers.
pub const WORKERS: usize = 8;
/// What a browser that was shown the form sends back: the token in the form must be the cookie's.
const CSRF: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef";

/// Its folder outlives it: the guard is dropped first.
struct Gunicorn {
    _guard: Guard,
    _folder: TempDir,
}

/// Starts one that sends to this port. `Err`: why there is none.
pub fn start(relay: u16) -> Result<System, String> {
    let programs = fs::canonicalize(INSTALLED).map_err(|_| format!("{INSTALLED} is not there: `tests/bench` installs it"))?;
    let folder = tempfile::Builder::new().prefix("django-").tempdir().unwrap();
    fs::write(folder.path().join("site_of_bench.py"), SITE).unwrap();
    let command = |program: &str| command(&programs.join(program), folder.path(), relay);
    let made = command("python").arg("site_of_bench.py").output().map_err(|error| error.to_string())?;
    if !made.status.success() {
        return Err(format!("its site: {}", String::from_utf8_lossy(&made.stderr).trim()));
    }
    let port = free_port();
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let mut command = command("gunicorn");
    command.args(["--workers", &WORKERS.to_string(), "--bind", &format!("127.0.0.1:{port}"), "site_of_bench:application"]);
    let mut child = command.stderr(log).stdout(Stdio::null()).spawn().map_err(|error| format!("gunicorn: {error}"))?;
    // SIGTERM, so that it ends its workers.
    let guard = Guard::new(&format!("kill {0}; while kill -0 {0}; do sleep 0.1; done", child.id()));
    let tree = Tree(child.id());
    while tree.len() <= WORKERS || Blocking::connect(("127.0.0.1", port)).is_err() {
        if child.try_wait().unwrap().is_some() {
            return Err(fs::read_to_string(folder.path().join("log")).unwrap_or_default());
        }
        std::thread::yield_now();
    }
    std::thread::spawn(move || child.wait());
    Ok(System { name: "Django", door: Door::Form(port), tree, _keep: Box::new(Gunicorn { _guard: guard, _folder: folder }) })
}

fn command(program: &PathBuf, folder: &Path, relay: u16) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("RELAY_PORT", relay.to_string()).env("HOME", folder).env_remove("PYTHONPATH").stdin(Stdio::null());
    command
}

/// A person's browser. Gunicorn's workers hang up after each answer.
pub struct Form {
    port: u16,
    answer: Vec<u8>,
}

impl Form {
    /// Nothing is open yet.
    pub fn new(port: u16) -> Self {
        Self { port, answer: Vec::new() }
    }

    /// Submits the form for a user; there are a thousand, who take turns.
    pub async fn submit(&mut self, number: u64) {
        let body = format!("csrfmiddlewaretoken={CSRF}&email=user{}%40mail.example", (number - 1) % USERS + 1);
        let request = format!(
            "POST /password_reset/ HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nCookie: csrftoken={CSRF}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.port,
            body.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        self.answer.clear();
        stream.read_to_end(&mut self.answer).await.unwrap();
        assert!(self.answer.starts_with(b"HTTP/1.1 302"), "{}", String::from_utf8_lossy(&self.answer));
    }
}
