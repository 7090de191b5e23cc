//! The daemon's life: ready, reloaded, watched, handed its socket, stopped without dropping anything, started on what is
//! wrong.

use std::fs;
use std::io::{BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use resetd_tests::client::read_reply;
use resetd_tests::sink::Manner;
use resetd_tests::site::new_reset;
use resetd_tests::{Config, Sink, Site};
use serde_json::json;

#[test]
fn sighup_puts_a_good_file_in_force() {
    let mut site = Site::new();
    site.client().post("/v1/resets", &new_reset("ann", &json!({ "portal": "club" }))).expect(403);
    site.configure(&Config::new().portal("club", "").limits("cool_down = \"60s\""));
    site.daemon().hup();
    site.client().post("/v1/resets", &new_reset("ann", &json!({ "portal": "club" }))).expect(202);
    let second = site.request_with("ann", json!({ "portal": "club" }));
    assert_eq!(site.suppressed(&second).as_deref(), Some("limit: cool_down"));
    assert!(site.log().contains("reloaded"));
}

#[test]
fn a_bad_file_leaves_the_old_in_force_and_says_so() {
    let mut site = Site::new();
    let (_, before) = site.mailed("ann");
    for bad in ["[portal.shop]\nnonsense = 1\n", "not toml at all [", ""] {
        site.configure_as(bad);
        let said = site.daemon().hup();
        assert!(said.contains("old configuration"), "{said}");
        site.mailed("bob");
    }
    let log = site.log();
    assert!(log.contains("reload.failed") && log.contains("nonsense") && log.contains("resetd.toml"), "{log}");
    site.redeem(&before.token()).expect(200);
    // And a good one after that is taken.
    site.configure(&Config::new().portal("club", ""));
    site.daemon().hup();
    site.request_with("cem", json!({ "portal": "club" }));
}

#[test]
fn what_takes_a_restart_is_said() {
    let mut site = Site::new();
    site.configure(&Config::new().more("[mailbox]\nlmtp = [\"unix:{dir}/lmtp\"]"));
    site.daemon().hup();
    assert!(site.log().contains("needs_restart"), "{}", site.log());
    assert!(!site.path().join("lmtp").exists());
    site.restart();
    assert!(site.path().join("lmtp").exists());
}

#[test]
fn a_reload_changes_what_living_connections_may_do() {
    let mut site = Site::new();
    let mut client = site.client();
    client.get("/v1/queue").expect(200);
    site.configure(&Config::new().more(&format!("[[client]]\nuid = {}\nrole = \"support\"\n", nix::unistd::geteuid())));
    site.daemon().hup();
    client.get("/v1/queue").expect(403);
    client.get("/v1/flags").expect(200);
}

#[test]
fn a_portal_taken_away_takes_its_mails_along_and_drops_none_silently() {
    let sink = Sink::new();
    sink.manner(Manner::PutOff);
    let mut site = Site::with(&Config::new().portal("club", "").relay(sink.port()));
    let id = site.request_with("ann", json!({ "portal": "club" }));
    let mut events = site.events();
    events.until(&id, "mail.deferred");
    site.configure(&Config::new().relay(sink.port()));
    site.daemon().hup();
    sink.manner(Manner::Take);
    events.until(&id, "mail.deferred");
    assert!(sink.mails().is_empty());
    // It comes back: so does the mail.
    site.configure(&Config::new().portal("club", "").relay(sink.port()));
    site.daemon().hup();
    events.until(&id, "mail.sent");
}

#[test]
fn sigterm_finishes_what_is_in_flight() {
    let sink = Sink::new();
    sink.manner(Manner::Stall);
    let mut site = Site::with(&Config::new().relay(sink.port()));
    let id = site.request("ann");
    sink.until_stalled(1);
    // A request whose head is here and whose body is not.
    let body = new_reset("bob", &json!({})).to_string();
    let mut half = BufReader::new(UnixStream::connect(site.socket()).unwrap());
    let head = format!("POST /v1/resets HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    half.get_mut().write_all(head.as_bytes()).unwrap();
    half.get_mut().write_all(&body.as_bytes()[..10]).unwrap();
    site.client().get("/v1/status").expect(200);
    let daemon = site.daemon();
    daemon.term();
    daemon.until_says("STOPPING=1").unwrap();
    half.get_mut().write_all(&body.as_bytes()[10..]).unwrap();
    let accepted = read_reply(&mut half).unwrap().expect(202).json()["id"].as_str().unwrap().to_owned();
    sink.go_on();
    assert!(site.daemon().ended().success());
    assert!(site.log().contains("stopped"));
    // The mail that hung at its dot was finished and written down: it does not go out twice.
    site.start();
    site.events().until(&accepted, "mail.sent");
    assert_eq!(site.state(&id), "sent");
    let mails = sink.mails();
    assert_eq!(mails.iter().filter(|mail| mail.is_about(&id)).count(), 1);
    assert_eq!(mails.iter().filter(|mail| mail.is_about(&accepted)).count(), 1);
}

#[test]
fn sigterm_does_not_wait_for_ever() {
    let sink = Sink::new();
    sink.manner(Manner::Stall);
    let mut site = Site::with(&Config::new().relay(sink.port()));
    let id = site.request("ann");
    sink.until_stalled(1);
    let mut stream = site.events();
    site.daemon().term();
    assert!(site.daemon().ended().success(), "ten seconds, and no more");
    while stream.try_next().is_ok() {}
    sink.go_on();
    site.start();
    site.events().until(&id, "mail.sent");
}

#[test]
fn systemd_hands_the_socket_in() {
    let mut site = Site::activated(&Config::new());
    let (_, mail) = site.mailed("ann");
    // Clients that come while it restarts wait in the backlog: nobody is refused.
    site.stop();
    let waiting = {
        let socket = site.socket();
        let token = mail.token();
        std::thread::spawn(move || resetd_tests::Client::new(&socket).post("/v1/resets/redeem", &json!({ "token": token })).status)
    };
    site.start();
    assert_eq!(waiting.join().unwrap(), 200);
    assert!(site.socket().exists());
}

#[test]
fn who_has_connected_and_not_spoken_yet_is_answered_at_a_stop() {
    let mut site = Site::new();
    let mut silent = BufReader::new(UnixStream::connect(site.socket()).unwrap());
    // Connections are taken in turn: this answer means that the silent one was taken, too.
    site.client().get("/v1/status").expect(200);
    let daemon = site.daemon();
    daemon.term();
    daemon.until_says("STOPPING=1").unwrap();
    let body = new_reset("ann", &json!({})).to_string();
    let head = format!("POST /v1/resets HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    silent.get_mut().write_all((head + &body).as_bytes()).unwrap();
    read_reply(&mut silent).unwrap().expect(202);
    assert!(site.daemon().ended().success());
}

#[test]
fn without_a_portal_it_waits_and_says_what_to_do() {
    let mut site = Site::unstarted(&Config::new());
    let good = fs::read_to_string(site.path().join("resetd.toml")).unwrap();
    site.configure_as("");
    site.wait_for_configuration();
    assert!(!site.path().join("state").exists(), "it opens and makes nothing");
    let told = site.client().get("/v1/status").expect(503).json()["detail"].as_str().unwrap().to_owned();
    assert!(told.contains("portal") && told.contains("systemctl reload resetd"), "{told}");
    site.configure_as("[portal.shop]\n");
    assert!(site.daemon().hup().contains("errors"));
    site.configure_as(&good);
    assert!(site.daemon().hup().contains("serving"));
    site.mailed("ann");
}

#[test]
fn the_watchdog_hears_of_a_daemon_that_lives() {
    let mut site = Site::unstarted(&Config::new());
    site.try_start(&[("WATCHDOG_USEC", "200000")]).unwrap();
    for _ in 0..3 {
        site.daemon().until_says("WATCHDOG=1").unwrap();
    }
}

#[test]
fn two_daemons_do_not_share_a_socket_or_a_database() {
    let mut site = Site::new();
    site.mailed("ann");
    let Err(not) = resetd_tests::Daemon::start(site.path(), None, &[]) else { panic!("a second daemon started") };
    assert!(!not.status.success());
    assert!(not.log.contains("already") || not.log.contains("another process"), "{}", not.log);
    site.restart();
}

#[test]
fn a_bad_configuration_does_not_start_and_says_why() {
    for (text, words) in
        [("", &["resetd.toml", "portal"][..]), ("[portal.shop]\ntitle = 7\n", &["resetd.toml", "title", "7"]), ("[[[", &["resetd.toml"])]
    {
        let mut site = Site::unstarted(&Config::new());
        site.configure_as(text);
        let not = site.try_start(&[]).unwrap_err();
        assert!(!not.status.success());
        for word in words {
            assert!(not.log.contains(word), "{word} in {}", not.log);
        }
    }
}

#[test]
fn another_root_key_than_the_databases_is_refused() {
    let mut site = Site::new();
    site.mailed("ann");
    site.stop();
    fs::remove_file(site.path().join("state/root.key")).unwrap();
    let not = site.try_start(&[]).unwrap_err();
    assert!(not.log.contains("key"), "{}", not.log);
}

#[test]
fn a_damaged_or_newer_database_is_refused() {
    let mut site = Site::new();
    site.mailed("ann");
    site.stop();
    let path = site.path().join("state/resetd.db");
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 999).unwrap();
    let not = site.try_start(&[]).unwrap_err();
    assert!(not.log.contains("999") && not.log.contains("newer"), "{}", not.log);
    fs::write(&path, b"this is no database at all, whatever its name says").unwrap();
    let not = site.try_start(&[]).unwrap_err();
    assert!(not.log.contains("database"), "{}", not.log);
}

#[test]
fn a_folder_that_cant_be_written_is_named() {
    let mut site = Site::unstarted(&Config::new().more("[server]\nsocket = \"{dir}/no/such/folder/s\""));
    let not = site.try_start(&[]).unwrap_err();
    assert!(not.log.contains("no/such/folder"), "{}", not.log);
}

#[test]
fn the_queue_is_listed_and_retried() {
    let port = Sink::free_port();
    let site = Site::with(&Config::new().relay(port));
    let id = site.request("ann");
    let mut events = site.events();
    events.until(&id, "mail.deferred");
    let queue = site.client().get("/v1/queue").expect(200);
    assert!(!queue.text().contains("ann@"), "the address is not shown: {}", queue.text());
    let queue = queue.json();
    let mail = &queue["items"][0];
    assert_eq!(
        (mail["kind"].as_str(), mail["reset"].as_str(), mail["domain"].as_str()),
        (Some("reset"), Some(id.as_str()), Some("mail.example"))
    );
    assert!(mail["attempts"].as_u64().unwrap() >= 1 && mail["last"].is_string(), "{mail}");
    let status = site.client().get("/v1/status").expect(200).json();
    assert!(status["problems"].as_array().unwrap().iter().any(|text| text.as_str().unwrap().contains("mail does not go out")), "{status}");
    let sink = Sink::on(port);
    site.client().ask("POST", &format!("/v1/queue/{}/retry", mail["id"]), &[], b"").expect(204);
    events.until(&id, "mail.sent");
    site.client().ask("POST", &format!("/v1/queue/{}/retry", mail["id"]), &[], b"").expect(404);
    assert_eq!(sink.mails().len(), 1);
    assert!(site.client().get("/v1/status").expect(200).json()["problems"].as_array().unwrap().is_empty());
}

#[test]
fn a_retry_of_a_mail_that_is_under_way_sends_it_once() {
    let sink = Sink::new();
    sink.manner(Manner::Stall);
    let mut site = Site::with(&Config::new().relay(sink.port()));
    let id = site.request("ann");
    sink.until_stalled(1);
    let mail = site.client().get("/v1/queue").expect(200).json()["items"][0]["id"].clone();
    site.client().ask("POST", &format!("/v1/queue/{mail}/retry"), &[], b"").expect(204);
    // What was asked for after it is under way by now; so would the second try be.
    site.request("bob");
    sink.until_stalled(2);
    sink.go_on();
    site.events().until(&id, "mail.sent");
    site.stop();
    assert_eq!(sink.mails().iter().filter(|mail| mail.is_about(&id)).count(), 1);
}

#[test]
fn a_backup_is_whole_and_private() {
    let site = Site::new();
    let (id, _) = site.mailed("ann");
    let reply = site.client().ask("POST", "/v1/backup", &[], b"");
    if reply.status == 404 {
        println!("skipped: this build has no POST /v1/backup");
        return;
    }
    let file = reply.json()["file"].as_str().unwrap().to_owned();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let copy = rusqlite::Connection::open(&file).unwrap();
    let bytes = data_encoding::HEXLOWER.decode(id.replace('-', "").as_bytes()).unwrap();
    let found: i64 = copy.query_row("SELECT count(*) FROM reset WHERE id = ?1", [bytes], |row| row.get(0)).unwrap();
    assert_eq!(found, 1);
}
