//! The same rush on an empty database, on one with a million old resets, and on one with many mails that wait for later.

use std::convert::Infallible;

use resetd_tests::Site;

use super::fill::{self, Past};
use super::others::Others;
use super::system::Measured;
use super::{CLIENTS, ROUNDS, ours};
use crate::progress::Progress;
use crate::stats::Rates;
use crate::{heading, unlimited};

const OLD: u64 = 1_000_000;
const WAITING: u64 = 100_000;
const MAILS: u64 = 16_000;
const WARM_UP: u64 = 2000;

/// The three, taking turns.
pub fn run() {
    heading(&format!("The same with a filled database: mails/s end to end, {CLIENTS} clients, taking turns"));
    let progress = Progress::new();
    let mut sites = [
        ("empty", start(|port| Site::with(&unlimited(port)))),
        ("10⁶ old resets", start(|port| filled(port, Past::Ended, OLD, &progress))),
        ("10⁵ mails waiting", start(|port| filled(port, Past::Later, WAITING, &progress))),
    ];
    let mut rates = [const { Vec::new() }; 3];
    for (_, measured) in &mut sites {
        measured.rush(WARM_UP);
    }
    let others = Others::since_now(Vec::new());
    for round in 1..=ROUNDS {
        for ((name, measured), rates) in sites.iter_mut().zip(&mut rates) {
            progress.say(&format!("round {round} of {ROUNDS}: {name}"));
            rates.push(measured.rush(MAILS).rate);
        }
    }
    drop(progress);
    others.tell();
    let rates = rates.map(Rates::new);
    let empty = rates[0].median();
    for ((name, _), rates) in sites.iter().zip(&rates) {
        println!("  {name:<20}{:<38}÷ empty {:>6.2}   (≥ 0.9)", rates.told(), rates.median() / empty);
    }
}

fn start(site: impl FnOnce(u16) -> Site) -> Measured {
    let started = Measured::start(|port| Ok::<_, Infallible>(ours::of(site(port))));
    started.unwrap_or_else(|never| match never {})
}

fn filled(port: u16, past: Past, count: u64, progress: &Progress) -> Site {
    let mut site = fill::site(&unlimited(port), past, count, progress);
    progress.say("starting with it");
    site.start();
    site
}
