//! With an RSA-2048 signature in each mail, beside the same without one and beside what ring can sign on both processors in the
//! same minute.

use std::convert::Infallible;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use resetd_tests::{Config, Sink, Site};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};

use super::others::Others;
use super::system::Measured;
use super::{CLIENTS, ROUNDS, ours};
use crate::progress::Progress;
use crate::stats::Rates;
use crate::{heading, unlimited};

const SIGNED: u64 = 5000;
const UNSIGNED: u64 = 16_000;
/// How long ring signs in each round.
const SIGNING: Duration = Duration::from_millis(1500);
/// As long as the header fields that a DKIM signature is over.
const TEXT: [u8; 500] = [b'a'; 500];

/// All three, taking turns.
pub fn run() {
    heading(&format!("Signed with RSA-2048 (DKIM): mails/s end to end, {CLIENTS} clients, taking turns"));
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("dkim.pem");
    let Some(pair) = generate(&key) else { return println!("  NOT MEASURED: openssl makes no key") };
    let progress = Progress::new();
    is_signed(&key);
    let mut signed = start(|port| signing(unlimited(port), &key));
    let mut unsigned = start(unlimited);
    let (mut with, mut without, mut bound) = (Vec::new(), Vec::new(), Vec::new());
    let mut processor = Vec::new();
    let others = Others::since_now(Vec::new());
    for round in 1..=ROUNDS {
        progress.say(&format!("round {round} of {ROUNDS}"));
        bound.push(signatures(&pair));
        let result = signed.rush(SIGNED);
        with.push(result.rate);
        processor.push(result.processor);
        without.push(unsigned.rush(UNSIGNED).rate);
    }
    drop(progress);
    others.tell();
    let (with, without, bound) = (Rates::new(with), Rates::new(without), Rates::new(bound));
    // A signed mail takes what an unsigned one takes, of both processors, and the signature.
    let possible = 1.0 / (1.0 / without.median() + 1.0 / bound.median());
    println!("  ring signs on all processors         {}", bound.told());
    println!("  resetd, signed                       {}", with.told());
    println!("  resetd, unsigned                     {}", without.told());
    println!("  its processor time a signed mail     {:>7.0} µs", Rates::new(processor).median() * 1e6);
    println!("  signed ÷ ring alone                  {:>7.2}   (≥ 0.9)", with.median() / bound.median());
    println!("  signed ÷ what is left when a mail takes an unsigned one's time too ({possible:.0}/s)   {:.2}", with.median() / possible);
}

fn start(config: impl FnOnce(u16) -> Config) -> Measured {
    let started = Measured::start(|port| Ok::<_, Infallible>(ours::of(Site::with(&config(port)))));
    started.unwrap_or_else(|never| match never {})
}

fn signing(config: Config, key: &Path) -> Config {
    config.more(&format!("[[sending.dkim]]\ndomain = \"shop.example\"\nselector = \"bench\"\nkey_file = \"{}\"\n", key.display()))
}

/// That what is measured as signed is signed.
fn is_signed(key: &Path) {
    let sink = Sink::new();
    let site = Site::with(&signing(unlimited(sink.port()), key));
    site.request("ann");
    let mail = String::from_utf8_lossy(&sink.until(1)[0].raw).into_owned();
    assert!(mail.contains("DKIM-Signature:") && mail.contains("a=rsa-sha256"), "{mail}");
}

/// A key of openssl's in this file.
fn generate(path: &Path) -> Option<RsaKeyPair> {
    let made = Command::new("openssl").args(["genrsa", "-out"]).arg(path).arg("2048").output().ok()?;
    if !made.status.success() {
        return None;
    }
    // openssl makes it readable for its user alone, as the daemon wants it.
    let text = std::fs::read_to_string(path).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let der = BASE64.decode(body.as_bytes()).unwrap();
    // PKCS#8 from openssl 3, PKCS#1 from older ones.
    RsaKeyPair::from_pkcs8(&der).or_else(|_| RsaKeyPair::from_der(&der)).ok()
}

/// Signatures a second, a thread for each processor.
fn signatures(pair: &RsaKeyPair) -> f64 {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let begun = Instant::now();
    let sign = || {
        let (random, mut signature, mut count) = (SystemRandom::new(), vec![0; pair.public().modulus_len()], 0);
        while begun.elapsed() < SIGNING {
            pair.sign(&RSA_PKCS1_SHA256, &random, &TEXT, &mut signature).unwrap();
            count += 1;
        }
        count
    };
    let count: u32 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..processors).map(|_| scope.spawn(sign)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    f64::from(count) / begun.elapsed().as_secs_f64()
}
