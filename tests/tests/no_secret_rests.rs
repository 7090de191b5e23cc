//! Law 2: no live secret rests anywhere. Grep is the judge: after a run in which everything happens that can carry a
//! secret, none stands in the database, its log, the daemon's log at its most talkative, events, answers, alerts or
//! webhooks, in any dress. Only the mailbox holds them.

use std::collections::BTreeSet;

use resetd_tests::answer::{Answer, Encoding, Shape, bounce, complaint};
use resetd_tests::hook::Hook;
use resetd_tests::leaks::Needles;
use resetd_tests::lmtp::Lmtp;
use resetd_tests::{Config, Mail, Sink, Site};
use serde_json::{Value, json};

const HOOK_SECRET: &str = "whsec_c29tZSBzZWNyZXQgb2YgYXQgbGVhc3QgMjQgb2N0ZXRz";

/// Every secret that went out, with what holds it.
#[derive(Default)]
struct Out {
    needles: Needles,
    mails: Vec<(String, Mail)>,
}

impl Out {
    fn mailed(&mut self, id: String, mail: Mail) -> Mail {
        self.needles.token(&mail.token());
        self.needles.code(&mail.code());
        assert!(!self.needles.find(&mail.raw).is_empty(), "the search sees what is there");
        self.mails.push((id, mail.clone()));
        mail
    }
}

#[test]
fn after_a_full_run_with_capture_grep_finds_nothing() {
    let hook = Hook::new(&[500]);
    let mut site = Site::unstarted(&config(&hook).more("[mailbox]\nlmtp = [\"unix:{dir}/lmtp\"]\nauthserv_ids = [\"mx.shop.example\"]"));
    secret_file(&site);
    site.start();
    let mut out = Out::default();
    let mut mail = |site: &Site, account: &str| {
        let (id, mail) =
            site.mailed_with(account, json!({ "name": "Ann Other", "client": { "ip": "203.0.113.7", "user_agent": "Firefox" } }));
        out.mailed(id, mail)
    };
    // Questions leave the link good: what support sees of them must not open anything.
    let mut still_good = Vec::new();
    let says = "Hello, I can't log in and where is my order?";
    for (n, (shape, encoding)) in shapes().into_iter().enumerate() {
        let mail = mail(&site, &format!("help{n}"));
        site.hand_in(&Answer::to(&mail, says).shape(shape).encoding(encoding).build());
        still_good.push(mail);
    }
    let twisted = mail(&site, "twisted");
    for message in twists(&twisted) {
        site.hand_in(&message);
    }
    still_good.push(twisted);
    // By LMTP, forged, with a DMARC result, from another address.
    let by_lmtp = mail(&site, "lmtp");
    let message = Answer::to(&by_lmtp, says).build();
    assert!(Lmtp::dial(&site.path().join("lmtp")).deliver(&by_lmtp.to, &by_lmtp.reply_to(), &message).starts_with("250"));
    let forged = mail(&site, "forged");
    site.hand_in(&Answer::to(&forged, &format!("It wasn't me! {}", forged.link())).bare("reply@in.shop.example", "Help").build());
    still_good.push(by_lmtp);
    still_good.push(forged);
    // Denials and bounces kill theirs.
    for (n, (shape, encoding)) in shapes().into_iter().enumerate() {
        let mail = mail(&site, &format!("deny{n}"));
        site.hand_in(&Answer::to(&mail, &format!("That wasn't me. {}", mail.code())).shape(shape).encoding(encoding).build());
        assert_eq!(site.redeem(&mail.token()).expect(410).reason(), "denied");
    }
    let bounced = mail(&site, "gone");
    site.hand_in(&bounce(&bounced, "failed", "5.1.1", "550 5.1.1 no such user"));
    let late = mail(&site, "late");
    site.hand_in(&bounce(&late, "delayed", "4.4.1", &format!("451 could not deliver {}", late.link())));
    let angry = mail(&site, "angry");
    site.hand_in(&complaint(&angry));
    // Secrets that come back, good and bad.
    let used = mail(&site, "used");
    site.inspect(&used.token()).expect(200);
    site.redeem(&used.token()).expect(200);
    site.redeem(&used.token()).expect(410);
    site.client().post(&format!("/v1/resets/{}/completed", id_of(&out, &used)), &json!({})).expect(204);
    let typed = mailed_code(&site, &mut out);
    site.redeem_code("typed", "00000000");
    site.client()
        .post("/v1/resets/redeem", &json!({ "portal": "shop", "account": "typed", "code": typed.code(), "token": typed.token() }))
        .expect(400);
    site.client()
        .ask("POST", "/v1/resets/redeem", &[("Content-Type", "application/json")], format!("{{\"token\":\"{}\"", typed.token()).as_bytes())
        .expect(400);
    site.client().ask("GET", &format!("/v1/resets/{}", typed.token()), &[], b"");
    site.client().ask("GET", &format!("/reset?t={}", typed.token()), &[], b"").expect(404);
    site.redeem_code("typed", &typed.code()).expect(200);
    site.until_quiet();

    judge(&site, &out, &hook);
    for mail in &still_good {
        site.inspect(&mail.token()).expect(200);
        site.redeem(&mail.token()).expect(200);
    }
    judge(&site, &out, &hook);
    // What a crash leaves behind, and what the clean end writes into the database.
    site.kill9();
    rests(&site, &out.needles);
    site.start();
    site.until_quiet();
    site.stop();
    rests(&site, &out.needles);
}

#[test]
fn after_a_run_with_a_relay_grep_finds_nothing() {
    let sink = Sink::new();
    sink.ids("4XyZ");
    let hook = Hook::new(&[]);
    let mut site = Site::unstarted(&config(&hook).relay(sink.port()));
    secret_file(&site);
    site.start();
    let mut out = Out::default();
    for account in ["ann", "bob", "cem"] {
        let id = site.request(account);
        site.events().until(&id, "mail.sent");
        let mail = sink.mails().into_iter().find(|mail| mail.is_about(&id)).unwrap();
        let mail = out.mailed(id, mail);
        site.hand_in(&Answer::to(&mail, "I can't log in, please help me").encoding(Encoding::QuotedPrintable).build());
        site.inspect(&mail.token()).expect(200);
    }
    // A relay that repeats what it was sent, and one that is gone.
    sink.manner(resetd_tests::sink::Manner::PutOff);
    let id = site.request("late");
    site.events().until(&id, "mail.deferred");
    drop(sink);
    rests(&site, &out.needles);
    answers(&site, &out.needles);
    site.kill9();
    rests(&site, &out.needles);
}

/// What resets and mails may be answered with, and must not hold.
fn judge(site: &Site, out: &Out, hook: &Hook) {
    rests(site, &out.needles);
    answers(site, &out.needles);
    let ours: BTreeSet<String> = out.mails.iter().map(|(_, mail)| mail.message_id()).collect();
    let mut others = 0;
    for mail in site.outgoing().all().into_iter().filter(|mail| !ours.contains(&mail.message_id())) {
        out.needles.must_not_be_in("a mail that is no reset mail", &mail.raw);
        others += 1;
    }
    assert!(others > 10, "alerts, acknowledgements and a notice went out: {others}");
    for post in hook.waiting() {
        out.needles.must_not_be_in("a webhook", &post.body);
    }
}

fn rests(site: &Site, needles: &Needles) {
    assert!(needles.len() > 30);
    let files = needles.must_not_rest_in(site.path(), &["outgoing", "peer"]);
    assert!(files >= 4, "database, its log, the key, the daemon's log, the configuration: {files}");
    assert!(site.log().len() > 1000, "a log that is empty holds nothing");
}

/// Everything that the API tells an administrator.
fn answers(site: &Site, needles: &Needles) {
    let mut client = site.client();
    let mut look = |path: &str| {
        let reply = client.get(path);
        needles.must_not_be_in(path, &reply.body);
        needles.must_not_be_in(path, format!("{:?}", reply.headers).as_bytes());
        reply
    };
    for path in ["/v1/status", "/metrics", "/v1/queue", "/v1/templates", "/openapi.json"] {
        look(path).expect(200);
    }
    let mut resets = BTreeSet::new();
    let mut after = String::from("0");
    loop {
        let page = look(&format!("/v1/events?limit=500&after={after}")).expect(200).json();
        resets.extend(page["items"].as_array().unwrap().iter().filter_map(|event| event["reset"].as_str().map(str::to_owned)));
        match &page["next"] {
            Value::String(next) => next.clone_into(&mut after),
            _ => break,
        }
    }
    for id in &resets {
        look(&format!("/v1/resets/{id}")).expect(200);
    }
    for flag in site.flags() {
        let number = &flag["id"];
        look(&format!("/v1/flags/{number}")).expect(200);
        if flag["has_message"] == true {
            let message = look(&format!("/v1/flags/{number}/message")).expect(200);
            let parsed = mail_parser::MessageParser::default().parse(&message.body).unwrap();
            needles.must_not_be_in("a struck message, decoded", parsed.body_text(0).unwrap_or_default().as_bytes());
            needles.must_not_be_in("a struck subject, decoded", parsed.subject().unwrap_or_default().as_bytes());
        }
    }
    look("/v1/flags?limit=500").expect(200);
}

/// Quotes as mail programs and gateways mangle them.
fn twists(mail: &Mail) -> Vec<Vec<u8>> {
    let (link, token, code) = (mail.link(), mail.token(), mail.code());
    let says = |words: String| Answer::to(mail, &words).unquoted();
    let gateway = format!("https://safelinks.example/?url={}&data=x", percent(&link));
    let (left, right) = token.split_at(31);
    vec![
        says(format!("I can't open {link}, please help")).build(),
        says(format!("please help: <{link}>.")).build(),
        says(format!("please help: {gateway}")).build(),
        says(format!("please help: {}", link.replace("https://", "hxxps://"))).build(),
        says(format!("please help, the link says \"{token}\"")).build(),
        says(format!("please help, it breaks:\r\nhttps://shop.example/reset?t={left}\r\n{right}\r\n")).build(),
        says(format!("please help, it breaks:\r\n> https://shop.example/reset?t={left}\r\n> {right}\r\n")).build(),
        says(format!("please help, the code {code} does not work")).build(),
        says(format!("please help, the code {}-{} does not work", &code[..4], &code[4..])).build(),
        says(format!("please help, the code {} {} does not work", &code[..4], &code[4..])).build(),
        says(format!("<p>please help, <b>{}</b><i>{}</i></p>", &code[..4], &code[4..])).shape(Shape::Html).build(),
        says(format!("<p>please help <a href=\"{}\">here</a></p>", link.replace('/', "&#x2F;"))).shape(Shape::Html).build(),
        says(format!("<p>please help <a href=\"{gateway}\">{left}<wbr>{right}</a></p>"))
            .shape(Shape::Html)
            .encoding(Encoding::Base64)
            .build(),
        says("please help".into()).subject(&format!("Re: {link}")).build(),
        says("please help".into()).subject(&format!("{code} is my code")).build(),
        says("please help".into()).header("X-Original-Url", &link).header("Comments", &code).build(),
        says(format!("please help\r\n{}", data_encoding::BASE64.encode(link.as_bytes()))).build(),
        attached(mail),
    ]
}

/// An answer with the mail attached whole, as "forward as attachment" makes it.
fn attached(mail: &Mail) -> Vec<u8> {
    let original = String::from_utf8_lossy(&mail.raw);
    format!(
        "From: {}\r\nTo: {}\r\nSubject: Fwd: help\r\nMessage-ID: <fwd@mail.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=\"m1\"\r\n\r\n--m1\r\nContent-Type: text/plain\r\n\r\nPlease help me with this mail.\r\n\
         --m1\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment; filename=\"original.eml\"\r\n\r\n{original}\r\n\
         --m1\r\nContent-Type: text/plain; name=\"link.txt\"\r\nContent-Disposition: attachment; filename=\"link.txt\"\r\n\r\n{}\r\n--m1--\r\n",
        mail.to,
        mail.reply_to(),
        mail.link()
    )
    .into_bytes()
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn shapes() -> Vec<(Shape, Encoding)> {
    let encodings = [Encoding::SevenBit, Encoding::QuotedPrintable, Encoding::Base64];
    [Shape::Text, Shape::Html, Shape::Both].into_iter().flat_map(|shape| encodings.map(|encoding| (shape, encoding))).collect()
}

fn config(hook: &Hook) -> Config {
    let hook = format!("[portal.shop.alert.webhook]\nurl = \"{}\"\nsecret_file = \"{{dir}}/hook.secret\"\n", hook.url());
    Config::new().shop(&format!("method = \"both\"\nwording = \"code\"\n{hook}"))
}

fn secret_file(site: &Site) {
    use std::os::unix::fs::PermissionsExt;
    let path = site.path().join("hook.secret");
    std::fs::write(&path, HOOK_SECRET).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
}

fn id_of(out: &Out, mail: &Mail) -> String {
    out.mails.iter().find(|(_, known)| known.message_id() == mail.message_id()).unwrap().0.clone()
}

fn mailed_code(site: &Site, out: &mut Out) -> Mail {
    let (id, mail) = site.mailed("typed");
    out.mailed(id, mail)
}
