//! `resetctl keys`, `resetctl audit`, `resetctl export` and `resetctl forget`

use serde_json::json;

use super::cli::{AuditCommand, Forget, KeysCommand, Whom};
use super::errand::{Asked, Errand};
use super::failure::Failure;
use super::keyfile;
use super::screen::Screen;
use super::table::{Table, styled};
use crate::wire::{Audit, AuditHead, Export, Forgotten, List, RootKey};

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
