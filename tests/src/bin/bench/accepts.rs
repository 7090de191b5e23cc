//! Durable accepts over the socket: alone, with a relay that does not answer, so that no mail moves; and with every mail
//! going to smtp-sink meanwhile.

use std::net::TcpListener;
use std::time::Duration;

use resetd_tests::Site;

use crate::load::{Until, drive, request};
use crate::memory::processor_time;
use crate::postfix::SmtpSink;
use crate::stats::{Rates, Times};
use crate::{heading, unlimited};

const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_millis(1500);
const CLIENTS: [usize; 3] = [1, 8, 32];

/// Both ways, interleaved.
pub fn run() {
    heading("Durable accepts (POST /v1/resets → 202), distinct accounts, no limits");
    // Listens and never says a word: mails wait in memory.
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let alone = measure(Site::with(&unlimited(silent.local_addr().unwrap().port())), |_| ());
    let sink = SmtpSink::start();
    let busy = measure(Site::with(&unlimited(sink.port())), |mails| sink.until(mails));
    for (clients, alone, busy) in CLIENTS.iter().zip(alone).zip(busy).map(|((clients, alone), busy)| (clients, alone, busy)) {
        println!("  {clients:>2} clients, mails wait                     {}", alone.told());
        println!("  {clients:>2} clients, mails go to smtp-sink          {}", busy.told());
        println!("     with mailing / without                  {:>7.2}", busy.rates.median() / alone.rates.median());
    }
}

/// The results for one number of clients.
struct Accepted {
    rates: Rates,
    times: Times,
    /// Seconds of the daemon's processor time a call, mails that went out meanwhile included.
    processor: f64,
}

impl Accepted {
    fn told(&self) -> String {
        format!("{:<34} {}   daemon {:>4.0} µs", self.rates.told(), self.times.told(), self.processor * 1e6)
    }
}

/// For each number of clients. After each round `settle` waits for what it began, given the requests so far.
fn measure(mut site: Site, mut settle: impl FnMut(u64)) -> Vec<Accepted> {
    let mut results: Vec<_> = CLIENTS.iter().map(|_| (Vec::new(), Vec::new(), 0.0)).collect();
    let (pid, mut number) = (site.daemon().pid(), 0);
    for _ in 0..ROUNDS {
        for (clients, (rates, times, used)) in CLIENTS.iter().zip(&mut results) {
            let next = || {
                number += 1;
                request(number)
            };
            let before = processor_time(pid);
            let load = drive(&site.socket(), *clients, Until::Over(ROUND), 202, next);
            *used += processor_time(pid) - before;
            rates.push(load.rate());
            times.extend(load.times);
            settle(number);
        }
    }
    let accepted = |(rates, times, used): (Vec<f64>, Vec<Duration>, f64)| {
        let processor = used / times.len() as f64;
        Accepted { rates: Rates::new(rates), times: Times::new(times), processor }
    };
    results.into_iter().map(accepted).collect()
}
