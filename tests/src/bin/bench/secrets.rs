//! Tokens that come back: inspected, then redeemed, each once.

use resetd_tests::{Sink, Site};

use crate::load::{Until, drive, post, request};
use crate::stats::{Rates, Times};
use crate::{heading, unlimited};

const ROUNDS: usize = 3;
const TOKENS: usize = 4000;
const CLIENTS: [usize; 2] = [1, 32];

/// Mails are made first and their tokens taken from a relay of our own.
pub fn run() {
    heading("Secrets that come back (tokens from captured mails, each inspected first, second, and redeemed)");
    let sink = Sink::new();
    let site = Site::with(&unlimited(sink.port()));
    let mut results: Vec<[(Vec<f64>, Vec<_>); 3]> = CLIENTS.iter().map(|_| Default::default()).collect();
    let mut number = 0;
    for _ in 0..ROUNDS {
        for (clients, steps) in CLIENTS.into_iter().zip(&mut results) {
            let count = if clients == 1 { TOKENS / 4 } else { TOKENS };
            let known = number as usize;
            let next = || {
                number += 1;
                request(number)
            };
            drive(&site.socket(), 32, Until::Calls(count), 202, next);
            let mails = sink.until(known + count);
            site.until_quiet();
            let bodies: Vec<String> = mails[known..].iter().map(|mail| format!("{{\"token\":\"{}\"}}", mail.token())).collect();
            for ((rates, times), path) in steps.iter_mut().zip(["/v1/resets/inspect", "/v1/resets/inspect", "/v1/resets/redeem"]) {
                let mut bodies = bodies.iter();
                let load = drive(&site.socket(), clients, Until::Calls(count), 200, || post(path, bodies.next().unwrap()));
                rates.push(load.rate());
                times.extend(load.times);
            }
        }
    }
    for (clients, steps) in CLIENTS.into_iter().zip(results) {
        for ((rates, times), what) in steps.into_iter().zip(["inspect, first", "inspect, again", "redeem"]) {
            println!("  {clients:>2} clients, {what:<30} {:<34} {}", Rates::new(rates).told(), Times::new(times).told());
        }
    }
}
