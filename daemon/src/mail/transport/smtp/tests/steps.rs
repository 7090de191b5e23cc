//! The same mishaps at every step; and connections that grow old.

use std::time::Duration;

use super::peer::Peer;
use super::*;

const STEPS: [&str; 6] = ["220 hi", "250 relay.example", "250 ok", "250 ok", "354 go", "250 done"];

/// A good dialogue up to the reply of `step`, which is replaced by `mishap`.
fn until(step: usize, pipelining: bool, mishap: &str) -> String {
    let hears = ["", "C: EHLO client.example\n", "C: MAIL FROM:<*\n", "C: RCPT TO:<*\n", "C: DATA\n", "C: (message)\n"];
    let mut script = String::new();
    for at in 0..=step {
        match (pipelining, at) {
            (true, 2) => script += &hears[2..5].concat(),
            (true, 3 | 4) => {}
            _ => script += hears[at],
        }
        match at {
            _ if at == step => script += mishap,
            1 if pipelining => script += "S: 250-relay.example\nS: 250 PIPELINING\n",
            _ => script += &format!("S: {}\n", STEPS[at]),
        }
    }
    script
}

fn everywhere() -> impl Iterator<Item = (usize, bool)> {
    (0..STEPS.len()).flat_map(|step| [(step, true), (step, false)])
}

#[tokio::test(start_paused = true)]
async fn told_to_go_at_each_step() {
    for (step, pipelining) in everywhere() {
        let (outcomes, _) = talk(&until(step, pipelining, "S: 421 4.3.2 closing\n-- close\n"), 1).await;
        assert_eq!(code(&outcomes[0]), ("deferred", Some(421)), "step {step}");
        assert!(!detail(&outcomes[0]).contains("doubled"));
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_at_each_step() {
    for (step, pipelining) in everywhere() {
        let (outcomes, _) = talk(&until(step, pipelining, "-- close\n"), 1).await;
        assert_eq!(code(&outcomes[0]), ("deferred", None), "step {step}");
        assert_eq!(detail(&outcomes[0]).contains("may be doubled"), step == 5, "step {step}: {}", detail(&outcomes[0]));
    }
}

#[tokio::test(start_paused = true)]
async fn stalled_at_each_step() {
    for (step, pipelining) in everywhere() {
        let begun = tokio::time::Instant::now();
        let (outcomes, _) = talk(&until(step, pipelining, "-- stall\n"), 1).await;
        assert_eq!(code(&outcomes[0]), ("deferred", None), "step {step}");
        assert!(detail(&outcomes[0]).contains("took too long"), "step {step}: {}", detail(&outcomes[0]));
        let limit = if step == 5 { 4 * TIMEOUT } else { TIMEOUT };
        assert!(begun.elapsed() <= limit + Duration::from_secs(1), "step {step}: {:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_never_opens() {
    let outcome = talk_once("-- stall\n").await;
    assert!(detail(&outcome).contains("connecting to the server: took too long"), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn permanent_refusals_of_the_relay_defer() {
    for step in [0, 1] {
        let (outcomes, _) = talk(&until(step, true, "S: 554 5.7.1 your address is listed\n-- close\n"), 1).await;
        assert_eq!(code(&outcomes[0]), ("deferred", Some(554)), "step {step}");
    }
}

#[tokio::test(start_paused = true)]
async fn stale_at_each_step_before_the_dot() {
    for (step, pipelining) in everywhere().filter(|(step, _)| (2..5).contains(step)) {
        let first = until(5, pipelining, "S: 250 done\n");
        let second = until(step, pipelining, "");
        let rest = second.split_once("C: MAIL").map(|(_, rest)| format!("C: MAIL{rest}")).unwrap();
        for mishap in ["-- close\n", "S: 421 4.4.2 idle for too long\n-- close\n", "-- stall\n"] {
            let script = format!("{first}{rest}{mishap}-- next\n{first}");
            let (outcomes, messages) = talk(&script, 2).await;
            assert!(outcomes.iter().all(|outcome| code(outcome).0 == "accepted"), "step {step} {mishap}: {outcomes:?}");
            assert_eq!(messages.len(), 2, "no loss, no double");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn hung_up_while_idle() {
    let script = [HELLO, COMMANDS, SENT, "S: 421 4.4.2 idle\n-- close\n-- next\n", HELLO, COMMANDS, SENT].concat();
    let peer = Peer::new(&script);
    let hop = hop(&peer);
    assert_eq!(code(&send(&hop, MESSAGE.as_bytes()).await).0, "accepted");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(code(&send(&hop, MESSAGE.as_bytes()).await).0, "accepted");
    hop.close().await;
    assert_eq!(peer.finished().await.len(), 2);
}

/// Replies that nobody asked for would be taken for those to the next mail.
#[tokio::test(start_paused = true)]
async fn one_that_says_too_much_is_not_used_again() {
    let taken = "S: 250 ok\nS: 250 ok\nS: 354 go\nC: (message)\n";
    for surplus in ["S: 250 done\\r\\n250 and\n", "S: 250 done\n-- wait\nS: 250 and\n"] {
        let fresh = [HELLO, COMMANDS, taken, surplus, "-- next\n", HELLO, COMMANDS, SENT].concat();
        let peer = Peer::new(&fresh);
        let hop = hop(&peer);
        assert_eq!(code(&send(&hop, MESSAGE.as_bytes()).await).0, "accepted");
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(code(&send(&hop, MESSAGE.as_bytes()).await).0, "accepted");
        hop.close().await;
        assert_eq!(peer.finished().await.len(), 2, "{surplus}");
    }
}

#[tokio::test(start_paused = true)]
async fn dead_after_the_dot_is_not_sent_again() {
    let dropped = "S: 250 ok\nS: 250 ok\nS: 354 go\nC: (message)\n-- close\n";
    let (outcomes, messages) = talk(&[HELLO, COMMANDS, SENT, COMMANDS, dropped].concat(), 2).await;
    assert_eq!(code(&outcomes[1]), ("deferred", None));
    assert!(detail(&outcomes[1]).contains("may be doubled"));
    assert_eq!(messages.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed_with_quit() {
    let peer = Peer::new(&[HELLO, COMMANDS, SENT, "C: QUIT\nS: 221 bye\n-- close\n"].concat());
    let hop = hop(&peer);
    send(&hop, MESSAGE.as_bytes()).await;
    // The peer ends only when it has heard QUIT, which only the passing of time can bring about.
    assert_eq!(peer.finished().await.len(), 1);
    assert!(!hop.has_warm());
}

#[tokio::test(start_paused = true)]
async fn worn_connections_are_replaced() {
    let many = [COMMANDS, SENT].concat().repeat(1000);
    let script = [HELLO, &many, "C: QUIT\nS: 221 bye\n-- close\n-- next\n", HELLO, COMMANDS, SENT].concat();
    let (outcomes, messages) = talk(&script, 1001).await;
    assert!(outcomes.iter().all(|outcome| code(outcome).0 == "accepted"));
    assert_eq!(messages.len(), 1001);
}

#[tokio::test(start_paused = true)]
async fn a_dead_relay_is_dialled_by_one_mail_at_a_time() {
    let peer = Peer::new("-- close\n-- next\n-- close\n");
    let hop = hop(&peer);
    let send = || async { super::send(&hop, MESSAGE.as_bytes()).await };
    assert!(!detail(&send().await).contains("not tried"));
    for _ in 0..20 {
        assert!(detail(&send().await).contains("not tried"), "while it pauses nobody dials");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = futures_util::future::join_all((0..4).map(|_| send())).await;
    assert_eq!(after.iter().filter(|outcome| detail(outcome).contains("not tried")).count(), 3, "{after:?}");
    peer.finished().await;
}

#[tokio::test(start_paused = true)]
async fn as_many_connections_as_allowed() {
    let one = [HELLO, COMMANDS, SENT].concat();
    let all: String = (0..4).map(|at| if at == 0 { one.clone() } else { format!("-- next\n{one}") }).collect();
    let peer = Peer::new(&all);
    let hop = hop(&peer);
    let outcomes = futures_util::future::join_all((0..4).map(|_| send(&hop, MESSAGE.as_bytes()))).await;
    hop.close().await;
    assert!(outcomes.iter().all(|outcome| code(outcome).0 == "accepted"));
    peer.finished().await;
}
