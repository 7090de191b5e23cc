//! Law 4: every human answer reaches support. And how an answer is believed: only one that is proven revokes.

use resetd_tests::answer::{Answer, Encoding, Shape};
use resetd_tests::{Config, Mail, Sink, Site};
use serde_json::Value;

const NOT_ME: &str = "This wasn't me, I did not ask for a new password!";

/// The one flag, as it stands.
#[track_caller]
fn the_flag(site: &Site) -> Value {
    let flags = site.flags();
    assert_eq!(flags.len(), 1, "{flags:#?}");
    flags[0].clone()
}

#[test]
fn every_verdict_raises_a_flag() {
    for (says, verdict, reason, severity) in [
        (NOT_ME, "not_me", "not_me", "high"),
        ("Yes, that was me, thank you, it worked.", "was_me", "was_me", "low"),
        ("I can't log in, the link does not open. Can you help me please?", "help", "help", "low"),
        ("The weather is nice in Lisbon today.", "other", "other", "low"),
    ] {
        let site = Site::new();
        let (id, mail) = site.mailed("ann");
        let read = site.hand_in(&Answer::to(&mail, says).build());
        assert_eq!(read["detail"]["kind"], "reply", "{says}");
        let flag = the_flag(&site);
        assert_eq!(flag["verdict"], verdict, "{says}: {flag}");
        assert_eq!((flag["reason"].as_str(), flag["severity"].as_str()), (Some(reason), Some(severity)), "{says}");
        assert_eq!(
            (flag["reset"].as_str(), flag["portal"].as_str(), flag["account"].as_str()),
            (Some(id.as_str()), Some("shop"), Some("ann"))
        );
        assert_eq!((flag["proof"].as_str(), flag["state"].as_str()), (Some("tag"), Some("open")));
        assert_eq!(flag["text"].as_str().unwrap().trim(), says, "what the person typed, and nothing of the quote");
        assert_eq!(flag["sender"], "ann@mail.example");
        let expected = if verdict == "not_me" { "denied" } else { "sent" };
        assert_eq!(site.state(&id), expected, "{says}");
    }
}

#[test]
fn an_answer_that_says_nothing_reaches_support_too() {
    for answer in [
        |mail: &Mail| Answer::to(mail, "").build(),
        |mail: &Mail| Answer::to(mail, "").unquoted().build(),
        |mail: &Mail| Answer::to(mail, "?").build(),
        |mail: &Mail| Answer::to(mail, "\u{1f621}").build(),
        |mail: &Mail| Answer::to(mail, "%PDF-1.4 \u{0}\u{1}\u{2}").build(),
    ] {
        let site = Site::new();
        let (_, mail) = site.mailed("ann");
        site.hand_in(&answer(&mail));
        the_flag(&site);
    }
}

/// People type at the end of what their phone quotes, or over the subject: with nothing above the quote that is the answer.
#[test]
fn an_answer_below_the_quote_or_in_the_subject_is_heard() {
    fn below(mail: &Mail) -> Vec<u8> {
        let quoted = Answer::to(mail, "").shape(Shape::Text).encoding(Encoding::SevenBit).build();
        [quoted.trim_ascii_end(), format!("\r\n>\r\n> {NOT_ME}\r\n").as_bytes()].concat()
    }
    fn subject(mail: &Mail) -> Vec<u8> {
        Answer::to(mail, "").subject("I did not ask for a new password").build()
    }
    for (answer, text) in [(below as fn(&Mail) -> Vec<u8>, NOT_ME), (subject, "")] {
        let site = Site::new();
        let (id, mail) = site.mailed("ann");
        let read = site.hand_in(&answer(&mail));
        assert_eq!(site.state(&id), "denied", "{read}");
        let flag = the_flag(&site);
        assert_eq!(flag["reason"], "not_me", "{flag}");
        assert_eq!(flag["text"].as_str().unwrap().trim(), text);
    }
}

#[test]
fn what_is_no_message_reaches_support_too() {
    let site = Site::new();
    for raw in [
        &b"no header at all"[..],
        b"\x00\x01\x02\xff\xfe",
        b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--y\r\n",
    ] {
        let before = site.flags().len();
        let read = site.hand_in(raw);
        assert_eq!(site.flags().len(), before + 1, "{read}");
    }
}

#[test]
fn an_answer_is_read_in_every_shape() {
    for shape in [Shape::Text, Shape::Html, Shape::Both] {
        for encoding in [Encoding::SevenBit, Encoding::QuotedPrintable, Encoding::Base64] {
            let site = Site::new();
            let (id, mail) = site.mailed("ann");
            site.hand_in(&Answer::to(&mail, NOT_ME).shape(shape).encoding(encoding).build());
            assert_eq!(site.state(&id), "denied", "{shape:?} {encoding:?}");
            assert_eq!(site.redeem(&mail.token()).expect(410).reason(), "denied");
            assert_eq!(the_flag(&site)["text"].as_str().unwrap().trim(), NOT_ME);
        }
    }
}

#[test]
fn the_tag_proves() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    // From another address of the person's, without thread or quote: who has the tag saw the mail.
    let answer = Answer::to(&mail, NOT_ME).from("ann.other@elsewhere.example").refers(None).unquoted();
    let read = site.hand_in(&answer.build());
    assert_eq!(read["detail"]["proof"], "tag");
    assert_eq!(site.state(&id), "denied");
    // In capitals, as some servers make it.
    let (id, mail) = site.mailed("bob");
    site.hand_in(&Answer::to(&mail, NOT_ME).sent_to(&mail.reply_to().to_uppercase()).refers(None).unquoted().build());
    assert_eq!(site.state(&id), "denied");
}

#[test]
fn our_message_id_proves() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    let answer = Answer::to(&mail, NOT_ME).sent_to("help@shop.example").unquoted();
    assert_eq!(site.hand_in(&answer.build())["detail"]["proof"], "reference");
    assert_eq!(site.state(&id), "denied");
}

#[test]
fn the_next_hops_id_proves() {
    let sink = Sink::new();
    sink.ids("0100018f5c7d2e4a-");
    let site = Site::with(&Config::new().relay(sink.port()));
    let id = site.request("ann");
    site.events().until(&id, "mail.sent");
    let mail = sink.mails().remove(0);
    // Amazon SES writes its own id over ours, with its own domain behind it.
    let theirs = "0100018f5c7d2e4a-00000001@eu-west-1.amazonses.com";
    let answer = Answer::to(&mail, NOT_ME).sent_to("no-reply@shop.example").refers(Some(theirs)).unquoted();
    assert_eq!(site.hand_in(&answer.build())["detail"]["proof"], "reference");
    assert_eq!(site.state(&id), "denied");
}

#[test]
fn dmarc_of_a_configured_authserv_id_proves_and_no_other() {
    let config = Config::new().more("[mailbox]\nauthserv_ids = [\"mx.shop.example\"]");
    let results = |authserv: &str, result: &str, domain: &str| format!("{authserv}; dmarc={result} (p=REJECT) header.from={domain}");
    for (header, believed) in [
        (results("mx.shop.example", "pass", "mail.example"), true),
        (results("mx.evil.example", "pass", "mail.example"), false),
        (results("mx.shop.example", "fail", "mail.example"), false),
        (results("mx.shop.example", "none", "mail.example"), false),
        (results("mx.shop.example", "pass", "evil.example"), false),
        ("mx.shop.example; spf=pass smtp.mailfrom=mail.example".to_owned(), false),
        ("mx.shop.example; spf=pass (dmarc=pass header.from=mail.example)".to_owned(), false),
    ] {
        let site = Site::with(&config);
        let (id, mail) = site.mailed("ann");
        let answer = Answer::to(&mail, NOT_ME).bare("reply@in.shop.example", "Hello").header("Authentication-Results", &header);
        let read = site.hand_in(&answer.build());
        assert_eq!(read["detail"]["proof"], if believed { "dmarc" } else { "none" }, "{header}");
        assert_eq!(site.state(&id), if believed { "denied" } else { "sent" }, "{header}");
        the_flag(&site);
    }
}

#[test]
fn a_forgers_own_results_below_the_servers_do_not_count() {
    let site = Site::with(&Config::new().more("[mailbox]\nauthserv_ids = [\"mx.shop.example\"]"));
    let (id, mail) = site.mailed("ann");
    let answer = Answer::to(&mail, NOT_ME)
        .bare("reply@in.shop.example", "Hello")
        .header("Authentication-Results", "mx.shop.example; dmarc=fail header.from=mail.example")
        .header("Authentication-Results", "mx.shop.example; dmarc=pass header.from=mail.example");
    assert_eq!(site.hand_in(&answer.build())["detail"]["proof"], "none");
    assert_eq!(site.state(&id), "sent");
}

#[test]
fn from_alone_proves_nothing_and_revokes_nothing() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    let read = site.hand_in(&Answer::to(&mail, NOT_ME).bare("reply@in.shop.example", "Hello").build());
    assert_eq!(read["detail"]["proof"], "none");
    let flag = the_flag(&site);
    assert_eq!((flag["proof"].as_str(), flag["verdict"].as_str()), (Some("none"), Some("not_me")));
    assert_eq!(flag["reset"], id.as_str(), "the sender's only open reset");
    assert_eq!(site.state(&id), "sent");
    site.redeem(&mail.token()).expect(200);
    assert!(site.outgoing().to("ann@mail.example").len() == 1, "and nobody is acknowledged");
}

#[test]
fn a_forged_tag_or_id_proves_nothing() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    let forge = |text: &str| {
        let (local, domain) = text.split_once('@').unwrap();
        let last = if local.ends_with('a') { 'b' } else { 'a' };
        format!("{}{last}@{domain}", &local[..local.len() - 1])
    };
    // The bounce tag, which the envelope shows to every server on the way, is none for a reply's Message-ID and so on.
    let forged = forge(&mail.reply_to());
    for answer in [
        Answer::to(&mail, NOT_ME).sent_to(&forged).refers(None).unquoted(),
        Answer::to(&mail, NOT_ME).sent_to("help@shop.example").refers(Some(&forge(&mail.message_id()))).unquoted(),
    ] {
        let read = site.hand_in(&answer.build());
        assert_eq!(read["detail"]["proof"], "none", "{read}");
    }
    assert_eq!(site.state(&id), "sent");
    site.redeem(&mail.token()).expect(200);
}

#[test]
fn a_tag_speaks_for_its_own_account_alone() {
    let site = Site::new();
    let (ann, of_ann) = site.mailed("ann");
    let (bob, of_bob) = site.mailed("bob");
    site.hand_in(&Answer::to(&of_bob, NOT_ME).from("ann@mail.example").refers(Some(&of_bob.message_id())).build());
    assert_eq!((site.state(&ann).as_str(), site.state(&bob).as_str()), ("sent", "denied"));
    site.redeem(&of_ann.token()).expect(200);
}

#[test]
fn a_proven_denial_kills_every_open_secret_of_the_account_and_no_new_one() {
    let site = Site::new();
    let (_, first) = site.mailed("ann");
    let (_, second) = site.mailed("ann");
    site.hand_in(&Answer::to(&first, NOT_ME).build());
    for mail in [&first, &second] {
        assert_eq!(site.redeem(&mail.token()).expect(410).reason(), "denied");
    }
    // Nobody is locked out.
    let (_, third) = site.mailed("ann");
    site.redeem(&third.token()).expect(200);
}

#[test]
fn redeemed_then_denied_is_critical() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    site.redeem(&mail.token()).expect(200);
    site.hand_in(&Answer::to(&mail, NOT_ME).build());
    let flag = the_flag(&site);
    assert_eq!((flag["severity"].as_str(), flag["reason"].as_str()), (Some("critical"), Some("not_me_after_redeem")));
    assert_eq!(site.state(&id), "redeemed", "what happened, happened");
}

#[test]
fn an_objection_to_the_notice_is_critical() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    site.redeem(&mail.token()).expect(200);
    site.client().ask("POST", &format!("/v1/resets/{id}/completed"), &[], b"").expect(204);
    site.events().find(|event| event["event"] == "mail.sent" && event["detail"]["kind"] == "notice");
    let notice = site.outgoing().to("ann@mail.example").into_iter().find(|mail| !mail.has_secret()).unwrap();
    site.hand_in(&Answer::to(&notice, "I did not change my password!").build());
    assert_eq!(the_flag(&site)["severity"], "critical");
}

#[test]
fn an_answer_after_the_end_still_reaches_support() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    site.client().delete(&format!("/v1/resets/{id}")).expect(200);
    site.hand_in(&Answer::to(&mail, NOT_ME).build());
    assert_eq!(the_flag(&site)["reset"], id.as_str());
    assert_eq!(site.state(&id), "revoked", "a dead reset stays what it was");
}

#[test]
fn was_me_adds_a_note_and_opens_nothing_again() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    site.hand_in(&Answer::to(&mail, NOT_ME).build());
    site.hand_in(&Answer::to(&mail, "Sorry, ignore my last mail, that was me after all.").build());
    let flag = the_flag(&site);
    assert_eq!(flag["notes"].as_array().map(Vec::len), Some(1), "{flag}");
    assert!(flag["notes"][0]["text"].as_str().unwrap().contains("that was me after all"), "{flag}");
    assert_eq!(flag["state"], "open");
    assert_eq!(site.state(&id), "denied");
    site.redeem(&mail.token()).expect(410);
}

#[test]
fn the_quoted_sentence_of_ours_denies_nothing() {
    // Every mail of ours has an "if it wasn't you", which comes back quoted under every answer.
    for wording in ["easy", "code", "change-link", "bare-link", "tell-us", "time-limited", "monitored", "friendly"] {
        let site = Site::new();
        let (id, mail) = site.mailed_with("ann", serde_json::json!({ "wording": wording }));
        site.hand_in(&Answer::to(&mail, "Thanks, it worked!").build());
        site.hand_in(&Answer::to(&mail, "").shape(Shape::Html).build());
        assert_eq!(site.state(&id), "sent", "{wording}");
        assert!(site.flags().iter().all(|flag| flag["verdict"] != "not_me"), "{wording}: {:#?}", site.flags());
    }
}

#[test]
fn the_same_message_is_read_once() {
    let site = Site::with(&Config::new().more("[mailbox]\nmaildirs = [\"{dir}/in\"]"));
    let (_, mail) = site.mailed("ann");
    for part in ["tmp", "new", "cur"] {
        std::fs::create_dir_all(site.path().join("in").join(part)).unwrap();
    }
    let message = Answer::to(&mail, NOT_ME).build();
    drop_in(&site, "1.x", &message);
    site.events().named("flag.raised");
    let read = std::fs::read_dir(site.path().join("in/cur")).unwrap().next().unwrap().unwrap().path();
    // It comes back into `new`, as a mail program's "mark as unread" may do it, and another one after it.
    std::fs::rename(read, site.path().join("in/new/1.x")).unwrap();
    drop_in(&site, "2.x", &Answer::to(&mail, "I need help").build());
    site.events().find(|event| event["event"] == "flag.raised" && event["detail"]["reason"] == "help");
    assert_eq!(site.flags().len(), 2);
}

/// As a delivery agent does it: written in `tmp`, moved to `new`.
fn drop_in(site: &Site, name: &str, message: &[u8]) {
    let maildir = site.path().join("in");
    std::fs::write(maildir.join("tmp").join(name), message).unwrap();
    std::fs::rename(maildir.join("tmp").join(name), maildir.join("new").join(name)).unwrap();
}
