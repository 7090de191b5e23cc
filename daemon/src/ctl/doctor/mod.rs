//! `resetctl doctor`: looks at everything that a resetd depends on, one line each, and says the cure. What the daemon has to see with its
//! own eyes (relay, DNS), it is asked for.

mod finding;
mod host;
mod running;
mod way;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::errand::Errand;
use super::failure::Failure;
use crate::config::{self, DEFAULT_PATH, Environment, Settings};
use finding::Findings;

#[derive(Args)]
pub(super) struct Examine {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    pub(super) config: PathBuf,
    /// Look at the domains of this portal only
    #[arg(long, value_name = "NAME")]
    pub(super) portal: Option<String>,
    /// Send a test mail to this address over the way that all mails take; with several portals, --portal says whose
    #[arg(long, value_name = "ADDRESS")]
    pub(super) send_to: Option<String>,
}

/// Runs every examination. Exit code 1 where one failed.
pub(super) async fn run(errand: &Errand, socket: Option<&Path>, ask: &Examine) -> Result<(), Failure> {
    let mut findings = Findings::default();
    let settings = configuration(&ask.config, &mut findings);
    if let Some(settings) = &settings {
        wordings(settings, &mut findings);
        host::state_dir(&settings.store, &mut findings);
        host::disk(&settings.store.state_dir, &mut findings);
        host::mailboxes(&settings.mailbox, &mut findings);
    }
    let errand = match (&settings, socket) {
        // What the command line or RESETD_SOCKET says goes first, then the configuration, then the default.
        (Some(settings), None) => &errand.at(settings.server.socket.clone()),
        _ => errand,
    };
    running::daemon(errand, &mut findings).await;
    way::examine(errand, ask, settings.as_ref(), &mut findings).await;
    report(errand, &findings)
}

fn configuration(file: &Path, findings: &mut Findings) -> Option<Settings> {
    match config::load(file, &Environment::of_process()) {
        Ok(settings) => {
            findings.ok("configuration", format!("{} is right", file.display()));
            Some(settings)
        }
        Err(errors) => {
            let cure = match std::fs::File::open(file) {
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => "run this as root, or as the daemon's user",
                Err(_) => "name the file with --config",
                Ok(_) => "put these right, then `systemctl reload resetd`; /usr/share/doc/resetd has every key",
            };
            findings.fail("configuration", errors.to_string(), cure);
            None
        }
    }
}

fn wordings(settings: &Settings, findings: &mut Findings) {
    for portal in settings.portals.values() {
        let Some(folder) = &portal.templates else { continue };
        let place = format!("{} (portal {})", folder.display(), portal.name);
        match crate::mail::templates::check(folder) {
            Ok(problems) if problems.is_empty() => findings.ok("wordings", format!("{place} keeps every rule")),
            Ok(problems) => {
                let text = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
                let cure = "the daemon uses its own wording in place of one that breaks a rule: put these right, then reload";
                findings.warn("wordings", format!("{place}\n{text}"), cure);
            }
            Err(error) => findings.fail(
                "wordings",
                format!("{place}: {error}"),
                "let the daemon's user read the folder, or take it out of the portal",
            ),
        }
    }
    if settings.portals.values().all(|portal| portal.templates.is_none()) {
        findings.ok("wordings", "the built-in ones".into());
    }
}

fn report(errand: &Errand, findings: &Findings) -> Result<(), Failure> {
    match errand.json {
        true => errand.screen.print(&json!({ "items": findings.0 }).to_string())?,
        false => errand.screen.print(&findings.render(errand.screen))?,
    }
    if findings.any_failed() { Err(Failure::Silent(1)) } else { Ok(()) }
}
