//! What reaches the support team: alert mails, webhooks, flags to list and to close.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use mail_parser::MessageParser;
use resetd_tests::answer::{Answer, Encoding};
use resetd_tests::hook::{Hook, Post};
use resetd_tests::{Config, Mail, Sink, Site};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

const NOT_ME: &str = "This wasn't me, I did not ask for a new password!";
const SECRET: &str = "whsec_c29tZSBzZWNyZXQgb2YgYXQgbGVhc3QgMjQgb2N0ZXRz";

/// The alert mails so far.
fn alerts(site: &Site) -> Vec<Mail> {
    site.outgoing().to("help@shop.example")
}

#[test]
fn an_alert_says_it_all_and_carries_the_answer_struck() {
    let site = Site::with(&Config::new().shop("method = \"both\""));
    let (id, mail) = site.mailed("ann");
    site.hand_in(&Answer::to(&mail, NOT_ME).encoding(Encoding::Base64).build());
    site.until_quiet();
    let alerts = alerts(&site);
    assert_eq!(alerts.len(), 1);
    let alert = &alerts[0];
    assert_eq!(alert.reply_to(), "ann@mail.example", "an answer goes to the person");
    assert_eq!(alert.sender(), "no-reply@shop.example");
    assert!(alert.subject().contains("high") && alert.subject().contains("shop"), "{}", alert.subject());
    let text = alert.text();
    for word in ["ann", "ann@mail.example", &id, NOT_ME] {
        assert!(text.contains(word), "{word} in {text}");
    }
    let flag = site.flags()[0]["id"].to_string();
    assert!(text.contains(&format!("resetctl flags show {flag}")), "{text}");
    let attached = alert.attached().expect("message/rfc822");
    let answer = MessageParser::default().parse(&attached).unwrap();
    assert_eq!(answer.from().and_then(|from| from.first()).and_then(|from| from.address()), Some("ann@mail.example"));
    let body = answer.body_text(0).unwrap();
    assert!(body.contains(NOT_ME) && body.contains("Example shop"), "the whole answer, quote and all: {body}");
    assert!(!body.contains(&mail.token()) && !body.contains(&mail.code()[..4]), "{body}");
}

#[test]
fn an_unproven_answer_is_marked_so() {
    let site = Site::new();
    let (_, mail) = site.mailed("ann");
    site.hand_in(&Answer::to(&mail, NOT_ME).bare("reply@in.shop.example", "Hello").build());
    site.until_quiet();
    let text = alerts(&site)[0].text();
    let (_, proven) = site.mailed("bob");
    site.hand_in(&Answer::to(&proven, NOT_ME).build());
    site.until_quiet();
    let other = alerts(&site)[1].text();
    let proof = |text: &str| text.lines().find(|line| line.starts_with("Proof")).map(str::to_owned);
    assert!(proof(&text).is_some() && proof(&text) != proof(&other), "{text}\n{other}");
    assert!(text.contains("Nothing was revoked"), "{text}");
}

#[test]
fn an_answer_in_another_tongue_and_dress_arrives_readable() {
    let site = Site::new();
    let (_, mail) = site.mailed("ann");
    let says = "Das war ich nicht! Ich habe kein neues Passwort angefordert. Grüße, Änne \u{1f600}";
    site.hand_in(&Answer::to(&mail, says).encoding(Encoding::QuotedPrintable).build());
    site.until_quiet();
    assert_eq!(site.flags()[0]["text"].as_str().unwrap().trim(), says);
    assert!(alerts(&site)[0].text().contains(says));
}

#[test]
fn an_alert_goes_where_the_portal_says_or_nowhere() {
    let site = Site::with(
        &Config::new()
            .shop("[portal.shop.alert]\nmail_to = \"desk@shop.example\"")
            .portal("club", "[portal.club.alert]\nmail_to = \"none\""),
    );
    let (_, shop) = site.mailed("ann");
    let (_, club) = site.mailed_with("bob", json!({ "portal": "club" }));
    site.hand_in(&Answer::to(&shop, NOT_ME).build());
    site.hand_in(&Answer::to(&club, NOT_ME).build());
    site.until_quiet();
    assert_eq!(site.outgoing().to("desk@shop.example").len(), 1);
    let others: Vec<Mail> = site.outgoing().all().into_iter().filter(|mail| mail.to.starts_with("help@")).collect();
    assert!(others.is_empty());
    assert_eq!(site.flags().len(), 2, "the flag is there all the same");
}

#[test]
fn alerts_are_queued_like_any_mail() {
    let port = Sink::free_port();
    let sink = Sink::on(port);
    let mut site = Site::with(&Config::new().relay(port));
    let id = site.request("ann");
    site.events().until(&id, "mail.sent");
    let mail = sink.mails().remove(0);
    drop(sink);
    site.client().hand_in(&Answer::to(&mail, NOT_ME).build()).expect(202);
    site.events().find(|event| event["event"] == "mail.deferred" && event["detail"]["kind"] == "alert");
    site.kill9();
    let sink = Sink::on(port);
    site.start();
    site.events().find(|event| event["event"] == "mail.sent" && event["detail"]["kind"] == "alert");
    site.events().find(|event| event["event"] == "mail.sent" && event["detail"]["kind"] == "acknowledgement");
    let to: Vec<String> = sink.mails().iter().map(|mail| mail.to.clone()).collect();
    assert!(to.contains(&"help@shop.example".to_owned()) && to.contains(&"ann@mail.example".to_owned()), "{to:?}");
}

fn with_hook(hook: &Hook) -> Site {
    let lines = format!("method = \"both\"\n[portal.shop.alert.webhook]\nurl = \"{}\"\nsecret_file = \"{{dir}}/hook.secret\"", hook.url());
    let mut site = Site::unstarted(&Config::new().shop(&lines));
    fs::write(site.path().join("hook.secret"), SECRET).unwrap();
    fs::set_permissions(site.path().join("hook.secret"), fs::Permissions::from_mode(0o400)).unwrap();
    site.start();
    site
}

/// Checked by the reference implementation of Standard Webhooks.
#[track_caller]
fn verified(post: &Post) -> Value {
    Webhook::new(SECRET).unwrap().verify(&post.body, &post.headers).unwrap();
    assert!(post.headers["content-type"].to_str().unwrap().starts_with("application/json"));
    serde_json::from_slice(&post.body).unwrap()
}

#[test]
fn a_webhook_is_signed_as_standard_webhooks_says() {
    let hook = Hook::new(&[]);
    let site = with_hook(&hook);
    let (id, mail) = site.mailed("ann");
    site.hand_in(&Answer::to(&mail, &format!("{NOT_ME} {}", mail.link())).build());
    let post = hook.next();
    let body = verified(&post);
    let data = &body["data"];
    assert_eq!(
        (body["type"].as_str(), data["reset"].as_str(), data["portal"].as_str()),
        (Some("flag.raised"), Some(id.as_str()), Some("shop"))
    );
    assert_eq!((data["severity"].as_str(), data["verdict"].as_str(), data["proof"].as_str()), (Some("high"), Some("not_me"), Some("tag")));
    assert!(data["text"].as_str().unwrap().contains("This wasn't me"));
    let text = String::from_utf8_lossy(&post.body).into_owned();
    assert!(!text.contains(&mail.token()) && !text.contains(&mail.code()));
    // Changed on the way, or under another key: no.
    let mut forged = post.body.clone();
    forged[20] ^= 1;
    assert!(Webhook::new(SECRET).unwrap().verify(&forged, &post.headers).is_err());
    assert!(Webhook::new("whsec_YW5vdGhlciBzZWNyZXQgb2YgMjQgb2N0ZXRzISE=").unwrap().verify(&post.body, &post.headers).is_err());
}

#[test]
fn a_webhook_is_tried_again_with_the_same_id() {
    let hook = Hook::new(&[500, 429, 302]);
    let site = with_hook(&hook);
    let (_, mail) = site.mailed("ann");
    site.hand_in(&Answer::to(&mail, NOT_ME).build());
    let posts: Vec<Post> = (0..3).map(|_| hook.next()).collect();
    for post in &posts {
        verified(post);
        assert_eq!(post.headers["webhook-id"], posts[0].headers["webhook-id"], "so that a receiver knows a double");
    }
    assert_eq!(posts.iter().map(|post| post.status).collect::<Vec<_>>(), [500, 429, 302]);
}

#[test]
fn a_webhook_survives_a_crash() {
    let hook = Hook::new(&[503]);
    let mut site = with_hook(&hook);
    let (_, mail) = site.mailed("ann");
    site.hand_in(&Answer::to(&mail, NOT_ME).build());
    hook.next();
    site.kill9();
    site.start();
    verified(&hook.next());
    site.events().named("webhook.sent");
}

#[test]
fn a_dead_webhook_blocks_nothing() {
    let port = Sink::free_port();
    let lines = format!("[portal.shop.alert.webhook]\nurl = \"http://127.0.0.1:{port}/hooks\"\nsecret_file = \"{{dir}}/hook.secret\"");
    let mut site = Site::unstarted(&Config::new().shop(&lines));
    fs::write(site.path().join("hook.secret"), SECRET).unwrap();
    fs::set_permissions(site.path().join("hook.secret"), fs::Permissions::from_mode(0o400)).unwrap();
    site.start();
    for n in 0..20 {
        let (id, mail) = site.mailed(&format!("u{n}"));
        site.hand_in(&Answer::to(&mail, NOT_ME).build());
        assert_eq!(site.state(&id), "denied");
    }
    let (_, mail) = site.mailed("ann");
    site.redeem(&mail.token()).expect(200);
}

#[test]
fn flags_are_listed_filtered_and_paged() {
    let site = Site::with(&Config::new().portal("club", ""));
    let mut expected = Vec::new();
    for n in 0..12 {
        let portal = if n % 3 == 0 { "club" } else { "shop" };
        let (_, mail) = site.mailed_with(&format!("u{n}"), json!({ "portal": portal }));
        site.hand_in(&Answer::to(&mail, if n % 2 == 0 { NOT_ME } else { "Please help me" }).build());
        expected.push((portal, n % 2 == 0));
    }
    let list = |query: &str| site.client().get(&format!("/v1/flags?{query}")).expect(200).json();
    let count = |query: &str| list(query)["items"].as_array().unwrap().len();
    assert_eq!(count(""), 12);
    assert_eq!(count("portal=club"), 4);
    assert_eq!(count("severity=high"), 6);
    assert_eq!(count("account=u3"), 1);
    assert_eq!(count("state=resolved"), 0);
    let newest = list("limit=1")["items"][0]["id"].clone();
    site.client()
        .post(&format!("/v1/flags/{newest}/resolve"), &json!({ "outcome": "account secured", "note": "called her\nall well", "by": "jo" }))
        .expect(200);
    assert_eq!((count("state=open"), count("state=resolved")), (11, 1));
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page = list(&format!("limit=5{after}"));
        seen.extend(page["items"].as_array().unwrap().iter().map(|flag| flag["id"].as_i64().unwrap()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 12);
    assert!(seen.is_sorted_by(|a, b| a > b), "newest first, each once: {seen:?}");
}

#[test]
fn a_flag_is_closed_once_with_who_outcome_and_note() {
    let site = Site::new();
    let (_, mail) = site.mailed("ann");
    site.hand_in(&Answer::to(&mail, NOT_ME).build());
    let flag = site.flags()[0]["id"].clone();
    let path = format!("/v1/flags/{flag}/resolve");
    let resolved = site.client().post(&path, &json!({ "outcome": "account secured", "note": "called her", "by": "jo" })).expect(200).json();
    assert_eq!(resolved["state"], "resolved");
    let resolution = &resolved["resolution"];
    assert_eq!((resolution["outcome"].as_str(), resolution["note"].as_str()), (Some("account secured"), Some("called her")));
    assert!(resolution["by"].as_str().unwrap().starts_with("jo"));
    site.client().post(&path, &json!({ "outcome": "other" })).expect(409);
    let event = site.events().named("flag.resolved");
    assert_eq!(event["detail"]["flag"], flag);
    // A later answer opens a new case, and never changes the closed one.
    site.hand_in(&Answer::to(&mail, "Did you get my answer? Please help!").build());
    assert_eq!(site.flags().len(), 2);
}

#[test]
fn a_hundred_resolving_at_once_one_does() {
    let site = Site::new();
    let (_, mail) = site.mailed("ann");
    site.hand_in(&Answer::to(&mail, NOT_ME).build());
    let path = format!("/v1/flags/{}/resolve", site.flags()[0]["id"]);
    let closed = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..32)
            .map(|n| (n, &site, &path))
            .map(|(n, site, path)| scope.spawn(move || site.client().post(path, &json!({ "outcome": format!("by {n}") })).status))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|status| *status == 200).count()
    });
    assert_eq!(closed, 1);
}

#[test]
fn a_huge_answer_is_taken_in_part_and_flagged() {
    let site = Site::with(&Config::new().more("[mailbox]\nmaildirs = [\"{dir}/in\"]\nmax_size = \"64KiB\""));
    let (_, mail) = site.mailed("ann");
    let maildir = site.path().join("in");
    for part in ["tmp", "new", "cur"] {
        fs::create_dir_all(maildir.join(part)).unwrap();
    }
    let mut message = Answer::to(&mail, NOT_ME).build();
    message.extend(b"> quoted line of nothing at all\r\n".repeat(8000));
    fs::write(maildir.join("tmp/1.x"), &message).unwrap();
    fs::rename(maildir.join("tmp/1.x"), maildir.join("new/1.x")).unwrap();
    let flag = site.events().named("flag.raised");
    assert_eq!(flag["detail"]["reason"], "oversize");
    assert!(site.flags()[0]["text"].as_str().unwrap().contains(&message.len().to_string()), "it says how large it was");
}
