//! The real daemon against servers that follow a script: one file a case, in `tests/dialogues`. `src/script.rs` has the language of
//! the dialogue. Before it stand, each where it is needed:
//!
//! ```text
//! # what this is about
//! relay: KEY = VALUE     a line of [sending.relay], beside timeout = "1s"
//! expect: EVENT          the next event about the mail, which has these:
//!   KEY: TEXT            TEXT stands in its detail's KEY
//! messages: N            how many messages the server heard to their end (default: 1); `1 or 2` where a kill meets the 250
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use resetd_tests::{Authority, Config, Script, Site};
use serde_json::Value;

/// Cases at a time: they wait, mostly.
const AT_A_TIME: usize = 12;

#[derive(Default)]
struct Case {
    relay: String,
    expected: Vec<(String, Vec<(String, String)>)>,
    messages: Vec<usize>,
    script: String,
}

impl Case {
    fn parse(text: &str) -> Self {
        let mut case = Self { messages: vec![1], ..Self::default() };
        for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            match line.split_once(": ").unwrap_or((line, "")) {
                ("relay", value) => case.relay.push_str(&format!("{value}\n")),
                ("messages", count) => case.messages = count.split(" or ").map(|count| count.parse().unwrap()).collect(),
                ("expect", event) => case.expected.push((event.to_owned(), Vec::new())),
                (key, text) if key.starts_with("  ") => {
                    case.expected.last_mut().unwrap().1.push((key.trim().to_owned(), text.to_owned()));
                }
                _ => case.script.push_str(&format!("{line}\n")),
            }
        }
        assert!(!case.expected.is_empty(), "nothing is expected");
        case
    }

    fn play(&self) {
        let authority = Authority::new();
        let script = Script::new(&self.script, &authority.vouch(&["127.0.0.1"]).config);
        let tls = if self.relay.contains("tls =") { "" } else { "tls = \"none\"\n" };
        let relay = format!("[sending.relay]\nhost = \"127.0.0.1\"\nport = {}\ntimeout = \"1s\"\n{tls}{}", script.port(), self.relay);
        let mut site = Site::unstarted(&Config::new().sending(&relay));
        fs::write(site.path().join("ca.pem"), authority.pem()).unwrap();
        fs::write(site.path().join("other.pem"), Authority::new().pem()).unwrap();
        site.start();
        let id = site.request("ann");
        for _ in 0..self.script.matches("-- kill\n").count() {
            let done = script.wants_kill();
            site.kill9();
            site.start();
            done.send(()).unwrap();
        }
        let mut events = site.events();
        for (name, conditions) in &self.expected {
            let is_about_it = |event: &Value| event["reset"] == *id && event["event"].as_str().unwrap().starts_with("mail.");
            let event = events.find(is_about_it);
            assert_eq!(event["event"], **name, "{event}; the server says {:?}", script.faults());
            for (key, text) in conditions {
                let has = event["detail"][key].as_str().unwrap_or_default();
                assert!(has.contains(text), "{key} of {event} has no {text:?}; the server says {:?}", script.faults());
            }
        }
        if self.expected.last().is_some_and(|(name, _)| name != "mail.deferred") {
            site.until_quiet();
        }
        // What a server says makes no lines in the log, and steers no terminal.
        let log = site.log();
        assert!(!log.chars().any(|c| c.is_control() && c != '\n'), "{log:?}");
        assert!(log.lines().all(|line| line.starts_with("20")), "{log}");
        drop(site);
        assert_eq!(script.faults(), Vec::<String>::new());
        let heard = script.messages().len();
        assert!(self.messages.contains(&heard), "{heard} messages heard to their end");
        let connections = self.script.matches("-- next\n").count() + 1;
        assert!(self.messages.len() > 1 || script.connections() == connections, "{} connections", script.connections());
        if let [one, other, ..] = &script.messages()[..] {
            assert_eq!(String::from_utf8_lossy(one), String::from_utf8_lossy(other), "it is the same mail");
        }
    }
}

#[test]
fn every_dialogue_ends_as_it_should() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dialogues");
    let only = std::env::var("DIALOGUE").unwrap_or_default();
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().contains(&only));
    files.sort();
    let (count, left, failed) = (files.len(), Mutex::new(files.into_iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let Some(path) = left.lock().unwrap().next() else { return };
                    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                    let text = fs::read_to_string(&path).unwrap();
                    if std::panic::catch_unwind(|| Case::parse(&text).play()).is_err() {
                        failed.lock().unwrap().push(name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    println!("{count} dialogues");
    assert!(failed.is_empty(), "{failed:?}");
}
