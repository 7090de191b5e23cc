//! Measures the committed verdict model on `tests/corpus/replies.tsv`, which it was not trained on, and fails when
//! any language or verdict does worse than the committed baseline. `RESETD_BLESS=1` writes a new baseline.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use resetd_core::verdict::{Verdict, judge, model};

/// Counts of one language or verdict.
#[derive(Default, Clone, Copy, PartialEq, Debug)]
struct Count {
    /// Replies meant so that were told rightly.
    right: u32,
    /// Replies meant so.
    all: u32,
    /// Replies told so, rightly or not (verdicts only).
    told: u32,
}

struct Measured {
    counts: BTreeMap<String, Count>,
    /// Per tenth of confidence: replies, the sum of their confidence, how many were right.
    calibration: [(u32, f32, u32); 10],
}

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus").join(name)
}

fn measure() -> Measured {
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let mut calibration = [(0, 0.0, 0); 10];
    let text = std::fs::read_to_string(corpus("replies.tsv")).unwrap();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [lang, label, also_ok, text] = fields[..] else { panic!("not four fields: {line}") };
        let text = text.replace("\\n", "\n");
        let judgement = judge(&text);
        if text.trim().is_empty() {
            assert_eq!(judgement.verdict, Verdict::Other);
        }
        let told = judgement.verdict.as_str();
        let right = told == label || also_ok.split(',').any(|also| also == told);
        for key in [format!("lang {lang}"), format!("verdict {label}"), "total".to_owned()] {
            let count = counts.entry(key).or_default();
            count.all += 1;
            count.right += u32::from(right);
        }
        // a verdict that is also acceptable counts for the label that was meant
        let credited = if right { label } else { told };
        counts.entry(format!("verdict {credited}")).or_default().told += 1;
        let bin = &mut calibration[((judgement.confidence * 10.0) as usize).min(9)];
        bin.0 += 1;
        bin.1 += judgement.confidence;
        bin.2 += u32::from(right);
    }
    Measured { counts, calibration }
}

#[test]
fn no_language_and_no_verdict_does_worse_than_before() {
    let Measured { counts, calibration } = measure();
    let percent = |part: u32, whole: u32| 100.0 * f64::from(part) / f64::from(whole.max(1));
    println!("{:<16} {:>5} {:>5} {:>8} {:>10}", "", "right", "all", "recall", "precision");
    for (name, count) in &counts {
        let precision = if count.told > 0 { format!("{:.1}", percent(count.right, count.told)) } else { String::new() };
        let recall = percent(count.right, count.all);
        println!("{name:<16} {:>5} {:>5} {recall:>8.1} {precision:>10}", count.right, count.all);
    }
    println!("confidence: replies, mean confidence, share right");
    for (replies, sum, right) in calibration.iter().filter(|bin| bin.0 > 0) {
        println!("{replies:>6} {:>6.2} {:>6.2}", sum / *replies as f32, f64::from(*right) / f64::from(*replies));
    }

    let path = corpus("replies.baseline.tsv");
    if std::env::var_os("RESETD_BLESS").is_some() {
        let mut out = String::from("what\tright\tall\ttold\n");
        for (name, count) in &counts {
            writeln!(out, "{name}\t{}\t{}\t{}", count.right, count.all, count.told).unwrap();
        }
        std::fs::write(&path, out).unwrap();
    }
    let baseline = std::fs::read_to_string(&path).unwrap();
    let mut seen = 0;
    for line in baseline.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let before: Vec<u32> = fields[1..].iter().map(|field| field.parse().unwrap()).collect();
        let now = counts.get(fields[0]).unwrap_or_else(|| panic!("{} is gone from the corpus", fields[0]));
        assert_eq!(now.all, before[1], "{}: the corpus changed; bless a new baseline", fields[0]);
        assert!(now.right >= before[0], "{}: {} right, before {}", fields[0], now.right, before[0]);
        let wrongly = |right: u32, told: u32| told.saturating_sub(right);
        assert!(
            wrongly(now.right, now.told) <= wrongly(before[0], before[2]),
            "{}: told wrongly {} times, before {}",
            fields[0],
            wrongly(now.right, now.told),
            wrongly(before[0], before[2])
        );
        seen += 1;
    }
    assert_eq!(seen, counts.len(), "something in the corpus has no baseline");
}

/// The data files by name, those of whole answers as `answers/NAME`, in the order in which the trainer reads them.
fn data_files() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/verdict");
    let mut files = Vec::new();
    for (folder, prefix) in [(folder.clone(), ""), (folder.join("answers"), "answers/")] {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "tsv") {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                files.push((format!("{prefix}{name}"), std::fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    assert!(files.len() > 60, "only {} files of data", files.len());
    files
}

#[test]
fn the_model_was_trained_from_the_committed_data() {
    let files = data_files();
    let hash = model::data_hash(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
    assert_eq!(
        hash,
        model::committed().data_hash,
        "data changed since the model was built: cargo run --release -p resetd-core --example train-verdict"
    );
}

#[test]
fn model_and_phrases_fit_into_two_mebibytes() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR"));
    let model = std::fs::metadata(core.join("src/verdict/model.bin")).unwrap().len();
    let phrases: u64 = std::fs::read_dir(core.join("data/inbound")).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(model + phrases <= 2 << 20, "the model takes {model} bytes, the phrases take {phrases}");
}

#[test]
fn no_sentence_of_the_corpus_is_in_the_data() {
    let text = std::fs::read_to_string(corpus("replies.tsv")).unwrap();
    let replies: Vec<String> = text.lines().skip(1).filter_map(|line| line.split('\t').nth(3)).map(str::to_lowercase).collect();
    for (_, bytes) in data_files() {
        let data = String::from_utf8(bytes).unwrap();
        for line in data.lines().filter_map(|line| line.split_once('\t')).map(|(_, text)| text.to_lowercase()) {
            // words that everybody writes are short: only whole sentences count as copied
            if line.chars().count() > 24 {
                assert!(!replies.contains(&line), "copied from the test set: {line}");
            }
        }
    }
}
