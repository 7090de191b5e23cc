//! Dialogues with a scripted server, on tokio's paused clock: what stalls costs no time.

mod peer;
mod secured;
mod steps;

use std::time::Duration;

pub use peer::Peer;
use resetd_core::address::Mailbox;

use super::{Hop, Manner, Prepared, Security, Tried, Wear};
use crate::config::Login;
use crate::mail::{Envelope, Outcome};

const MESSAGE: &str = "Subject: x\r\n\r\nhello\r\n";

const TIMEOUT: Duration = Duration::from_secs(30);
const WEAR: Wear = Wear { idle: Duration::from_secs(60), mails: 1000 };

fn manner(security: Security, login: Option<Login>) -> Manner {
    Manner { host: "relay.example".into(), security, login, hello: "client.example".into(), timeout: TIMEOUT }
}

fn envelope() -> Envelope {
    let to = Mailbox::parse("jo@example.org").unwrap();
    Envelope { from: "b+tag@shop.example".into(), to, valid_since: None, envelope_id: "r@shop.example".into(), face: Default::default() }
}

fn hop(peer: &Peer) -> Hop<Peer> {
    Hop::new(peer.clone(), manner(Security::Clear, None), 4, WEAR)
}

/// One mail, as a transport sends it.
async fn send(hop: &Hop<Peer>, message: &[u8]) -> Outcome {
    let mail = match Prepared::new(&envelope(), message) {
        Ok(mail) => mail,
        Err(outcome) => return outcome,
    };
    let outcome = match hop.send(&mail).await {
        Tried::Judged(outcome, _) => outcome,
        Tried::Away(away) => away.outcome,
    };
    let [from, to] = mail.addresses();
    super::strike(outcome, &[from, to], message)
}

/// Sends `mails` one after the other to a peer that follows `script`; gives the outcomes and what the peer heard.
async fn talk(script: &str, mails: usize) -> (Vec<Outcome>, Vec<String>) {
    let peer = Peer::new(script);
    let hop = hop(&peer);
    let mut outcomes = Vec::new();
    for _ in 0..mails {
        outcomes.push(send(&hop, MESSAGE.as_bytes()).await);
    }
    hop.close().await;
    (outcomes, peer.finished().await)
}

async fn talk_once(script: &str) -> Outcome {
    let (mut outcomes, messages) = talk(script, 1).await;
    assert_eq!(messages, Vec::<String>::new(), "no message should have been sent");
    outcomes.remove(0)
}

fn code(outcome: &Outcome) -> (&'static str, Option<u16>) {
    match outcome {
        Outcome::Accepted(reply) => ("accepted", reply.as_ref().map(|reply| reply.code)),
        Outcome::Deferred { reply, .. } => ("deferred", reply.as_ref().map(|reply| reply.code)),
        Outcome::Refused { reply, .. } => ("refused", reply.as_ref().map(|reply| reply.code)),
    }
}

fn detail(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Accepted(_) => "",
        Outcome::Deferred { detail, .. } | Outcome::Refused { detail, .. } => detail,
    }
}

const HELLO: &str = "S: 220 relay.example ESMTP\nC: EHLO client.example\nS: 250-relay.example\nS: 250 PIPELINING\n";
const PLAIN_HELLO: &str = "S: 220 relay.example ESMTP\nC: EHLO client.example\nS: 250 relay.example\n";
const COMMANDS: &str = "C: MAIL FROM:<b+tag@shop.example>\nC: RCPT TO:<jo@example.org>\nC: DATA\n";
const SENT: &str = "S: 250 ok\nS: 250 ok\nS: 354 go\nC: (message)\nS: 250 2.0.0 Ok: queued as 4XyZ1234ab\n";

#[tokio::test(start_paused = true)]
async fn pipelined_on_one_connection() {
    let (outcomes, messages) = talk(&[HELLO, COMMANDS, SENT, COMMANDS, SENT, COMMANDS, SENT].concat(), 3).await;
    assert_eq!(messages, [MESSAGE; 3]);
    assert!(outcomes.iter().all(|outcome| code(outcome) == ("accepted", Some(250))), "{outcomes:?}");
    let Outcome::Accepted(Some(reply)) = &outcomes[0] else { panic!() };
    assert_eq!(reply.next_hop_id(), Some("4XyZ1234ab"));
}

#[tokio::test(start_paused = true)]
async fn step_by_step_without_pipelining() {
    let one = "C: MAIL FROM:<b+tag@shop.example>\nS: 250 ok\nC: RCPT TO:<jo@example.org>\nS: 250 ok\nC: DATA\nS: 354 go\nC: (message)\nS: 250 ok\n";
    let (outcomes, messages) = talk(&[PLAIN_HELLO, one, one].concat(), 2).await;
    assert_eq!((outcomes.iter().map(code).collect::<Vec<_>>(), messages.len()), (vec![("accepted", Some(250)); 2], 2));
}

#[tokio::test(start_paused = true)]
async fn a_refused_address_gets_the_lone_dot() {
    let refused = "S: 250 ok\nS: 550 5.1.1 <jo@example.org>: no such user\nS: 354 go\nC: .\nS: 554 5.5.1 no valid recipients\n";
    let next = ["C: RSET\n", COMMANDS, "S: 250 ok\n", SENT].concat();
    let (outcomes, messages) = talk(&[HELLO, COMMANDS, refused, &next].concat(), 2).await;
    assert_eq!(outcomes.iter().map(code).collect::<Vec<_>>(), [("refused", Some(550)), ("accepted", Some(250))]);
    assert_eq!(messages, [MESSAGE], "nothing was sent to nobody");
    let Outcome::Refused { reply: Some(reply), detail } = &outcomes[0] else { panic!() };
    assert_eq!(reply.text, "<[struck]>: no such user");
    assert!(!detail.contains("jo@"));
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_takes_the_lone_dot_for_a_mail_sent_none() {
    let outcome = talk_once(&[HELLO, COMMANDS, "S: 250 ok\nS: 550 no\nS: 354 go\nC: .\nS: 250 queued\n"].concat()).await;
    assert_eq!(code(&outcome), ("refused", Some(550)));
}

#[tokio::test(start_paused = true)]
async fn replies_are_charged_to_the_mail_or_the_relay() {
    for (replies, wanted) in [
        ("S: 250 ok\nS: 450 4.2.1 busy\nS: 503 no rcpt\n", ("deferred", Some(450))),
        ("S: 250 ok\nS: 552 5.2.2 full\nS: 503 no rcpt\n", ("refused", Some(552))),
        ("S: 250 ok\nS: 530 5.7.0 log in first\nS: 503 no rcpt\n", ("deferred", Some(530))),
        ("S: 451 4.3.0 later\nS: 503 no mail\nS: 503 no mail\n", ("deferred", Some(451))),
        ("S: 550 5.7.1 sender not yours\nS: 503 no mail\nS: 503 no mail\n", ("deferred", Some(550))),
        ("S: 552 5.3.4 too big\nS: 503 no mail\nS: 503 no mail\n", ("refused", Some(552))),
        ("S: 250 ok\nS: 250 ok\nS: 451 4.3.5 later\n", ("deferred", Some(451))),
        ("S: 250 ok\nS: 250 ok\nS: 554 5.7.1 no\n", ("refused", Some(554))),
        ("S: 250 ok\nS: 250 ok\nS: 250 what\n-- stall\n", ("deferred", None)),
    ] {
        let outcome = talk_once(&[HELLO, COMMANDS, replies].concat()).await;
        assert_eq!(code(&outcome), wanted, "{replies}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_final_reply_decides() {
    for (reply, wanted) in [
        ("S: 451 4.3.0 later\n", ("deferred", Some(451))),
        ("S: 554 5.7.1 spam\n", ("refused", Some(554))),
        ("S: 421 4.3.2 bye\n-- close\n", ("deferred", Some(421))),
    ] {
        let script = [HELLO, COMMANDS, "S: 250 ok\nS: 250 ok\nS: 354 go\nC: (message)\n", reply].concat();
        let (outcomes, messages) = talk(&script, 1).await;
        assert_eq!((code(&outcomes[0]), messages.len()), (wanted, 1), "{reply}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_mail_judged_before_the_end_stays_judged() {
    let (outcomes, _) = talk(&[HELLO, COMMANDS, "S: 250 ok\nS: 550 no\n-- close\n"].concat(), 1).await;
    assert_eq!(code(&outcomes[0]), ("refused", Some(550)));
}

#[tokio::test(start_paused = true)]
async fn dots_are_doubled_on_the_wire() {
    let peer = Peer::new(&[HELLO, COMMANDS, SENT].concat());
    let hop = hop(&peer);
    let outcome = send(&hop, b"A: b\n\n.\n.hidden\rtext\r\n").await;
    hop.close().await;
    assert_eq!(code(&outcome).0, "accepted");
    assert_eq!(peer.finished().await, ["A: b\r\n\r\n..\r\n..hidden\r\ntext\r\n"]);
}

#[tokio::test(start_paused = true)]
async fn too_large_for_the_relay() {
    let hello = "S: 220 hi\nC: EHLO client.example\nS: 250-relay.example\nS: 250-SIZE 10\nS: 250 PIPELINING\n";
    let outcome = talk_once(hello).await;
    assert_eq!(code(&outcome), ("refused", None));
    assert!(detail(&outcome).contains("SIZE"));
}

const CHUNKING_HELLO: &str =
    "S: 220 relay.example ESMTP\nC: EHLO client.example\nS: 250-relay.example\nS: 250-CHUNKING\nS: 250 PIPELINING\n";

#[tokio::test(start_paused = true)]
async fn in_one_chunk_where_that_is_offered() {
    let commands = "C: MAIL FROM:<b+tag@shop.example>\nC: RCPT TO:<jo@example.org>\nS: 250 ok\nS: 250 ok\n";
    let one = format!("{commands}C: BDAT {} LAST\nC: (chunk {})\nS: 250 2.0.0 Ok\n", MESSAGE.len(), MESSAGE.len());
    let (outcomes, messages) = talk(&[CHUNKING_HELLO, &one, &one].concat(), 2).await;
    assert_eq!(outcomes.iter().map(code).collect::<Vec<_>>(), [("accepted", Some(250)); 2]);
    assert_eq!(messages, [MESSAGE; 2]);
}

#[tokio::test(start_paused = true)]
async fn no_chunk_for_a_refused_address() {
    let refused = "C: MAIL FROM:<*\nC: RCPT TO:<*\nS: 250 ok\nS: 550 5.1.1 no such user\n";
    let next = format!(
        "C: RSET\nC: MAIL FROM:<*\nC: RCPT TO:<*\nS: 250 ok\nS: 250 ok\nS: 250 ok\nC: BDAT {} LAST\nC: (chunk {})\nS: 250 ok\n",
        MESSAGE.len(),
        MESSAGE.len()
    );
    let (outcomes, messages) = talk(&[CHUNKING_HELLO, refused, &next].concat(), 2).await;
    assert_eq!(outcomes.iter().map(code).collect::<Vec<_>>(), [("refused", Some(550)), ("accepted", Some(250))]);
    assert_eq!(messages.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_is_not_understood_after_all_ends_no_mail() {
    let script = format!(
        "C: MAIL FROM:<*\nC: RCPT TO:<*\nS: 250 ok\nS: 250 ok\nC: BDAT {} LAST\nC: (chunk {})\nS: 502 5.5.1 what\n-- close\n",
        MESSAGE.len(),
        MESSAGE.len()
    );
    let (outcomes, _) = talk(&[CHUNKING_HELLO, &script].concat(), 1).await;
    assert_eq!(code(&outcomes[0]), ("deferred", Some(502)));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_smtp_is_hung_up_on() {
    let (huge, lines) = ("-- flood 10000000\n", "-- lines 1000000\n");
    for (script, wanted) in [
        ("S: SSH-2.0-OpenSSH_9.2\n", "not SMTP"),
        ("S: HTTP/1.1 400 Bad Request\n", "not SMTP"),
        (huge, "not SMTP"),
        (&["S: 220 hi\nC: EHLO client.example\n", huge].concat(), "not SMTP"),
        (&[HELLO, COMMANDS, huge].concat(), "not SMTP"),
        (&["S: 220 hi\nC: EHLO client.example\n", lines].concat(), "not SMTP"),
        (&[HELLO, COMMANDS, lines].concat(), "too long"),
        (&[HELLO, COMMANDS, "S: 250-", &"x".repeat(3000), "\n"].concat(), "too long"),
    ] {
        let outcome = talk_once(script).await;
        assert_eq!(code(&outcome), ("deferred", None));
        assert!(detail(&outcome).contains(wanted), "{outcome:?}");
    }
}
