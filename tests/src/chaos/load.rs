//! The load: clients that ask for resets, that bring secrets back, and people who reply; and what each of them was told.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::journal::Mda;
use super::{Dice, Disk, Stage, reply};
use crate::{Answer, Client, Mail, Sink, Site};

const ASKING: usize = 3;
const REDEEMING: usize = 2;
/// One for each door.
const REPLYING: usize = 3;

/// What the clients were told, over all rounds.
#[derive(Default)]
pub struct Told {
    /// Ids of a `202`.
    pub accepted: Mutex<BTreeSet<String>>,
    /// Tokens of a `200`, and how many there were.
    pub redeemed: Mutex<BTreeMap<String, usize>>,
    /// The marks of replies that were acknowledged.
    pub replied: Mutex<BTreeSet<String>>,
    /// Requests made.
    pub asked: AtomicUsize,
    /// Redeems tried.
    pub tried: AtomicUsize,
    /// `5xx`, which a client is told where nothing can be done for it.
    pub put_off: AtomicUsize,
    /// Idempotency keys without an answer, and their accounts: asked again in the end, as a client should.
    open: Mutex<BTreeMap<String, String>>,
    /// Message-IDs that were replied to: each once.
    answered: Mutex<HashSet<String>>,
    replies: AtomicUsize,
}

impl Told {
    fn count_put_off(&self) {
        self.put_off.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs the load until it has got so many answers, then does `act`, and ends the load when that is done.
pub fn until_answers(stage: &mut Stage, told: &Told, dice: &mut Dice, round: usize, answers: usize, act: impl FnOnce(&mut Stage)) {
    let (heard, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (sender, receiver) = channel();
    let mda = stage.disk.as_ref().map(Disk::mda);
    let doors = Doors { socket: stage.site.socket(), mda, maildir: stage.maildir(), lmtp: stage.lmtp(), smtp: stage.smtp };
    let sink = Arc::clone(&stage.sink);
    std::thread::scope(|scope| {
        for number in 0..ASKING + REDEEMING + REPLYING {
            let (heard, over, doors, sender, sink) = (&heard, &over, &doors, sender.clone(), Arc::clone(&sink));
            let mut dice = dice.split();
            scope.spawn(move || {
                let mut client = Client::new(&doors.socket);
                for turn in 0.. {
                    let went_well = if number < ASKING {
                        ask(&mut client, told, &format!("{round}.{number}.{turn}"), &mut dice)
                    } else if number < ASKING + REDEEMING {
                        bring_back(&mut client, &sink, told, &mut dice)
                    } else {
                        answer(doors, number - ASKING - REDEEMING, &mut client, &sink, told, &mut dice)
                    };
                    if went_well.is_none() || over.load(Ordering::SeqCst) {
                        return;
                    }
                    if heard.fetch_add(1, Ordering::SeqCst) + 1 == answers {
                        let _ = sender.send(());
                    }
                }
            });
        }
        drop(sender);
        if answers > 0 {
            // An error: every client gave up before, for the daemon is gone. That is for the reckoning to find.
            let _ = receiver.recv();
        }
        act(stage);
        over.store(true, Ordering::SeqCst);
    });
}

/// Where messages and requests go in.
struct Doors {
    socket: PathBuf,
    /// Where the Maildir is on a disk that can fail.
    mda: Option<Mda>,
    maildir: PathBuf,
    lmtp: PathBuf,
    smtp: u16,
}

/// Asks for a reset; `None`: no answer.
fn ask(client: &mut Client, told: &Told, key: &str, dice: &mut Dice) -> Option<()> {
    told.asked.fetch_add(1, Ordering::Relaxed);
    // Some share an account, so that older ones are outrun.
    let account = if dice.below(8) == 0 { format!("shared{}", dice.below(5)) } else { key.to_owned() };
    told.open.lock().unwrap().insert(key.to_owned(), account.clone());
    request(client, told, key, &account)
}

fn request(client: &mut Client, told: &Told, key: &str, account: &str) -> Option<()> {
    let body = json!({ "portal": "shop", "account": account, "email": format!("u{key}@mail.example") }).to_string();
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", key)];
    let reply = client.try_ask("POST", "/v1/resets", &headers, body.as_bytes()).ok()?;
    assert!(reply.status == 202 || reply.status == 503, "{}", reply.text());
    if reply.status == 202 {
        told.accepted.lock().unwrap().insert(reply.json()["id"].as_str().unwrap().to_owned());
        told.open.lock().unwrap().remove(key);
    } else {
        told.count_put_off();
    }
    Some(())
}

/// What got no answer, or none that helped, is asked again with its key.
pub fn ask_again(site: &Site, told: &Told) {
    let open = told.open.lock().unwrap().clone();
    let mut client = site.client();
    for (key, account) in open {
        request(&mut client, told, &key, &account).unwrap();
    }
}

/// Brings one of the latest tokens back; now and then one that was brought back before.
fn bring_back(client: &mut Client, sink: &Sink, told: &Told, dice: &mut Dice) -> Option<()> {
    let Some(mail) = with_secret(sink, dice) else { return idle(client) };
    told.tried.fetch_add(1, Ordering::Relaxed);
    let body = json!({ "token": mail.token() }).to_string();
    let reply = client.try_ask("POST", "/v1/resets/redeem", &[("Content-Type", "application/json")], body.as_bytes()).ok()?;
    match reply.status {
        200 => *told.redeemed.lock().unwrap().entry(mail.token()).or_default() += 1,
        404 | 410 => {}
        503 => told.count_put_off(),
        _ => panic!("{}", reply.text()),
    }
    Some(())
}

/// Replies to one of the latest mails by a door. Some deny, most ask something.
fn answer(doors: &Doors, door: usize, client: &mut Client, sink: &Sink, told: &Told, dice: &mut Dice) -> Option<()> {
    let Some(mail) = with_secret(sink, dice) else { return idle(client) };
    if !told.answered.lock().unwrap().insert(mail.message_id()) {
        return idle(client);
    }
    let mark = mark(told.replies.fetch_add(1, Ordering::Relaxed));
    let says = match dice.below(4) {
        0 => format!("This wasn't me, I did not ask for a new password! {mark}"),
        _ => format!("I have a question: where is my order {mark}?"),
    };
    let message = Answer::to(&mail, &says).build();
    let taken = match door {
        0 => match &doors.mda {
            Some(mda) => mda.deliver(&doors.maildir, &mark, &message),
            None => reply::maildir(&doors.maildir, &mark, &message),
        },
        1 => reply::lmtp(&doors.lmtp, &mail, &message),
        _ => reply::smtp(doors.smtp, &mail, &message),
    };
    if taken.ok()? {
        told.replied.lock().unwrap().insert(mark);
    } else {
        told.count_put_off();
    }
    Some(())
}

/// A word of letters alone: digits might be taken for a code and struck.
fn mark(mut number: usize) -> String {
    let mut word = String::new();
    for _ in 0..6 {
        word.push(char::from(b'a' + u8::try_from(number % 20).unwrap()));
        number /= 20;
    }
    format!("ref{word}")
}

fn with_secret(sink: &Sink, dice: &mut Dice) -> Option<Mail> {
    sink.one_of_the_latest(40, dice.any()).filter(Mail::has_secret)
}

/// A turn in which there is nothing to do.
fn idle(client: &mut Client) -> Option<()> {
    client.try_ask("GET", "/v1/status", &[], b"").ok().map(|_| ())
}
