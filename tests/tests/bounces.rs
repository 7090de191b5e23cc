//! What machines tell of a mail: it never arrived, it is late, it arrived, the person complained.

use resetd_tests::answer::{Answer, bounce, complaint};
use resetd_tests::{Config, Site};
use serde_json::json;

#[test]
fn a_hard_bounce_makes_it_undeliverable_and_holds_the_address() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    let read = site.hand_in(&bounce(&mail, "failed", "5.1.1", "550 5.1.1 <ann@mail.example>: no such user"));
    assert_eq!((read["detail"]["kind"].as_str(), read["detail"]["proof"].as_str()), (Some("bounce"), Some("tag")));
    assert_eq!(site.state(&id), "undeliverable");
    assert!(site.timeline(&id).contains(&"mail.bounced".to_owned()));
    assert!(site.redeem(&mail.token()).status >= 400);
    let held = site.request("ann");
    assert!(site.suppressed(&held).is_some_and(|why| why.starts_with("address held")), "{:?}", site.suppressed(&held));
    // However it is written; and others are not.
    let tagged = site.request_with("ann2", json!({ "email": "Ann+x@mail.example" }));
    assert!(site.suppressed(&tagged).is_some());
    assert_eq!(site.suppressed(&site.request("bob")), None);
    assert!(site.flags().is_empty(), "a bounce is the application's to see, not support's");
}

#[test]
fn a_delay_is_no_failure() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    site.hand_in(&bounce(&mail, "delayed", "4.4.1", "451 4.4.1 no answer from host"));
    assert_eq!(site.state(&id), "sent");
    assert!(site.timeline(&id).contains(&"mail.delayed".to_owned()));
    site.redeem(&mail.token()).expect(200);
}

#[test]
fn a_delivery_notice_is_no_failure() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    site.hand_in(&bounce(&mail, "delivered", "2.0.0", "250 2.0.0 ok"));
    assert_eq!(site.state(&id), "sent");
    assert!(site.timeline(&id).contains(&"mail.delivered".to_owned()));
}

#[test]
fn a_full_mailbox_holds_nothing() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    site.hand_in(&bounce(&mail, "failed", "4.2.2", "452 4.2.2 mailbox full"));
    assert_eq!(site.state(&id), "undeliverable");
    assert_eq!(site.suppressed(&site.request("ann")), None);
}

#[test]
fn a_forged_bounce_changes_nothing() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    let mut forged = mail.clone();
    // The forger knows the address, not the tag nor the Message-ID.
    let swap = |text: &str| {
        text.replace(&mail.from[6..40], "baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
            .replace(&mail.message_id()[..40], "maaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
    };
    forged.from = "reply@in.shop.example".into();
    forged.raw = swap(&String::from_utf8_lossy(&mail.raw)).replace(&mail.reply_to(), "reply@in.shop.example").into_bytes();
    site.hand_in(&bounce(&forged, "failed", "5.1.1", "550 5.1.1 no such user"));
    assert_eq!(site.state(&id), "sent");
    assert_eq!(site.suppressed(&site.request("ann")), None);
    site.redeem(&mail.token()).expect(200);
}

#[test]
fn a_bounce_after_the_redeem_does_not_undo_it() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    site.redeem(&mail.token()).expect(200);
    site.hand_in(&bounce(&mail, "failed", "5.1.1", "550 5.1.1 no such user"));
    assert_eq!(site.state(&id), "redeemed");
}

#[test]
fn a_complaint_is_flagged() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    let read = site.hand_in(&complaint(&mail));
    assert_eq!(read["detail"]["kind"], "complaint");
    let flags = site.flags();
    assert_eq!((flags.len(), flags[0]["reason"].as_str(), flags[0]["reset"].as_str()), (1, Some("complaint"), Some(id.as_str())));
    assert_eq!(flags[0]["verdict"], serde_json::Value::Null);
}

#[test]
fn an_away_notice_is_neither_flag_nor_failure() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    let away =
        Answer::to(&mail, "I am on holiday until Monday.").subject("Automatic reply: hello").header("Auto-Submitted", "auto-replied");
    assert_eq!(site.hand_in(&away.build())["detail"]["kind"], "auto_reply");
    assert_eq!(site.state(&id), "sent");
    assert!(site.flags().is_empty());
}

#[test]
fn the_hold_ends_when_the_configuration_says() {
    // hold_bounced is read when the bounce comes; the shortest is tested with a clock of our own in late.rs.
    let site = Site::with(&Config::new());
    let (_, mail) = site.mailed("ann");
    site.hand_in(&bounce(&mail, "failed", "5.1.1", "550 5.1.1 no such user"));
    let id = site.request("ann");
    assert!(site.suppressed(&id).is_some());
    assert_eq!(site.outgoing().to("ann@mail.example").len(), 1);
}
