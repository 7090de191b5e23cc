//! The way out and what is published about the portals' domains: the daemon looks, for it has the network, the resolver, the user and
//! the sandbox that count. Where it can't be asked, only the relay's port is tried from here.

use std::io::IsTerminal;

use serde_json::json;

use super::Examine;
use super::finding::Findings;
use super::host;
use crate::config::Settings;
use crate::ctl::errand::{Asked, Errand};
use crate::ctl::failure::Failure;
use crate::wire::{Finding, List};

const CHECK: &str = "the way out";

pub(super) async fn examine(errand: &Errand, ask: &Examine, settings: Option<&Settings>, findings: &mut Findings) {
    let body = json!({ "portal": ask.portal, "send_to": ask.send_to });
    if std::io::stderr().is_terminal() {
        errand.say("The daemon asks servers and DNS; this may take up to two minutes.");
    }
    let asked: Result<Asked<List<Finding>>, Failure> = errand.ask("POST", "/v1/examine", Some(&body)).await;
    let failure = match asked {
        Ok(asked) => return findings.0.extend(asked.value.items),
        Err(failure) => failure,
    };
    let mut missed = String::from("DNS, SPF, DKIM, DMARC, TLS and login were not looked at");
    if ask.send_to.is_some() {
        missed.push_str(", and no test mail was sent");
    }
    match failure {
        Failure::Unreachable(_) => findings.warn(CHECK, missed, "the daemon has to run for this"),
        Failure::Problem(problem) => {
            let cure = match problem.status {
                403 => "run this as root, or as a [[client]] with the role `admin`",
                404 | 405 => "the daemon is older than this resetctl: `systemctl restart resetd`",
                400 => "see `resetctl doctor --help`",
                _ => "the daemon's log has more: `journalctl -u resetd`",
            };
            findings.fail(CHECK, format!("{missed}: {}", problem.detail), cure);
        }
        Failure::Failed(text) | Failure::Usage(text) => {
            findings.fail(CHECK, format!("{missed}: {text}"), "the daemon's log has more: `journalctl -u resetd`");
        }
        Failure::Silent(_) => {}
    }
    if let Some(settings) = settings {
        host::sending(&settings.sending.transport, findings);
    }
}
