//! End to end: requests in over the socket, rendered mails out, until smtp-sink has counted the last of them.

use std::time::Instant;

use resetd_tests::Site;

use crate::load::{Until, drive, request};
use crate::memory::processor_time;
use crate::postfix::SmtpSink;
use crate::stats::Rates;
use crate::{heading, unlimited};

const ROUNDS: u64 = 5;
const MAILS: u64 = 8000;
const CLIENTS: usize = 32;

/// Several rounds on one daemon.
pub fn run() {
    heading("Mails end to end (request → multipart mail taken by Postfix's smtp-sink), 32 clients, 10 connections");
    let sink = SmtpSink::start();
    let mut site = Site::with(&unlimited(sink.port()));
    let pid = site.daemon().pid();
    let used = processor_time(pid);
    let (mut number, mut accepts, mut mails) = (0, Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let begun = Instant::now();
        let next = || {
            number += 1;
            request(number)
        };
        let load = drive(&site.socket(), CLIENTS, Until::Calls(MAILS as usize), 202, next);
        accepts.push(load.rate());
        sink.until(round * MAILS);
        mails.push(MAILS as f64 / begun.elapsed().as_secs_f64());
    }
    let used = (processor_time(pid) - used) / (ROUNDS * MAILS) as f64;
    println!("  mails delivered                           {}", Rates::new(mails).told());
    println!("  requests accepted meanwhile               {}", Rates::new(accepts).told());
    println!("  the daemon's processor time a mail        {:>7.0} µs", used * 1e6);
}
