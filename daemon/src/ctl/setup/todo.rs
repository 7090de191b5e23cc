//! What is left for people: records to publish, and commands.

use std::path::Path;

use serde_json::{Value, json};

use super::file::{LMTP, reply_domain};
use super::questions::{Answers, Replies, Way, is_local};
use crate::config::{Environment, Settings};
use crate::ctl::dkim::Kept;
use crate::ctl::screen::Screen;

/// All of it.
pub(super) struct Todo {
    /// As JSON: `name`, `type`, `value`.
    pub(super) records: Vec<Value>,
    /// For a shell, in their order.
    pub(super) commands: Vec<String>,
    /// What neither of the two can say.
    notes: Vec<String>,
}

impl Todo {
    pub(super) fn new(answers: &Answers, keys: &[Kept], settings: &Settings) -> Self {
        let host = Environment::of_process().host_name;
        let domain = &answers.domain;
        let record = |name: &str, kind: &str, value: &str| json!({ "name": name, "type": kind, "value": value });
        let mut todo = Self { records: Vec::new(), commands: Vec::new(), notes: Vec::new() };
        todo.records.extend(keys.iter().map(|key| record(&key.record.name, "TXT", &key.record.value)));
        match &answers.way {
            Way::Direct => {
                todo.records.push(record(domain, "TXT", &format!("v=spf1 a:{host} ~all")));
                todo.notes.push(format!("A domain has one SPF record: where there is one, add `a:{host}` to it. It must name all servers that send the domain's mail."));
                todo.notes.push(format!("The reverse DNS of this machine's address must say {host}, and {host} must have that address."));
            }
            Way::Relay { host: relay, .. } if is_local(relay) => {
                todo.notes.push(format!("SPF: the record of {domain} must allow the servers by which this machine's mail server sends."));
            }
            Way::Relay { host: relay, .. } => {
                todo.notes.push(format!("SPF: add to the record of {domain} what {relay} asks its customers to (`include:…`)."));
            }
        }
        todo.records.push(record(&format!("_dmarc.{domain}"), "TXT", "v=DMARC1; p=none"));
        todo.notes
            .push("DMARC: where there is a record, leave it. Once `resetctl doctor` is content, p=quarantine keeps forgers away.".into());
        match &answers.replies {
            Replies::Here => {
                todo.records.push(record(&reply_domain(answers), "MX", &format!("10 {host}.")));
                todo.notes.push("Port 25 of this machine must be open to the outside, and no other program may listen there.".into());
            }
            Replies::Lmtp => {
                todo.records.push(record(&reply_domain(answers), "MX", &format!("10 {host}.")));
                todo.notes.push(format!(
                    "The mail server on this machine hands {} to {LMTP} (docs/admin.md has the lines for Postfix).",
                    reply_domain(answers)
                ));
            }
            Replies::Maildir(folder) => {
                todo.notes.push(format!("Whoever takes mail for {} must put it into {}.", reply_domain(answers), folder.display()));
            }
            Replies::Imap { user, .. } => {
                let (local, domain) = user.rsplit_once('@').unwrap_or((user, domain));
                todo.notes.push(format!("{user} must also get what is sent to {local}+anything@{domain} (subaddressing)."));
            }
        }
        if !host.contains('.') {
            todo.notes.push(format!("This machine calls itself {host}: other mail servers want its whole name (`hostnamectl hostname`), or `hello` in the configuration."));
        }
        todo.commands.extend(answers.user.iter().map(|user| format!("usermod -aG resetd {user}")));
        // systemd opens these ports: the daemon needs no privilege, and mail that comes while it restarts waits.
        match &answers.replies {
            Replies::Here => todo.commands.push("systemctl enable resetd-smtp.socket".into()),
            Replies::Lmtp => todo.commands.push("systemctl enable resetd-lmtp.socket".into()),
            Replies::Maildir(_) | Replies::Imap { .. } => {}
        }
        todo.commands.push("systemctl enable --now resetd.socket resetd.service".into());
        todo.commands.push("systemctl restart resetd.service".into());
        todo.commands.push(format!("resetctl setup --send-to YOU@example.org    # a real mail from {}", settings_name(settings)));
        todo.commands.push("resetctl doctor".into());
        todo
    }

    pub(super) fn told(&self, config: &Path, screen: Screen) -> String {
        let mut text = format!("\n{} is written. Left to do:\n\n{}\n\n", config.display(), screen.bold("1. Publish in DNS"));
        for record in &self.records {
            let part = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
            text.push_str(&format!("{:4} {}\n     {}\n", part("type"), part("name"), part("value")));
        }
        text.push('\n');
        self.notes.iter().for_each(|note| text.push_str(&format!("- {note}\n")));
        text.push_str(&format!("\n{}\n\n", screen.bold("2. Start it, and try it (as root)")));
        self.commands.iter().for_each(|command| text.push_str(&format!("    {command}\n")));
        text
    }
}

/// The one portal's name.
fn settings_name(settings: &Settings) -> String {
    settings.portals.values().next().map(|portal| portal.name.as_str().to_owned()).unwrap_or_default()
}
