//! The clock is set while a mail waits: its next attempt comes neither sooner nor later. libfaketime moves the wall clock alone, as
//! `date -s` does.

use std::fs;
use std::path::PathBuf;

use resetd_core::time::Timestamp;
use resetd_tests::sink::Manner;
use resetd_tests::{Config, Sink, Site};
use serde_json::Value;

const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

fn library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let found = folders.map(|folder| folder.join(LIBRARY)).find(|path| path.exists());
    if found.is_none() {
        println!("skipped: no libfaketime here (Debian package faketime)");
    }
    found
}

fn millis(event: &Value) -> i64 {
    serde_json::from_value::<Timestamp>(event["at"].clone()).unwrap().as_millis()
}

/// Steps the clock by so many seconds between the second attempt and the third, which is due about five seconds later.
fn step(seconds: i64) {
    let Some(library) = library() else { return };
    let sink = Sink::new();
    sink.manner(Manner::PutOff);
    let mut site = Site::unstarted(&Config::new().relay(sink.port()).shop("lifetime_cap = \"1d\"\n"));
    let clock = site.path().join("clock");
    fs::write(&clock, "+0").unwrap();
    let (library, file) = (library.display().to_string(), clock.display().to_string());
    let env =
        [("LD_PRELOAD", &*library), ("FAKETIME_TIMESTAMP_FILE", &file), ("FAKETIME_NO_CACHE", "1"), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")];
    site.try_start(&env).unwrap();
    let id = site.request("ann");
    let mut events = site.events();
    events.until(&id, "mail.deferred");
    let second = events.until(&id, "mail.deferred");
    // Posts are taken in order: when the outbox has tried this one, it has the other's time.
    let fence = site.request("bob");
    events.until(&fence, "mail.deferred");
    // In one piece: half a file is another time.
    fs::write(clock.with_extension("new"), format!("{seconds:+}")).unwrap();
    fs::rename(clock.with_extension("new"), &clock).unwrap();
    let third = events.until(&id, "mail.deferred");
    assert_eq!(third["detail"]["attempt"], 3);
    let waited = millis(&third) - millis(&second) - seconds * 1000;
    assert!((3_900..600_000).contains(&waited), "{waited} ms between {second} and {third}");
}

#[test]
#[ignore = "needs faketime"]
fn a_clock_that_is_put_forward() {
    step(3600);
}

#[test]
#[ignore = "needs faketime"]
fn a_clock_that_is_put_back() {
    step(-3600);
}
