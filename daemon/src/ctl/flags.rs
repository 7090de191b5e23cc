//! `resetctl flags`

use std::io::{IsTerminal, Write};

use clap::Subcommand;
use serde_json::json;

use super::errand::{Asked, Errand, Stretch, good, more, path_with};
use super::events::follow;
use super::failure::Failure;
use super::screen::{Screen, clean, one_line, when};
use super::table::{Sheet, Table, styled};
use crate::wire::{Flag, FlagState, List, Severity};

#[derive(Subcommand)]
pub(super) enum FlagsCommand {
    /// List flags, newest first; open ones unless told otherwise
    #[command(after_help = "Examples:\n  resetctl flags list\n  resetctl flags list --state all --account u-1842")]
    List {
        /// Which
        #[arg(long, value_parser = ["open", "resolved", "all"], default_value = "open")]
        state: String,
        /// At least this severity
        #[arg(long, value_parser = ["low", "high", "critical"])]
        severity: Option<String>,
        /// Only of this portal
        #[arg(long)]
        portal: Option<String>,
        /// Only of this account
        #[arg(long)]
        account: Option<String>,
        #[command(flatten)]
        stretch: Stretch,
    },
    /// Show a flag and its notes
    #[command(after_help = "Example:\n  resetctl flags show 7")]
    Show {
        /// The flag's number
        id: i64,
    },
    /// Print the message behind a flag, with every link and code of ours struck out
    #[command(after_help = "Example:\n  resetctl flags message 7 > message.eml")]
    Message {
        /// The flag's number
        id: i64,
    },
    /// Close a flag
    #[command(after_help = "Example:\n  resetctl flags resolve 7 --outcome 'account secured' --note 'called her back'")]
    Resolve {
        /// The flag's number
        id: i64,
        /// What came of it, one word or a few
        #[arg(long)]
        outcome: String,
        /// More
        #[arg(long)]
        note: Option<String>,
        /// Who did it [default: $USER]
        #[arg(long)]
        by: Option<String>,
    },
    /// Print flags as they are raised, until Ctrl-C
    #[command(after_help = "Example:\n  resetctl flags watch")]
    Watch,
}

pub(super) async fn run(errand: &Errand, command: FlagsCommand) -> Result<(), Failure> {
    match command {
        FlagsCommand::List { state, severity, portal, account, stretch } => {
            let state = Some(state).filter(|state| state != "all");
            let [after, limit] = stretch.pairs();
            let query = [("state", state), ("severity", severity), ("portal", portal), ("account", account), after, limit];
            let asked = errand.get(&path_with("/v1/flags", &query)).await?;
            errand.show(&asked, table)
        }
        FlagsCommand::Show { id } => {
            let asked = errand.get(&format!("/v1/flags/{id}")).await?;
            errand.show(&asked, sheet)
        }
        FlagsCommand::Message { id } => message(errand, id).await,
        FlagsCommand::Resolve { id, outcome, note, by } => {
            let by = by.or_else(|| std::env::var("USER").ok().filter(|user| !user.is_empty()));
            let body = json!({ "outcome": outcome, "note": note, "by": by });
            let asked = errand.ask("POST", &format!("/v1/flags/{id}/resolve"), Some(&body)).await?;
            errand.show(&asked, sheet)
        }
        FlagsCommand::Watch => watch(errand).await,
    }
}

async fn message(errand: &Errand, id: i64) -> Result<(), Failure> {
    let answer = good(errand.client.send("GET", &format!("/v1/flags/{id}/message"), &[], Vec::new()).await?)?;
    let mut out = std::io::stdout().lock();
    match out.is_terminal() {
        true => out.write_all(clean(&String::from_utf8_lossy(&answer.body)).as_bytes())?,
        false => out.write_all(&answer.body)?,
    }
    Ok(out.flush()?)
}

/// Each flag as it is raised. The event only names it; the rest is asked for.
async fn watch(errand: &Errand) -> Result<(), Failure> {
    errand.say("watching; Ctrl-C ends");
    let (numbers, mut raised) = tokio::sync::mpsc::unbounded_channel();
    let listen = follow(errand, None, |event, _| {
        if event.event == "flag.raised"
            && let Some(flag) = event.detail["flag"].as_i64()
        {
            let _ = numbers.send(flag);
        }
        Ok(())
    });
    let tell = async {
        while let Some(id) = raised.recv().await {
            let asked: Asked<Flag> = errand.get(&format!("/v1/flags/{id}")).await?;
            errand.show(&asked, |flag, screen| format!("{}\n", sheet(flag, screen)))?;
        }
        Ok(())
    };
    tokio::select! {
        ended = listen => ended,
        ended = tell => ended,
    }
}

fn table(list: &List<Flag>, screen: Screen) -> String {
    if list.items.is_empty() {
        return "no flags".into();
    }
    let mut table = Table::new(&["ID", "SEVERITY", "REASON", "PROOF", "PORTAL", "ACCOUNT", "RAISED (UTC)", "STATE", "TEXT"]);
    for flag in &list.items {
        table.row([
            flag.id.to_string().into(),
            severity(flag.severity),
            clean(&flag.reason).into(),
            flag.proof.clone().into(),
            flag.portal.clone().unwrap_or_default().into(),
            one_line(flag.account.as_deref().unwrap_or_default(), 24).into(),
            when(flag.created_at).into(),
            state(flag.state),
            one_line(&flag.text, 200).into(),
        ]);
    }
    table.render(screen) + &more(list.next.as_ref(), screen)
}

fn severity(severity: Severity) -> super::table::Cell {
    match severity {
        Severity::Low => "low".into(),
        Severity::High => styled("high", "33"),
        Severity::Critical => styled("critical", "1;31"),
    }
}

fn state(state: FlagState) -> super::table::Cell {
    match state {
        FlagState::Open => styled("open", "1"),
        FlagState::Resolved => styled("resolved", "2"),
    }
}

fn sheet(flag: &Flag, screen: Screen) -> String {
    let mut sheet = Sheet::new();
    let verdict = flag.verdict.as_ref().map(|verdict| match flag.confidence {
        Some(sure) => format!("{verdict} ({:.0} % sure)", sure * 100.0),
        None => verdict.clone(),
    });
    sheet
        .line("flag", flag.id.to_string())
        .line("state", state(flag.state))
        .line("severity", severity(flag.severity))
        .line("reason", clean(&flag.reason))
        .maybe("verdict", verdict)
        .maybe("proof", flag.count.is_none().then(|| proof(&flag.proof)))
        .line("raised", when(flag.created_at))
        .maybe("seen", flag.count.zip(flag.last_at).map(|(count, at)| format!("{count} times, last {}", when(at))))
        .maybe("portal", flag.portal.clone())
        .maybe("account", flag.account.as_deref().map(clean))
        .maybe("reset", flag.reset.map(|id| id.to_string()))
        .maybe("from", flag.sender.as_deref().map(clean))
        .maybe("subject", flag.subject.as_deref().map(|subject| one_line(subject, 200)))
        .line("text", clean(&flag.text));
    for note in &flag.notes {
        sheet.line("note", format!("{}  {}", when(note.at), clean(&note.text)));
    }
    if let Some(closed) = &flag.resolution {
        sheet.line("resolved", format!("{} by {}: {}", when(closed.at), clean(&closed.by), clean(&closed.outcome)));
        sheet.maybe("", closed.note.as_deref().map(clean));
    }
    if flag.has_message {
        sheet.line("message", format!("resetctl flags message {}", flag.id));
    }
    sheet.render(screen)
}

/// What a proof is worth, for whoever has to decide.
fn proof(proof: &str) -> String {
    let meaning = match proof {
        "tag" => "the writer has our mail",
        "reference" => "the answer refers to our mail",
        "dmarc" => "the sender's domain vouches for the address",
        "none" => "anybody may have written this: nothing was revoked",
        _ => return clean(proof),
    };
    format!("{proof}: {meaning}")
}
