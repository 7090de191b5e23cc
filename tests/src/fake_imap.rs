//! An IMAP server that says what a test wants: a script for each connection, the last one for all that follow.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What one connection does.
pub type Script = Box<dyn Fn(&mut Talk) + Send + Sync>;

/// The server; it ends with the test's process.
pub struct FakeImap {
    /// On 127.0.0.1.
    pub port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

/// One connection, from the server's side.
pub struct Talk {
    stream: BufReader<TcpStream>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl FakeImap {
    /// Listens.
    pub fn start(scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&heard);
        std::thread::spawn(move || {
            let scripts = Arc::new(scripts);
            for (index, stream) in listener.incoming().enumerate() {
                let (scripts, heard) = (Arc::clone(&scripts), Arc::clone(&all));
                std::thread::spawn(move || {
                    let script = &scripts[index.min(scripts.len() - 1)];
                    script(&mut Talk { stream: BufReader::new(stream.unwrap()), heard });
                });
            }
        });
        Self { port, heard }
    }

    /// Every line that clients said so far.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

impl Talk {
    /// Says octets as they are. Whether somebody is there does not matter.
    pub fn say(&mut self, text: &str) {
        let _ = self.stream.get_mut().write_all(text.as_bytes());
    }

    /// The next line, without its end; `None`: the client has gone.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).unwrap_or(0);
        let line = line.trim_end_matches(['\r', '\n']).to_owned();
        (read > 0).then(|| {
            self.heard.lock().unwrap().push(line.clone());
            line
        })
    }

    /// The next command: its tag and the rest.
    pub fn command(&mut self) -> Option<(String, String)> {
        let line = self.line()?;
        let (tag, rest) = line.split_once(' ').unwrap_or((&line, ""));
        Some((tag.to_owned(), rest.to_owned()))
    }

    /// Waits until the client has gone.
    pub fn until_gone(&mut self) {
        let _ = self.stream.read_to_end(&mut Vec::new());
    }

    /// Answers as an ordinary server with these capabilities and messages (the first is UID 1), from the greeting on.
    /// `special` may answer a command itself: it says so by `true`.
    pub fn serve(&mut self, can: &str, messages: &[Vec<u8>], special: impl Fn(&mut Self, &str, &str) -> bool) {
        self.say("* OK hello\r\n");
        while let Some((tag, rest)) = self.command() {
            if special(self, &tag, &rest) {
                continue;
            }
            let words: Vec<&str> = rest.split(' ').collect();
            match words[..] {
                ["CAPABILITY"] => self.say(&format!("* CAPABILITY {can}\r\n")),
                ["SELECT", ..] => self.say(&format!("* {} EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n", messages.len())),
                ["UID", "FETCH", "*", "(UID)"] => self.say(&format!("* {0} FETCH (UID {0})\r\n", messages.len())),
                ["UID", "SEARCH", "UID", set, ..] => {
                    let found: Vec<String> = numbers(set).filter(|uid| *uid <= messages.len()).map(|uid| uid.to_string()).collect();
                    self.say(&format!("* SEARCH {}\r\n", found.join(" ")));
                }
                ["UID", "FETCH", set, "(UID", "RFC822.SIZE)"] => {
                    for uid in numbers(set) {
                        self.say(&format!("* {uid} FETCH (UID {uid} RFC822.SIZE {})\r\n", messages[uid - 1].len()));
                    }
                }
                ["UID", "FETCH", uid, "(UID", item] => {
                    let message = String::from_utf8_lossy(&messages[uid.parse::<usize>().unwrap() - 1]).into_owned();
                    let name = if item.contains('<') { "BODY[]<0>" } else { "BODY[]" };
                    self.say(&format!("* {uid} FETCH (UID {uid} {name} {{{}}}\r\n{message})\r\n", message.len()));
                }
                ["IDLE"] => {
                    self.say("+ idling\r\n");
                    if self.line().as_deref() != Some("DONE") {
                        return;
                    }
                }
                _ => {}
            }
            self.say(&format!("{tag} OK done\r\n"));
        }
    }
}

/// `3:5,9` → 3, 4, 5, 9.
fn numbers(set: &str) -> impl Iterator<Item = usize> {
    let parts: Vec<String> = set.split(',').map(str::to_owned).collect();
    parts.into_iter().flat_map(|part| {
        let (first, last) = part.split_once(':').unwrap_or((&part, &part));
        first.parse().unwrap()..=last.parse().unwrap()
    })
}
