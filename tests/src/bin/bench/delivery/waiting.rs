//! A million mails wait, since nobody listens where the relay should be: how much memory they take, and whether requests are
//! accepted as fast as with none waiting.

use std::time::{Duration, Instant};

use resetd_tests::Site;

use super::fill::{self, Past};
use super::others::Others;
use super::{CLIENTS, ROUNDS};
use crate::load::{Until, drive, request};
use crate::memory::{processor_time, resident_mib};
use crate::postfix::free_port;
use crate::progress::Progress;
use crate::stats::{Rates, Times};
use crate::{heading, unlimited};

const WAITING: u64 = 1_000_000;
const ROUND: Duration = Duration::from_millis(1500);
/// How long it is left alone with them after the start, for what its memory comes to.
const ALONE: Duration = Duration::from_secs(15);

/// One daemon, and what was measured of it.
struct Side {
    name: &'static str,
    site: Site,
    pid: u32,
    number: u64,
    rates: Vec<f64>,
    many: Vec<Duration>,
    one: Vec<Duration>,
}

/// Both, taking turns.
pub fn run() {
    heading("The relay is down: requests accepted with 10⁶ mails waiting beside those with none");
    let progress = Progress::new();
    // A relay that is down: its port belongs to nobody.
    let config = unlimited(free_port());
    let mut site = fill::site(&config, Past::Due, WAITING, &progress);
    progress.say("starting with it");
    let begun = Instant::now();
    site.start();
    let took = begun.elapsed().as_secs_f64();
    let full = Side::new("10⁶ waiting", site);
    let at_start = resident_mib(full.pid, "VmHWM:");
    progress.say("left alone with it");
    let used = processor_time(full.pid);
    std::thread::sleep(ALONE);
    let (alone, busy) = (resident_mib(full.pid, "VmHWM:"), (processor_time(full.pid) - used) / ALONE.as_secs_f64());
    let mut sides = [Side::new("none waiting", Site::with(&config)), full];
    let others = Others::since_now(Vec::new());
    for round in 1..=ROUNDS {
        for side in &mut sides {
            progress.say(&format!("round {round} of {ROUNDS}: {}", side.name));
            side.round();
        }
    }
    drop(progress);
    others.tell();
    let [none, full] = sides;
    println!("  ready after {took:.1} s; memory then {at_start:.0} MiB, {} s later {alone:.0} MiB at the highest", ALONE.as_secs());
    println!("  processors busy meanwhile: {busy:.2}");
    let (highest, now) = (resident_mib(full.pid, "VmHWM:"), resident_mib(full.pid, "VmRSS:"));
    println!("  memory at the end {now:.0} MiB, highest in all {highest:.0} MiB (≤ 300); mails waiting at the end: {}", full.waiting());
    let (none, full) = (none.told(), full.told());
    println!("  ÷ none waiting: {:.2} of the accepts a second, {:.2} of the p99 with {CLIENTS} clients", full.0 / none.0, full.1 / none.1);
}

impl Side {
    fn new(name: &'static str, mut site: Site) -> Self {
        let pid = site.daemon().pid();
        Self { name, site, pid, number: 0, rates: Vec::new(), many: Vec::new(), one: Vec::new() }
    }

    /// Twenty clients, then one.
    fn round(&mut self) {
        let number = &mut self.number;
        let mut next = || {
            *number += 1;
            request(*number)
        };
        let load = drive(&self.site.socket(), CLIENTS, Until::Over(ROUND), 202, &mut next);
        self.rates.push(load.rate());
        self.many.extend(load.times);
        self.one.extend(drive(&self.site.socket(), 1, Until::Over(ROUND / 2), 202, &mut next).times);
    }

    fn waiting(&self) -> u64 {
        self.site.client().get("/v1/status").expect(200).json()["queued"].as_u64().unwrap()
    }

    /// Prints its line; gives the rate and the p99 of many clients.
    fn told(self) -> (f64, f64) {
        let (rates, many, one) = (Rates::new(self.rates), Times::new(self.many), Times::new(self.one));
        println!("  {:<14}{CLIENTS} clients {:<36}{}", self.name, rates.told(), many.told());
        println!("  {:<14} 1 client  {:<36}{}", "", "", one.told());
        (rates.median(), many.at(0.99))
    }
}
