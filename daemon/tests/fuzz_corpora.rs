//! Runs what fuzzing has found and what is worth trying through the fuzz targets, without a fuzzer; and after it what blind dice make
//! of that, always the same. `tests/fuzz/run` has a real fuzzer.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::Path;

#[path = "../../tests/fuzz/src/lib.rs"]
mod targets;

fn run(target: &str, check: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 5, "the corpus of {target} is gone");
    let corpus: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    for (file, octets) in files.iter().zip(&corpus) {
        println!("{}", file.display());
        check(octets);
    }
    let mut dice = Dice(0x5eed);
    let mutants = std::env::var("RESETD_MUTANTS").map_or(MUTANTS, |mutants| mutants.parse().unwrap());
    for _ in 0..mutants {
        let mutant = Shown(dice.mutant(&corpus));
        check(&mutant.0);
    }
}

/// Of each corpus; `RESETD_MUTANTS` for more.
const MUTANTS: usize = 400;

/// Printed where it was the last one.
struct Shown(Vec<u8>);

impl Drop for Shown {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("it was b\"{}\"", self.0.escape_ascii());
        }
    }
}

/// splitmix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end.max(1) as u64).unwrap()
    }

    /// One of the corpus with a few octets changed, put in, taken out, doubled, or another one's put in their place.
    fn mutant(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        const ODD: &[u8] = b"\0\r\n\t \"<>()[]{},:;@=?\\/%&.-_0aA\x7f\x80\xc3\xe2\xff";
        let mut octets = corpus[self.below(corpus.len())].clone();
        for _ in 0..=self.below(8) {
            let at = self.below(octets.len() + 1);
            let end = (at + self.below(64)).min(octets.len());
            match self.below(5) {
                0 if at < octets.len() => octets[at] = ODD[self.below(ODD.len())],
                1 => octets.insert(at, ODD[self.below(ODD.len())]),
                2 => drop(octets.drain(at..end)),
                3 => octets.extend_from_within(at..end),
                _ => {
                    let other = &corpus[self.below(corpus.len())];
                    let from = self.below(other.len());
                    let to = (from + self.below(64)).min(other.len());
                    drop(octets.splice(at..end, other[from..to].iter().copied()));
                }
            }
        }
        octets
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

#[test]
fn config() {
    run("config", targets::config);
}

#[test]
fn json() {
    run("json", targets::json);
}

#[test]
fn address() {
    run("address", targets::address);
}

#[test]
fn keys() {
    run("keys", targets::keys);
}

#[test]
fn reply() {
    run("reply", targets::reply);
}
