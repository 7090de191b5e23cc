//! Law 6: never answer a machine. No message that a machine sent makes us send one to it; a person gets at most one
//! acknowledgement for each reset, at the account's own address.

use resetd_tests::answer::{Answer, bounce, complaint};
use resetd_tests::{Config, Mail, Site};

const NOT_ME: &str = "This wasn't me, I did not ask for a new password!";
const HELP: &str = "help@shop.example";

/// A machine's message about the mail.
type Machine = fn(&Mail) -> Vec<u8>;

/// Everything that must not be answered, each with the words of a denial, so that only who sent it holds us back.
const MACHINES: [(&str, Machine); 16] = [
    ("RFC 3834", |mail| Answer::to(mail, NOT_ME).header("Auto-Submitted", "auto-replied").build()),
    ("auto-generated", |mail| Answer::to(mail, NOT_ME).header("Auto-Submitted", "auto-generated").build()),
    ("null path", |mail| Answer::to(mail, NOT_ME).header("Return-Path", "<>").build()),
    ("vacation(1)", |mail| Answer::to(mail, NOT_ME).header("Precedence", "auto_reply").header("X-Autoreply", "yes").build()),
    ("Outlook away", |mail| {
        Answer::to(mail, NOT_ME).subject("Automatic reply: Reset your password").header("Auto-Submitted", "auto-replied").build()
    }),
    ("X-Autorespond", |mail| Answer::to(mail, NOT_ME).header("X-Autorespond", "Away").build()),
    ("list", |mail| Answer::to(mail, NOT_ME).header("List-Id", "<list.mail.example>").header("Precedence", "list").build()),
    ("bulk", |mail| Answer::to(mail, NOT_ME).header("Precedence", "bulk").build()),
    ("no-reply sender", |mail| Answer::to(mail, NOT_ME).from("no-reply@mail.example").build()),
    ("donotreply sender", |mail| Answer::to(mail, NOT_ME).from("donotreply@mail.example").build()),
    ("mailer-daemon", |mail| Answer::to(mail, NOT_ME).from("MAILER-DAEMON@mail.example").header("Return-Path", "<>").build()),
    ("ticket system", |mail| {
        Answer::to(mail, NOT_ME).header("X-Auto-Response-Suppress", "All").header("Auto-Submitted", "auto-generated").build()
    }),
    ("bounce", |mail| bounce(mail, "failed", "5.1.1", "550 5.1.1 no such user")),
    ("delay", |mail| bounce(mail, "delayed", "4.4.1", "451 try later")),
    ("success", |mail| bounce(mail, "delivered", "2.0.0", "250 ok")),
    ("complaint", complaint),
];

#[test]
fn no_machine_is_answered() {
    for (name, message) in MACHINES {
        let site = Site::new();
        let (_, mail) = site.mailed("ann");
        let read = site.hand_in(&message(&mail));
        site.until_quiet();
        let to_people: Vec<String> = site.outgoing().all().into_iter().filter(|sent| sent.to != HELP).map(|sent| sent.to).collect();
        assert_eq!(to_people, ["ann@mail.example"], "{name}: only the reset mail went out; it was read as {}", read["detail"]);
    }
}

#[test]
fn a_machine_at_the_portals_other_addresses_is_not_answered() {
    let site = Site::new();
    let (_, mail) = site.mailed("ann");
    for (_, message) in MACHINES {
        site.hand_in(&message(&mail));
    }
    site.until_quiet();
    assert_eq!(site.outgoing().all().iter().filter(|sent| sent.to != HELP).count(), 1);
    for alert in site.outgoing().to(HELP) {
        assert_eq!(alert.from, "", "an alert that bounces goes nowhere");
        assert_eq!(alert.header("auto-submitted").as_deref(), Some("auto-generated"));
    }
}

#[test]
fn our_own_mails_coming_back_start_no_loop() {
    let site = Site::new();
    let (_, mail) = site.mailed("ann");
    site.hand_in(&Answer::to(&mail, NOT_ME).build());
    site.until_quiet();
    let before = site.outgoing().all().len();
    // Everything we ever sent is delivered back to us, twice.
    for _ in 0..2 {
        for sent in site.outgoing().all() {
            site.hand_in(&sent.raw);
        }
    }
    site.until_quiet();
    let new: Vec<String> = site.outgoing().all().into_iter().skip(before).filter(|sent| sent.to != HELP).map(|sent| sent.to).collect();
    assert!(new.is_empty(), "{new:?}");
}

#[test]
fn one_acknowledgement_for_each_reset_to_the_accounts_own_address() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    for _ in 0..3 {
        site.hand_in(&Answer::to(&mail, NOT_ME).build());
    }
    site.until_quiet();
    let mails = site.outgoing().to("ann@mail.example");
    assert_eq!(mails.len(), 2, "the reset mail and one acknowledgement");
    let ack = mails.iter().find(|mail| !mail.has_secret()).unwrap();
    assert_eq!(ack.from, "", "RFC 3834 §3.3: nothing can answer it");
    assert_eq!(ack.header("auto-submitted").as_deref(), Some("auto-replied"));
    assert!(ack.header("in-reply-to").is_some_and(|id| id.contains("@mail.example")), "{:?}", ack.header("in-reply-to"));
    assert!(ack.is_about(&id));
}

#[test]
fn who_writes_from_elsewhere_is_not_answered() {
    let site = Site::new();
    let (id, mail) = site.mailed("ann");
    site.hand_in(&Answer::to(&mail, NOT_ME).from("eve@elsewhere.example").build());
    site.until_quiet();
    assert_eq!(site.state(&id), "denied", "who has the tag saw the mail");
    let to: Vec<String> = site.outgoing().all().into_iter().map(|sent| sent.to).collect();
    assert!(!to.contains(&"eve@elsewhere.example".to_owned()), "{to:?}");
    assert_eq!(site.outgoing().to("ann@mail.example").len(), 1);
}

#[test]
fn reply_to_of_an_answer_is_never_mailed() {
    let site = Site::new();
    let (_, mail) = site.mailed("ann");
    site.hand_in(
        &Answer::to(&mail, NOT_ME)
            .header("Reply-To", "victim@elsewhere.example")
            .header("Disposition-Notification-To", "victim@elsewhere.example")
            .build(),
    );
    site.until_quiet();
    assert!(site.outgoing().to("victim@elsewhere.example").is_empty());
}

#[test]
fn help_and_was_me_are_not_acknowledged() {
    for says in ["Can you help me? The link does not open.", "Yes that was me, thanks!", "Lorem ipsum."] {
        let site = Site::new();
        let (_, mail) = site.mailed("ann");
        site.hand_in(&Answer::to(&mail, says).build());
        site.until_quiet();
        assert_eq!(site.outgoing().to("ann@mail.example").len(), 1, "{says}");
    }
}

#[test]
fn where_the_portal_says_so_nobody_is_acknowledged() {
    let site = Site::with(&Config::new().shop("acknowledge = false"));
    let (id, mail) = site.mailed("ann");
    site.hand_in(&Answer::to(&mail, NOT_ME).build());
    site.until_quiet();
    assert_eq!(site.state(&id), "denied");
    assert_eq!(site.outgoing().to("ann@mail.example").len(), 1);
}

#[test]
fn our_mails_tell_machines_not_to_answer() {
    let site = Site::new();
    let (_, mail) = site.mailed_with("ann", serde_json::json!({ "valid_since": "2024-05-01T00:00:00Z" }));
    assert_eq!(mail.header("auto-submitted").as_deref(), Some("auto-generated"));
    assert!(mail.header("x-auto-response-suppress").is_some_and(|value| value.contains("All")));
    assert!(mail.header("date").is_some());
    assert!(mail.header("require-recipient-valid-since").is_some_and(
        |value| value.starts_with("ann@mail.example; Wed, 1 May 2024") || value.starts_with("ann@mail.example; Wed, 01 May 2024")
    ));
    assert!(mail.reply_to().starts_with("reply+r") && mail.reply_to().ends_with("@in.shop.example"), "{}", mail.reply_to());
    assert!(mail.from.starts_with("reply+b") && mail.from.ends_with("@in.shop.example"), "{}", mail.from);
    for address in [mail.reply_to(), mail.from.clone()] {
        assert!(address.split_once('@').unwrap().0.len() <= 64);
    }
}
