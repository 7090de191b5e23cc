//! `resetctl queue` and `resetctl holds`

use clap::Subcommand;

use super::errand::{Errand, Stretch, good, more, path_with};
use super::failure::Failure;
use super::screen::{Screen, one_line, when};
use super::table::{Sheet, Table};
use crate::wire::{Hold, List, Mail, Queued};

#[derive(Subcommand)]
pub(super) enum QueueCommand {
    /// List the mails that wait, the next due first
    #[command(after_help = "Example:\n  resetctl queue list")]
    List {
        #[command(flatten)]
        stretch: Stretch,
    },
    /// Show a mail and what the server said at each failed attempt
    #[command(after_help = "Example:\n  resetctl queue show 12")]
    Show {
        /// The mail's number
        id: i64,
    },
    /// Try a waiting mail now
    #[command(after_help = "Example:\n  resetctl queue retry 12")]
    Retry {
        /// The mail's number
        id: i64,
    },
    /// Take a waiting mail out of the queue; its reset ends as undeliverable
    #[command(after_help = "Example:\n  resetctl queue drop 12")]
    Drop {
        /// The mail's number
        id: i64,
    },
}

#[derive(Subcommand)]
pub(super) enum HoldsCommand {
    /// List the held addresses
    #[command(after_help = "Example:\n  resetctl holds list")]
    List {
        #[command(flatten)]
        stretch: Stretch,
    },
    /// Let an address have mail again
    #[command(after_help = "Example:\n  resetctl holds release 3")]
    Release {
        /// The hold's number
        id: i64,
    },
}

pub(super) async fn run(errand: &Errand, command: QueueCommand) -> Result<(), Failure> {
    match command {
        QueueCommand::List { stretch } => {
            let asked = errand.get(&path_with("/v1/queue", &stretch.pairs())).await?;
            errand.show(&asked, table)
        }
        QueueCommand::Show { id } => {
            let asked = errand.get(&format!("/v1/queue/{id}")).await?;
            errand.show(&asked, sheet)
        }
        QueueCommand::Drop { id } => {
            good(errand.client.call("DELETE", &format!("/v1/queue/{id}"), None).await?)?;
            errand.say(&format!("mail {id} is out of the queue"));
            Ok(())
        }
        QueueCommand::Retry { id } => {
            good(errand.client.call("POST", &format!("/v1/queue/{id}/retry"), None).await?)?;
            errand.say(&format!("mail {id} is due now"));
            Ok(())
        }
    }
}

pub(super) async fn holds(errand: &Errand, command: HoldsCommand) -> Result<(), Failure> {
    match command {
        HoldsCommand::List { stretch } => {
            let asked = errand.get(&path_with("/v1/holds", &stretch.pairs())).await?;
            errand.show(&asked, held)
        }
        HoldsCommand::Release { id } => {
            good(errand.client.call("DELETE", &format!("/v1/holds/{id}"), None).await?)?;
            errand.say(&format!("hold {id} is released"));
            Ok(())
        }
    }
}

fn held(list: &List<Hold>, screen: Screen) -> String {
    if list.items.is_empty() {
        return "no address is held".into();
    }
    let mut table = Table::new(&["ID", "ADDRESS", "PORTAL", "SINCE (UTC)", "UNTIL", "WHY"]);
    for hold in &list.items {
        table.row([
            hold.id.to_string().into(),
            one_line(&hold.email, 50).into(),
            hold.portal.clone().unwrap_or_else(|| "all".into()).into(),
            when(hold.since).into(),
            when(hold.until).into(),
            one_line(&hold.why, 80).into(),
        ]);
    }
    table.render(screen) + &more(list.next.as_ref(), screen)
}

fn sheet(shown: &Mail, screen: Screen) -> String {
    let mail = &shown.mail;
    let mut sheet = Sheet::new();
    sheet.line("mail", mail.id.to_string());
    sheet.line("kind", mail.kind.clone());
    sheet.line("state", shown.state.clone());
    sheet.line("portal", mail.portal.clone().unwrap_or_default());
    sheet.line("to", one_line(&mail.domain, 60));
    if let Some(reset) = mail.reset {
        sheet.line("reset", reset.to_string());
    }
    if let Some(flag) = shown.flag {
        sheet.line("flag", flag.to_string());
    }
    sheet.line("queued", when(mail.created_at));
    if shown.state == "queued" {
        sheet.line("due", when(mail.due_at));
    }
    sheet.line("useful until", when(mail.useful_until));
    if let Some(id) = &shown.remote_id {
        sheet.line("next hop's id", one_line(id, 100));
    }
    let mut text = sheet.render(screen);
    if shown.tries.is_empty() {
        return text + "\nno attempt has failed";
    }
    let mut table = Table::new(&["TRY", "AT (UTC)", "SERVER", "TLS", "WHAT IT MET"]);
    let word = |detail: &serde_json::Value, key: &str| detail[key].as_str().unwrap_or_default().to_owned();
    for attempt in &shown.tries {
        let said = [word(&attempt.detail, "why"), word(&attempt.detail, "reply")].into_iter().filter(|text| !text.is_empty());
        table.row([
            attempt.number.to_string().into(),
            when(attempt.at).into(),
            one_line(&word(&attempt.detail, "via"), 40).into(),
            word(&attempt.detail, "tls").into(),
            one_line(&said.collect::<Vec<_>>().join(": "), 200).into(),
        ]);
    }
    text.push_str("\n\n");
    text + &table.render(screen)
}

fn table(list: &List<Queued>, screen: Screen) -> String {
    if list.items.is_empty() {
        return "nothing waits".into();
    }
    let mut table = Table::new(&["ID", "KIND", "PORTAL", "TO", "TRIES", "DUE (UTC)", "USEFUL UNTIL", "LAST"]);
    for mail in &list.items {
        table.row([
            mail.id.to_string().into(),
            mail.kind.clone().into(),
            mail.portal.clone().unwrap_or_default().into(),
            one_line(&mail.domain, 30).into(),
            mail.attempts.to_string().into(),
            when(mail.due_at).into(),
            when(mail.useful_until).into(),
            one_line(mail.last.as_deref().unwrap_or_default(), 80).into(),
        ]);
    }
    table.render(screen) + &more(list.next.as_ref(), screen)
}
