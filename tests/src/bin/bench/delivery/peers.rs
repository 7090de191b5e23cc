//! resetd, Postfix and Django, taking turns: mails a second, times, processor time, memory.

use std::time::Duration;

use super::others::Others;
use super::system::{Measured, System, Timed};
use super::{CLIENTS, ROUNDS, django, ours, postfix};
use crate::heading;
use crate::progress::Progress;
use crate::stats::{Rates, Times, millis};

/// Mails of one round at full speed, about two seconds' worth each: resetd, Postfix, Django.
const RUSH: [u64; 3] = [16_000, 2500, 800];
/// Mails of one round, one at a time: as many of each as take about a second.
const ONE_BY_ONE: [u64; 3] = [500, 300, 150];
/// Mails a second, and how many, at a steady pace. Django's view sends within the request: its time is the sequential one.
const PACE: (u32, u64) = (200, 400);
/// Not counted.
const WARM_UP: u64 = 40;

/// A system under full load.
struct Speed {
    name: &'static str,
    rates: Rates,
    processor: f64,
    memory: f64,
    processes: usize,
}

/// The same system with time to spare.
struct Pace {
    name: &'static str,
    octets: f64,
    one_by_one: Times,
    paced: Option<Times>,
}

type Column = (Speed, Pace);

/// What starts each, in the order of the table.
type Start = fn(u16) -> Result<System, String>;
const STARTS: [(&str, Start); 3] =
    [("resetd", |port| ours::start(port).map_err(|never| match never {})), ("Postfix", postfix::start), ("Django", django::start)];

/// All of it.
pub fn run() {
    heading("Delivery to Postfix's smtp-sink, one process for each system, the systems taking turns");
    println!("  resetd    HTTP request in → durable → rendered multipart mail out, unsigned; keep-alive connections");
    println!("  Postfix   Debian's default configuration, relaying; fed 2 KB mails over warm, pipelined SMTP sessions");
    println!("  Django    PasswordResetView, SMTP backend, SQLite with 1000 users, gunicorn with 8 workers; not durable;");
    println!("            each form comes with the CSRF token and cookie that a browser has");
    warn_of_memory_disk();
    let progress = Progress::new();
    let (speeds, paces) = (rush(&progress), times(&progress));
    drop(progress);
    let columns: Vec<Column> = speeds.into_iter().zip(paces).collect();
    assert!(columns.iter().all(|(speed, pace)| speed.name == pace.name), "a system could be started once and not twice");
    print(&columns);
}

/// Every system that can be started, those that can't said aloud.
fn start_all<T>(start: impl Fn(Start) -> Result<T, String>, aloud: bool) -> Vec<(usize, T)> {
    let mut started = Vec::new();
    for (index, (name, how)) in STARTS.into_iter().enumerate() {
        match start(how) {
            Ok(system) => started.push((index, system)),
            Err(why) if aloud => println!("  NOT MEASURED: {name}: {why}"),
            Err(_) => {}
        }
    }
    started
}

fn rush(progress: &Progress) -> Vec<Speed> {
    progress.say("starting");
    let mut all = start_all(Measured::start, true);
    let mut rounds: Vec<(Vec<f64>, Vec<f64>)> = all.iter().map(|_| (Vec::new(), Vec::new())).collect();
    for (_, measured) in &mut all {
        measured.rush(WARM_UP);
    }
    let others = Others::since_now(all.iter().map(|(_, measured)| measured.system.tree).collect());
    for round in 1..=ROUNDS {
        for ((index, measured), (rates, processor)) in all.iter_mut().zip(&mut rounds) {
            progress.say(&format!("full speed, round {round} of {ROUNDS}: {}", measured.system.name));
            let result = measured.rush(RUSH[*index]);
            rates.push(result.rate);
            processor.push(result.processor);
        }
    }
    progress.wipe();
    others.tell();
    let watched = all.into_iter().zip(rounds).map(|((index, mut measured), (rates, processor))| {
        progress.say(&format!("memory: {}", measured.system.name));
        let memory = measured.rush_watched(RUSH[index]);
        let processor = Rates::new(processor).median();
        Speed { name: measured.system.name, rates: Rates::new(rates), processor, memory, processes: measured.system.tree.len() }
    });
    watched.collect()
}

fn times(progress: &Progress) -> Vec<Pace> {
    progress.say("starting");
    let mut all = start_all(Timed::start, false);
    let mut taken: Vec<(Vec<Duration>, Vec<Duration>)> = all.iter().map(|_| (Vec::new(), Vec::new())).collect();
    for (_, timed) in &mut all {
        timed.one_by_one(WARM_UP);
    }
    let others = Others::since_now(all.iter().map(|(_, timed)| timed.system.tree).collect());
    for round in 1..=ROUNDS {
        for ((index, timed), (one_by_one, paced)) in all.iter_mut().zip(&mut taken) {
            progress.say(&format!("times, round {round} of {ROUNDS}: {}", timed.system.name));
            one_by_one.extend(timed.one_by_one(ONE_BY_ONE[*index]));
            if timed.system.name != "Django" {
                paced.extend(timed.paced(PACE.0, PACE.1));
            }
        }
    }
    progress.wipe();
    others.tell();
    let told = all.into_iter().zip(taken).map(|((_, timed), (one_by_one, paced))| {
        let paced = (!paced.is_empty()).then(|| Times::new(paced));
        Pace { name: timed.system.name, octets: timed.stopwatch.octets(), one_by_one: Times::new(one_by_one), paced }
    });
    told.collect()
}

fn print(columns: &[Column]) {
    let names: String = columns.iter().map(|column| format!("{:>14}", column.0.name)).collect();
    println!("  {:<40}{names}{:>18}", "", "resetd ÷ Postfix");
    let row = |what: &str, value: &dyn Fn(&Column) -> Option<f64>, shown: &dyn Fn(f64) -> String, wanted: &str| {
        let values: Vec<Option<f64>> = columns.iter().map(value).collect();
        let cells: String = values.iter().map(|value| format!("{:>14}", value.map_or("–".into(), shown))).collect();
        let of = |name: &str| columns.iter().position(|column| column.0.name == name).and_then(|index| values[index]);
        let ratio = of("resetd").zip(of("Postfix")).map_or(String::new(), |(own, other)| format!("{:>10.2}{wanted:>10}", own / other));
        println!("  {what:<40}{cells}{ratio}");
    };
    let whole = |value: f64| format!("{value:.0}");
    let time = |seconds: f64| millis(seconds).trim().to_owned();
    row(&format!("mails/s end to end, {CLIENTS} clients"), &|c| Some(c.0.rates.median()), &whole, "(≥ 8)");
    row("  lowest of the rounds", &|c| Some(c.0.rates.ends().0), &whole, "");
    row("  highest", &|c| Some(c.0.rates.ends().1), &whole, "");
    row("submit → relay's 250, one at a time: p50", &|c| Some(c.1.one_by_one.at(0.5)), &time, "(≤ 0.5)");
    row("  p99", &|c| Some(c.1.one_by_one.at(0.99)), &time, "(≤ 0.5)");
    row(&format!("  at {} a second: p50", PACE.0), &|c| Some(c.1.paced.as_ref()?.at(0.5)), &time, "(≤ 0.5)");
    row("  p99", &|c| Some(c.1.paced.as_ref()?.at(0.99)), &time, "(≤ 0.5)");
    row("processor time a mail, µs", &|c| Some(c.0.processor * 1e6), &whole, "(≤ 0.25)");
    row("memory at full speed, highest PSS, MiB", &|c| Some(c.0.memory), &whole, "");
    row("processes", &|c| Some(c.0.processes as f64), &whole, "");
    row("octets of a message", &|c| Some(c.1.octets), &whole, "");
}

/// A sync costs nothing where the temporary folder is no disk.
fn warn_of_memory_disk() {
    let folder = std::env::temp_dir();
    let kind = nix::sys::statfs::statfs(&folder).map(|found| found.filesystem_type());
    if kind == Ok(nix::sys::statfs::TMPFS_MAGIC) {
        println!("  NOTE: {} is in memory: nothing is synced to a disk. TMPDIR names another folder.", folder.display());
    }
}
