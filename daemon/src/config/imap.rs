//! `[[mailbox.imap]]`: accounts that are read by IMAP. Off loopback nothing is said in clear.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::login::{Login, LoginKeys};
use super::relay::check_ca;
use super::report::Report;
use super::secrets::SecretFiles;
use super::types::TlsMode;
use super::values::{Credential, FolderName, FromText, Host, MailboxName, Span, Text, User, Whole, Word, is_loopback};

/// One account.
#[derive(Clone, PartialEq, Eq)]
pub struct ImapSettings {
    /// What logs, status and metrics call it.
    pub name: String,
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: TlsMode,
    /// PEM file of the authorities to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// Who we are there.
    pub login: Login,
    /// Which folders; one that begins with a backslash is found by its special use.
    pub folders: Vec<String>,
    /// What becomes of a message that is on disk.
    pub after: ImapAfter,
    /// How old a message may be that lies there when a folder is first met.
    pub since: Duration,
    /// How often IDLE is renewed.
    pub idle: Duration,
    /// How often it looks, where the server does not offer IDLE.
    pub poll: Duration,
    /// Without a word for so long a connection is dead.
    pub timeout: Duration,
}

impl std::fmt::Debug for ImapSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Imap({}:{}, {:?}, {:?})", self.host, self.port, self.tls, self.folders)
    }
}

/// What becomes of a message that is on disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ImapAfter {
    /// Nothing.
    Keep,
    /// It is marked as read.
    Seen,
    /// It is deleted.
    Delete,
    /// It is moved to this folder.
    Move(String),
}

impl ImapAfter {
    /// Whether nothing is ever changed.
    pub fn leaves_alone(&self) -> bool {
        *self == Self::Keep
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct ImapSection {
    name: Option<Text<MailboxName>>,
    host: Option<Text<Host>>,
    port: Option<Whole<1, 65_535>>,
    tls: Option<Text<TlsMode>>,
    ca: Option<Text<PathBuf>>,
    user: Option<Text<User>>,
    password_file: Option<Text<PathBuf>>,
    credential: Option<Text<Credential>>,
    token_command: Option<Vec<Text<Word>>>,
    folders: Vec<Text<FolderName>>,
    after: Text<ImapAfter>,
    since: Span<0, 315_360_000>,
    idle: Span<1, 1_740>,
    poll: Span<1, 3_600>,
    timeout: Span<1, 300>,
}

impl Default for ImapSection {
    fn default() -> Self {
        Self {
            name: None,
            host: None,
            port: None,
            tls: None,
            ca: None,
            user: None,
            password_file: None,
            credential: None,
            token_command: None,
            folders: vec![Text(FolderName("INBOX".to_owned()))],
            after: Text(ImapAfter::Seen),
            since: Span::of::<2_592_000>(),
            idle: Span::of::<240>(),
            poll: Span::of::<60>(),
            timeout: Span::of::<30>(),
        }
    }
}

/// Every account; what is bad in one is reported and leaves it out.
pub(super) fn check(sections: Vec<ImapSection>, secrets: &SecretFiles<'_>, report: &mut Report<'_>) -> Vec<ImapSettings> {
    let mut accounts: Vec<ImapSettings> = Vec::new();
    for (index, section) in sections.into_iter().enumerate() {
        let table = format!("mailbox.imap[{index}]");
        let Some(account) = section.check(&table, secrets, report) else { continue };
        if accounts.iter().any(|other| other.name == account.name) {
            let at = if report.stands(&format!("{table}.name")) { "name" } else { "host" };
            report.value(&format!("{table}.{at}"), "must be another than that of the account before: give each a name of its own");
        }
        let same =
            |other: &&ImapSettings| (&other.host, other.port, &other.login.user) == (&account.host, account.port, &account.login.user);
        let read = |folder: &String| accounts.iter().filter(same).any(|other| other.folders.iter().any(|one| same_folder(one, folder)));
        if account.folders.iter().any(read) {
            let at = if report.stands(&format!("{table}.folders")) { "folders" } else { "user" };
            report.value(&format!("{table}.{at}"), "must not be read twice: an account before reads the same folder");
        }
        accounts.push(account);
    }
    accounts
}

impl ImapSection {
    fn check(self, table: &str, secrets: &SecretFiles<'_>, report: &mut Report<'_>) -> Option<ImapSettings> {
        let at = |key: &str| format!("{table}.{key}");
        if let Some(ca) = &self.ca
            && let Err(text) = check_ca(&ca.0)
        {
            report.value(&at("ca"), &text);
        }
        let folders: Vec<String> = self.folders.iter().map(|folder| folder.0.0.clone()).collect();
        check_folders(&folders, &self.after.0, table, report);
        let keys = LoginKeys { file: self.password_file, credential: self.credential, command: self.token_command };
        let secret = keys.check(table, secrets, report);
        let user = report.required(&at("user"), self.user, "the user to log in as");
        let host = report.required(&at("host"), self.host, "the server's name or address")?.0.0;
        let loopback = is_loopback(&host);
        let tls = self.tls.map_or(if loopback { TlsMode::None } else { TlsMode::Implicit }, |tls| tls.0);
        if tls == TlsMode::None && !loopback {
            report.value(&at("tls"), "must be \"implicit\" or \"starttls\" (\"none\" only to loopback)");
        }
        if tls == TlsMode::None && self.ca.is_some() {
            report.value(&at("ca"), "must not stand beside tls = \"none\", which checks no certificate");
        }
        let port = self.port.map_or(if tls == TlsMode::Implicit { 993 } else { 143 }, |port| u16::try_from(port.0).unwrap_or(u16::MAX));
        Some(ImapSettings {
            name: self.name.map_or_else(|| host.clone(), |name| name.0.0),
            host,
            port,
            tls,
            ca: self.ca.map(|ca| ca.0),
            login: Login { user: user?.0.0, secret: secret? },
            folders,
            after: self.after.0,
            since: self.since.duration(),
            idle: self.idle.duration(),
            poll: self.poll.duration(),
            timeout: self.timeout.duration(),
        })
    }
}

fn check_folders(folders: &[String], after: &ImapAfter, table: &str, report: &mut Report<'_>) {
    if folders.is_empty() && !report.complained(&format!("{table}.folders")) {
        report.value(&format!("{table}.folders"), "must have at least one folder");
    }
    for (index, folder) in folders.iter().enumerate() {
        if folders[..index].iter().any(|other| same_folder(other, folder)) {
            report.value(&format!("{table}.folders[{index}]"), "must not stand there twice");
        }
    }
    if let ImapAfter::Move(to) = after
        && folders.iter().any(|folder| same_folder(folder, to))
    {
        report.value(&format!("{table}.after"), "must not be one of folders: what was read would be read again");
    }
}

/// INBOX is one however it is written (RFC 3501 §5.1).
fn same_folder(one: &str, other: &str) -> bool {
    one == other || (one.eq_ignore_ascii_case("INBOX") && other.eq_ignore_ascii_case("INBOX"))
}

impl FromText for ImapAfter {
    fn from_text(text: &str) -> Result<Self, String> {
        let named = |name: &str| FolderName::from_text(name).ok().filter(|name| !name.0.starts_with('\\')).map(|name| Self::Move(name.0));
        let found = match text {
            "keep" => Some(Self::Keep),
            "seen" => Some(Self::Seen),
            "delete" => Some(Self::Delete),
            _ => text.strip_prefix("move:").and_then(named),
        };
        found.ok_or_else(|| "must be \"keep\", \"seen\", \"delete\" or \"move:FOLDER\"".to_owned())
    }
}
