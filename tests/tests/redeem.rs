//! Law 5: at most one redeem. And what else a secret that comes back may meet.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use resetd_tests::{Client, Config, Mail, Site};
use serde_json::json;

#[test]
fn of_64_racing_redeems_one_wins() {
    let site = Site::new();
    for account in ["ann", "bob", "cem"] {
        let (id, mail) = site.mailed(account);
        let answers = race(&site, 64, |client| {
            let reply = client.post("/v1/resets/redeem", &json!({ "token": mail.token() }));
            (reply.status, if reply.status == 200 { String::new() } else { reply.reason() })
        });
        assert_eq!(answers.iter().filter(|(status, _)| *status == 200).count(), 1, "{answers:?}");
        assert!(answers.iter().all(|(status, reason)| *status == 200 || (*status == 410 && reason == "used")), "{answers:?}");
        let redeemed = site.timeline(&id).iter().filter(|event| *event == "reset.redeemed").count();
        assert_eq!(redeemed, 1);
    }
}

#[test]
fn of_64_racing_codes_one_wins() {
    let site = Site::with(&Config::new().shop("method = \"both\""));
    let (id, mail) = site.mailed("ann");
    let body = json!({ "portal": "shop", "account": "ann", "code": mail.code() });
    let by_code = race(&site, 64, |client| client.post("/v1/resets/redeem", &body).status);
    assert_eq!(by_code.iter().filter(|status| **status == 200).count(), 1, "{by_code:?}");
    assert_eq!(site.redeem(&mail.token()).expect(410).reason(), "used");
    assert_eq!(site.state(&id), "redeemed");
}

#[test]
fn siblings_race_for_one_account() {
    let site = Site::new();
    let mails: Vec<Mail> = (0..3).map(|_| site.mailed("ann").1).collect();
    let barrier = Barrier::new(3);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = mails
            .iter()
            .map(|mail| {
                scope.spawn(|| {
                    let mut client = site.client();
                    barrier.wait();
                    client.post("/v1/resets/redeem", &json!({ "token": mail.token() })).status
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
}

/// The same, by `threads` clients on connections that are open already, at once.
fn race<T: Send>(site: &Site, threads: usize, ask: impl Fn(&mut Client) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(threads);
    std::thread::scope(|scope| {
        let run = || {
            let mut client = site.client();
            client.get("/v1/status").expect(200);
            barrier.wait();
            ask(&mut client)
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn inspect_never_consumes() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    let mut client = site.client();
    for _ in 0..1000 {
        let good = client.post("/v1/resets/inspect", &json!({ "token": mail.token() })).expect(200).json();
        assert_eq!(good["reset"], id.as_str());
    }
    let inspected = site.timeline(&id).iter().filter(|event| *event == "reset.inspected").count();
    assert_eq!(inspected, 1, "one line for all of them");
    let good = site.redeem(&mail.token()).expect(200).json();
    assert_eq!((good["portal"].as_str(), good["account"].as_str()), (Some("shop"), Some("ann")));
}

#[test]
fn what_is_no_secret_of_ours_is_unknown() {
    let site = Site::new();
    let (_, mail) = site.mailed("ann");
    let token = mail.token();
    let flipped = |at: usize| {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let last = token.len() - 1;
    for wrong in
        [flipped(0), flipped(2), flipped(12), flipped(30), flipped(last), token[..last].to_owned(), format!("{token}A"), "x".into()]
    {
        for path in ["/v1/resets/inspect", "/v1/resets/redeem"] {
            let reply = site.client().post(path, &json!({ "token": wrong })).expect(404);
            assert_eq!(reply.problem()["reason"], "unknown");
        }
    }
    site.redeem(&token).expect(200);
}

#[test]
fn a_revoked_secret_is_dead() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    site.client().delete(&format!("/v1/resets/{id}")).expect(200);
    assert_eq!(site.redeem(&mail.token()).expect(410).reason(), "revoked");
    assert_eq!(site.inspect(&mail.token()).expect(410).reason(), "revoked");
    site.client().delete(&format!("/v1/resets/{id}")).expect(409);
    assert_eq!(site.state(&id), "revoked");
}

#[test]
fn refusals_are_written_down_twenty_at_most() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    site.redeem(&mail.token()).expect(200);
    for _ in 0..30 {
        site.redeem(&mail.token()).expect(410);
    }
    let shown = site.show(&id);
    let lines = shown["timeline"].as_array().unwrap().iter().filter(|line| line["event"] == "reset.refused");
    let reasons: Vec<&str> = lines.map(|line| line["detail"]["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["used"; 20]);
}

#[test]
fn a_redeemed_reset_is_not_revoked() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    site.redeem(&mail.token()).expect(200);
    site.client().delete(&format!("/v1/resets/{id}")).expect(409);
    assert_eq!(site.state(&id), "redeemed");
}

#[test]
fn older_secrets_stay_good_until_one_is_redeemed() {
    let site = Site::new();
    let (first, oldest) = site.mailed("ann");
    let (_, newest) = site.mailed("ann");
    site.inspect(&oldest.token()).expect(200);
    site.redeem(&oldest.token()).expect(200);
    assert_eq!(site.redeem(&newest.token()).expect(410).reason(), "superseded");
    assert_eq!(site.state(&first), "redeemed");
}

#[test]
fn three_are_open_at_most_and_the_oldest_goes() {
    let site = Site::new();
    let mails: Vec<(String, Mail)> = (0..4).map(|_| site.mailed("ann")).collect();
    assert_eq!(site.inspect(&mails[0].1.token()).expect(410).reason(), "superseded");
    for (_, mail) in &mails[1..] {
        site.inspect(&mail.token()).expect(200);
    }
    assert_eq!(site.state(&mails[0].0), "superseded");
    // Another account's are not touched.
    let (_, other) = site.mailed("bob");
    site.redeem(&mails[3].1.token()).expect(200);
    site.redeem(&other.token()).expect(200);
}

#[test]
fn where_the_portal_says_so_only_the_newest_is_good() {
    let site = Site::with(&Config::new().shop("supersede = \"newest_only\""));
    let (_, older) = site.mailed("ann");
    let (_, newer) = site.mailed("ann");
    assert_eq!(site.redeem(&older.token()).expect(410).reason(), "superseded");
    site.redeem(&newer.token()).expect(200);
}

#[test]
fn a_suppressed_request_supersedes_nothing() {
    let config = Config::new().shop("supersede = \"newest_only\"").limits("cool_down = \"60s\"");
    let site = Site::with(&config);
    let (_, mail) = site.mailed("ann");
    let second = site.request("ann");
    assert_eq!(site.suppressed(&second).as_deref(), Some("limit: cool_down"));
    site.redeem(&mail.token()).expect(200);
}

#[test]
fn a_code_may_be_typed_as_people_type() {
    let site = Site::with(&Config::new().shop("method = \"code\""));
    let dress: [fn(&str) -> String; 6] = [
        str::to_owned,
        |code| format!("{} {}", &code[..4], &code[4..]),
        |code| format!(" {}-{} ", &code[..4], &code[4..]),
        |code| format!("{}\u{a0}{}", &code[..4], &code[4..]),
        |code| code.chars().map(|c| char::from_u32(u32::from(c) - u32::from('0') + 0x660).unwrap()).collect(),
        |code| code.chars().map(|c| char::from_u32(u32::from(c) - u32::from('0') + 0xff10).unwrap()).collect(),
    ];
    for (n, dress) in dress.into_iter().enumerate() {
        let account = format!("u{n}");
        let (id, mail) = site.mailed(&account);
        assert!(!mail.text().contains("https://shop.example/reset"), "a mail with a code alone has no link");
        let reply = site.redeem_code(&account, &dress(&mail.code())).expect(200).json();
        assert_eq!(reply["reset"], id.as_str());
    }
}

#[test]
fn a_code_is_good_at_its_own_portal_and_account_alone() {
    let site = Site::with(&Config::new().shop("method = \"both\"").portal("club", "method = \"both\""));
    let (_, mail) = site.mailed("ann");
    site.mailed("bob");
    let code = mail.code();
    site.redeem_code("bob", &code).expect(404);
    site.client().post("/v1/resets/redeem", &json!({ "portal": "club", "account": "ann", "code": code })).expect(404);
    site.redeem_code("ann", &code).expect(200);
}

#[test]
fn five_wrong_codes_lock_and_a_new_mail_buys_none() {
    let site = Site::with(&Config::new().shop("method = \"both\""));
    let (_, first) = site.mailed("ann");
    for tries in 1..=5 {
        let (_, mail) = if tries == 3 { site.mailed("ann") } else { (String::new(), first.clone()) };
        let wrong = other_than(&[&first.code(), &mail.code()]);
        let reply = site.redeem_code("ann", &wrong);
        let expected = if tries < 5 { (404, "unknown") } else { (429, "locked") };
        assert_eq!((reply.status, reply.reason().as_str()), expected, "try {tries}");
    }
    assert_eq!(site.redeem_code("ann", &first.code()).expect(429).reason(), "locked", "even the right one");
    let (_, newest) = site.mailed("ann");
    assert_eq!(site.redeem_code("ann", &first.code()).expect(429).reason(), "locked", "and no mail carries another (see abuse.rs)");
    // The link is not guessed at, and stays good; it clears the count for the next time.
    site.redeem(&newest.token()).expect(200);
    let (_, next) = site.mailed("ann");
    site.redeem_code("ann", &next.code()).expect(200);
}

#[test]
fn inspecting_a_code_is_a_guess_too() {
    let site = Site::with(&Config::new().shop("method = \"both\""));
    let (_, mail) = site.mailed("ann");
    let wrong = json!({ "portal": "shop", "account": "ann", "code": other_than(&[&mail.code()]) });
    for _ in 0..4 {
        site.client().post("/v1/resets/inspect", &wrong).expect(404);
    }
    site.client().post("/v1/resets/inspect", &wrong).expect(429);
    site.redeem_code("ann", &mail.code()).expect(429);
}

#[test]
fn racing_guesses_get_five_tries_and_no_more() {
    let site = Site::with(&Config::new().shop("method = \"both\""));
    let (_, mail) = site.mailed("ann");
    let body = json!({ "portal": "shop", "account": "ann", "code": other_than(&[&mail.code()]) });
    let reasons = race(&site, 32, |client| client.post("/v1/resets/redeem", &body).reason());
    assert_eq!(reasons.iter().filter(|reason| *reason == "unknown").count(), 4, "{reasons:?}");
    assert_eq!(reasons.iter().filter(|reason| *reason == "locked").count(), 28, "{reasons:?}");
}

#[test]
fn the_right_code_behind_five_wrong_ones_is_too_late_however_they_race() {
    let config = Config::new().shop("method = \"code\"").limits("wrong_codes_per_portal = 10000");
    let site = Site::with(&config);
    for round in 0..40 {
        let account = format!("u{round}");
        let (id, mail) = site.mailed(&account);
        let wrong = other_than(&[&mail.code()]);
        let turn = AtomicUsize::new(0);
        race(&site, 6, |client| {
            let code = if turn.fetch_add(1, Ordering::Relaxed) == 3 { mail.code() } else { wrong.clone() };
            client.post("/v1/resets/redeem", &json!({ "portal": "shop", "account": account, "code": code })).status
        });
        // The timeline has the order in which they were decided.
        let decided = site.timeline(&id);
        let before = decided.iter().take_while(|event| *event != "reset.redeemed").filter(|event| *event == "code.wrong").count();
        assert!(before < 5 || !decided.iter().any(|event| event == "reset.redeemed"), "{decided:?}");
    }
}

#[test]
fn wrong_codes_are_remembered_over_a_restart() {
    let mut site = Site::with(&Config::new().shop("method = \"both\""));
    let (_, mail) = site.mailed("ann");
    for _ in 0..5 {
        site.redeem_code("ann", &other_than(&[&mail.code()]));
    }
    site.kill9();
    site.start();
    site.redeem_code("ann", &mail.code()).expect(429);
}

/// Eight digits that are none of these.
fn other_than(codes: &[&str]) -> String {
    (10_000_000..).map(|n: u32| n.to_string()).find(|code| !codes.contains(&code.as_str())).unwrap()
}

#[test]
fn completed_sends_one_notice() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    let path = format!("/v1/resets/{id}/completed");
    site.client().post(&path, &json!({})).expect(409);
    site.redeem(&mail.token()).expect(200);
    for _ in 0..3 {
        site.client().ask("POST", &path, &[], b"").expect(204);
    }
    site.events().find(|event| event["event"] == "mail.sent" && event["detail"]["kind"] == "notice");
    site.until_quiet();
    let mails = site.outgoing().to("ann@mail.example");
    assert_eq!(mails.len(), 2, "the reset mail and one notice");
    let notice = mails.iter().find(|mail| !mail.has_secret()).unwrap();
    assert_eq!(notice.header("auto-submitted").as_deref(), Some("auto-generated"));
    assert!(notice.reply_to().starts_with("reply+") && notice.is_about(&id), "it can be answered: {}", notice.reply_to());
    let says = notice.text();
    assert!(says.contains("If it wasn't you") && says.contains("help@shop.example"), "how to object, and to whom: {says}");
    assert!(!says.contains("://"), "and nothing to open: {says}");
    assert!(site.timeline(&id).contains(&"reset.completed".to_owned()));
}
