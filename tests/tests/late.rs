//! Law 7: never mail a dead secret. And everything else that hours and days decide: the lives of secrets, windows, holds,
//! retention. The clock is the test's own.

use std::time::Duration;

use resetd_tests::answer::{Answer, bounce};
use resetd_tests::sink::Manner;
use resetd_tests::{Config, Indoors, Sink};
use rusqlite::Connection;
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// Makes the waiting mail due.
fn retry(indoors: &Indoors) -> u16 {
    let mut client = indoors.site.client();
    let queue = client.get("/v1/queue").expect(200).json();
    let Some(mail) = queue["items"].get(0) else { return 404 };
    client.ask("POST", &format!("/v1/queue/{}/retry", mail["id"]), &[], b"").status
}

#[test]
fn a_mail_that_would_come_too_late_is_not_sent() {
    // At the hard cap, and before it when what is left of the secret's life is of no use to a person.
    for waited in [2 * HOUR, 2 * HOUR - 5 * MINUTE, 3 * DAY] {
        let sink = Sink::new();
        sink.manner(Manner::PutOff);
        let indoors = Indoors::with(&Config::new().relay(sink.port()));
        let id = indoors.site.request("ann");
        let mut events = indoors.site.events();
        events.until(&id, "mail.deferred");
        indoors.pass(waited);
        sink.manner(Manner::Take);
        assert_eq!(retry(&indoors), 204);
        let event = events.find(|event| event["reset"] == id.as_str() && event["event"] == "mail.dropped");
        assert!(event["detail"]["why"].as_str().is_some_and(|why| why.len() > 20), "the event says why: {event}");
        indoors.site.until_quiet();
        assert!(sink.mails().is_empty(), "after {waited:?}");
        let state = indoors.site.state(&id);
        assert!(state == "undeliverable" || state == "expired", "{state}");
    }
}

#[test]
fn a_mail_that_waited_over_a_restart_is_not_sent_either() {
    let sink = Sink::new();
    sink.manner(Manner::PutOff);
    let mut indoors = Indoors::with(&Config::new().relay(sink.port()));
    let id = indoors.site.request("ann");
    indoors.site.events().until(&id, "mail.deferred");
    indoors.pass(3 * HOUR);
    sink.manner(Manner::Take);
    indoors.restart();
    indoors.site.events().find(|event| event["reset"] == id.as_str() && event["event"] == "mail.dropped");
    indoors.site.until_quiet();
    assert!(sink.mails().is_empty());
}

#[test]
fn the_waiting_mail_of_an_ended_reset_is_not_sent() {
    for end in ["revoked", "superseded"] {
        let sink = Sink::new();
        sink.manner(Manner::PutOff);
        let indoors = Indoors::with(&Config::new().relay(sink.port()).shop("supersede = \"newest_only\""));
        let site = &indoors.site;
        let id = site.request("ann");
        site.events().until(&id, "mail.deferred");
        match end {
            "revoked" => drop(site.client().delete(&format!("/v1/resets/{id}")).expect(200)),
            _ => {
                let newer = site.request("ann");
                site.events().until(&newer, "mail.deferred");
            }
        }
        let event = site.events().find(|event| event["reset"] == id.as_str() && event["event"] == "mail.dropped");
        assert!(event["detail"]["why"].as_str().is_some_and(|why| why.contains(end)), "{event}");
        assert_eq!(site.state(&id), end);
        sink.manner(Manner::Take);
        indoors.pass(MINUTE);
        site.until_quiet();
        assert!(sink.mails().iter().all(|mail| !mail.is_about(&id)), "{end}");
    }
}

#[test]
fn a_denial_stops_the_mail_that_still_waits() {
    let sink = Sink::new();
    let indoors = Indoors::with(&Config::new().relay(sink.port()));
    let site = &indoors.site;
    let first = site.request("ann");
    site.events().until(&first, "mail.sent");
    let mail = sink.mails().remove(0);
    sink.manner(Manner::PutOff);
    let second = site.request("ann");
    site.events().until(&second, "mail.deferred");
    site.hand_in(&Answer::to(&mail, "This wasn't me!").build());
    assert_eq!((site.state(&first).as_str(), site.state(&second).as_str()), ("denied", "denied"));
    // The alert and the acknowledgement are put off too, and come due.
    for kind in ["alert", "acknowledgement"] {
        site.events().find(|event| event["event"] == "mail.deferred" && event["detail"]["kind"] == kind);
    }
    sink.manner(Manner::Take);
    indoors.pass(MINUTE);
    site.until_quiet();
    assert!(sink.mails().iter().all(|mail| !mail.is_about(&second)));
}

#[test]
fn a_link_lives_half_an_hour_and_a_code_ten_minutes() {
    let indoors = Indoors::with(&Config::new().shop("method = \"both\""));
    let (id, mail) = indoors.site.mailed("ann");
    let code = json!({ "portal": "shop", "account": "ann", "code": mail.code() });
    let mut client = indoors.site.client();
    indoors.pass(10 * MINUTE - Duration::from_secs(1));
    client.post("/v1/resets/inspect", &code).expect(200);
    indoors.pass(Duration::from_secs(2));
    assert_eq!(client.post("/v1/resets/redeem", &code).expect(410).reason(), "expired");
    indoors.site.inspect(&mail.token()).expect(200);
    indoors.pass(20 * MINUTE - Duration::from_secs(2));
    indoors.site.inspect(&mail.token()).expect(200);
    indoors.pass(Duration::from_secs(2));
    assert_eq!(indoors.site.inspect(&mail.token()).expect(410).reason(), "expired");
    assert_eq!(indoors.site.redeem(&mail.token()).expect(410).reason(), "expired");
    indoors.expire();
    assert_eq!(indoors.site.state(&id), "expired");
    assert_eq!(indoors.site.redeem(&mail.token()).expect(410).reason(), "expired");
    assert_eq!(indoors.site.timeline(&id).iter().filter(|event| *event == "reset.expired").count(), 1);
}

#[test]
fn a_life_begins_when_the_next_hop_takes_the_mail_and_has_a_cap() {
    for (waited, left) in [(20 * MINUTE, 30 * MINUTE), (100 * MINUTE, 20 * MINUTE)] {
        let sink = Sink::new();
        sink.manner(Manner::PutOff);
        let indoors = Indoors::with(&Config::new().relay(sink.port()));
        let id = indoors.site.request("ann");
        let mut events = indoors.site.events();
        events.until(&id, "mail.deferred");
        indoors.pass(waited);
        sink.manner(Manner::Take);
        assert_eq!(retry(&indoors), 204);
        events.until(&id, "mail.sent");
        let token = sink.mails()[0].token();
        let minutes = left.as_secs() / 60;
        assert!(sink.mails()[0].text().contains(&minutes.to_string()), "the mail says {minutes} minutes: {}", sink.mails()[0].text());
        indoors.pass(left - Duration::from_secs(1));
        indoors.site.inspect(&token).expect(200);
        indoors.pass(Duration::from_secs(1));
        assert_eq!(indoors.site.redeem(&token).expect(410).reason(), "expired", "sent after {waited:?}");
    }
}

#[test]
fn what_the_portal_says_of_lifetimes_counts() {
    let indoors = Indoors::with(&Config::new().shop("link_lifetime = \"1m\"\ncode_lifetime = \"1m\"\nlifetime_cap = \"2m\""));
    let (_, mail) = indoors.site.mailed("ann");
    indoors.pass(59 * MINUTE / 60);
    indoors.site.inspect(&mail.token()).expect(200);
    indoors.pass(Duration::from_secs(1));
    indoors.site.redeem(&mail.token()).expect(410);
}

#[test]
fn an_answer_to_an_expired_reset_still_reaches_support() {
    let indoors = Indoors::with(&Config::new());
    let (id, mail) = indoors.site.mailed("ann");
    indoors.pass(5 * DAY);
    indoors.expire();
    indoors.site.hand_in(&Answer::to(&mail, "This wasn't me!").build());
    let flags = indoors.site.flags();
    assert_eq!((flags.len(), flags[0]["reset"].as_str(), flags[0]["proof"].as_str()), (1, Some(id.as_str()), Some("tag")));
    assert_eq!(indoors.site.state(&id), "expired");
}

#[test]
fn hours_pass_and_limits_slide() {
    // A link that outlives the hour: no relief comes in between.
    let config = Config::new().shop("link_lifetime = \"2h\"").limits("cool_down = \"60s\"\nper_account = 2");
    let indoors = Indoors::with(&config);
    let fate = || indoors.site.suppressed(&indoors.site.request("ann"));
    assert_eq!(fate(), None);
    indoors.pass(59 * MINUTE / 60);
    assert_eq!(fate().as_deref(), Some("limit: cool_down"));
    indoors.pass(Duration::from_secs(1));
    assert_eq!(fate(), None);
    indoors.pass(50 * MINUTE);
    assert_eq!(fate().as_deref(), Some("limit: per_account"));
    indoors.pass(9 * MINUTE);
    assert_eq!(fate(), None, "an hour after the first");
    assert_eq!(fate().as_deref(), Some("limit: cool_down"));
}

#[test]
fn who_is_over_the_limit_gets_a_mail_once_the_last_link_has_died_of_age() {
    let indoors = Indoors::with(&Config::new().limits("cool_down = \"60s\"\nper_account = 2"));
    let fate = || indoors.site.suppressed(&indoors.site.request("ann"));
    assert_eq!(fate(), None);
    indoors.pass(MINUTE);
    assert_eq!(fate(), None);
    indoors.pass(29 * MINUTE);
    assert_eq!(fate().as_deref(), Some("limit: per_account"));
    indoors.pass(MINUTE);
    assert_eq!(fate(), None);
    indoors.pass(2 * MINUTE);
    assert_eq!(fate().as_deref(), Some("limit: per_account"), "one, and no more");
}

#[test]
fn wrong_codes_are_forgiven_when_no_secret_they_could_hit_lives() {
    let indoors = Indoors::with(&Config::new().shop("method = \"both\""));
    let (_, mail) = indoors.site.mailed("ann");
    let wrong = if mail.code() == "10000000" { "10000001" } else { "10000000" };
    for _ in 0..5 {
        indoors.site.redeem_code("ann", wrong);
    }
    indoors.site.redeem_code("ann", &mail.code()).expect(429);
    indoors.pass(HOUR);
    let (_, next) = indoors.site.mailed("ann");
    assert!(!next.text().contains('#'), "codes are locked: the mail has a link alone");
    indoors.site.redeem_code("ann", &mail.code()).expect(429);
    indoors.pass(2 * HOUR);
    let (_, mail) = indoors.site.mailed("ann");
    indoors.site.redeem_code("ann", &mail.code()).expect(200);
}

#[test]
fn failed_logins_count_within_their_window_and_mail_once_a_day() {
    let indoors = Indoors::with(&Config::new());
    let fail = || {
        let body = json!({ "portal": "shop", "account": "ann", "email": "ann@mail.example" });
        indoors.site.client().post("/v1/login-failures", &body).expect(200).json()["failures"].as_u64().unwrap()
    };
    for n in 1..=4 {
        assert_eq!(fail(), n);
    }
    indoors.pass(15 * MINUTE);
    assert_eq!(fail(), 1, "a new window");
    let mails = |count: usize| {
        indoors.site.until_quiet();
        assert_eq!(indoors.site.outgoing().all().len(), count);
    };
    mails(0);
    (0..4).for_each(|_| {
        fail();
    });
    indoors.site.events().named("mail.sent");
    mails(1);
    indoors.pass(23 * HOUR);
    (0..5).for_each(|_| {
        fail();
    });
    mails(1);
    indoors.pass(HOUR);
    (0..5).for_each(|_| {
        fail();
    });
    mails(2);
}

#[test]
fn a_hold_after_a_bounce_ends() {
    let indoors = Indoors::with(&Config::new());
    let (_, mail) = indoors.site.mailed("ann");
    indoors.site.hand_in(&bounce(&mail, "failed", "5.1.1", "550 5.1.1 no such user"));
    let fate = || indoors.site.suppressed(&indoors.site.request("ann"));
    indoors.pass(7 * DAY - HOUR);
    assert!(fate().is_some());
    indoors.pass(HOUR);
    assert_eq!(fate(), None);
}

#[test]
fn personal_data_goes_and_the_story_stays() {
    let indoors = Indoors::with(&Config::new());
    let site = &indoors.site;
    let more = json!({ "name": "Annabella Purgeme", "client": { "ip": "203.0.113.77", "user_agent": "Purgeme/1.0" } });
    let (id, mail) = site.mailed_with("purge-account", more);
    site.hand_in(&Answer::to(&mail, "I am Annabella and need help").build());
    let flag = site.flags()[0]["id"].clone();
    site.client().post(&format!("/v1/flags/{flag}/resolve"), &json!({ "outcome": "called her" })).expect(200);
    site.until_quiet();
    indoors.pass(29 * DAY);
    indoors.expire();
    indoors.purge();
    assert_eq!(site.show(&id)["email"], "purge-account@mail.example");
    indoors.pass(2 * DAY);
    indoors.purge();
    let shown = site.show(&id);
    assert_eq!((&shown["email"], &shown["account"], shown["state"].as_str()), (&Value::Null, &Value::Null, Some("expired")));
    assert!(shown["timeline"].as_array().unwrap().len() >= 3);
    let rows = every_text(site.path());
    for personal in ["purge-account", "Annabella", "203.0.113.77", "Purgeme/1.0"] {
        assert!(!rows.contains(personal), "{personal} is still there");
    }
    site.client().get(&format!("/v1/flags/{flag}/message")).expect(404);
}

/// Every value of every row, as text.
fn every_text(site: &std::path::Path) -> String {
    let conn = Connection::open(site.join("state/resetd.db")).unwrap();
    let mut tables = conn.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut all = String::new();
    for table in tables {
        let mut select = conn.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let columns = select.column_count();
        let mut rows = select.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                if let rusqlite::types::ValueRef::Text(text) = row.get_ref(column).unwrap() {
                    all.push_str(&String::from_utf8_lossy(text));
                    all.push('\n');
                }
            }
        }
    }
    all
}
