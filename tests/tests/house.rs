//! The arrows of the house: every `use` of the daemon's sources points down the list of rooms, or to `core`; and `core`
//! knows neither clock nor disk nor network.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The rooms, in the order in which data walks through them. A `use` may point to the same room or to one further down.
const ROOMS: [&str; 14] = [
    "bin",
    "startup",
    "lifecycle",
    "config",
    "http",
    "mailbox",
    "outbox",
    "app",
    "authentication",
    "mail",
    "webhook",
    "reading",
    "store",
    "wire",
];

/// What a room must not know though it stands further down.
const STRANGERS: [(&str, &str); 4] = [("http", "store"), ("http", "mail"), ("mail", "store"), ("mail", "reading")];

/// All that `ctl` knows, beside itself.
const CTL_KNOWS: [&str; 4] = ["wire", "config", "mail::templates", "reading"];

/// Upward arrows that are let pass, with the reason.
const LET_PASS: [(&str, &str, &str); 4] = [
    ("*", "config", "its checked types are values that every room may hold; only `startup` and `ctl` load a file"),
    ("ctl", "store::restore", "`resetctl restore` puts a file in its place while no daemon runs"),
    ("ctl", "app::keyfile", "`resetctl keys rotate --file` writes a key file as the daemon does"),
    ("ctl", "mail::dkim", "`resetctl dkim generate` makes the key and the record that this reads; it needs no daemon"),
];

/// What only `startup`, `ctl` and `config` itself may take from `config`: the reading of files.
const LOADING: [&str; 4] = ["config::load", "config::config_check", "config::Environment", "config::diff_needs_restart"];

/// Crates that `core` must not know (DESIGN §3: no tokio, no SQLite, no HTTP, no clock, no randomness).
const NOT_IN_CORE: [&str; 12] = [
    "tokio",
    "rusqlite",
    "axum",
    "hyper",
    "std::net::Tcp",
    "std::fs",
    "std::thread",
    "std::process",
    "std::env",
    "SystemTime",
    "Instant",
    "ring::rand",
];

/// Crates that only one room knows.
const OWNERS: [(&str, &[&str]); 8] = [
    ("smtp_proto", &["mailbox", "mail"]),
    ("mail_auth", &["authentication", "mail"]),
    ("rusqlite", &["store"]),
    ("mail_send", &["mail"]),
    ("mail_parser", &["reading"]),
    ("axum", &["http"]),
    ("inotify", &["mailbox"]),
    ("listenfd", &["startup"]),
];

#[test]
fn every_use_points_down_or_to_core() {
    let mut wrong = Vec::new();
    let mut arrows = 0;
    for (room, path, text) in daemon_sources() {
        let found = crate_paths(&text);
        arrows += found.len();
        for to in found {
            if let Err(why) = allowed(&room, &to) {
                wrong.push(format!("{}: crate::{to}: {why}", path.display()));
            }
        }
    }
    assert!(arrows > 100, "only {arrows} arrows found: does the scan still read the sources?");
    assert!(wrong.is_empty(), "{} forbidden arrows:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_crate_has_one_owner() {
    let mut wrong = Vec::new();
    for (room, path, text) in daemon_sources() {
        for (name, owners) in OWNERS {
            let used = text.lines().any(|line| word(line, name));
            if used && !owners.contains(&room.as_str()) {
                wrong.push(format!("{}: {name} belongs to {owners:?}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn sql_stands_in_the_store_alone() {
    let sql = ["SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM", "PRAGMA "];
    for (room, path, text) in daemon_sources() {
        let found = text.lines().find(|line| sql.iter().any(|sql| line.contains(&format!("\"{sql}"))));
        assert!(room == "store" || found.is_none(), "{}: {}", path.display(), found.unwrap_or_default());
    }
}

#[test]
fn core_decides_and_does_nothing() {
    let mut files = 0;
    for (path, text) in sources(&root().join("daemon/core/src")) {
        files += 1;
        for name in NOT_IN_CORE {
            let line = text.lines().find(|line| word(line, name));
            assert!(line.is_none(), "{}: {name}: {}", path.display(), line.unwrap_or_default());
        }
    }
    assert!(files > 20, "only {files} files");
}

/// The scan itself: each of these must be caught, or the tests above say nothing.
#[test]
fn forbidden_arrows_are_caught() {
    let caught = |room: &str, text: &str| crate_paths(text).iter().any(|to| allowed(room, to).is_err());
    assert!(caught("store", "use crate::app::App;"));
    assert!(caught("store", "use crate::mail::Envelope;"));
    assert!(caught("http", "use crate::store::Store;"));
    assert!(caught("http", "use crate::app::App; use crate::mail::templates;"));
    assert!(caught("mail", "use crate::{config::Portal, store::Flag};"));
    assert!(caught("mail", "use crate::{\n    config::{Portal, Sender},\n    store::{Flag,\n Store},\n};"));
    assert!(caught("mail", "fn f(row: &crate::store::ResetRow) {}"));
    assert!(caught("wire", "use crate::http::problem;"));
    assert!(caught("ctl", "use crate::app::App;"));
    assert!(caught("ctl", "use crate::mail::transport::Transport;"));
    assert!(caught("app", "use crate::config::load;"));
    assert!(caught("app", "pub(crate) use crate::http::face;"));
    assert!(!caught("app", "use crate::store::Store;\nuse crate::config::Settings;"));
    assert!(!caught("ctl", "use crate::mail::templates::Library;"));
    assert!(!caught("store", "// use crate::app::App;"));
    assert!(!caught("store", "//! [`crate::app`] decides"));
}

/// Whether a file of `room` may name `crate::to`.
fn allowed(room: &str, to: &str) -> Result<(), String> {
    let target = to.split("::").next().unwrap_or_default();
    if LOADING.contains(&to) && !["bin", "startup", "ctl", "config"].contains(&room) {
        return Err("only startup and ctl load a configuration".into());
    }
    let passes = |(from, name, _): &(&str, &str, &str)| {
        (*from == "*" || *from == room) && (*name == target || *name == to || to.starts_with(&format!("{name}::")))
    };
    if target == room || target == "ambient" || LET_PASS.iter().any(passes) {
        return Ok(());
    }
    if room == "ctl" {
        let known = CTL_KNOWS.iter().any(|known| to == *known || to.starts_with(&format!("{known}::")));
        return if known { Ok(()) } else { Err(format!("ctl knows only {CTL_KNOWS:?}")) };
    }
    if STRANGERS.contains(&(room, target)) {
        return Err(format!("{room} must not know {target}"));
    }
    // `startup` shows the demo through the client that `resetctl` is.
    if target == "ctl" && ["bin", "startup"].contains(&room) {
        return Ok(());
    }
    let place = |name: &str| ROOMS.iter().position(|room| *room == name).ok_or_else(|| format!("`{name}` is no room of DESIGN §3"));
    if place(room)? < place(target)? { Ok(()) } else { Err(format!("{target} stands above {room}")) }
}

/// Every path that begins with `crate::` in code, its braces taken apart: `crate::{a::B, c}` gives `a::B` and `c`.
fn crate_paths(text: &str) -> Vec<String> {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let mut paths = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_none_or(|c| !c.is_alphanumeric() && c != '_') {
            expand("", &code[at + "crate::".len()..], &mut paths);
        }
    }
    paths
}

fn expand(prefix: &str, rest: &str, paths: &mut Vec<String>) -> usize {
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').unwrap_or(rest.len());
    let (head, tail) = rest.split_at(end);
    if !tail.starts_with('{') || !(head.is_empty() || head.ends_with("::")) {
        let path = format!("{prefix}{head}");
        paths.push(path.trim_end_matches(':').to_owned());
        return end;
    }
    let prefix = format!("{prefix}{head}");
    let mut at = end + 1;
    while at < rest.len() {
        match rest[at..].chars().next() {
            Some('}') => return at + 1,
            Some(c) if c.is_whitespace() || c == ',' => at += c.len_utf8(),
            Some('*') => at += 1,
            Some(_) => at += expand(&prefix, &rest[at..], paths).max(1),
            None => break,
        }
    }
    at
}

fn word(line: &str, name: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices(name).any(|(at, _)| {
        let free = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
        // An error of serde's or rustls's may be named `Instant…`; only the whole word counts, unless the name is a beginning.
        free(code[..at].chars().next_back()) && (name.ends_with("Tcp") || free(code[at + name.len()..].chars().next()))
    })
}

/// Room, path and text of every source file of the daemon; test modules left out, for they may look anywhere.
fn daemon_sources() -> Vec<(String, PathBuf, String)> {
    let base = root().join("daemon/src");
    let mut rooms = BTreeMap::new();
    let list: Vec<_> = sources(&base)
        .into_iter()
        .filter_map(|(path, text)| {
            let below = path.strip_prefix(&base).unwrap().to_owned();
            let first = below.components().next().unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
            *rooms.entry(first.clone()).or_insert(0) += 1;
            let is_test = below.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")));
            (first != "lib" && !is_test).then(|| (first, path, before_tests(&text).to_owned()))
        })
        .collect();
    for room in ["startup", "config", "http", "mailbox", "outbox", "app", "mail", "reading", "store", "wire", "ctl"] {
        assert!(rooms.contains_key(room), "room `{room}` is missing: {rooms:?}");
    }
    list
}

fn before_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap_or_default()
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut list = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            list.push((path, text));
        }
    }
    list
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
