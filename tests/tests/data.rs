//! Keys, copies, erasure and the audit, from outside: `resetctl` and the real daemon.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use data_encoding::BASE64URL_NOPAD;
use resetd_tests::leaks::Needles;
use resetd_tests::{Answer, Site};
use serde_json::{Value, json};

fn ctl(site: &Site, line: &[&str]) -> Output {
    let mut command = Command::new(resetd_tests::daemon::program("resetctl"));
    command.env("RESETD_SOCKET", site.socket()).args(line);
    command.output().unwrap()
}

/// Its JSON; it must have ended well.
#[track_caller]
fn ctl_json(site: &Site, line: &[&str]) -> Value {
    let output = ctl(site, &[&["--json"], line].concat());
    assert!(output.status.success(), "{line:?}: {}{}", text(&output.stdout), text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The text of a message, whatever its encoding.
fn words(message: &str) -> String {
    let message = mail_parser::MessageParser::default().parse(message.as_bytes()).unwrap().into_owned();
    message.body_text(0).unwrap().into_owned()
}

fn key_file(site: &Site) -> PathBuf {
    site.path().join("state/root.key")
}

/// Which key a token was made with: its first octet.
fn made_with(token: &str) -> u8 {
    BASE64URL_NOPAD.decode(token.as_bytes()).unwrap()[0]
}

#[test]
fn a_rotation_leaves_mails_that_are_out_good() {
    let mut site = Site::new();
    let both = json!({ "method": "both" });
    let (_, by_link) = site.mailed_with("link", both.clone());
    let (_, by_code) = site.mailed_with("code", both.clone());
    let (denied, answered) = site.mailed_with("denied", both.clone());
    let (kept, also_answered) = site.mailed_with("kept", both);
    // A message that is sealed with the old key.
    site.hand_in(&Answer::to(&also_answered, "I did not ask for this, please help me with my invoice").build());
    let sealed = site.flags().into_iter().find(|flag| flag["reset"] == kept.as_str()).unwrap()["id"].clone();

    let keys = ctl_json(&site, &["keys", "rotate"]);
    assert_eq!(keys["items"][0]["id"], 2);
    assert_eq!((&keys["items"][0]["current"], &keys["items"][1]["current"]), (&json!(true), &json!(false)));
    assert_eq!(keys["items"][1]["messages"], 1, "{keys}");
    let file = fs::read_to_string(key_file(&site)).unwrap();
    assert_eq!(file.lines().map(|line| line.split(':').next().unwrap()).collect::<Vec<_>>(), ["2", "1"]);

    for restarted in [false, true] {
        if restarted {
            site.restart();
        }
        let (_, new) = site.mailed("new");
        assert_eq!(made_with(&new.token()), 2);
        assert_eq!(made_with(&by_link.token()), 1);
        site.inspect(&by_link.token()).expect(200);
        let message = site.client().get(&format!("/v1/flags/{sealed}/message")).expect(200);
        assert!(words(&message.text()).contains("invoice"), "{}", message.text());
    }
    site.redeem(&by_link.token()).expect(200);
    site.redeem_code("code", &by_code.code()).expect(200);
    let read = site.hand_in(&Answer::to(&answered, "This was not me! I did not ask for it.").build());
    assert_eq!(read["detail"]["proof"], "tag", "{read}");
    assert_eq!(site.state(&denied), "denied");
    assert_eq!(ctl_json(&site, &["audit", "verify"])["good"], true);

    // Taken out too early, the old key is missed; and so is the whole file.
    site.stop();
    fs::write(key_file(&site), file.lines().next().unwrap()).unwrap();
    let not = site.try_start(&[]).unwrap_err();
    assert_eq!(not.status.code(), Some(78));
    assert!(not.log.contains("root key with id 1 is not in the key file"), "{}", not.log);
    fs::write(key_file(&site), file).unwrap();
    site.start();
}

#[test]
fn a_lost_key_is_told_and_none_is_made_in_its_place() {
    let mut site = Site::new();
    site.mailed("ann");
    site.stop();
    let key = fs::read_to_string(key_file(&site)).unwrap();
    fs::remove_file(key_file(&site)).unwrap();
    let not = site.try_start(&[]).unwrap_err();
    assert_eq!(not.status.code(), Some(78), "trying again changes nothing");
    assert!(not.log.contains("there is no root key at") && not.log.contains("Put the key file back"), "{}", not.log);
    assert!(!key_file(&site).exists(), "a new key beside an old database");
    // Another key under the same id.
    fs::write(key_file(&site), "1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n").unwrap();
    let not = site.try_start(&[]).unwrap_err();
    assert_eq!(not.status.code(), Some(78));
    assert!(not.log.contains("is not the one that this database was made with"), "{}", not.log);
    fs::write(key_file(&site), key).unwrap();
    site.start();
}

#[test]
fn a_key_that_is_not_the_daemons_is_rotated_by_file() {
    let mut site = Site::new();
    site.mailed("ann");
    let file = key_file(&site).display().to_string();
    assert_eq!(ctl_json(&site, &["keys", "rotate", "--file", &file])["id"], 2);
    // The daemon has not taken it yet, and would lose it.
    let refused = ctl(&site, &["keys", "rotate"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("restart resetd first"), "{}", text(&refused.stderr));
    site.restart();
    assert_eq!(
        ctl_json(&site, &["keys", "list"])["items"][0],
        json!({ "id": 2, "current": true, "here": true, "resets": 0, "messages": 0 })
    );
}

#[test]
fn no_key_stands_in_environment_arguments_or_a_core() {
    let mut site = Site::new();
    let key = fs::read_to_string(key_file(&site)).unwrap();
    let key = key.trim().split_once(':').unwrap().1.to_owned();
    let of = |name: &str, pid: u32| fs::read(format!("/proc/{pid}/{name}")).unwrap();
    let pid = site.daemon().pid();
    for name in ["environ", "cmdline"] {
        let bytes = of(name, pid);
        assert!(!bytes.is_empty() && !text(&bytes).contains(&key), "{name}");
    }
    let limits = text(&of("limits", pid));
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().rev().take(3).collect::<Vec<_>>(), ["bytes", "0", "0"], "{core}");
}

#[test]
fn a_backup_put_back_revives_nothing() {
    let mut site = Site::new();
    let (_, used) = site.mailed("used");
    let (_, open) = site.mailed("open");
    let (denied, answered) = site.mailed("denied");
    let backup = site.path().join("backup.db").display().to_string();
    let made = ctl(&site, &["backup", &backup]);
    assert!(made.status.success() && text(&made.stderr).contains("root key is NOT in it"), "{}", text(&made.stderr));
    let key = fs::read_to_string(key_file(&site)).unwrap();
    assert!(!text(&fs::read(&backup).unwrap()).contains(key.trim().split_once(':').unwrap().1));
    site.redeem(&used.token()).expect(200);
    site.hand_in(&Answer::to(&answered, "This was not me! I did not ask for it.").build());
    assert_eq!(site.state(&denied), "denied");
    let head = ctl_json(&site, &["audit", "head"])["head"].as_str().unwrap().to_owned();
    let state = site.path().join("state").display().to_string();
    let restore = |site: &Site, more: &[&str]| ctl(site, &[&["restore", &backup, "--state-dir", &state], more].concat());
    let refused = restore(&site, &["--replace"]);
    assert!(text(&refused.stderr).contains("another resetd has the database open"), "{}", text(&refused.stderr));
    site.stop();
    let refused = restore(&site, &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("--replace"), "{}", text(&refused.stderr));
    let put = restore(&site, &["--replace"]);
    assert!(put.status.success(), "{}", text(&put.stderr));
    assert!(text(&put.stdout).contains("is kept as"), "{}", text(&put.stdout));
    site.start();
    for mail in [&used, &open, &answered] {
        let refused = site.redeem(&mail.token()).expect(410).json();
        assert_eq!(refused["reason"], "revoked", "{refused}");
    }
    assert!(site.timeline(&denied).contains(&"reset.revoked".to_owned()));
    assert!(site.flags().iter().any(|flag| flag["reason"] == "restored"), "support is told");
    let (_, new) = site.mailed("open");
    site.redeem(&new.token()).expect(200);
    assert_eq!(ctl_json(&site, &["audit", "verify"])["good"], true);
    // What was lost with it shows to who kept the head.
    let lost = ctl(&site, &["audit", "verify", "--head", &head]);
    assert_eq!(lost.status.code(), Some(1), "{}", text(&lost.stdout));
}

#[test]
fn an_edited_timeline_is_found() {
    let mut site = Site::new();
    let (id, mail) = site.mailed("ann");
    site.redeem(&mail.token()).expect(200);
    assert_eq!(ctl(&site, &["audit", "verify"]).status.code(), Some(0));
    site.stop();
    let conn = rusqlite::Connection::open(site.path().join("state/resetd.db")).unwrap();
    assert_eq!(conn.execute("UPDATE event SET kind = 'reset.inspected' WHERE kind = 'reset.redeemed'", []).unwrap(), 1);
    drop(conn);
    site.start();
    let found = ctl(&site, &["audit", "verify"]);
    assert_eq!(found.status.code(), Some(1));
    assert!(text(&found.stdout).contains("altered"), "{}", text(&found.stdout));
    let problems = site.client().get("/v1/status").expect(200).json()["problems"].to_string();
    assert!(problems.contains("not as it was written"), "{problems}");
    assert_eq!(site.show(&id)["account"], "ann");
    let bad = ctl(&site, &["audit", "verify", "--head", "nonsense"]);
    assert_eq!(bad.status.code(), Some(2), "{}", text(&bad.stderr));
}

#[test]
fn all_that_is_held_is_given_out_and_erased() {
    let mut site = Site::new();
    let person = json!({ "method": "both", "email": "annabella@mail.example", "name": "Annabella Q", "client": { "ip": "203.0.113.77" } });
    let (id, mail) = site.mailed_with("u-77x77", person.clone());
    let (other, _) = site.mailed("other");
    site.hand_in(&Answer::to(&mail, "This was not me. Yours, Annabella").build());
    let (open, open_mail) = site.mailed_with("u-77x77", person);

    let export = ctl_json(&site, &["export", "annabella@mail.example"]);
    let ids: Vec<&str> = export["resets"].as_array().unwrap().iter().map(|reset| reset["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [id.as_str(), open.as_str()]);
    assert_eq!(export["resets"][0]["name"], "Annabella Q");
    assert!(export["resets"][0]["timeline"].as_array().unwrap().len() > 2);
    assert_eq!((export["flags"].as_array().unwrap().len(), export["messages"].as_array().unwrap().len()), (1, 1), "{export}");
    assert!(words(export["messages"][0]["message"].as_str().unwrap()).contains("Yours, Annabella"));
    let mut secrets = Needles::default();
    for mail in [&mail, &open_mail] {
        secrets.token(&mail.token());
        secrets.code(&mail.code());
    }
    secrets.must_not_be_in("the export", export.to_string().as_bytes());
    assert_eq!(ctl_json(&site, &["export", "u-77x77", "--portal", "shop"])["resets"], export["resets"], "by account as by address");
    assert_eq!(ctl_json(&site, &["export", "nobody@mail.example"])["resets"], json!([]));

    let asked = ctl(&site, &["forget", "annabella@mail.example"]);
    assert_eq!(asked.status.code(), Some(1));
    assert!(text(&asked.stdout).contains("would be erased: 2 resets, 1 flags, 1 messages"), "{}", text(&asked.stdout));
    site.inspect(&open_mail.token()).expect(200);
    let gone = ctl_json(&site, &["forget", "annabella@mail.example", "--yes"]);
    assert_eq!((&gone["resets"], &gone["flags"], &gone["messages"]), (&json!(2), &json!(1), &json!(1)), "{gone}");
    site.redeem(&open_mail.token()).expect(410);
    assert_eq!(ctl_json(&site, &["export", "annabella@mail.example"])["resets"], json!([]));
    let shown = site.show(&id);
    assert_eq!((&shown["account"], &shown["email"], &shown["state"]), (&Value::Null, &Value::Null, &json!("denied")));
    assert!(shown["timeline"].as_array().unwrap().iter().all(|line| line["detail"].is_null()), "{shown}");
    assert_eq!(site.show(&other)["account"], "other");
    assert_eq!(ctl_json(&site, &["audit", "verify"])["good"], true);
    site.stop();
    for entry in fs::read_dir(site.path().join("state")).unwrap().map(|entry| entry.unwrap()) {
        if entry.file_type().unwrap().is_file() {
            let bytes = text(&fs::read(entry.path()).unwrap()).to_lowercase();
            for needle in ["annabella", "u-77x77", "203.0.113"] {
                assert!(!bytes.contains(needle), "{needle} in {}", entry.path().display());
            }
        }
    }
}
