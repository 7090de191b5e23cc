//! `resetctl inbound classify`: what reading, kind and verdict say of messages, without a daemon and without its database. A
//! reset is only named where its signed tag can be checked, by `--root-key`.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, mpsc};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::judge::Judge;
use super::messages::{Message, Messages, Unreadable};
use crate::ctl::errand::Errand;
use crate::ctl::failure::Failure;
use crate::ctl::screen::{clean, one_line};
use crate::ctl::table::{Cell, Table, styled};
use crate::wire::Classified;

#[derive(Args)]
pub(in crate::ctl) struct Classify {
    /// Files (an mbox too), folders (a Maildir too) with all that is in them, or `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    pub(in crate::ctl) files: Vec<PathBuf>,
    /// Believe the Authentication-Results of this server (RFC 8601); may be given again
    #[arg(long, value_name = "ID")]
    pub(in crate::ctl) authserv_id: Vec<String>,
    /// Check signed tags with the keys of this file
    #[arg(long, value_name = "FILE")]
    pub(in crate::ctl) root_key: Option<PathBuf>,
}

/// Octets from which on a bar shows how far it is.
const MUCH: u64 = 1 << 20;
/// The exit code where something named could not be read.
const INCOMPLETE: u8 = 1;

pub(super) type Outcome = Result<Classified, Unreadable>;

pub(crate) fn run(errand: &Errand, ask: &Classify) -> Result<(), Failure> {
    let messages = Messages::of(&ask.files)?;
    let judge = Judge::new(&ask.authserv_id, ask.root_key.as_deref())?;
    let bar = bar(&messages);
    let mut table = Table::new(&["KIND", "VERDICT", "SURE", "PROOF", "FILE", "TEXT"]);
    let mut counts = Counts::default();
    let mut unreadable = 0;
    in_order(
        messages,
        |message| judge.judge(&message.raw).classified(message.name.clone()),
        |read, outcome: Outcome| {
            bar.set_position(read);
            match outcome {
                Ok(classified) => {
                    counts.note(&classified);
                    bar.set_message(counts.total().to_string());
                    if errand.json {
                        return bar.suspend(|| errand.screen.print(&serde_json::to_string(&classified).unwrap_or_default()));
                    }
                    table.row(cells(&classified));
                }
                Err(Unreadable { name, error }) => {
                    unreadable += 1;
                    bar.suspend(|| eprintln!("{} {}: {error}", errand.screen.on_stderr("resetctl:", "1;31"), clean(&name)));
                }
            }
            Ok(())
        },
    )?;
    bar.finish_and_clear();
    if !errand.json && counts.total() > 0 {
        errand.screen.print(&table.render(errand.screen))?;
    }
    if counts.total() != 1 {
        // Beside the objects of --json, which a program reads.
        match errand.json {
            true => eprint!("{}", counts.sentence(unreadable)),
            false => errand.screen.print(&format!("\n{}", counts.sentence(unreadable)))?,
        }
    }
    if unreadable > 0 { Err(Failure::Silent(INCOMPLETE)) } else { Ok(()) }
}

fn bar(messages: &Messages) -> ProgressBar {
    if messages.size < MUCH || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40.green} {bytes}/{total_bytes}, {msg} messages, {eta} left");
    ProgressBar::new(messages.size).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// How many there were of each kind and verdict.
#[derive(Default)]
struct Counts {
    kinds: BTreeMap<String, usize>,
    verdicts: BTreeMap<String, usize>,
}

impl Counts {
    fn note(&mut self, found: &Classified) {
        *self.kinds.entry(found.kind.clone()).or_default() += 1;
        if let Some(verdict) = &found.verdict {
            *self.verdicts.entry(verdict.clone()).or_default() += 1;
        }
    }

    fn total(&self) -> usize {
        self.kinds.values().sum()
    }

    /// `12 messages: 3 bounce, 9 reply (7 not_me, 2 help)`.
    fn sentence(&self, unreadable: usize) -> String {
        let list = |counts: &BTreeMap<String, usize>| counts.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>();
        let kinds: Vec<String> = list(&self.kinds)
            .into_iter()
            .map(|kind| if kind.ends_with(" reply") { format!("{kind} ({})", list(&self.verdicts).join(", ")) } else { kind })
            .collect();
        let failed = if unreadable > 0 { format!("; {unreadable} could not be read") } else { String::new() };
        let colon = if kinds.is_empty() { "" } else { ": " };
        format!("{} messages{colon}{}{failed}\n", self.total(), kinds.join(", "))
    }
}

/// Does `work` on every message with all processors, and hands the outcomes to `take` in the order of the messages, with how far
/// the input is read. Messages are read as they are needed: few are in memory at a time.
fn in_order(
    messages: Messages,
    work: impl Fn(&Message) -> Classified + Sync,
    mut take: impl FnMut(u64, Outcome) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(messages.count.max(2));
    let next = Mutex::new(messages.enumerate());
    let (sender, receiver) = mpsc::sync_channel::<(usize, u64, Outcome)>(workers * 16);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let item = next.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((index, message)) = item else { return };
                    let (read, outcome) = match message {
                        Ok(message) => (message.read, Ok(work(&message))),
                        Err(unreadable) => (0, Err(unreadable)),
                    };
                    if sender.send((index, read, outcome)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut early = BTreeMap::new();
        let mut due = 0;
        let mut furthest = 0;
        // Dropping the receiver, by an error of `take`, ends the workers.
        for (index, read, outcome) in receiver {
            early.insert(index, (read, outcome));
            while let Some((read, outcome)) = early.remove(&due) {
                furthest = furthest.max(read);
                take(furthest, outcome)?;
                due += 1;
            }
        }
        Ok(())
    })
}

fn cells(found: &Classified) -> [Cell; 6] {
    let said = found.bounce.as_ref().map(|bounce| format!("{} {}", bounce.reason, bounce.recipient.as_deref().unwrap_or_default()));
    [
        found.kind.clone().into(),
        styled(found.verdict.clone().unwrap_or_else(|| "—".into()), verdict_style(found.verdict.as_deref())),
        found.confidence.map(|sure| format!("{:.0} %", sure * 100.0)).unwrap_or_default().into(),
        found.proof.clone().into(),
        one_line(&found.file, 60).into(),
        one_line(said.as_deref().unwrap_or(&found.text), 60).into(),
    ]
}

/// The colour of a verdict.
pub(super) fn verdict_style(verdict: Option<&str>) -> &'static str {
    match verdict {
        Some("not_me") => "1;31",
        Some("was_me") => "32",
        Some("help") => "33",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_make_a_sentence() {
        let mut counts = Counts::default();
        for (kind, verdict) in [("reply", Some("help")), ("bounce", None), ("reply", Some("not_me"))] {
            *counts.kinds.entry(kind.into()).or_default() += 1;
            if let Some(verdict) = verdict {
                *counts.verdicts.entry(verdict.into()).or_default() += 1;
            }
        }
        assert_eq!(counts.sentence(0), "3 messages: 1 bounce, 2 reply (1 help, 1 not_me)\n");
        assert_eq!(Counts::default().sentence(1), "0 messages; 1 could not be read\n");
    }
}
