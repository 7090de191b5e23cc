//! What the disk gives under any program: the measure for the rest.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use crate::heading;
use crate::stats::{Rates, Times};

const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_millis(1500);

/// Appends and commits in turns.
pub fn run() {
    heading("The floor");
    let dir = tempfile::tempdir().unwrap();
    let mut file = File::create(dir.path().join("log")).unwrap();
    let conn = rusqlite::Connection::open(dir.path().join("db")).unwrap();
    conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (n INTEGER PRIMARY KEY, a TEXT) STRICT;")
        .unwrap();
    let (mut appends, mut commits, mut times) = (Vec::new(), Vec::new(), [Vec::new(), Vec::new()]);
    let row = "x".repeat(200);
    for _ in 0..ROUNDS {
        appends.push(rate(&mut times[0], || {
            file.write_all(row.as_bytes()).unwrap();
            file.sync_data().unwrap();
        }));
        commits.push(rate(&mut times[1], || {
            conn.prepare_cached("INSERT INTO t (a) VALUES (?1)").unwrap().execute([&row]).unwrap();
        }));
    }
    let [appended, committed] = times.map(Times::new);
    println!("  append 200 octets, fdatasync              {:<34} {}", Rates::new(appends).told(), appended.told());
    println!("  SQLite WAL, FULL, one row a commit        {:<34} {}", Rates::new(commits).told(), committed.told());
}

fn rate(times: &mut Vec<Duration>, mut work: impl FnMut()) -> f64 {
    let (begun, mut done) = (Instant::now(), 0.0);
    while begun.elapsed() < ROUND {
        let start = Instant::now();
        work();
        times.push(start.elapsed());
        done += 1.0;
    }
    done / begun.elapsed().as_secs_f64()
}
