//! Law 8 as statistics: requests that are mailed, and such for unknown, throttled and suppressed ones, in random order on one
//! connection. Can a caller tell from an answer's time what it was? And from the time of the next answer?

use std::time::Duration;

use resetd_tests::answer::bounce;
use resetd_tests::{Config, Sink, Site};

use crate::heading;
use crate::load::{Connection, post, runtime};
use crate::stats::{Times, millis};

const CALLS: usize = 3000;
/// Further from one half than this, and one guess from one time is right in more than 55 of 100 cases.
const TELLING: f64 = 0.05;
const KINDS: [&str; 4] = ["known", "unknown", "throttled", "suppressed"];

/// All four kinds, interleaved.
pub fn run() {
    heading("Law 8: known, unknown, throttled and suppressed requests, one client, random order");
    let sink = Sink::new();
    let limits = "cool_down = \"1h\"\nper_account = \"unlimited\"\nper_address = \"unlimited\"\nper_ip = \"unlimited\"\n\
                  per_portal = \"unlimited\"\nin_all = \"unlimited\"\n";
    let site = Site::with(&Config::new().relay(sink.port()).limits(limits));
    site.request("t00000000");
    let held = site.request("b00000000");
    let mail = sink.until(2).into_iter().find(|mail| mail.to.starts_with("b00000000")).unwrap();
    site.until_quiet();
    site.hand_in(&bounce(&mail, "failed", "5.1.1", "550 5.1.1 no such user"));
    assert_eq!(site.state(&held), "undeliverable");
    let calls = call(&site);
    assert_eq!(sink.until(2 + CALLS).len(), 2 + CALLS, "every known one was mailed, and nothing else");
    let own = sorted(&calls, |index| calls[index].0);
    let next = sorted(&calls[1..], |index| calls[index].0);
    let told = [table("an answer's own time", &own), table("the time of the answer after it", &next)];
    match told {
        [false, false] => println!("  verdict: alike. No kind is told from known ones by a time (every AUC within 0.5 ± {TELLING})"),
        [false, true] => println!("  verdict: alike by their own times; what a request left to do shows in the time of the next"),
        _ => println!("  verdict: NOT ALIKE: an answer's time tells what the account is"),
    }
}

/// What was asked and how long it took, in order.
fn call(site: &Site) -> Vec<(usize, Duration)> {
    let mut order: Vec<usize> = (0..CALLS * KINDS.len()).map(|n| n % KINDS.len()).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for index in (1..order.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(index, (state >> 33) as usize % (index + 1));
    }
    runtime().block_on(async {
        let mut connection = Connection::open(&site.socket()).await;
        let mut calls = Vec::new();
        for (number, kind) in order.into_iter().enumerate() {
            let (account, email) = match KINDS[kind] {
                "known" => (format!("\"k{number:08}\""), format!("k{number:08}")),
                "unknown" => ("null".to_owned(), format!("u{number:08}")),
                "throttled" => ("\"t00000000\"".to_owned(), "t00000000".to_owned()),
                _ => (format!("\"s{number:08}\""), "b00000000".to_owned()),
            };
            let body = format!("{{\"portal\":\"shop\",\"account\":{account},\"email\":\"{email}@mail.example\"}}");
            calls.push((kind, connection.call(&post("/v1/resets", &body), 202).await));
        }
        calls
    })
}

/// The times of `calls`, by the kind that `kind` gives for their place.
fn sorted(calls: &[(usize, Duration)], kind: impl Fn(usize) -> usize) -> Vec<Times> {
    let mut lists = vec![Vec::new(); KINDS.len()];
    for (index, (_, took)) in calls.iter().enumerate() {
        lists[kind(index)].push(*took);
    }
    lists.into_iter().map(Times::new).collect()
}

/// Prints a line for each kind; true: some kind is told apart.
fn table(title: &str, times: &[Times]) -> bool {
    println!("  {title}, n = {CALLS} of each");
    let mut told = false;
    for (kind, times_of) in KINDS.iter().zip(times) {
        let (auc, ks) = (times[0].auc(times_of), times[0].ks(times_of));
        let sigmas = (auc - 0.5) / times[0].auc_error(times_of);
        told |= (auc - 0.5).abs() > TELLING;
        println!(
            "    {kind:<12} median {}   p99 {}   against known: AUC {auc:.3} ({sigmas:+.1} σ), KS {ks:.3}",
            millis(times_of.at(0.5)),
            millis(times_of.at(0.99))
        );
    }
    told
}
