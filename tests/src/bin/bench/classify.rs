//! Reading and judging, as library calls on one thread.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use resetd::mail::templates::Library;
use resetd::reading::{Envelope, Trust, read};
use resetd_core::inbound::{OurWords, kind};
use resetd_core::{answer, verdict};

use crate::heading;
use crate::stats::{Rates, Times};

const ROUNDS: usize = 5;

/// Everything in the corpora.
pub fn run() {
    heading("Messages classified (library calls, one thread)");
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let replies = std::fs::read_to_string(corpus.join("replies.tsv")).unwrap();
    let replies: Vec<String> = replies.lines().skip(1).filter_map(|row| Some(row.split('\t').nth(3)?.replace("\\n", "\n"))).collect();
    measure("verdicts on the texts of replies.tsv", &replies, |text| {
        black_box(verdict::judge(text));
    });
    let ours = Library::builtin().unwrap().our_words();
    measure("whole answers of clients/: facts, kind, verdict", &messages(&corpus.join("clients")), |raw| classify(raw, &ours));
    measure("bounces and others of mailbox/: facts, kind", &messages(&corpus.join("mailbox")), |raw| classify(raw, &ours));
}

fn classify(raw: &[u8], ours: &OurWords) {
    let mut facts = read(raw, &Envelope::default(), &Trust { authserv_ids: &[] });
    black_box((answer::judge(&mut facts, ours), kind(&facts)));
}

fn messages(folder: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|is| is == "eml")).map(|path| std::fs::read(path).unwrap()).collect()
}

fn measure<T>(what: &str, items: &[T], mut work: impl FnMut(&T)) {
    let (mut rates, mut times) = (Vec::new(), Vec::new());
    items.iter().for_each(&mut work);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for item in items {
            let start = Instant::now();
            work(item);
            times.push(start.elapsed());
        }
        rates.push(items.len() as f64 / begun.elapsed().as_secs_f64());
    }
    println!("  {what:<47} ({:>4}) {:<28} {}", items.len(), Rates::new(rates).told(), Times::new(times).told());
}
