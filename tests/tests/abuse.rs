//! One attack after the other, each bounded, against the real daemon: it meets its limit, support hears of it once, and whoever is
//! honest gets in meanwhile. What a limit locks must not be a weapon in the attacker's hand.

use resetd_tests::answer::{Answer, bounce};
use resetd_tests::{Config, Mail, Site};
use serde_json::{Value, json};

const NOT_ME: &str = "This wasn't me, I did not ask for a new password!";
/// The defaults, but for the pause between two mails.
const LIMITS: &str = "cool_down = \"0s\"";

/// Waits until support hears of the pattern; gives the flag. There is one, however long the attack was.
#[track_caller]
fn the_flag(site: &Site, reason: &str) -> Value {
    site.events().find(|event| event["event"] == "flag.raised" && event["detail"]["reason"] == reason);
    let flags: Vec<Value> = site.flags().into_iter().filter(|flag| flag["reason"] == reason).collect();
    assert_eq!(flags.len(), 1, "{flags:#?}");
    assert!(flags[0]["count"].as_u64().is_some_and(|count| count > 0) && flags[0]["last_at"].is_string(), "{flags:#?}");
    flags[0].clone()
}

/// The value of a series.
#[track_caller]
fn metric(site: &Site, series: &str) -> u64 {
    let text = site.client().get("/metrics").expect(200).text();
    let line = text.lines().find_map(|line| line.strip_prefix(series)).unwrap_or_else(|| panic!("no {series} in {text}"));
    line.trim().parse().unwrap()
}

/// An honest person's walk: asks, gets the mail, and the secret in it is good.
#[track_caller]
fn an_honest_person_gets_in(site: &Site, account: &str, ip: &str) {
    let (_, mail) = site.mailed_with(account, json!({ "client": { "ip": ip } }));
    site.inspect(&mail.token()).expect(200);
    site.redeem(&mail.token()).expect(200);
}

#[track_caller]
fn wrong(site: &Site, account: &str, ip: Option<&str>) -> u16 {
    let client = ip.map_or(json!({}), |ip| json!({ "ip": ip }));
    let body = json!({ "portal": "shop", "account": account, "code": "00000000", "client": client });
    let reply = site.client().post("/v1/resets/redeem", &body);
    assert!(matches!(reply.status, 404 | 429), "{}", reply.text());
    reply.status
}

#[test]
fn a_flood_for_one_account() {
    let site = Site::with(&Config::new().limits(LIMITS));
    for _ in 0..60 {
        site.request("ann");
    }
    let flag = the_flag(&site, "flood_account");
    assert!(flag["text"].as_str().unwrap().contains("ann"), "{flag}");
    assert_eq!(metric(&site, "resetd_limits_met_total{limit=\"per_account\"}"), 55);
    site.until_quiet();
    let mails = site.outgoing().to("ann@mail.example");
    assert_eq!(mails.len(), 5);
    // Its owner holds mails that are good, and others are not concerned.
    an_honest_person_gets_in(&site, "bob", "203.0.113.9");
    assert!(mails.iter().any(|mail| site.redeem(&mail.token()).status == 200));
}

#[test]
fn a_flood_to_one_address_however_it_is_written() {
    let site = Site::with(&Config::new().limits(LIMITS));
    for n in 0..60 {
        let dots = ["ann.other", "a.nnother", "annother", "ANNOTHER"][n % 4];
        site.request_with(&format!("u{n}"), json!({ "email": format!("{dots}+{n}@gmail.com") }));
    }
    let flag = the_flag(&site, "flood_address");
    assert!(flag["text"].as_str().unwrap().contains("annother@gmail.com"), "{flag}");
    site.until_quiet();
    assert_eq!(site.outgoing().all().len(), 10 + usize::from(!site.outgoing().to("help@shop.example").is_empty()));
    assert!(site.outgoing().all().iter().filter(|mail| mail.has_secret()).all(|mail| site.redeem(&mail.token()).status == 200));
    an_honest_person_gets_in(&site, "ann", "203.0.113.9");
}

#[test]
fn a_flood_over_accounts_from_one_ip() {
    for (from, other) in [(&["203.0.113.7"; 2], "203.0.113.8"), (&["2001:db8:1:2::1", "2001:db8:1:2:ffff::9"], "2001:db8:1:3::1")] {
        let site = Site::with(&Config::new().limits(LIMITS));
        for n in 0..70 {
            site.request_with(&format!("u{n}"), json!({ "client": { "ip": from[n % 2] } }));
        }
        the_flag(&site, "flood_ip");
        assert_eq!(metric(&site, "resetd_limits_met_total{limit=\"per_ip\"}"), 30);
        an_honest_person_gets_in(&site, "ann", other);
    }
}

#[test]
fn a_flood_over_a_portal() {
    let site = Site::with(&Config::new().shop("per_hour = 50").limits(LIMITS));
    for n in 0..90 {
        site.request_with(&format!("u{n}"), json!({ "client": { "ip": format!("198.51.100.{}", n % 5) } }));
    }
    the_flag(&site, "flood_portal");
    // What is left is for those who did not take part, one after the other.
    for n in 0..5 {
        an_honest_person_gets_in(&site, &format!("ann{n}"), &format!("203.0.113.{n}"));
    }
}

#[test]
fn guessing_an_accounts_codes_locks_codes_and_not_its_owner() {
    let mut site = Site::with(&Config::new().shop("method = \"code\"").limits(LIMITS));
    let (_, mail) = site.mailed("ann");
    let answers: Vec<u16> = (0..30).map(|_| wrong(&site, "ann", None)).collect();
    assert_eq!(answers.iter().filter(|status| **status == 404).count(), 4, "the fifth locks: {answers:?}");
    assert_eq!(site.redeem_code("ann", &mail.code()).expect(429).reason(), "locked");
    the_flag(&site, "guess_account");
    // It outlives a crash; and the owner gets a link in place of a code that would be dead.
    site.kill9();
    site.start();
    assert_eq!(wrong(&site, "ann", None), 429);
    let (id, mail) = site.mailed("ann");
    assert!(mail.text().contains("/reset?t="), "{}", mail.text());
    assert!(site.show(&id)["timeline"].as_array().unwrap().iter().any(|line| line["detail"]["why"] == "codes are locked"));
    site.redeem(&mail.token()).expect(200);
    // Whoever got in has taken the lock off.
    let (_, mail) = site.mailed("ann");
    site.redeem_code("ann", &mail.code()).expect(200);
}

#[test]
fn a_mail_with_both_keeps_only_what_is_good() {
    let site = Site::with(&Config::new().shop("method = \"both\"").limits(LIMITS));
    let (_, before) = site.mailed("ann");
    for _ in 0..5 {
        wrong(&site, "ann", None);
    }
    let (id, mail) = site.mailed("ann");
    assert_eq!(site.show(&id)["timeline"][0]["detail"]["method"], "link");
    assert!(
        before.text().contains(&before.code()[..4])
            && !mail.text().lines().any(|line| line.trim().len() >= 8 && line.trim().chars().all(|c| c.is_ascii_digit() || c == ' ')),
        "{}",
        mail.text()
    );
    // The link of the first mail was good all along.
    site.redeem(&before.token()).expect(200);
}

#[test]
fn guessing_codes_over_accounts() {
    let limits = format!("{LIMITS}\nwrong_codes_per_portal = 90");
    let mut site = Site::with(&Config::new().shop("method = \"code\"").limits(&limits));
    let (_, bob) = site.mailed("bob");
    let answers: Vec<u16> = (0..40).map(|n| wrong(&site, &format!("u{n}"), Some("203.0.113.7"))).collect();
    assert_eq!(answers.iter().filter(|status| **status == 404).count(), 19, "the twentieth locks: {answers:?}");
    // Codes from there are locked, whosever they are; a mail asked for from there carries a link, for those who share the address.
    an_honest_person_gets_in(&site, "dan", "203.0.113.7");
    // Whose accounts were guessed elsewhere notices nothing.
    site.redeem_code("bob", &bob.code()).expect(200);
    assert_eq!(metric(&site, "resetd_limits_met_total{limit=\"wrong_codes_per_ip\"}"), 21);
    site.kill9();
    site.start();
    assert_eq!(wrong(&site, "v", Some("203.0.113.7")), 429, "a restart forgives nothing");
    // From everywhere: the portal's limit. Codes are locked for all, and everybody gets a link.
    for n in 0..90 {
        wrong(&site, &format!("w{n}"), None);
    }
    assert_eq!(wrong(&site, "x", Some("203.0.113.99")), 429);
    let flag = the_flag(&site, "guess_codes");
    assert_eq!(flag["severity"], "high");
    an_honest_person_gets_in(&site, "ann", "203.0.113.9");
}

#[test]
fn guessing_tokens() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    let lines = site.events_so_far();
    for n in 0..80 {
        let mut token = mail.token();
        let at = 10 + n % 30;
        let other = if token[at..].starts_with('A') { "B" } else { "A" };
        token.replace_range(at..=at, other);
        let body = json!({ "token": token, "client": { "ip": "203.0.113.7" } });
        assert_eq!(site.client().post("/v1/resets/redeem", &body).expect(404).reason(), "unknown");
    }
    let flag = the_flag(&site, "guess_tokens");
    assert!(flag["text"].as_str().unwrap().contains("203.0.113.7"), "{flag}");
    assert_eq!(metric(&site, "resetd_secrets_refused_total{means=\"token\",reason=\"unknown\"}"), 80);
    // Not one line for each: nothing of it fills the disk.
    site.until_quiet();
    assert!(site.events_so_far() - lines < 8, "{}", site.events_so_far() - lines);
    assert_eq!(site.timeline(&id).last().map(String::as_str), Some("mail.sent"));
    site.redeem(&mail.token()).expect(200);
}

#[test]
fn probing_with_inspect() {
    let site = Site::with(&Config::new().shop("method = \"both\"").limits(LIMITS));
    let (id, mail) = site.mailed("ann");
    for _ in 0..200 {
        site.inspect(&mail.token()).expect(200);
    }
    for n in 0..60 {
        assert_eq!(site.inspect(&format!("probe{n}{}", "a".repeat(40))).expect(404).reason(), "unknown");
    }
    the_flag(&site, "guess_tokens");
    // A code that is only inspected is a guess like any other.
    for _ in 0..30 {
        let body = json!({ "portal": "shop", "account": "ann", "code": "00000000" });
        assert!(matches!(site.client().post("/v1/resets/inspect", &body).status, 404 | 429));
    }
    the_flag(&site, "guess_account");
    assert!(site.timeline(&id).len() < 12, "{:?}", site.timeline(&id));
    site.redeem(&mail.token()).expect(200);
}

#[test]
fn forged_denials_end_no_reset_and_make_one_flag() {
    let site = Site::with(&Config::new().limits("cool_down = \"0s\"\nper_ip = \"unlimited\""));
    let mails: Vec<(String, Mail)> = (0..12).map(|n| site.mailed(&format!("u{n}"))).collect();
    for (_, mail) in &mails {
        for _ in 0..4 {
            let read = site.hand_in(&Answer::to(mail, NOT_ME).bare("reply@in.shop.example", "Hello").build());
            assert_eq!(read["detail"]["proof"], "none", "{read}");
        }
    }
    let flood = the_flag(&site, "flood_answers");
    let flags = site.flags();
    // Law 4: each of the 48 reached support, as a flag or as a note of the one flag.
    assert_eq!(flags.len() - 1 + flood["notes"].as_array().unwrap().len(), 48);
    assert_eq!(flags.len() - 1, 30, "so many at most in an hour");
    assert!(flood["notes"][0]["text"].as_str().unwrap().contains("not_me"), "{}", flood["notes"][0]);
    site.until_quiet();
    assert!(site.outgoing().to("help@shop.example").len() <= 31);
    for (id, mail) in &mails[1..] {
        assert_eq!(site.state(id), "sent");
        site.redeem(&mail.token()).expect(200);
    }
    // In the middle of it the one who has the mail is heard, with a flag of his own.
    site.hand_in(&Answer::to(&mails[0].1, NOT_ME).build());
    assert_eq!(site.state(&mails[0].0), "denied");
    assert!(site.flags().iter().any(|flag| flag["proof"] == "tag" && flag["severity"] == "high"));
}

#[test]
fn a_flood_of_answers_from_one_who_has_the_mail() {
    let site = Site::with(&Config::new().limits(LIMITS));
    let (_, mail) = site.mailed("ann");
    for n in 0..25 {
        site.hand_in(&Answer::to(&mail, &format!("Please help me, number {n}.")).build());
    }
    let flood = the_flag(&site, "flood_answers");
    assert_eq!((site.flags().len() - 1, flood["notes"].as_array().unwrap().len()), (10, 15));
    site.redeem(&mail.token()).expect(200);
    an_honest_person_gets_in(&site, "bob", "203.0.113.9");
}

#[test]
fn in_a_flood_every_answer_is_shown_and_whole() {
    const ANSWERS: usize = 515;
    let site = Site::with(&Config::new().limits(LIMITS));
    let (_, mail) = site.mailed("ann");
    for n in 0..ANSWERS {
        // Of some the last words stand far behind.
        let story = if n % 100 == 0 { "I can not log in. ".repeat(120) } else { String::new() };
        let words = format!("Please help me. {story}I can not log in, number {n} of them.");
        site.client().hand_in(&Answer::to(&mail, &words).build()).expect(202);
    }
    site.until_quiet();
    let (mut shown, mut floods) = (Vec::new(), Vec::new());
    for flag in site.flags() {
        let flag = site.client().get(&format!("/v1/flags/{}", flag["id"])).expect(200).json();
        match flag["reason"] == "flood_answers" {
            true => floods.push(flag["notes"].as_array().unwrap().len()),
            false => shown.push(flag["text"].to_string()),
        }
        shown.extend(flag["notes"].as_array().unwrap().iter().map(|note| note["text"].to_string()));
    }
    let lost: Vec<usize> = (0..ANSWERS).filter(|n| !shown.iter().any(|text| text.contains(&format!("number {n} of them")))).collect();
    assert!(lost.is_empty(), "support can't read {lost:?}");
    // Of ten each has a flag of its own; a flag shows 500.
    assert_eq!(floods, [5, 500]);
}

#[test]
fn a_flood_of_bounces() {
    let site = Site::with(&Config::new().limits(LIMITS));
    let (id, mail) = site.mailed("ann");
    let forged = Mail {
        from: "reply@in.shop.example".into(),
        to: "ann@mail.example".into(),
        raw:
            b"From: no-reply@shop.example\r\nTo: ann@mail.example\r\nSubject: Hello\r\nMessage-ID: <1@elsewhere.example>\r\n\r\nHello.\r\n"
                .to_vec(),
    };
    for _ in 0..60 {
        let read = site.hand_in(&bounce(&forged, "failed", "5.1.1", "550 5.1.1 no such user"));
        assert_eq!((read["detail"]["kind"].as_str(), read["detail"]["proof"].as_str()), (Some("bounce"), Some("none")), "{read}");
    }
    the_flag(&site, "flood_bounces");
    assert_eq!(metric(&site, "resetd_inbound_read_total{kind=\"bounce\",verdict=\"none\",proof=\"none\"}"), 60);
    // They are believed by nobody: the reset lives, and the address is not held.
    assert_eq!(site.state(&id), "sent");
    site.redeem(&mail.token()).expect(200);
    an_honest_person_gets_in(&site, "ann", "203.0.113.9");
    // And copies of a true one say nothing new.
    let (id, mail) = site.mailed("bob");
    for _ in 0..30 {
        site.hand_in(&bounce(&mail, "failed", "4.2.2", "452 4.2.2 mailbox full"));
    }
    assert_eq!(site.timeline(&id).iter().filter(|name| *name == "mail.bounced").count(), 20);
}

#[test]
fn a_closed_flag_is_opened_again_when_it_goes_on() {
    let site = Site::with(&Config::new().limits(LIMITS));
    for _ in 0..40 {
        site.request("ann");
    }
    let flag = the_flag(&site, "flood_account");
    let path = format!("/v1/flags/{}/resolve", flag["id"]);
    site.client().post(&path, &json!({ "outcome": "a prank" })).expect(200);
    for _ in 0..300 {
        site.request("ann");
    }
    site.events().find(|event| event["event"] == "flag.raised" && event["detail"]["again"] == true);
    let again = the_flag(&site, "flood_account");
    assert_eq!((&again["id"], again["state"].as_str()), (&flag["id"], Some("open")));
    assert!(again["notes"].to_string().contains("a prank") && again["count"].as_u64() > flag["count"].as_u64(), "{again}");
}
