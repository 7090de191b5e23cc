//! Trains the verdict model from `data/verdict/*.tsv` and writes `src/verdict/model.bin`.
//!
//! `cargo run --release -p resetd-core --example train-verdict` — same data, same bytes. `--holdout` only measures on
//! lines kept out of training; `--check FILE` judges a file of `lang, label, also_ok, text` and prints what is wrong, and writes
//! nothing; with `--committed` it trains nothing either, and judges with the model that is there; with `--answers-only` the model is made of the whole answers alone, which were written without sight of any such file.

mod augment;
mod data;
mod fit;
mod random;

use std::collections::BTreeMap;
use std::path::Path;

use resetd_core::verdict::features;
use resetd_core::verdict::lexicon::Lexicon;
use resetd_core::verdict::model::{self, Model, READINGS};
use resetd_core::verdict::{Verdict, decide, text};

use data::{Data, expand};
use random::Random;

fn main() -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let data = data::read(&root.join("data/verdict"))?;
    let lexicon = || {
        let mut lexicon = Lexicon::default();
        data.lexicon.iter().for_each(|&(key, shape, id)| lexicon.insert(key, shape, id));
        lexicon
    };
    if arguments.iter().any(|a| a == "--committed") {
        let at = arguments.iter().position(|a| a == "--check").ok_or("--committed goes with --check FILE")?;
        return check(model::committed(), arguments.get(at + 1).ok_or("--check needs a file")?);
    }
    let start = [[0.0; READINGS]; 3];
    let answers_only = arguments.iter().any(|a| a == "--answers-only");
    let wanted = |line: &data::Line| line.whole || !answers_only;
    let partial = fit::write(&data, &lexicon(), &fit::first_layer(&data, &lexicon(), |line| !line.held && wanted(line)), &start, 1.0);
    let partial = Model::parse(&partial).ok_or("the partial model does not read back")?;
    let (combine, temperature) = fit::second_layer(&data, &partial, |line| line.held);
    println!("combine {combine:.2?}\ntemperature {temperature}");
    held_out(&data, &Model { combine, temperature, ..partial });
    if arguments.iter().any(|a| a == "--holdout") {
        return Ok(());
    }
    let bytes = fit::write(&data, &lexicon(), &fit::first_layer(&data, &lexicon(), wanted), &combine, temperature);
    let model = Model::parse(&bytes).ok_or("the model does not read back")?;
    if let Some(at) = arguments.iter().position(|a| a == "--check") {
        return check(&model, arguments.get(at + 1).ok_or("--check needs a file")?);
    }
    if answers_only {
        return Err("--answers-only measures: it goes with --check FILE".into());
    }
    let path = root.join("src/verdict/model.bin");
    std::fs::write(&path, &bytes).map_err(|e| format!("{}: {e}", path.display()))?;
    println!("{} bytes, {} lexicon entries, data {:016x}", bytes.len(), data.lexicon.len(), data.hash);
    Ok(())
}

fn verdict(model: &Model, text: &str) -> (Verdict, f32) {
    let tokens = text::tokenise(text);
    if tokens.is_empty() {
        return (Verdict::Other, 0.0);
    }
    let probabilities = model.probabilities(&tokens, &features::extract(&tokens, &model.lexicon));
    let verdict = decide(probabilities);
    (verdict, probabilities[verdict.index()])
}

/// How lines fare that the model has not seen: templates, then whole answers.
fn held_out(data: &Data, model: &Model) {
    held_lines(data, model, false);
    held_lines(data, model, true);
}

fn held_lines(data: &Data, model: &Model, whole: bool) {
    let mut table = [[0u32; 4]; 4];
    let mut by_language: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    let mut random = Random(3);
    for language in &data.languages {
        for line in language.lines.iter().filter(|line| line.held && line.whole == whole) {
            let (told, _) = verdict(model, &expand(&line.template, &mut random));
            table[line.label.index()][told.index()] += 1;
            if told != line.label {
                println!("MISSED\t{}\t{}\t{told}\t{}", language.name, line.label, line.template);
            }
            let count = by_language.entry(&language.name).or_default();
            count.0 += u32::from(told == line.label);
            count.1 += 1;
        }
    }
    println!("held out, whole answers: {whole}: rows meant, columns told {:?}", Verdict::ALL.map(Verdict::as_str));
    table.iter().for_each(|row| println!("{row:?}"));
    let (right, all) = by_language.values().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    println!("held out: {right}/{all} {:?}", by_language);
}

fn check(model: &Model, path: &str) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
    let (mut right, mut all) = (0, 0);
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [lang, label, also, text] = fields[..] else {
            return Err(format!("{path}: not four fields: {line}"));
        };
        let (told, sure) = verdict(model, &text.replace("\\n", "\n"));
        all += 1;
        if told.as_str() == label || also.split(',').any(|a| a == told.as_str()) {
            right += 1;
        } else {
            println!("WRONG\t{lang}\t{label}\t{told}\t{sure:.2}\t{text}");
        }
    }
    println!("CHECK {right}/{all}");
    Ok(())
}
