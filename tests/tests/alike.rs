//! Law 8: the caller learns nothing it may leak. Known, unknown, throttled and suppressed requests get the same answer;
//! the truth stands in the timeline. (That they take the same time is measured by the benchmark.)

use resetd_tests::answer::bounce;
use resetd_tests::{Config, Reply, Site};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

#[test]
fn known_unknown_throttled_and_suppressed_read_alike() {
    let site = Site::with(&Config::new().limits("per_account = 2\nper_address = 3\nper_ip = 4\ncool_down = \"0s\""));
    let held = site.mailed("held");
    site.hand_in(&bounce(&held.1, "failed", "5.1.1", "550 5.1.1 no such user"));
    let ask = |account: Value, email: &str, ip: &str| {
        let body = json!({ "portal": "shop", "account": account, "email": email, "client": { "ip": ip } });
        site.client().post("/v1/resets", &body)
    };
    let mut answers = Vec::new();
    for n in 0..4 {
        answers
            .push((format!("known {n}, over the account's limit from the third on"), ask(json!("ann"), "ann@mail.example", "203.0.113.1")));
    }
    answers.push(("unknown".into(), ask(Value::Null, "nobody@mail.example", "203.0.113.2")));
    for n in 0..5 {
        answers.push((format!("address {n}"), ask(json!(format!("u{n}")), "same@mail.example", "203.0.113.3")));
    }
    answers.push(("over the IP's limit".into(), ask(json!("zoe"), "zoe@mail.example", "203.0.113.3")));
    answers.push(("held after a bounce".into(), ask(json!("held"), "held@mail.example", "203.0.113.4")));
    answers.push(("no such domain".into(), ask(json!("xyz"), "xyz@no-such-domain.invalid", "203.0.113.5")));
    let first = shape(&answers[0].1);
    for (what, reply) in &answers {
        assert_eq!(shape(reply), first, "{what}");
    }
    // And they were not all alike in truth.
    let truths: Vec<Option<String>> = answers.iter().map(|(_, reply)| site.suppressed(reply.json()["id"].as_str().unwrap())).collect();
    for why in ["limit: per_account", "limit: per_address", "limit: per_ip", "unknown account"] {
        assert!(truths.iter().flatten().any(|truth| truth == why), "{why} in {truths:?}");
    }
    assert!(truths.iter().flatten().any(|truth| truth.starts_with("address held")), "{truths:?}");
    assert!(truths.iter().any(Option::is_none));
}

#[test]
fn what_is_not_mailed_is_written_like_what_is() {
    // An answer takes as long as its commit: so the same rows are written, whatever is known. (The benchmark has the clock.)
    let site = Site::with(&Config::new().limits("per_account = 1\ncool_down = \"0s\""));
    let held = site.mailed("held");
    site.hand_in(&bounce(&held.1, "failed", "5.1.1", "550 5.1.1 no such user"));
    let ask = |account: Value, name: &str| {
        let body = json!({ "portal": "shop", "account": account, "email": format!("{name}@mail.example") });
        site.client().post("/v1/resets", &body).expect(202).json()["id"].as_str().unwrap().to_owned()
    };
    let ids = [ask(json!("ann"), "ann"), ask(json!("ann"), "ann"), ask(Value::Null, "bob"), ask(json!("other"), "held")];
    site.until_quiet();
    let conn = Connection::open_with_flags(site.path().join("state/resetd.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut rows = conn
        .prepare(
            "SELECT (SELECT group_concat(m.kind || m.attempts) FROM mail m WHERE m.reset_n = r.n), r.selector IS NOT NULL, \
             (SELECT count(*) FROM event e WHERE e.reset_n = r.n AND e.kind IN ('reset.accepted', 'reset.suppressed')) \
             FROM reset r WHERE lower(hex(r.id)) = ?1",
        )
        .unwrap();
    let mut written = |id: &str| -> (Option<String>, bool, i64) {
        rows.query_row([id.replace('-', "")], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap()
    };
    for id in &ids {
        assert_eq!(written(id), (Some("reset1".into()), true, 1), "{:?}", site.suppressed(id));
    }
    assert_eq!(ids.iter().filter(|id| site.suppressed(id).is_some()).count(), 3, "one of them was mailed");
}

#[test]
fn an_account_whose_codes_are_locked_reads_like_any_other() {
    let site = Site::with(&Config::new().shop("method = \"code\""));
    for _ in 0..6 {
        site.redeem_code("ann", "00000000");
    }
    let ask = |account: &str| site.client().post("/v1/resets", &json!({ "portal": "shop", "account": account, "email": "x@mail.example" }));
    let (locked, other) = (ask("ann"), ask("bob"));
    assert_eq!(shape(&locked), shape(&other));
    // Nor does a guess tell whether there is anything to guess.
    site.mailed("cem");
    let guess = |account: &str| site.redeem_code(account, "11111111");
    for _ in 0..6 {
        let (open, nothing) = (guess("cem"), guess("nobody"));
        assert_eq!((open.status, open.text()), (nothing.status, nothing.text()));
    }
}

/// All of an answer but what must differ: ids and the time.
fn shape(reply: &Reply) -> String {
    let id = reply.json()["id"].as_str().unwrap().to_owned();
    let headers: Vec<String> = reply
        .headers
        .iter()
        .map(
            |(name, value)| {
                if name == "date" { format!("date ({})", value.len()) } else { format!("{name}: {}", value.replace(&id, "ID")) }
            },
        )
        .collect();
    assert_eq!(id.len(), 36);
    format!("{} {headers:?} {}", reply.status, reply.text().replace(&id, "ID"))
}

#[test]
fn failed_logins_tell_nothing_either() {
    let site = Site::new();
    let ask = |account: &str| {
        let body = json!({ "portal": "shop", "account": account, "email": format!("{account}@mail.example") });
        let reply = site.client().post("/v1/login-failures", &body).expect(200);
        reply.text()
    };
    // The account's mails are used up; whether the fifth failure mails is not told.
    let (one, two): (Vec<String>, Vec<String>) = (0..5).map(|_| (ask("ann"), ask("bob"))).unzip();
    assert_eq!(one, two);
    assert!(!one[4].contains("id"), "{}", one[4]);
}

#[test]
fn another_portals_token_reads_as_none() {
    // See roles.rs for what a client of one portal learns of another's; here: a token of no reset and one of an ended reset.
    let site = Site::new();
    let (_, mail) = site.mailed("ann");
    let unknown = site.inspect(&mail.token().chars().rev().collect::<String>()).expect(404);
    let short = site.inspect("abc").expect(404);
    let plain = |reply: &Reply| reply.text();
    assert_eq!(plain(&unknown), plain(&short));
}
