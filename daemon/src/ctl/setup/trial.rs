//! The test mail: a real reset for an account that nobody has, whose answer is waited for.

use std::time::Duration;

use resetd_core::address::Mailbox;
use serde_json::{Value, json};

use crate::config::Settings;
use crate::ctl::errand::Errand;
use crate::ctl::failure::Failure;
use crate::ctl::resets::{detail, event_style};
use crate::ctl::screen::{clean, when};
use crate::wire::{Accepted, Moment, Reset};

/// No application's account: what comes of the link changes nothing.
const ACCOUNT: &str = "resetctl-setup";

/// How often the timeline is looked at.
const PACE: Duration = Duration::from_secs(1);

pub(super) async fn run(errand: &Errand, settings: &Settings, to: &str) -> Result<(), Failure> {
    Mailbox::parse(to).map_err(|error| Failure::Usage(format!("--send-to: {error}")))?;
    let Some(portal) = settings.portals.values().next().map(|portal| portal.name.as_str()) else { return Ok(()) };
    let body = json!({ "portal": portal, "account": ACCOUNT, "email": to });
    let accepted = errand.ask::<Accepted>("POST", "/v1/resets", Some(&body)).await?.value;
    errand.say(&format!("Reset {} for {to}; Ctrl-C ends the waiting.", accepted.id));
    let path = format!("/v1/resets/{}", accepted.id);
    let mut seen = 0;
    let answer = loop {
        let reset: Reset = errand.get(&path).await?.value;
        let new = reset.timeline.get(seen..).unwrap_or_default();
        seen = reset.timeline.len();
        for moment in new {
            tell(errand, moment)?;
            match moment.event.as_str() {
                "mail.sent" if moment.detail["kind"] == "reset" => {
                    errand.say("The next server has the mail. Find it (among the junk, too), and answer it: a word is enough.")
                }
                "reset.suppressed" | "mail.refused" | "mail.dropped" | "mail.bounced" => {
                    return Err(Failure::Failed(format!("no mail came of it: {} {}", moment.event, detail(&moment.detail))));
                }
                _ => {}
            }
        }
        if let Some(answer) = new.iter().find(|moment| moment.event == "inbound.read") {
            break answer.detail.clone();
        }
        tokio::time::sleep(PACE).await;
    };
    // Its link is of no use to anybody. It may be dead already, by the answer.
    let _ = errand.ask::<Value>("DELETE", &path, None).await;
    errand.say(&format!(
        "The answer came in ({}), and was tied to its mail. Both ways work; `resetctl doctor` looks at the rest.",
        detail(&answer)
    ));
    Ok(())
}

fn tell(errand: &Errand, moment: &Moment) -> Result<(), Failure> {
    let line = match errand.json {
        true => json!({ "at": moment.at, "event": moment.event, "detail": moment.detail }).to_string(),
        false => {
            let name = errand.screen.style(&format!("{:17}", clean(&moment.event)), event_style(&moment.event));
            format!("{}  {name}  {}", when(moment.at), detail(&moment.detail)).trim_end().to_owned()
        }
    };
    errand.screen.print(&line)
}
