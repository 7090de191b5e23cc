//! The IMAP mailbox against a real Dovecot.

use std::time::Duration;

use resetd_tests::{Answer, Config, Dovecot, Site, dovecot};

fn imap(dovecot: &Dovecot, lines: &str) -> Config {
    imap_of(dovecot.port, &dovecot.path("password").display().to_string(), lines)
}

/// A config that can be written before the rest of the test knows the site. A renewal of IDLE every half hour and a poll
/// every hour: what arrives, arrives by IDLE.
fn imap_of(port: u16, password: &str, lines: &str) -> Config {
    let host = if lines.contains("host") { "" } else { "host = \"127.0.0.1\"\n" };
    let port = if lines.contains("port") { String::new() } else { format!("port = {port}\n") };
    Config::new().more(&format!(
        "[[mailbox.imap]]\n{host}{port}name = \"answers\"\nuser = \"answers\"\npassword_file = \"{password}\"\nidle = \"29m\"\npoll = \"1h\"\n{lines}"
    ))
}

fn metrics(site: &Site) -> String {
    site.client().get("/metrics").expect(200).text()
}

/// Waits until the folder is read, or is not.
fn until_up(site: &Site, folder: &str, up: u8) {
    let wanted = format!("resetd_mailbox_up{{mailbox=\"answers/{folder}\"}} {up}\n");
    while !metrics(site).contains(&wanted) {
        std::thread::yield_now();
    }
}

fn stored(site: &Site) -> usize {
    let metrics = metrics(site);
    let line = metrics.lines().find(|line| line.starts_with("resetd_events_total{event=\"inbound.stored\"}"));
    line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

/// Every `inbound.stored` of the timeline, over restarts.
fn stored_ever(site: &Site) -> usize {
    let conn = rusqlite::Connection::open(site.path().join("state/resetd.db")).unwrap();
    conn.query_row("SELECT count(*) FROM event WHERE kind = 'inbound.stored'", [], |row| row.get::<_, i64>(0)).unwrap().try_into().unwrap()
}

fn problems(site: &Site) -> Vec<String> {
    let status = site.client().get("/v1/status").expect(200).json();
    status["problems"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Waits for a problem; gives its text.
fn problem(site: &Site) -> String {
    loop {
        if let Some(problem) = problems(site).into_iter().find(|text| text.contains("answers/")) {
            return problem;
        }
        std::thread::yield_now();
    }
}

fn until(what: impl Fn() -> bool) {
    while !what() {
        std::thread::yield_now();
    }
}

#[test]
#[ignore = "needs dovecot"]
fn an_answer_arrives_while_it_idles() {
    for tls in ["starttls", "implicit"] {
        let dovecot = Dovecot::start();
        let port = if tls == "starttls" { dovecot.port } else { dovecot.tls_port };
        let ca = dovecot.path("ca.pem");
        let lines = format!("host = \"localhost\"\nport = {port}\ntls = \"{tls}\"\nca = \"{}\"", ca.display());
        let site = Site::with(&imap(&dovecot, &lines));
        until_up(&site, "INBOX", 1);
        let (id, mail) = site.mailed("ann");
        dovecot.deliver("", &Answer::to(&mail, "This wasn't me!").build());
        site.events().named("flag.raised");
        assert_eq!(site.state(&id), "denied", "{tls}");
        until(|| dovecot.files("", Some('S')) == 1);
        assert_eq!(problems(&site), Vec::<String>::new());
        assert!(!site.log().contains(dovecot::PASSWORD));
    }
}

#[test]
#[ignore = "needs dovecot"]
fn junk_is_read_and_what_was_read_is_moved() {
    let dovecot = Dovecot::start();
    let site = Site::with(&imap(&dovecot, "folders = [\"INBOX\", '\\Junk']\nafter = \"move:Done & dusted\""));
    until_up(&site, "\\\\Junk", 1);
    let (id, mail) = site.mailed("ann");
    dovecot.deliver(".Spam", &Answer::to(&mail, "This wasn't me!").build());
    site.events().named("flag.raised");
    assert_eq!(site.state(&id), "denied");
    // Made where it was missing; its name stands there in modified UTF-7.
    until(|| dovecot.files(".Done &- dusted", None) == 1);
    until(|| dovecot.files(".Spam", None) == 0);
    // What was moved away is not counted any more: the next arrivals are told by IDLE as well.
    for n in 2..5 {
        dovecot.deliver(".Spam", &Answer::to(&mail, &format!("Please help me, number {n}.")).build());
        until(|| dovecot.files(".Done &- dusted", None) == n);
    }
}

#[test]
#[ignore = "needs dovecot"]
fn without_move_it_copies_and_takes_the_old_ones_away() {
    let dovecot = Dovecot::without_move();
    let site = Site::with(&imap(&dovecot, "after = \"move:Done\""));
    until_up(&site, "INBOX", 1);
    let (id, mail) = site.mailed("ann");
    dovecot.deliver("", &Answer::to(&mail, "This wasn't me!").build());
    site.events().named("flag.raised");
    assert_eq!(site.state(&id), "denied");
    until(|| dovecot.files("", None) == 0);
    assert_eq!(dovecot.files(".Done", None), 1);
}

#[test]
#[ignore = "needs dovecot"]
fn what_was_read_is_deleted_and_what_others_marked_stays() {
    let dovecot = Dovecot::start();
    // Too old to be read, and marked by somebody who may think better of it.
    dovecot.deliver_aged("", b"From: eve@elsewhere.example\r\nSubject: Old\r\n\r\nOld.\r\n", Duration::from_secs(40 * 86_400));
    dovecot.mark_deleted();
    let site = Site::with(&imap(&dovecot, "after = \"delete\""));
    until_up(&site, "INBOX", 1);
    let (id, mail) = site.mailed("ann");
    for words in ["This wasn't me!", "And who was it?"] {
        dovecot.deliver("", &Answer::to(&mail, words).build());
    }
    until(|| stored(&site) == 2 && dovecot.files("", None) == 1);
    assert_eq!(dovecot.files("", Some('T')), 1);
    site.events().until(&id, "reset.denied");
}

#[test]
#[ignore = "needs dovecot"]
fn it_comes_back_when_dovecot_does() {
    let mut dovecot = Dovecot::start();
    let site = Site::with(&imap(&dovecot, ""));
    until_up(&site, "INBOX", 1);
    let (id, mail) = site.mailed("ann");
    dovecot.kill();
    until_up(&site, "INBOX", 0);
    assert_eq!(problems(&site), Vec::<String>::new(), "a hiccup is no alarm");
    dovecot.deliver("", &Answer::to(&mail, "This wasn't me!").build());
    dovecot.resume();
    site.events().named("flag.raised");
    assert_eq!(site.state(&id), "denied");
    until_up(&site, "INBOX", 1);
}

#[test]
#[ignore = "needs dovecot"]
fn other_numbers_lose_nothing_and_double_nothing() {
    let mut dovecot = Dovecot::start();
    let site = Site::with(&imap(&dovecot, ""));
    // Few for each: a flood of answers to one mail is collected in one flag.
    let mails = ["ann", "ben", "cleo", "dan"].map(|account| site.mailed(account).1);
    for n in 0..20 {
        dovecot.deliver("", &Answer::to(&mails[n % 4], &format!("Please help me with this, number {n}.")).build());
    }
    until(|| stored(&site) == 20);
    until(|| dovecot.files("", Some('S')) == 20);
    let flags = || -> usize {
        site.until_quiet();
        site.flags().len()
    };
    let before = flags();
    dovecot.renumber();
    dovecot.deliver("", &Answer::to(&mails[0], "One more: I need help.").build());
    dovecot.resume();
    until(|| dovecot.files("", Some('S')) == 21);
    until_up(&site, "INBOX", 1);
    assert!(site.log().contains("mailbox.renumbered"), "the test did not change them");
    assert_eq!(stored(&site), 21);
    assert_eq!(flags(), before + 1);
}

#[test]
#[ignore = "needs dovecot"]
fn killed_in_the_middle_it_loses_and_doubles_nothing() {
    const COUNT: usize = 300;
    let dovecot = Dovecot::start();
    let mut site = Site::with(&imap(&dovecot, ""));
    let (_, mail) = site.mailed("ann");
    for n in 0..COUNT {
        dovecot.deliver("", &Answer::to(&mail, &format!("Please help me with this, number {n}.")).build());
    }
    let mut kills = 0;
    for enough in [5, 60, 120] {
        until(|| stored_ever(&site) >= enough);
        site.kill9();
        assert!(stored_ever(&site) < COUNT, "it was done before it was killed");
        kills += 1;
        site.start();
    }
    until(|| dovecot.files("", Some('S')) == COUNT);
    assert_eq!((stored_ever(&site), kills), (COUNT, 3));
    // All that was owed is paid.
    until_up(&site, "INBOX", 1);
    site.stop();
    let conn = rusqlite::Connection::open(site.path().join("state/resetd.db")).unwrap();
    let owed: i64 = conn.query_row("SELECT count(*) FROM imap_owed", [], |row| row.get(0)).unwrap();
    assert_eq!(owed, 0);
}

#[test]
#[ignore = "needs dovecot"]
fn a_wrong_password_is_told_and_not_tried_again_at_once() {
    let dovecot = Dovecot::start();
    let wrong = dovecot.path("wrong");
    std::fs::copy(dovecot.path("password"), &wrong).unwrap();
    std::fs::write(&wrong, "tr0ub4dor").unwrap();
    let site = Site::with(&imap_of(dovecot.port, &wrong.display().to_string(), ""));
    let told = problem(&site);
    assert!(told.contains("the login was refused [AUTHENTICATIONFAILED]: are mailbox.imap.user and the password right?"), "{told}");
    let log = site.log();
    assert_eq!(log.matches("mailbox.refused").count(), 1);
    assert!(!log.contains("tr0ub4dor"));
    assert!(metrics(&site).contains("resetd_mailbox_up{mailbox=\"answers/INBOX\"} 0\n"));
}

#[test]
#[ignore = "needs dovecot"]
fn a_strangers_certificate_is_refused() {
    let (dovecot, other) = (Dovecot::start(), Dovecot::start());
    let lines = |host: &str, ca: &Dovecot| {
        format!("host = \"{host}\"\nport = {}\ntls = \"implicit\"\nca = \"{}\"", dovecot.tls_port, ca.path("ca.pem").display())
    };
    // Another authority; and the right one with another name.
    for lines in [lines("localhost", &other), lines("127.0.0.1", &dovecot)] {
        let site = Site::with(&imap(&dovecot, &lines));
        let told = problem(&site);
        assert!(told.contains("its certificate is not trusted"), "{told}");
        site.client().get("/v1/status").expect(200);
    }
    assert!(!std::fs::read_to_string(dovecot.path("log")).unwrap().contains("Login: user="), "nothing was said");
}

#[test]
#[ignore = "needs dovecot"]
fn of_what_is_too_large_the_beginning_is_kept() {
    let dovecot = Dovecot::start();
    let site = Site::with(
        &Config::new().more("[mailbox]\nmax_size = \"64KiB\"\n").more(
            &imap(&dovecot, "")
                .text(std::path::Path::new("/x"))
                .split("[[mailbox.imap]]")
                .nth(1)
                .map(|lines| format!("[[mailbox.imap]]{lines}"))
                .unwrap(),
        ),
    );
    until_up(&site, "INBOX", 1);
    let (_, mail) = site.mailed("ann");
    let long = format!("This wasn't me! {}", "And another thing. ".repeat(20_000));
    dovecot.deliver("", &Answer::to(&mail, &long).build());
    let flag = site.events().named("flag.raised");
    assert_eq!(flag["detail"]["reason"], "oversize");
    until(|| dovecot.files("", Some('S')) == 1);
    // What is small comes whole, behind it.
    dovecot.deliver("", &Answer::to(&mail, "This wasn't me!").build());
    until(|| site.flags().iter().any(|flag| flag["reason"] == "not_me"));
}

#[test]
#[ignore = "needs dovecot"]
fn what_was_read_elsewhere_is_read_and_what_is_old_is_not() {
    let dovecot = Dovecot::start();
    let (mut site, day) = (Site::new(), Duration::from_secs(24 * 3600));
    let (id, mail) = site.mailed("ann");
    dovecot.deliver_aged("", &Answer::to(&mail, "An old one: please help.").build(), 10 * day);
    dovecot.deliver("", &Answer::to(&mail, "This wasn't me!").build());
    // Somebody's mail program was here first.
    for entry in std::fs::read_dir(dovecot.path("mail/new")).unwrap().map(|entry| entry.unwrap()) {
        let name = entry.file_name().to_string_lossy().into_owned();
        std::fs::rename(entry.path(), dovecot.path(&format!("mail/cur/{name}:2,S"))).unwrap();
    }
    site.stop();
    site.configure(&imap(&dovecot, "since = \"5d\"\nafter = \"keep\""));
    site.start();
    site.events().named("flag.raised");
    until_up(&site, "INBOX", 1);
    assert_eq!((site.state(&id).as_str(), stored_ever(&site)), ("denied", 1));
    // An old date on what arrives later does not matter: it is new by its number.
    dovecot.deliver_aged("", &Answer::to(&mail, "Please help me.").build(), 20 * day);
    until(|| stored_ever(&site) == 2);
}
