//! What the demo prints.

use std::cell::Cell;
use std::io::IsTerminal;
use std::path::Path;

use serde_json::Value;

use super::person::Letter;

/// Prints numbered steps, in colour on a terminal.
pub struct Show {
    step: Cell<u32>,
    color: bool,
}

impl Show {
    /// To standard output.
    pub fn new() -> Self {
        Self { step: Cell::new(0), color: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// What is about to happen.
    pub fn intro(&self, folder: &Path) {
        println!("{}", self.paint("1", "resetd demo: a reset goes out, comes back once, and \"this wasn't me\" lands on a desk"));
        println!("Everything is real but the mailbox: a daemon, its socket, its database, mails in a Maildir, in {}", folder.display());
    }

    /// The next step.
    pub fn step(&self, what: &str) {
        self.step.set(self.step.get() + 1);
        println!("\n{} {}", self.paint("1;36", &format!("{:>2}.", self.step.get())), self.paint("1", what));
    }

    /// A call on the socket and its answer. Tokens are cut: a demo is no excuse.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>, status: u16, answer: &Value) {
        let mut body = body.cloned();
        if let Some(token) = body.as_mut().and_then(|body| body.get_mut("token")) {
            let shown: String = token.as_str().unwrap_or_default().chars().take(6).collect();
            *token = Value::String(format!("{shown}…"));
        }
        let body = body.map_or(String::new(), |body| format!(" {body}"));
        println!("    {} {path}{body}", self.paint("33", method));
        let color = if status < 300 { "32" } else { "31" };
        let answer = if answer.is_null() { String::new() } else { format!(" {answer}") };
        println!("    {} {}{answer}", self.paint("2", "→"), self.paint(color, &status.to_string()));
    }

    /// A mail, as its reader sees it.
    pub fn letter(&self, letter: &Letter) {
        let bar = self.paint("2", "│");
        println!("    {bar} {} {}", self.paint("2", "From:"), letter.from);
        println!("    {bar} {} {}", self.paint("2", "To:"), letter.to);
        println!("    {bar} {} {}", self.paint("2", "Subject:"), self.paint("1", &letter.subject));
        println!("    {bar}");
        for line in letter.text.trim_end().lines() {
            println!("    {bar} {line}");
        }
    }

    /// A mail in one line.
    pub fn subject(&self, letter: &Letter) {
        println!("    {} {} {} {}", self.paint("2", "mail to"), letter.to, self.paint("2", "·"), self.paint("1", &letter.subject));
    }

    /// What a person typed.
    pub fn words(&self, words: &str) {
        let bar = self.paint("2", "│");
        words.lines().for_each(|line| println!("    {bar} {line}"));
    }

    /// A reset's timeline.
    pub fn timeline(&self, story: &Value) {
        println!("    state: {}", self.paint("1", story["state"].as_str().unwrap_or("?")));
        for line in story["timeline"].as_array().into_iter().flatten() {
            let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            println!("    {} {}", self.paint("2", &text("at")), text("event"));
        }
    }

    /// The end of the walk.
    pub fn done(&self, reason: &str) {
        println!("\n{} ben's link was refused as `{reason}`, and nobody had to read a log for it.", self.paint("1;32", "Done."));
    }

    /// How to go on by hand.
    pub fn stay(&self, socket: &Path) {
        let socket = socket.display();
        println!("\nStill running. In another terminal:");
        println!("    curl --unix-socket {socket} http://resetd/v1/status");
        println!("    curl --unix-socket {socket} http://resetd/v1/resets -H 'Content-Type: application/json' \\");
        println!("         -d '{{\"portal\":\"demo\",\"account\":\"eve\",\"email\":\"eve@example.org\"}}'");
        println!("    cargo run --release --bin resetctl -- --socket {socket} flags list");
        println!("Ctrl-C ends it and removes its folder.");
    }
}
