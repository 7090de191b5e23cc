//! `tests/bench`: how fast the daemon is, measured from outside on this machine, everything in one run so that ratios mean
//! something. Arguments name the parts to run; none: all. Loopback only; the load is made on the same processors.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that meets the unexpected ends")]

mod accepts;
mod alike;
mod classify;
mod delivery;
mod floor;
mod latency;
mod load;
mod mails;
mod memory;
mod postfix;
mod progress;
mod secrets;
mod stats;
mod stopwatch;

use std::time::Instant;

use resetd_tests::Config;

/// A part: its name and what runs it.
type Part = (&'static str, fn());

const PARTS: [Part; 12] = [
    ("floor", floor::run),
    ("memory", memory::run),
    ("accepts", accepts::run),
    ("latency", latency::run),
    ("mails", mails::run),
    ("secrets", secrets::run),
    ("classify", classify::run),
    ("alike", alike::run),
    ("delivery/peers", delivery::peers::run),
    ("delivery/filled", delivery::filled::run),
    ("delivery/waiting", delivery::waiting::run),
    ("delivery/signed", delivery::signed::run),
];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| !PARTS.iter().any(|(part, _)| is_meant(part, name))) {
        let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
        println!("there is no part `{unknown}`; there are: {}", names.join(" "));
        std::process::exit(2);
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{processors} processors, load average before: {}", load.split(' ').take(3).collect::<Vec<_>>().join(" "));
    println!("median of the rounds (lowest – highest); p50 and p99 over the calls of all rounds");
    let begun = Instant::now();
    for (name, run) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|want| is_meant(name, want)) {
            run();
        }
    }
    println!("\n{:.0} s in all", begun.elapsed().as_secs_f64());
}

/// `delivery` means all parts that begin with `delivery/`.
fn is_meant(part: &str, wanted: &str) -> bool {
    part.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A portal whose mails go to this port, and not one limit.
fn unlimited(port: u16) -> Config {
    let limits = "cool_down = \"0s\"\nper_account = \"unlimited\"\nper_address = \"unlimited\"\nper_ip = \"unlimited\"\n\
                  per_portal = \"unlimited\"\nin_all = \"unlimited\"\n";
    Config::new().relay(port).limits(limits)
}

/// The heading of a part.
fn heading(title: &str) {
    println!("\n{title}");
}
