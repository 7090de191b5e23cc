//! `resetctl inbound classify`: what reading, kind and verdict say of files, without a daemon and without its database. A reset is
//! only named where its signed tag can be checked, by `--root-key`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use indicatif::{ProgressBar, ProgressStyle};
use resetd_core::answer;
use resetd_core::ids::ResetId;
use resetd_core::inbound::{self, Facts, Kind};
use resetd_core::secret::{KeyRing, Tag};

use super::cli::Classify;
use super::errand::Errand;
use super::failure::Failure;
use super::ingest::read;
use super::screen::one_line;
use super::table::{Cell, Table, styled};
use crate::reading::{self, Envelope, Trust};
use crate::wire::Classified;

/// Files from which on a bar shows how far it is.
const MANY: usize = 50;

pub(super) fn run(errand: &Errand, ask: &Classify) -> Result<(), Failure> {
    let files = files(&ask.files)?;
    let ring = ask.root_key.as_deref().map(ring).transpose()?;
    let judge = Judge { authserv_ids: &ask.authserv_id, ring: ring.as_ref() };
    let bar = bar(files.len());
    let mut table = Table::new(&["KIND", "VERDICT", "SURE", "PROOF", "FILE", "TEXT"]);
    in_order(
        &files,
        |file| judge.file(file),
        |classified| {
            bar.inc(1);
            let classified = classified?;
            if errand.json {
                return bar.suspend(|| errand.screen.print(&serde_json::to_string(&classified).unwrap_or_default()));
            }
            table.row(cells(&classified));
            Ok(())
        },
    )?;
    bar.finish_and_clear();
    if errand.json { Ok(()) } else { errand.screen.print(&table.render(errand.screen)) }
}

/// The files named, and those in the folders named, by name.
fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in named {
        if path.is_dir() {
            let unreadable = |error| Failure::Usage(format!("{}: {error}", path.display()));
            let entries = std::fs::read_dir(path).map_err(unreadable)?;
            let mut inside: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
            inside.sort();
            files.extend(inside);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn ring(file: &Path) -> Result<KeyRing, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
    KeyRing::parse(&text).map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))
}

fn bar(files: usize) -> ProgressBar {
    if files < MANY || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40.green} {pos}/{len} messages, {per_sec}, {eta} left");
    ProgressBar::new(files as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Does `work` on every item with all processors, and hands the outcomes to `take` in the order of the items.
fn in_order<T: Sync, U: Send>(
    items: &[T],
    work: impl Fn(&T) -> U + Sync,
    mut take: impl FnMut(U) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(items.len().max(1));
    let (sender, receiver) = mpsc::sync_channel::<(usize, U)>(workers * 16);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                while let Some((index, item)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|index| Some((index, items.get(index)?)))
                {
                    if sender.send((index, work(item))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut early = std::collections::BTreeMap::new();
        let mut due = 0;
        // Dropping the receiver, by an error of `take`, ends the workers.
        for (index, outcome) in receiver {
            early.insert(index, outcome);
            while let Some(outcome) = early.remove(&due) {
                take(outcome)?;
                due += 1;
            }
        }
        Ok(())
    })
}

struct Judge<'a> {
    authserv_ids: &'a [String],
    ring: Option<&'a KeyRing>,
}

impl Judge<'_> {
    fn file(&self, file: &Path) -> Result<Classified, Failure> {
        let raw = read(file)?;
        Ok(self.classified(file.display().to_string(), &raw))
    }

    fn classified(&self, file: String, raw: &[u8]) -> Classified {
        let facts = reading::read(raw, &Envelope::default(), &Trust { authserv_ids: self.authserv_ids });
        let finding = inbound::kind(&facts);
        let (reset, proof) = self.proof(&facts);
        let judged = (finding.kind == Kind::Reply).then(|| answer::judge(&facts));
        let mut evidence = judged.as_ref().map(|judgement| judgement.evidence.clone()).unwrap_or_default();
        evidence.extend(finding.signals);
        let text = facts.words();
        Classified {
            file,
            kind: finding.kind.as_str().into(),
            verdict: judged.as_ref().map(|judgement| judgement.verdict.as_str().into()),
            confidence: judged.map(|judgement| f64::from(judgement.confidence)),
            evidence,
            reset,
            proof: proof.into(),
            text: if text.is_empty() { facts.doubtful } else { text },
            bounce: facts.bounce,
        }
    }

    /// As the daemon does it, without what only its database knows.
    fn proof(&self, facts: &Facts) -> (Option<ResetId>, &'static str) {
        let find = |list: &[String]| self.ring.and_then(|ring| list.iter().find_map(|text| Tag::find(ring, text)));
        if let Some(tag) = find(&facts.recipients) {
            return (Some(tag.reset), "tag");
        }
        if let Some(tag) = find(&facts.references).or_else(|| find(&facts.embedded_ids)) {
            return (Some(tag.reset), "reference");
        }
        match facts.dmarc_pass.is_some() && facts.dmarc_pass == facts.sender_domain {
            true => (None, "dmarc"),
            false => (None, "none"),
        }
    }
}

fn cells(found: &Classified) -> [Cell; 6] {
    let style = match found.verdict.as_deref() {
        Some("not_me") => "1;31",
        Some("was_me") => "32",
        Some("help") => "33",
        _ => "",
    };
    let said = found.bounce.as_ref().map(|bounce| format!("{} {}", bounce.reason, bounce.recipient.as_deref().unwrap_or_default()));
    [
        found.kind.clone().into(),
        styled(found.verdict.clone().unwrap_or_else(|| "—".into()), style),
        found.confidence.map(|sure| format!("{:.0} %", sure * 100.0)).unwrap_or_default().into(),
        found.proof.clone().into(),
        one_line(&found.file, 60).into(),
        one_line(said.as_deref().unwrap_or(&found.text), 60).into(),
    ]
}
