//! From the request's first octet on the socket to the relay's `250`, at a steady pace. The relay is this process's own; both
//! moments are read from one clock.

use std::time::{Duration, Instant};

use resetd_tests::Site;

use crate::load::{Connection, request, runtime};
use crate::stats::{Times, millis};
use crate::stopwatch::Stopwatch;
use crate::{heading, unlimited};

/// Requests a second, and how many.
const PACES: [(u32, u64); 2] = [(1, 25), (100, 2000)];
/// Not counted: connections are opened, caches filled.
const WARM_UP: u64 = 20;

/// Each pace in turn.
pub fn run() {
    heading("From request to the relay's 250 (own relay in this process)");
    let stopwatch = Stopwatch::new();
    let site = Site::with(&unlimited(stopwatch.port()));
    let mut first = 1;
    pace(&site, 100, first..first + WARM_UP);
    stopwatch.until(WARM_UP as usize);
    first += WARM_UP;
    for (rate, count) in PACES {
        let sent = pace(&site, rate, first..first + count);
        first += count;
        let taken = stopwatch.until(first as usize - 1);
        let times = Times::new(sent.iter().map(|(number, at, _)| taken[number].duration_since(*at)));
        let accepts = Times::new(sent.iter().map(|(_, _, took)| *took));
        let worst = millis(times.at(1.0));
        println!("  {rate:>3} requests/s, {count:>4} mails: 250           {}   worst {worst}", times.told());
        println!("                              202           {}   worst {}", accepts.told(), millis(accepts.at(1.0)));
    }
}

/// One connection, a request every 1/`rate` s whatever became of the last; when each was sent, and how long its 202 took.
fn pace(site: &Site, rate: u32, numbers: std::ops::Range<u64>) -> Vec<(u64, Instant, Duration)> {
    runtime().block_on(async {
        let mut connection = Connection::open(&site.socket()).await;
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
        let mut sent = Vec::new();
        for number in numbers {
            ticks.tick().await;
            let (request, at) = (request(number), Instant::now());
            sent.push((number, at, connection.call(&request, 202).await));
        }
        sent
    })
}
