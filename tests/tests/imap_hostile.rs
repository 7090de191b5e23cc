//! The IMAP mailbox against servers that Dovecot would never be: broken, hostile, or only different.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use data_encoding::BASE64;
use resetd_tests::{Answer, Config, FakeImap, Indoors, Site, Talk};

const CAN: &str = "IMAP4rev1 IDLE AUTH=PLAIN SASL-IR";

fn config(port: u16, lines: &str) -> Config {
    let secret = if lines.contains("token_command") { "" } else { "password_file = \"{dir}/imap-password\"\n" };
    Config::new().more(&format!(
        "[[mailbox.imap]]\nhost = \"127.0.0.1\"\nport = {port}\nname = \"answers\"\nuser = \"jo@example.org\"\n{secret}{lines}"
    ))
}

fn site(port: u16, lines: &str) -> Site {
    let config = config(port, lines);
    let mut site = Site::unstarted(&config);
    password(&site);
    site.start();
    site
}

fn password(site: &Site) {
    use std::os::unix::fs::PermissionsExt;
    let path = site.path().join("imap-password");
    std::fs::write(&path, "open sesame").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn until_log(site: &Site, words: &str) {
    while !site.log().contains(words) {
        std::thread::yield_now();
    }
}

fn problem(site: &Site) -> String {
    loop {
        let status = site.client().get("/v1/status").expect(200).json();
        let problems = status["problems"].as_array().unwrap().clone();
        if let Some(text) = problems.iter().filter_map(|text| text.as_str()).find(|text| text.contains("answers/")) {
            return text.to_owned();
        }
    }
}

fn ordinary(talk: &mut Talk, messages: &[Vec<u8>]) {
    talk.serve(CAN, messages, |_, _, _| false);
}

fn letter(n: usize) -> Vec<u8> {
    format!("From: ann@mail.example\r\nTo: reply@in.shop.example\r\nSubject: {n}\r\n\r\nPlease help me, number {n}.\r\n").into_bytes()
}

#[test]
fn a_broken_server_is_left_and_tried_again() {
    // Each costs a pause that doubles: three are enough.
    let bad = ["SSH-2.0-OpenSSH_9.2\r\n", "* BYE come back later\r\n", "* OK hi\r\n* 1 FETCH (\r\n"];
    let mut scripts: Vec<resetd_tests::fake_imap::Script> = Vec::new();
    for text in bad {
        scripts.push(Box::new(move |talk| talk.say(text)));
    }
    scripts.push(Box::new(|talk| ordinary(talk, &[letter(1)])));
    let fake = FakeImap::start(scripts);
    let site = site(fake.port, "");
    site.events().named("inbound.stored");
    assert!(site.log().contains("what came is not IMAP"), "{}", site.log());
    assert!(site.log().contains("(BYE)"));
}

#[test]
fn an_endless_literal_takes_no_memory_and_its_message_is_cut() {
    let script = |talk: &mut Talk| {
        talk.serve(CAN, &[letter(1), letter(2)], |talk, _, rest| {
            let lies = rest == "UID FETCH 1 (UID BODY.PEEK[])";
            if lies {
                talk.say("* 1 FETCH (UID 1 BODY[] {4294967295}\r\n");
                let chunk = "x".repeat(65_536);
                for _ in 0..64 {
                    talk.say(&chunk);
                }
            }
            lies
        });
    };
    let fake = FakeImap::start(vec![Box::new(script)]);
    let site = site(fake.port, "");
    let mut events = site.events();
    events.named("inbound.stored");
    events.named("inbound.stored");
    assert!(site.log().contains("the server sends more than it may"), "{}", site.log());
    // The second time only a beginning was asked for.
    assert!(fake.heard().iter().any(|line| line.contains("UID FETCH 1 (UID BODY.PEEK[]<0.")));
}

#[test]
fn a_message_that_is_not_given_holds_up_nobody() {
    let script = |talk: &mut Talk| {
        talk.serve(CAN, &[letter(1), letter(2), letter(3)], |talk, tag, rest| {
            let poison = rest.starts_with("UID FETCH 1 (UID BODY");
            if poison {
                talk.say(&format!("{tag} NO cannot read this message of jo@example.org\r\n"));
            }
            poison
        });
    };
    let fake = FakeImap::start(vec![Box::new(script)]);
    let site = site(fake.port, "");
    let mut events = site.events();
    events.named("inbound.stored");
    events.named("inbound.stored");
    until_log(&site, "mailbox.message_unreadable");
    // It is owed, and its attempts are counted.
    let conn = rusqlite::Connection::open(site.path().join("state/resetd.db")).unwrap();
    let (uid, attempts): (u32, u32) =
        conn.query_row("SELECT uid, attempts FROM imap_owed", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert!(uid == 1 && attempts >= 1, "{uid} {attempts}");
    let marked = fake.heard().into_iter().filter(|line| line.contains("STORE")).collect::<Vec<_>>().join("\n");
    assert!(marked.contains("UID STORE 2:3 +FLAGS.SILENT (\\Seen)") && !marked.contains("STORE 1"), "{marked}");
}

#[test]
fn a_message_that_is_never_given_becomes_a_flag() {
    let script = |talk: &mut Talk| {
        talk.serve(CAN, &[letter(1)], |talk, tag, rest| {
            let poison = rest.starts_with("UID FETCH 1 (UID BODY");
            if poison {
                talk.say(&format!("{tag} NO cannot\r\n"));
            }
            poison
        });
    };
    let fake = FakeImap::start(vec![Box::new(script)]);
    let mut site = site(fake.port, "");
    until_log(&site, "mailbox.message_unreadable");
    site.stop();
    // Eight hours and eleven tries later.
    let conn = rusqlite::Connection::open(site.path().join("state/resetd.db")).unwrap();
    assert_eq!(conn.execute("UPDATE imap_owed SET attempts = 11, due_at = 0", []).unwrap(), 1);
    drop(conn);
    site.start();
    site.events().named("flag.raised");
    let flags = site.flags();
    assert_eq!(flags.len(), 1);
    assert_eq!(flags[0]["reason"], "unreadable");
    assert!(
        flags[0]["text"].as_str().unwrap().contains("mailbox answers/INBOX could not be fetched (UID 1, UIDVALIDITY 7)"),
        "{}",
        flags[0]
    );
    until_log(&site, "mailbox.message_given_up");
}

#[test]
fn what_is_said_before_tls_is_not_believed() {
    // Somebody between slips a response in behind the server's OK (CVE-2011-0411 and its kin, here for clients).
    let fake = FakeImap::start(vec![Box::new(|talk: &mut Talk| {
        talk.say("* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] hi\r\n");
        while let Some((tag, rest)) = talk.command() {
            match rest.as_str() {
                "CAPABILITY" => talk.say(&format!("* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n{tag} OK\r\n")),
                _ => talk.say(&format!("{tag} OK go on\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n")),
            }
        }
    })]);
    let site = site(fake.port, "tls = \"starttls\"");
    let told = problem(&site);
    assert!(told.contains("it spoke before TLS began"), "{told}");
    assert!(fake.heard().iter().all(|line| line.ends_with("CAPABILITY") || line.ends_with("STARTTLS")), "{:?}", fake.heard());
}

#[test]
fn without_tls_nobody_logs_in_where_it_was_asked_for() {
    let plain = |talk: &mut Talk| talk.serve("IMAP4rev1 AUTH=PLAIN", &[], |_, _, _| false);
    let preauth = |talk: &mut Talk| {
        talk.say("* PREAUTH welcome, jo\r\n");
        while talk.line().is_some() {}
    };
    let cases: [(resetd_tests::fake_imap::Script, &str, &str); 3] = [
        (Box::new(plain), "tls = \"starttls\"", "it does not offer STARTTLS"),
        (Box::new(preauth), "tls = \"starttls\"", "it does not offer STARTTLS"),
        (Box::new(|talk: &mut Talk| talk.serve("IMAP4rev1 LOGINDISABLED", &[], |_, _, _| false)), "", "it offers no login that fits"),
    ];
    for (script, lines, why) in cases {
        let fake = FakeImap::start(vec![script]);
        let site = site(fake.port, lines);
        let told = problem(&site);
        assert!(told.contains(why), "{told}");
        let heard = fake.heard().join("\n");
        assert!(!heard.contains("LOGIN") && !heard.contains("AUTHENTICATE"), "{heard}");
    }
}

#[test]
fn a_token_is_used_and_a_refused_one_is_told() {
    let initial = "user=jo@example.org\u{1}auth=Bearer ya29.secret\u{1}\u{1}";
    let wanted = BASE64.encode(initial.as_bytes());
    for at_once in [true, false] {
        let can = if at_once { "IMAP4rev1 IDLE AUTH=XOAUTH2 SASL-IR" } else { "IMAP4rev1 IDLE AUTH=XOAUTH2" };
        let login = move |talk: &mut Talk, tag: &str, rest: &str, good: bool| {
            let Some(rest) = rest.strip_prefix("AUTHENTICATE XOAUTH2") else { return false };
            if rest.is_empty() {
                talk.say("+ \r\n");
                talk.line();
            }
            if good {
                talk.say(&format!("{tag} OK in\r\n"));
            } else {
                talk.say("+ eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIn0=\r\n");
                assert_eq!(talk.line().as_deref(), Some(""), "the challenge is answered with an empty line");
                talk.say(&format!("{tag} NO [AUTHENTICATIONFAILED] no\r\n"));
            }
            true
        };
        let lines = "token_command = [\"/bin/echo\", \"ya29.secret\"]";
        let good =
            FakeImap::start(vec![Box::new(move |talk| talk.serve(can, &[letter(1)], |talk, tag, rest| login(talk, tag, rest, true)))]);
        let taken = site(good.port, lines);
        taken.events().named("inbound.stored");
        assert!(good.heard().iter().any(|line| line.ends_with(&wanted)), "{:?}", good.heard());
        let bad = FakeImap::start(vec![Box::new(move |talk| talk.serve(can, &[], |talk, tag, rest| login(talk, tag, rest, false)))]);
        let refused = site(bad.port, lines);
        let told = problem(&refused);
        assert!(told.contains("the token was refused [AUTHENTICATIONFAILED]"), "{told}");
        assert!(!(refused.log() + &taken.log()).contains("ya29"));
    }
}

#[test]
fn idle_is_renewed_and_a_look_follows() {
    // News that IDLE never tells of: the second message is there after the first renewal.
    let renewals = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&renewals);
    let script = move |talk: &mut Talk| {
        let count = Arc::clone(&count);
        let messages = [letter(1), letter(2)];
        talk.serve(CAN, &messages, move |talk, tag, rest| {
            match rest {
                "IDLE" => {
                    talk.say("+ idling\r\n");
                    assert_eq!(talk.line().as_deref(), Some("DONE"));
                    count.fetch_add(1, Ordering::SeqCst);
                    talk.say(&format!("{tag} OK\r\n"));
                }
                "UID FETCH * (UID)" if count.load(Ordering::SeqCst) == 0 => talk.say(&format!("* 1 FETCH (UID 1)\r\n{tag} OK\r\n")),
                _ => return false,
            }
            true
        });
    };
    let fake = FakeImap::start(vec![Box::new(script)]);
    let site = site(fake.port, "idle = \"1s\"");
    let mut events = site.events();
    events.named("inbound.stored");
    events.named("inbound.stored");
    assert!(renewals.load(Ordering::SeqCst) >= 1);
}

#[test]
fn a_silent_server_is_noticed() {
    // It takes the connection and the login, and then says nothing any more.
    let silent = |talk: &mut Talk| talk.serve(CAN, &[], |_, _, rest| rest.starts_with("SELECT"));
    let fake = FakeImap::start(vec![Box::new(silent), Box::new(|talk: &mut Talk| ordinary(talk, &[letter(1)]))]);
    let site = site(fake.port, "timeout = \"1s\"");
    site.events().named("inbound.stored");
    assert!(site.log().contains("SELECT: took too long"), "{}", site.log());
}

#[test]
fn five_minutes_out_of_reach_are_an_alarm() {
    let fake = FakeImap::start(vec![Box::new(|talk: &mut Talk| talk.say("* BYE not now\r\n"))]);
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("imap-password");
    std::fs::write(&secret, "open sesame").unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let text = format!(
        "[[mailbox.imap]]\nhost = \"127.0.0.1\"\nport = {}\nname = \"answers\"\nuser = \"jo\"\npassword_file = \"{}\"\n",
        fake.port,
        secret.display()
    );
    let indoors = Indoors::with(&Config::new().more(&text));
    let problems = || indoors.site.client().get("/v1/status").expect(200).json()["problems"].as_array().unwrap().len();
    let metrics = || indoors.site.client().get("/metrics").expect(200).text();
    assert_eq!(problems(), 0);
    indoors.pass(std::time::Duration::from_secs(299));
    assert_eq!(problems(), 0);
    indoors.pass(std::time::Duration::from_secs(1));
    assert_eq!(problems(), 1);
    assert!(metrics().contains("resetd_mailbox_unreachable_seconds{mailbox=\"answers/INBOX\"} 300\n"));
}

#[test]
fn answers_by_imap_are_believed_like_others() {
    // The walk to the end, on any machine: a tagged answer denies its reset.
    let slot: Arc<std::sync::Mutex<Vec<Vec<u8>>>> = Arc::default();
    let messages = Arc::clone(&slot);
    let fake = FakeImap::start(vec![Box::new(move |talk: &mut Talk| {
        let messages = messages.lock().unwrap().clone();
        ordinary(talk, &messages);
    })]);
    let mut site = site(fake.port, "");
    let (id, mail) = site.mailed("ann");
    site.stop();
    slot.lock().unwrap().push(Answer::to(&mail, "This wasn't me!").build());
    site.start();
    site.events().named("flag.raised");
    assert_eq!(site.state(&id), "denied");
}

#[test]
fn nothing_is_marked_that_is_not_on_disk() {
    let database: Arc<std::sync::OnceLock<std::path::PathBuf>> = Arc::default();
    let at = Arc::clone(&database);
    let found = Arc::new(std::sync::Mutex::new(Vec::new()));
    let counts = Arc::clone(&found);
    let fake = FakeImap::start(vec![Box::new(move |talk: &mut Talk| {
        let messages: Vec<_> = (1..=40).map(letter).collect();
        talk.serve(CAN, &messages, |_, _, rest| {
            if rest.starts_with("UID STORE ") {
                let conn = rusqlite::Connection::open(at.wait()).unwrap();
                let stored: i64 = conn.query_row("SELECT count(*) FROM inbound", [], |row| row.get(0)).unwrap();
                let last = rest.split(' ').nth(2).unwrap().rsplit([':', ',']).next().unwrap().parse::<i64>().unwrap();
                counts.lock().unwrap().push((last, stored));
            }
            false
        });
    })]);
    let site = site(fake.port, "");
    database.set(site.path().join("state/resetd.db")).unwrap();
    let full = || found.lock().unwrap().last().is_some_and(|(last, _)| *last == 40);
    while !full() {
        std::thread::yield_now();
    }
    let found = found.lock().unwrap().clone();
    assert!(found.len() > 1 && found.iter().all(|(last, stored)| stored >= last), "{found:?}");
}

#[test]
fn a_flood_is_cut_off() {
    // A search without end, on one line; then a server that is well.
    let flood = |talk: &mut Talk| {
        talk.serve(CAN, &[letter(1)], |talk, _, rest| {
            let search = rest.starts_with("UID SEARCH");
            if search {
                talk.say("* SEARCH");
                let chunk = " 1".repeat(32_768);
                for _ in 0..64 {
                    talk.say(&chunk);
                }
            }
            search
        });
    };
    let fake = FakeImap::start(vec![Box::new(flood), Box::new(|talk: &mut Talk| ordinary(talk, &[letter(1)]))]);
    let site = site(fake.port, "");
    site.events().named("inbound.stored");
    assert!(site.log().contains("SEARCH: the server sends more than it may"), "{}", site.log());
}

#[test]
fn a_wrong_password_is_tried_once_and_not_by_each_folder() {
    let refuse = |talk: &mut Talk| {
        talk.serve(CAN, &[], |talk, tag, rest| {
            let login = rest.starts_with("AUTHENTICATE");
            if login {
                talk.say(&format!("{tag} NO [AUTHENTICATIONFAILED] jo@example.org: no\r\n"));
            }
            login
        });
    };
    let fake = FakeImap::start(vec![Box::new(refuse)]);
    let site = site(fake.port, "folders = [\"INBOX\", \"Junk\", \"Other\"]");
    while site.log().matches("mailbox.refused").count() < 3 {
        std::thread::yield_now();
    }
    assert_eq!(fake.heard().iter().filter(|line| line.contains("AUTHENTICATE")).count(), 1, "{:?}", fake.heard());
    let log = site.log();
    assert!(!log.contains("jo@example.org") && !log.contains("open sesame"));
}

#[test]
fn where_there_is_only_login_a_hard_password_goes_as_it_is() {
    // Quotes, a backslash, and letters that only a literal can hold.
    let fake = FakeImap::start(vec![Box::new(|talk: &mut Talk| {
        talk.serve("IMAP4rev1 IDLE", &[letter(1)], |talk, tag, rest| {
            let Some(rest) = rest.strip_prefix("LOGIN ") else { return false };
            assert_eq!(rest, "\"jo@example.org\" {9}");
            talk.say("+ go on\r\n");
            assert_eq!(talk.line().as_deref(), Some("p\"\\\"äöx"));
            talk.say(&format!("{tag} OK in\r\n"));
            true
        });
    })]);
    let mut site = Site::unstarted(&config(fake.port, ""));
    password(&site);
    std::fs::write(site.path().join("imap-password"), "p\"\\\"äöx").unwrap();
    site.start();
    site.events().named("inbound.stored");
}
