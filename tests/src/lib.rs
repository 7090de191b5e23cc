//! resetd, driven from outside: the real binary as a child process, spoken to through its socket, with a mailbox it
//! mails into, an SMTP relay, people who answer, and webhooks. Nothing here sleeps: a test waits for a line of the event
//! stream, a datagram of systemd's, or an answer.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a harness that meets the unexpected fails its test")]

pub mod answer;
pub mod authority;
pub mod between;
pub mod chaos;
pub mod client;
pub mod config;
pub mod daemon;
pub mod dovecot;
pub mod events;
pub mod fake_imap;
pub mod hook;
pub mod indoors;
pub mod knot;
pub mod leaks;
pub mod lmtp;
pub mod mta;
pub mod names;
pub mod network;
pub mod outgoing;
pub mod peer;
pub mod policies;
pub mod portal;
pub mod script;
pub mod sink;
pub mod site;
pub mod wire;

pub use answer::Answer;
pub use authority::Authority;
pub use between::Between;
pub use client::{Client, Reply};
pub use config::Config;
pub use daemon::Daemon;
pub use dovecot::Dovecot;
pub use events::Events;
pub use fake_imap::{FakeImap, Talk};
pub use indoors::Indoors;
pub use knot::Knot;
pub use mta::Mta;
pub use network::Network;
pub use outgoing::{Mail, Outgoing};
pub use portal::Portal;
pub use script::Script;
pub use sink::Sink;
pub use site::Site;

/// Whether this process may become other users. Says why a test is passed over where it may not.
pub fn is_root(what: &str) -> bool {
    let root = nix::unistd::Uid::effective().is_root();
    if !root {
        println!("skipped: {what}: only root can be other users");
    }
    root
}

/// The program, or a word on why the test is passed over.
pub fn program(name: &str, package: &str) -> Option<std::path::PathBuf> {
    let folders = std::env::var("PATH").unwrap_or_default();
    let found = folders
        .split(':')
        .chain(["/usr/sbin", "/sbin"])
        .map(|folder| std::path::PathBuf::from(folder).join(name))
        .find(|path| path.exists());
    if found.is_none() {
        println!("skipped: no {name} here (Debian package {package})");
    }
    found
}
