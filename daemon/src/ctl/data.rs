//! `resetctl keys`, `resetctl audit`, `resetctl export` and `resetctl forget`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::errand::{Asked, Errand};
use super::failure::Failure;
use super::keyfile;
use super::screen::Screen;
use super::table::{Table, styled};
use crate::wire::{Audit, AuditHead, Export, Forgotten, List, RootKey};

#[derive(Subcommand)]
pub(super) enum KeysCommand {
    /// List the root keys, and what still needs each
    #[command(after_help = "Example:\n  resetctl keys list")]
    List,
    /// Make a new key and put it in use; mails that are out stay good
    ///
    /// With --file, the key is put on top of that file, for a key that the daemon may not write (a credential, /etc); it takes a restart then.
    #[command(
        after_help = "Examples:\n  resetctl keys rotate\n  sudo resetctl keys rotate --file /etc/resetd/credentials/root.key && sudo systemctl restart resetd"
    )]
    Rotate {
        /// The key file, where it is not the daemon's; needs no daemon
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// Print the end of the timeline's chain, to keep elsewhere
    #[command(after_help = "Example:\n  resetctl audit head >> /mnt/elsewhere/heads")]
    Head,
    /// Look through the timeline for lines that were altered, moved or taken out; exit code 1 where any is
    #[command(
        after_help = "Examples:\n  resetctl audit verify\n  resetctl audit verify --head 4711:5e0c3a1f9be24d0786a1c2d3e4f50617    and is that head still in it?"
    )]
    Verify {
        /// A head that was printed earlier
        #[arg(long, value_name = "LINE:LINK")]
        head: Option<String>,
    },
}

#[derive(Args)]
pub(super) struct Whom {
    /// The account or the address
    #[arg(value_name = "ACCOUNT|ADDRESS")]
    pub(super) who: String,
    /// At this portal only
    #[arg(long)]
    pub(super) portal: Option<String>,
}

#[derive(Args)]
pub(super) struct Forget {
    #[command(flatten)]
    pub(super) whom: Whom,
    /// Do it; without, only what there is is said
    #[arg(long)]
    pub(super) yes: bool,
}

pub(super) async fn keys(errand: &Errand, command: KeysCommand) -> Result<(), Failure> {
    match command {
        KeysCommand::List => {
            let asked = errand.get("/v1/keys").await?;
            errand.show(&asked, key_table)
        }
        KeysCommand::Rotate { file: Some(file) } => keyfile::rotate(errand, &file),
        KeysCommand::Rotate { file: None } => {
            let asked: Asked<List<RootKey>> = errand.ask("POST", "/v1/keys/rotate", None).await?;
            errand.show(&asked, key_table)?;
            errand.say(
                "The new key is in use, and the old ones go on to check: mails that are out stay good. Keep a copy of the key file \
                 elsewhere; an old line may go when nothing needs it any more.",
            );
            Ok(())
        }
    }
}

pub(super) async fn audit(errand: &Errand, command: AuditCommand) -> Result<(), Failure> {
    match command {
        AuditCommand::Head => {
            let asked = errand.get("/v1/audit").await?;
            errand.show(&asked, |head: &AuditHead, _| head.head.clone().unwrap_or_else(|| "there is no line yet".into()))
        }
        AuditCommand::Verify { head } => {
            let asked: Asked<Audit> = errand.ask("POST", "/v1/audit/verify", Some(&json!({ "head": head }))).await?;
            errand.show(&asked, findings)?;
            if asked.value.good { Ok(()) } else { Err(Failure::Silent(1)) }
        }
    }
}

pub(super) async fn export(errand: &Errand, whom: &Whom) -> Result<(), Failure> {
    let asked: Asked<Export> = errand.ask("POST", "/v1/export", Some(&json!({ "who": whom.who, "portal": whom.portal }))).await?;
    // For whoever it is about, and for programs: JSON either way, set out for people unless `--json` asks for the bare answer.
    errand.show(&asked, |export, _| serde_json::to_string_pretty(export).unwrap_or_default())?;
    if asked.value.cut {
        errand.say("There is more than one answer holds: the newest of it is missing. Ask portal by portal.");
    }
    Ok(())
}

pub(super) async fn forget(errand: &Errand, ask: &Forget) -> Result<(), Failure> {
    let body = json!({ "who": ask.whom.who, "portal": ask.whom.portal, "dry_run": !ask.yes });
    let asked: Asked<Forgotten> = errand.ask("POST", "/v1/forget", Some(&body)).await?;
    errand.show(&asked, |gone, _| {
        let verb = if gone.dry_run { "would be erased" } else { "erased" };
        let Forgotten { resets, flags, messages, others, .. } = gone;
        format!("{verb}: {resets} resets, {flags} flags, {messages} messages, {others} holds and counts")
    })?;
    if ask.yes {
        errand.say("Backups made before still hold it; one that is put back is erased again at once.");
        Ok(())
    } else {
        errand.say("Nothing was erased. This can't be undone: say it again with --yes.");
        Err(Failure::Silent(1))
    }
}

pub(super) fn key_table(list: &List<RootKey>, screen: Screen) -> String {
    let mut table = Table::new(&["ID", "STATE", "NEEDED BY"]);
    for key in &list.items {
        let state = match (key.current, key.here) {
            (true, _) => styled("in use", "32"),
            (false, true) => "checks old ones".into(),
            (false, false) => styled("gone", "1;33"),
        };
        let needed = match (key.resets, key.messages) {
            (0, 0) => "nothing".into(),
            (resets, messages) => format!("{resets} open resets, {messages} kept messages"),
        };
        table.row([key.id.to_string().into(), state, needed.into()]);
    }
    table.render(screen)
}

fn findings(audit: &Audit, screen: Screen) -> String {
    let head = audit.head.clone().unwrap_or_else(|| "none".into());
    let counted = format!("{} lines from {}, {} with their detail erased; head {head}", audit.lines, audit.first, audit.erased);
    if audit.good {
        return format!("{}: {counted}", screen.style("good", "32"));
    }
    let mut text = format!("{}: {counted}\n", screen.style("not as it was written", "1;31"));
    for trouble in &audit.troubles {
        text.push_str(&format!("  line {}: {} ({})\n", trouble.line, trouble.says, trouble.what));
    }
    if audit.more > 0 {
        text.push_str(&format!("  and {} more\n", audit.more));
    }
    text
}
