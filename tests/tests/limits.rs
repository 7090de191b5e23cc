//! How many mails go out, and that a restart forgives nothing.

use resetd_tests::{Config, Site};
use serde_json::json;

/// A request's fate: `None` mailed, else why not.
#[track_caller]
fn fate(site: &Site, account: &str, more: serde_json::Value) -> Option<String> {
    let id = site.request_with(account, more);
    site.suppressed(&id)
}

fn over(limit: &str) -> Option<String> {
    Some(format!("limit: {limit}"))
}

#[test]
fn an_account_cools_down() {
    // The default: 60 s.
    let site = Site::with(&Config::new().limits(""));
    assert_eq!(fate(&site, "ann", json!({})), None);
    assert_eq!(fate(&site, "ann", json!({})), over("cool_down"));
    assert_eq!(fate(&site, "bob", json!({})), None);
    site.until_quiet();
    assert_eq!(site.outgoing().all().len(), 2);
}

#[test]
fn an_account_gets_five_an_hour() {
    let site = Site::with(&Config::new().limits("cool_down = \"0s\""));
    for _ in 0..5 {
        assert_eq!(fate(&site, "ann", json!({})), None);
    }
    for _ in 0..3 {
        assert_eq!(fate(&site, "ann", json!({})), over("per_account"));
    }
    site.until_quiet();
    assert_eq!(site.outgoing().all().len(), 5);
}

#[test]
fn an_address_gets_ten_an_hour_however_it_is_written() {
    let site = Site::with(&Config::new().limits("cool_down = \"0s\""));
    let spellings =
        ["ann.other@gmail.com", "annother@gmail.com", "AnnOther+a@gmail.com", "a.n.n.o.t.h.e.r+b@googlemail.com", "annother@GMAIL.COM"];
    for n in 0..10 {
        assert_eq!(fate(&site, &format!("u{n}"), json!({ "email": spellings[n % spellings.len()] })), None, "{n}");
    }
    for (n, spelling) in spellings.iter().enumerate() {
        assert_eq!(fate(&site, &format!("v{n}"), json!({ "email": spelling })), over("per_address"), "{spelling}");
    }
    assert_eq!(fate(&site, "w", json!({ "email": "another@gmail.com" })), None);
    // Dots count everywhere else.
    assert_eq!(fate(&site, "x", json!({ "email": "ann.other@mail.example" })), None);
}

#[test]
fn an_address_is_counted_over_all_portals() {
    let site = Site::with(&Config::new().portal("club", "").limits("cool_down = \"0s\"\nper_address = 2"));
    assert_eq!(fate(&site, "a", json!({ "email": "x@mail.example" })), None);
    assert_eq!(fate(&site, "b", json!({ "email": "x@mail.example", "portal": "club" })), None);
    assert_eq!(fate(&site, "c", json!({ "email": "x@mail.example", "portal": "club" })), over("per_address"));
}

#[test]
fn a_client_ip_gets_forty_an_hour_and_ipv6_a_64() {
    let site = Site::with(&Config::new().limits("cool_down = \"0s\""));
    let from = |ip: &str, n: usize| {
        fate(&site, &format!("u{ip}{n}"), json!({ "email": format!("u{n}.{}@mail.example", ip.len()), "client": { "ip": ip } }))
    };
    for n in 0..40 {
        assert_eq!(from(&format!("2001:db8:1:2::{n:x}"), n), None, "{n}");
    }
    assert_eq!(from("2001:db8:1:2:ffff:ffff:ffff:ffff", 99), over("per_ip"));
    assert_eq!(from("2001:db8:1:3::1", 98), None);
    // IPv4 in IPv6 is IPv4.
    for n in 0..40 {
        assert_eq!(from(if n % 2 == 0 { "203.0.113.9" } else { "::ffff:203.0.113.9" }, n), None, "{n}");
    }
    assert_eq!(from("203.0.113.9", 97), over("per_ip"));
    assert_eq!(from("203.0.113.10", 96), None);
}

#[test]
fn requests_without_effect_count_against_the_ip() {
    let site = Site::with(&Config::new().limits("cool_down = \"0s\"\nper_ip = 3"));
    let unknown = json!({ "account": null, "email": "nobody@mail.example", "client": { "ip": "203.0.113.9" } });
    for _ in 0..3 {
        assert_eq!(fate(&site, "x", unknown.clone()).as_deref(), Some("unknown account"));
    }
    assert_eq!(fate(&site, "ann", json!({ "client": { "ip": "203.0.113.9" } })), over("per_ip"));
    assert_eq!(fate(&site, "ann", json!({})), None, "the account has lost nothing by it");
}

#[test]
fn a_portal_and_the_whole_have_limits() {
    let config = Config::new().shop("per_hour = 2").portal("club", "").limits("cool_down = \"0s\"\nper_portal = 3\nin_all = 4");
    let site = Site::with(&config);
    let at = |portal: &str, n: usize| fate(&site, &format!("{portal}{n}"), json!({ "portal": portal }));
    assert_eq!((at("shop", 1), at("shop", 2), at("shop", 3)), (None, None, over("per_portal")));
    assert_eq!((at("club", 1), at("club", 2)), (None, None));
    assert_eq!(at("club", 3), over("in_all"));
}

#[test]
fn a_restart_forgives_nothing() {
    let limits = "cool_down = \"0s\"\nper_account = 2\nper_address = 3\nper_ip = 4\nper_portal = 6";
    let mut site = Site::with(&Config::new().limits(limits));
    let ip = json!({ "client": { "ip": "203.0.113.9" } });
    assert_eq!(fate(&site, "ann", ip.clone()), None);
    assert_eq!(fate(&site, "ann", ip.clone()), None);
    for n in 0..3 {
        assert_eq!(fate(&site, &format!("u{n}"), json!({ "email": "same@mail.example" })), None);
    }
    for _ in 0..2 {
        fate(&site, "x", json!({ "account": null, "client": { "ip": "203.0.113.9" } }));
    }
    for kill in [false, true] {
        if kill {
            site.kill9();
            site.start();
        } else {
            site.restart();
        }
        assert_eq!(fate(&site, "ann", json!({})), over("per_account"));
        assert_eq!(fate(&site, "v", json!({ "email": "same@mail.example" })), over("per_address"));
        assert_eq!(fate(&site, "w", ip.clone()), over("per_ip"));
    }
    assert_eq!(fate(&site, "y1", json!({})), None);
    assert_eq!(fate(&site, "y2", json!({})), over("per_portal"));
}

#[test]
fn a_cool_down_outlives_a_crash() {
    let mut site = Site::with(&Config::new().limits("cool_down = \"10m\""));
    assert_eq!(fate(&site, "ann", json!({})), None);
    site.kill9();
    site.start();
    assert_eq!(fate(&site, "ann", json!({})), over("cool_down"));
}

#[test]
fn concurrent_requests_get_no_more_than_the_limit() {
    let site = Site::with(&Config::new().limits("cool_down = \"0s\""));
    let mailed = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..32).map(|_| scope.spawn(|| fate(&site, "ann", json!({})))).collect();
        threads.into_iter().filter(|_| true).map(|thread| thread.join().unwrap()).filter(Option::is_none).count()
    });
    assert_eq!(mailed, 5);
}

#[test]
fn five_failed_logins_start_a_reset_once_a_day() {
    let site = Site::new();
    let login = |account: &str, success: bool| {
        let body = json!({ "portal": "shop", "account": account, "email": format!("{account}@mail.example"), "success": success });
        site.client().post("/v1/login-failures", &body).expect(200).json()
    };
    for n in 1..=4 {
        assert_eq!(login("ann", false), json!({ "failures": n, "threshold": 5 }));
    }
    site.until_quiet();
    assert!(site.outgoing().all().is_empty());
    assert_eq!(login("ann", false)["failures"], 5);
    let event = site.events().named("mail.sent");
    let mail = site.outgoing().of_reset(event["reset"].as_str().unwrap());
    assert!(mail.text().contains('5'), "its own wording says how often: {}", mail.text());
    let plain = site.mailed("bob").1;
    assert_ne!(mail.subject(), plain.subject());
    // At most one a day, however many more fail.
    for _ in 0..12 {
        login("ann", false);
    }
    site.until_quiet();
    assert_eq!(site.outgoing().to("ann@mail.example").len(), 1);
    site.redeem(&mail.token()).expect(200);
}

#[test]
fn a_successful_login_clears_the_count() {
    let site = Site::new();
    let login = |success: bool| {
        let body = json!({ "portal": "shop", "account": "ann", "email": "ann@mail.example", "success": success });
        site.client().post("/v1/login-failures", &body).expect(200).json()["failures"].as_u64().unwrap()
    };
    for _ in 0..4 {
        login(false);
    }
    assert_eq!(login(true), 0);
    for n in 1..=4 {
        assert_eq!(login(false), n);
    }
    site.until_quiet();
    assert!(site.outgoing().all().is_empty());
}

#[test]
fn the_threshold_is_the_portals_and_zero_is_never() {
    let config = Config::new()
        .shop("[portal.shop.login_failures]\nthreshold = 2\nat_most_every = \"1d\"")
        .portal("club", "[portal.club.login_failures]\nthreshold = 0");
    let mut site = Site::with(&config);
    let fail = |site: &Site, portal: &str| {
        let body = json!({ "portal": portal, "account": "ann", "email": format!("{portal}@mail.example") });
        site.client().post("/v1/login-failures", &body).expect(200).json()
    };
    for _ in 0..20 {
        assert_eq!(fail(&site, "club")["threshold"], 0);
    }
    fail(&site, "shop");
    // The count and the day's cap are on disk.
    site.kill9();
    site.start();
    fail(&site, "shop");
    site.events().named("mail.sent");
    site.kill9();
    site.start();
    for _ in 0..4 {
        fail(&site, "shop");
    }
    site.until_quiet();
    assert_eq!(site.outgoing().all().len(), 1);
}

#[test]
fn idempotency_same_body_other_body_and_at_once() {
    let site = Site::new();
    let ask = |key: &str, account: &str| {
        let body = json!({ "portal": "shop", "account": account, "email": "ann@mail.example" }).to_string();
        site.client().ask("POST", "/v1/resets", &[("Content-Type", "application/json"), ("Idempotency-Key", key)], body.as_bytes())
    };
    let first = ask("k", "ann").expect(202);
    assert_eq!(ask("k", "ann").expect(202).text(), first.text());
    let other = ask("k", "bob").expect(422);
    assert_eq!(
        (other.problem()["field"].as_str(), other.problem()["type"].as_str()),
        (Some("Idempotency-Key"), Some("urn:resetd:problem:idempotency-key-reused"))
    );
    let ids: std::collections::BTreeSet<String> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..16).map(|_| scope.spawn(|| ask("k2", "cem").expect(202).json()["id"].as_str().unwrap().to_owned())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(ids.len(), 1, "16 at once with one key are one reset");
    site.until_quiet();
    assert_eq!(site.outgoing().all().len(), 2);
}
