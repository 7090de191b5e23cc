//! Law 1: accepted is durable. Law 3: stored before acknowledged. The daemon is killed with SIGKILL, so nothing it kept
//! in memory alone survives.

use std::fs;
use std::path::Path;

use resetd_tests::answer::Answer;
use resetd_tests::lmtp::Lmtp;
use resetd_tests::sink::Manner;
use resetd_tests::{Config, Mail, Sink, Site};
use rusqlite::{Connection, OpenFlags};
use serde_json::json;

#[test]
fn accepted_then_killed_is_sent_after_the_restart() {
    let port = Sink::free_port();
    let mut site = Site::with(&Config::new().relay(port));
    let ids: Vec<String> = (0..20).map(|n| site.request(&format!("u{n}"))).collect();
    site.kill9();
    let sink = Sink::on(port);
    site.start();
    for id in &ids {
        site.events().until(id, "mail.sent");
        assert_eq!(site.state(id), "sent");
    }
    let mails = sink.until(20);
    assert_eq!(mails.len(), 20);
    assert!(ids.iter().all(|id| mails.iter().any(|mail| mail.is_about(id))));
    assert_eq!(site.redeem(&mails[0].token()).status, 200);
}

#[test]
fn killed_at_the_final_dot_it_is_sent_again_and_the_same() {
    let sink = Sink::new();
    sink.manner(Manner::Stall);
    let mut site = Site::with(&Config::new().relay(sink.port()));
    let id = site.request("ann");
    sink.until_stalled(1);
    site.kill9();
    assert!(sink.mails().is_empty());
    sink.go_on();
    site.start();
    site.events().until(&id, "mail.sent");
    let mails = sink.mails();
    // The one that hung at the dot may count as taken too: then the person has the same mail twice.
    assert!((1..=2).contains(&mails.len()));
    assert!(mails.iter().all(|mail| mail.message_id() == mails[0].message_id() && mail.token() == mails[0].token()));
    assert_eq!(site.redeem(&mails[0].token()).status, 200);
}

#[test]
fn an_idempotency_key_outlives_the_daemon() {
    let mut site = Site::new();
    let body = json!({ "portal": "shop", "account": "ann", "email": "ann@mail.example" }).to_string();
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "k-1")];
    let first = site.client().ask("POST", "/v1/resets", &headers, body.as_bytes()).expect(202);
    site.kill9();
    site.start();
    let again = site.client().ask("POST", "/v1/resets", &headers, body.as_bytes()).expect(202);
    assert_eq!(first.json(), again.json());
}

#[test]
fn redeemed_then_killed_stays_redeemed() {
    let mut site = Site::new();
    let (id, mail) = site.mailed("ann");
    site.redeem(&mail.token()).expect(200);
    site.kill9();
    site.start();
    assert_eq!(site.redeem(&mail.token()).expect(410).reason(), "used");
    assert_eq!(site.state(&id), "redeemed");
}

#[test]
fn a_refused_mail_is_reported() {
    let sink = Sink::new();
    sink.manner(Manner::Refuse);
    let site = Site::with(&Config::new().relay(sink.port()));
    let id = site.request("ann");
    let event = site.events().find(|event| event["event"] == "mail.refused");
    assert_eq!(event["reset"], id.as_str());
    assert_eq!(site.state(&id), "undeliverable");
}

#[test]
fn put_off_it_is_tried_again() {
    let sink = Sink::new();
    sink.manner(Manner::PutOff);
    let site = Site::with(&Config::new().relay(sink.port()));
    let id = site.request("ann");
    let mut events = site.events();
    events.until(&id, "mail.deferred");
    sink.manner(Manner::Take);
    events.until(&id, "mail.sent");
    assert_eq!(sink.mails().len(), 1);
}

#[test]
fn a_relay_that_hangs_up_at_the_dot_is_asked_again() {
    let sink = Sink::new();
    sink.manner(Manner::HangUp);
    let site = Site::with(&Config::new().relay(sink.port()));
    let id = site.request("ann");
    sink.until_refused(1);
    sink.manner(Manner::Take);
    site.events().until(&id, "mail.sent");
    assert_eq!(sink.mails().len(), 1);
}

#[test]
fn lmtp_says_250_when_it_is_on_disk() {
    let mut site = Site::with(&Config::new().more("[mailbox]\nlmtp = [\"unix:{dir}/lmtp\"]"));
    let (_, mail) = site.mailed("ann");
    for round in 1..=10 {
        let mut session = Lmtp::dial(&site.path().join("lmtp"));
        let message = Answer::to(&mail, &format!("I have a question, number {round}: where is my order?")).build();
        let reply = session.deliver("ann@mail.example", &mail.reply_to(), &message);
        assert!(reply.starts_with("250"), "{reply}");
        site.kill9();
        site.start();
    }
    let mut events = site.events();
    for _ in 0..10 {
        events.named("flag.raised");
    }
    let mut texts: Vec<String> = site.flags().iter().map(|flag| flag["text"].as_str().unwrap().to_owned()).collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 10, "{texts:?}");
}

#[test]
fn a_maildir_file_moves_only_after_the_store_has_it() {
    const FILES: usize = 150;
    let mut site = Site::unstarted(&Config::new().more("[mailbox]\nmaildirs = [\"{dir}/in\"]"));
    let maildir = site.path().join("in");
    for part in ["tmp", "new", "cur"] {
        fs::create_dir_all(maildir.join(part)).unwrap();
    }
    site.start();
    let (_, mail) = site.mailed("ann");
    site.stop();
    for n in 0..FILES {
        fs::write(maildir.join(format!("new/{n:04}.x")), Answer::to(&mail, &format!("Question {n}: where is my order?")).build()).unwrap();
    }
    let mut kills = 0;
    while count(&maildir.join("new")) > 0 {
        site.start();
        // One more than the last time: the kill comes while files are on their way.
        let moved = count(&maildir.join("cur"));
        let mut events = site.events();
        if moved < FILES {
            events.find(|event| event["event"] == "inbound.stored" && count(&maildir.join("cur")) > moved);
        }
        site.kill9();
        kills += 1;
        let (stored, moved) = (stored(&site), count(&maildir.join("cur")));
        assert!(stored >= moved, "{moved} files were moved, {stored} are stored");
    }
    assert!(kills > 1, "the kill came too late to mean anything");
    site.start();
    site.until_quiet();
    assert_eq!(stored(&site), FILES, "each once");
    // Each by its words: past the tenth answer to one mail they are collected as notes of one flag.
    let told = told(&site);
    let lost: Vec<usize> = (0..FILES).filter(|n| !told.iter().any(|text| text.contains(&format!("Question {n}:")))).collect();
    // One that was being read at twelve kills is shown to a person as it is.
    let unread = site.flags().iter().filter(|flag| flag["reason"] == "unreadable" && flag["has_message"] == true).count();
    assert!(lost.len() <= unread, "never reached support: {lost:?}");
    assert_eq!(count(&maildir.join("cur")), FILES);
}

fn count(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

/// The words of flags and notes.
fn told(site: &Site) -> Vec<String> {
    let conn = Connection::open_with_flags(site.path().join("state/resetd.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut select = conn.prepare("SELECT text FROM flag UNION ALL SELECT text FROM flag_note").unwrap();
    select.query_map([], |row| row.get::<_, Option<String>>(0)).unwrap().map(|text| text.unwrap().unwrap_or_default()).collect()
}

fn stored(site: &Site) -> usize {
    let conn = Connection::open_with_flags(site.path().join("state/resetd.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    conn.query_row("SELECT count(*) FROM inbound", [], |row| row.get::<_, i64>(0)).unwrap() as usize
}

#[test]
fn the_pipe_says_202_when_it_is_on_disk() {
    let mut site = Site::new();
    let (_, mail) = site.mailed("ann");
    let message = Answer::to(&mail, "It was not me who asked for this!").build();
    site.client().hand_in(&message).expect(202);
    site.kill9();
    site.start();
    let flag = site.events().named("flag.raised");
    assert_eq!(flag["detail"]["reason"], "not_me");
    // Once more: not read twice.
    let before = site.flags().len();
    site.hand_in(&Answer::to(&mail, "Hello? I need help.").build());
    assert_eq!(site.flags().len(), before + 1);
    let again: Vec<Mail> = site.outgoing().to("ann@mail.example");
    assert!(again.len() <= 2, "a reset mail and an acknowledgement");
}
