//! `resetctl inbound explain`: why one message is taken for what it is, so that a person can disagree with reasons.

use std::path::PathBuf;

use clap::Args;
use resetd_core::inbound::{self, Kind};
use resetd_core::verdict::{self, Verdict};

use super::classify::verdict_style;
use super::judge::Judge;
use super::messages::Messages;
use crate::ctl::errand::Errand;
use crate::ctl::failure::Failure;
use crate::ctl::screen::{Screen, clean, one_line};
use crate::ctl::table::{Cell, Sheet, Table, styled};
use crate::wire::{self, ReadLine, Sign};

#[derive(Args)]
pub(in crate::ctl) struct Explain {
    /// The message, or `-` for standard input; of an mbox, its first message
    #[arg(value_name = "FILE")]
    pub(in crate::ctl) file: PathBuf,
    /// Believe the Authentication-Results of this server (RFC 8601); may be given again
    #[arg(long, value_name = "ID")]
    pub(in crate::ctl) authserv_id: Vec<String>,
    /// Check signed tags with the keys of this file
    #[arg(long, value_name = "FILE")]
    pub(in crate::ctl) root_key: Option<PathBuf>,
}

/// Lines of a long quote that are shown.
const QUOTE_LINES: usize = 6;

pub(crate) fn run(errand: &Errand, ask: &Explain) -> Result<(), Failure> {
    let judge = Judge::new(&ask.authserv_id, ask.root_key.as_deref())?;
    let message = match Messages::of(std::slice::from_ref(&ask.file))?.next() {
        Some(Ok(message)) => message,
        Some(Err(unreadable)) => return Err(Failure::Usage(format!("{}: {}", unreadable.name, unreadable.error))),
        None => return Err(Failure::Usage(format!("{}: no message in it", ask.file.display()))),
    };
    let explained = explained(&judge, message.name, &message.raw);
    match errand.json {
        true => errand.screen.print(&serde_json::to_string(&explained).unwrap_or_default()),
        false => errand.screen.print(&text(&explained, &judge, errand.screen)),
    }
}

fn explained(judge: &Judge<'_>, name: String, raw: &[u8]) -> wire::Explained {
    let (judged, lines) = judge.explain(raw);
    let (kind, because) = inbound::decide(&judged.facts);
    let (decided, rest): (Vec<_>, Vec<_>) = judged.facts.marks.iter().copied().partition(|mark| because.contains(mark));
    let sign = |mark: inbound::Mark| Sign {
        name: mark.as_str().into(),
        meaning: mark.meaning().replace('`', ""),
        decided: because.contains(&mark),
    };
    let probabilities = (kind == Kind::Reply).then(|| {
        let found = verdict::judge(&judged.facts.words()).probabilities;
        Verdict::ALL.iter().map(|verdict| (verdict.to_string(), f64::from(found[verdict.index()]))).collect()
    });
    wire::Explained {
        signs: decided.into_iter().chain(rest).map(sign).collect(),
        probabilities,
        proven_by: judged.proof.by.clone(),
        recipients: judged.facts.recipients.clone(),
        ids: judged.facts.references.iter().chain(&judged.facts.embedded_ids).cloned().collect(),
        lines: lines.into_iter().map(|(part, text)| ReadLine { part: part.as_str().into(), text }).collect(),
        classified: judged.classified(name),
    }
}

fn text(found: &wire::Explained, judge: &Judge<'_>, screen: Screen) -> String {
    let said = &found.classified;
    let mut sheet = Sheet::new();
    sheet.line("file", one_line(&said.file, 200));
    sheet.line("kind", styled(format!("{}{}", said.kind, because(found)), "1"));
    if let Some(verdict) = &said.verdict {
        sheet.line(
            "verdict",
            styled(format!("{verdict}, {:.0} % sure", said.confidence.unwrap_or(0.0) * 100.0), verdict_style(Some(verdict))),
        );
        sheet.line("weighed", weighed(found));
        let words = said.evidence.iter().filter(|word| !found.signs.iter().any(|sign| sign.name == **word));
        let words: Vec<String> = words.map(|word| format!("“{}”", one_line(word, 60))).collect();
        sheet.line("rests on", if words.is_empty() { "no words in particular".to_owned() } else { words.join(", ") });
    }
    if let Some(bounce) = &said.bounce {
        sheet.line("recipient", one_line(bounce.recipient.as_deref().unwrap_or("not named"), 200));
        sheet.line(
            "class",
            format!("{} ({}), status {}", bounce.class.as_str(), bounce.reason, bounce.status.as_deref().unwrap_or("not given")),
        );
        sheet.maybe("reply", bounce.reply.as_deref().map(|reply| one_line(reply, 300)));
    }
    sheet.line("proof", proof(found, judge));
    let mut out = sheet.render(screen);
    if !found.signs.is_empty() {
        out.push_str(&format!("\n{}\n{}", screen.bold("Signs that were seen"), signs(found, screen)));
    }
    if !found.lines.is_empty() {
        out.push_str(&format!("\n{}\n{}", screen.bold("How the text was read"), lines(found, screen)));
    }
    out
}

fn because(found: &wire::Explained) -> &'static str {
    match found.signs.iter().any(|sign| sign.decided) {
        true => "",
        false => ": nothing in it speaks of a machine, so a person wrote it",
    }
}

fn weighed(found: &wire::Explained) -> String {
    let Some(probabilities) = &found.probabilities else { return String::new() };
    let mut list: Vec<(&String, &f64)> = probabilities.iter().collect();
    list.sort_by(|a, b| b.1.total_cmp(a.1));
    list.iter().map(|(name, share)| format!("{name} {:.1} %", *share * 100.0)).collect::<Vec<_>>().join("   ")
}

fn proof(found: &wire::Explained, judge: &Judge<'_>) -> String {
    let said = &found.classified;
    if let Some(by) = &found.proven_by {
        return format!("{}, by {}", said.proof, one_line(by, 200));
    }
    let looked = format!("looked at: {} address(es), {} Message-ID(s)", found.recipients.len(), found.ids.len());
    match judge.knows_keys() {
        true => format!("none: no tag or id of ours; {looked}"),
        false => format!("none: without --root-key no tag or id can be checked; {looked}"),
    }
}

fn signs(found: &wire::Explained, screen: Screen) -> String {
    let mut table = Table::new(&["", "SIGN", "MEANING"]);
    for sign in &found.signs {
        let mark = if sign.decided { "decides" } else { "" };
        let style = if sign.decided { "1" } else { "" };
        table.row([styled(mark, "1"), styled(sign.name.clone(), style), Cell::from(sign.meaning.clone())]);
    }
    table.render(screen)
}

/// The lines, a long quote shortened.
fn lines(found: &wire::Explained, screen: Screen) -> String {
    let mut out = String::new();
    let mut run = 0;
    for (at, line) in found.lines.iter().enumerate() {
        let quote = line.part == "quote";
        run = if quote { run + 1 } else { 0 };
        let name = if line.part == "blank" { "" } else { line.part.as_str() };
        if run <= QUOTE_LINES {
            let (name, text) = (format!("{name:<11}"), clean(&line.text));
            let plain = line.part == "typed";
            let shown = if plain { text } else { screen.dim(&text) };
            out.push_str(format!("{} | {shown}", screen.dim(&name)).trim_end());
            out.push('\n');
        }
        let ends = quote && found.lines.get(at + 1).is_none_or(|next| next.part != "quote");
        if ends && run > QUOTE_LINES {
            out.push_str(&screen.dim(&format!("{:<11} | … {} more lines", "", run - QUOTE_LINES)));
            out.push('\n');
        }
    }
    out
}
