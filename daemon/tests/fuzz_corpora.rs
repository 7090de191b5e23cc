//! Runs what fuzzing has found and what is worth trying through the fuzz targets, without a fuzzer.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::Path;

#[path = "../../tests/fuzz/src/lib.rs"]
mod targets;

fn run(target: &str, check: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 5, "the corpus of {target} is gone");
    for file in files {
        println!("{}", file.display());
        check(&std::fs::read(file).unwrap());
    }
}

#[test]
fn facts() {
    run("facts", targets::facts);
}

#[test]
fn typed() {
    run("typed", targets::typed);
}

#[test]
fn tag() {
    run("tag", targets::tag);
}

#[test]
fn smtp() {
    run("smtp", targets::smtp);
}
