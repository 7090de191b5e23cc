//! The timeline of everything: by pages, and as a stream that is resumed without a gap and without a double.

use std::sync::atomic::{AtomicBool, Ordering};

use resetd_tests::{Client, Config, Events, Site};
use serde_json::{Value, json};

fn id(event: &Value) -> i64 {
    event["id"].as_i64().unwrap()
}

/// All ids, by pages of this size.
fn pages(client: &mut Client, limit: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    let mut after = "0".to_owned();
    loop {
        let page = client.get(&format!("/v1/events?limit={limit}&after={after}")).expect(200).json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        ids.extend(items.iter().map(id));
        let Some(next) = page["next"].as_str() else { return ids };
        next.clone_into(&mut after);
    }
}

#[test]
fn pages_of_any_size_give_the_same() {
    let site = Site::new();
    for n in 0..30 {
        site.request(&format!("u{n}"));
    }
    site.until_quiet();
    let mut client = site.client();
    let whole = pages(&mut client, 500);
    assert!(whole.len() >= 60 && whole.is_sorted());
    for limit in [1, 7, 59, 60] {
        assert_eq!(pages(&mut client, limit), whole, "limit {limit}");
    }
}

#[test]
fn a_stream_begins_behind_the_last_id() {
    let site = Site::new();
    site.mailed("ann");
    let whole = pages(&mut site.client(), 500);
    for (at, last) in whole.iter().enumerate() {
        let mut events = Events::after(&site.socket(), *last);
        match whole.get(at + 1) {
            Some(next) => assert_eq!(id(&events.one()), *next),
            None => {
                site.request("bob");
                let event = events.one();
                assert!(id(&event) > *last && event["event"] == "reset.accepted");
            }
        }
    }
}

#[test]
fn without_a_last_id_only_what_comes() {
    let site = Site::new();
    site.mailed("ann");
    let mut events = Events::live(&site.socket());
    let new = site.request("bob");
    let event = events.one();
    assert_eq!((event["event"].as_str(), event["reset"].as_str()), (Some("reset.accepted"), Some(new.as_str())));
}

#[test]
fn resumed_under_load_it_has_no_gap_and_no_double() {
    let site = Site::new();
    let done = AtomicBool::new(false);
    let mut got: Vec<i64> = Vec::new();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let site = &site;
                scope.spawn(move || (0..100).for_each(|n| drop(site.request(&format!("u{writer}.{n}")))))
            })
            .collect();
        let (site, done) = (&site, &done);
        scope.spawn(move || {
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            site.until_quiet();
            // The last line of all, so that the reader below knows when it has everything.
            site.request("the-last");
            done.store(true, Ordering::SeqCst);
        });
        // A reader that comes again and again, sometimes after one line, sometimes after many.
        let mut seed = 7_u64;
        loop {
            let mut events = Events::after(&site.socket(), got.last().copied().unwrap_or(0));
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            for _ in 0..(seed >> 59) + 1 {
                got.push(id(&events.one()));
                if got.len() == 602 {
                    return;
                }
            }
        }
    });
    assert!(done.load(Ordering::SeqCst));
    site.until_quiet();
    let whole = pages(&mut site.client(), 500);
    assert_eq!(got, whole[..got.len()]);
    assert_eq!(whole.len(), 602, "two lines for each of 301 resets");
}

#[test]
fn a_reader_that_does_not_read_misses_nothing_and_holds_up_nobody() {
    let site = Site::new();
    let mut lazy = Events::after(&site.socket(), 0);
    let first = site.request("first");
    assert_eq!(lazy.one()["reset"], first.as_str());
    for n in 0..3000 {
        let body = json!({ "portal": "shop", "account": null, "email": format!("u{n}@mail.example") });
        if n % 500 == 0 {
            site.client().get("/v1/status").expect(200);
        }
        site_client(&site, &body);
    }
    let whole = pages(&mut site.client(), 500);
    let mut got = vec![whole[0]];
    while got.len() < whole.len() {
        got.push(id(&lazy.one()));
    }
    assert_eq!(got, whole);
}

fn site_client(site: &Site, body: &Value) {
    thread_local!(static CLIENT: std::cell::RefCell<Option<Client>> = const { std::cell::RefCell::new(None) });
    CLIENT.with_borrow_mut(|client| drop(client.get_or_insert_with(|| site.client()).post("/v1/resets", body).expect(202)));
}

#[test]
fn ids_go_on_after_a_crash() {
    let mut site = Site::new();
    site.mailed("ann");
    let before = pages(&mut site.client(), 500);
    site.kill9();
    site.start();
    site.mailed("bob");
    let after = pages(&mut site.client(), 500);
    assert_eq!(after[..before.len()], before);
    assert!(after.len() > before.len() && after.is_sorted());
    let mut resumed = Events::after(&site.socket(), *before.last().unwrap());
    assert_eq!(id(&resumed.one()), after[before.len()]);
}

#[test]
fn events_name_nobody() {
    let site = Site::with(&Config::new());
    let more = json!({ "email": "secret.person@mail.example", "name": "Secret Person", "client": { "ip": "203.0.113.7", "user_agent": "SecretAgent/7" } });
    let (_, mail) = site.mailed_with("ann", more);
    site.hand_in(&resetd_tests::Answer::to(&mail, "This wasn't me, says Secret Person").build());
    site.until_quiet();
    let events = site.client().get("/v1/events?limit=500").expect(200).text();
    for personal in ["secret.person", "Secret Person", "203.0.113.7", "SecretAgent"] {
        assert!(!events.contains(personal), "{personal} in {events}");
    }
    let log = site.log();
    assert!(!log.contains("secret.person") && !log.contains("Secret Person"), "nor does the log, at debug");
}
