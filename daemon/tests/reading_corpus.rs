//! The corpus of real messages: how many kinds, bounce classes and typed texts come out right, against a baseline.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use resetd::mail::templates::Library;
use resetd::reading::{Envelope, Trust, read};
use resetd_core::answer;
use resetd_core::inbound::{Facts, Mark, Said, kind, stock_marks, typed};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus")
}

fn facts_of(path: &Path) -> Facts {
    let raw = std::fs::read(path).unwrap();
    read(&raw, &Envelope::default(), &Trust { authserv_ids: &[] })
}

/// Right and wrong per class.
#[derive(Default)]
struct Tally {
    rows: BTreeMap<String, (usize, usize, usize)>, // right, wanted, said
    misses: Vec<String>,
}

impl Tally {
    fn note(&mut self, name: &str, want: &str, got: &str, detail: &str) {
        self.rows.entry(want.to_owned()).or_default().1 += 1;
        self.rows.entry(got.to_owned()).or_default().2 += 1;
        if want == got {
            self.rows.entry(want.to_owned()).or_default().0 += 1;
        } else {
            self.misses.push(format!("{name}: {want} read as {got} {detail}"));
        }
    }

    fn table(&self, title: &str) -> String {
        let mut out = format!("{title:<22} right wanted   said  recall precision\n");
        for (class, (right, wanted, said)) in &self.rows {
            let share = |of: &usize| {
                if *of == 0 { "     -".to_owned() } else { format!("{:>6.3}", *right as f64 / *of as f64) }
            };
            writeln!(out, "{class:<22} {right:>5} {wanted:>6} {said:>6}  {} {:>9}", share(wanted), share(said)).unwrap();
        }
        out
    }
}

#[test]
fn mailbox_kinds_and_classes() {
    let dir = corpus().join("mailbox");
    let (mut kinds, mut classes, mut reasons) = (Tally::default(), Tally::default(), (0, 0));
    let mut recipients = (0, 0);
    for row in std::fs::read_to_string(dir.join("labels.tsv")).unwrap().lines() {
        let cells: Vec<&str> = row.split('\t').collect();
        let [file, want_kind, want_class, want_reason, ..] = cells[..] else { panic!("{row}") };
        let facts = facts_of(&dir.join(file));
        let found = kind(&facts);
        kinds.note(file, want_kind, found.kind.as_str(), &found.signals.join(","));
        if want_class == "-" {
            continue;
        }
        let bounce = facts.bounce.as_ref();
        // The labels know no `delayed`: a delayed mail has not failed, which is what soft says of the address.
        let class = bounce.map_or("none", |bounce| bounce.class.as_str()).replace("delayed", "soft");
        let detail = bounce.map(|b| format!("[{want_reason} / {}] {:?} {:?}", b.reason, b.status, b.reply)).unwrap_or_default();
        classes.note(file, want_class, &class, &detail);
        recipients.1 += 1;
        recipients.0 += usize::from(bounce.is_some_and(|bounce| bounce.recipient.is_some()));
        reasons.1 += 1;
        if bounce.is_some_and(|bounce| bounce.reason == want_reason) {
            reasons.0 += 1;
        } else if std::env::var("REASONS").is_ok() {
            println!("reason {file}: {detail}");
        }
    }
    println!("{}", kinds.misses.join("\n"));
    println!("{}", classes.misses.join("\n"));
    let out = format!(
        "{}\n{}\nreason right            {} of {}\nrecipient named         {} of {}\n",
        kinds.table("kind"),
        classes.table("class"),
        reasons.0,
        reasons.1,
        recipients.0,
        recipients.1
    );
    println!("{out}");
    check("mailbox", &out);
}

#[test]
fn quotes_typed_text() {
    let (mut exact, mut total, mut lost) = (0, 0, 0);
    for (name, text, want) in pairs(&corpus().join("quotes")) {
        let got = typed::part(&text).typed;
        total += 1;
        exact += usize::from(got.trim() == want.trim());
        lost += want.lines().filter(|line| !got.contains(line.trim())).count();
        if got.trim() != want.trim() {
            println!("--- {name}\n--- want\n{want}\n--- got\n{got}");
        }
    }
    let out = format!("exact {exact} of {total}\nlines lost {lost}\n");
    println!("{out}");
    check("quotes", &out);
}

/// Whole answers as the mail programs of the world write them, and machines' answers: kind and typed text.
#[test]
fn clients_kinds_and_typed_text() {
    let dir = corpus().join("clients");
    let ours = Library::builtin().unwrap().our_words();
    let (mut kinds, mut exact, mut total, mut leaked) = (Tally::default(), 0, 0, 0);
    for row in std::fs::read_to_string(dir.join("labels.tsv")).unwrap().lines() {
        let (name, want_kind) = row.split_once('\t').unwrap();
        let mut facts = facts_of(&dir.join(format!("{name}.eml")));
        answer::judge(&mut facts, &ours);
        let found = kind(&facts);
        kinds.note(name, want_kind, found.kind.as_str(), &found.signals.join(","));
        if want_kind != "reply" {
            continue;
        }
        let want = std::fs::read_to_string(dir.join(format!("{name}.typed.txt"))).unwrap();
        let squash = |text: &str| text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
        total += 1;
        exact += usize::from(squash(&facts.typed) == squash(&want));
        leaked += usize::from(facts.typed.contains("portal.example"));
        if squash(&facts.typed) != squash(&want) {
            println!("--- {name}\n--- want\n{want}\n--- got\n{}\n", facts.typed);
        }
    }
    println!("{}", kinds.misses.join("\n"));
    let out = format!("{}\ntyped exact {exact} of {total}, original leaked into {leaked}\n", kinds.table("kind"));
    println!("{out}");
    check("clients", &out);
}

fn pairs(dir: &Path) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if let Some(stem) = name.strip_suffix(".typed.txt") {
            let text = std::fs::read_to_string(dir.join(format!("{stem}.txt"))).unwrap();
            found.push((stem.to_owned(), text, std::fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort();
    found
}

/// Compares with the committed figures. `UPDATE_BASELINE=1` writes them.
fn check(name: &str, figures: &str) {
    let path = corpus().join("baseline").join(format!("{name}.txt"));
    if std::env::var("UPDATE_BASELINE").is_ok() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, figures).unwrap();
    }
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(before, figures, "figures moved; if they rose, run with UPDATE_BASELINE=1 and commit {}", path.display());
}

/// Every answer of the corpora, as a person at a help desk would send it: the desk's address, its name, a ticket's number in the
/// subject; each third with the number in the text as well, each third with a machine's sentence below it, as companies add them.
/// What is labelled `other` holds away notes and the like, which are machines'.
#[test]
fn no_answer_is_a_machines_for_its_words() {
    let footer = "This is an automatically generated message, please do not reply to it. Ticket #48213";
    let mut wrong = Vec::new();
    for (at, text) in answers().into_iter().enumerate() {
        let words = match at % 3 {
            0 => text,
            1 => format!("{text} (Ticket #48213)"),
            _ => format!("{text}\n\n{footer}"),
        };
        let (subject, from, name) = ("[Ticket #48213] Re: Reset your password", "support@b.example", "B Support Team");
        let mut marks = stock_marks(&Said { words: &words, doubtful: "", whole: &words, subject, from, name });
        marks.insert(Mark::Refers);
        let found = kind(&Facts { typed: words.clone(), marks, ..Facts::default() });
        if found.kind.as_str() != "reply" {
            wrong.push(format!("{} {:?}: {words}", found.kind.as_str(), found.signals));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

/// The whole answers of the corpora that say something about a reset.
fn answers() -> Vec<String> {
    let learned = Path::new(env!("CARGO_MANIFEST_DIR")).join("core/data/verdict/answers");
    let files = std::fs::read_dir(learned).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let rows: Vec<String> = files.flat_map(|file| file.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    let replies = std::fs::read_to_string(corpus().join("replies.tsv")).unwrap();
    let cells = rows.iter().filter_map(|row| row.split_once('\t'));
    let ours = replies.lines().skip(1).filter_map(|row| {
        let cells: Vec<&str> = row.split('\t').collect();
        Some((*cells.get(1)?, *cells.get(3)?))
    });
    let found: Vec<String> = cells
        .chain(ours)
        .filter(|(label, _)| ["not_me", "was_me", "help"].contains(label))
        .map(|(_, text)| text.replace("\\n", "\n"))
        .collect();
    assert!(found.len() > 30_000, "{}", found.len());
    found
}
