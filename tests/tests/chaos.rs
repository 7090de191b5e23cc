//! `kill -9` at random moments under load, again and again: no accepted request is lost, no secret is redeemed twice, and no
//! mail goes out twice but for those that were in flight at a kill.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use resetd_tests::outgoing::tag_of;
use resetd_tests::{Client, Config, Sink, Site, sink};
use rusqlite::Connection;
use serde_json::json;

/// How often the daemon is killed.
const ROUNDS: usize = 80;
/// Clients that ask for resets, and clients that bring secrets back.
const ASKING: usize = 3;
const REDEEMING: usize = 2;
/// Mails under way at a time: ten connections, and for each four that are taken and not yet written down.
const UNDER_WAY: usize = 10 + 10 * 4;
const SEED: u64 = 0x5eed;

/// What the clients were told, over all rounds.
#[derive(Default)]
struct Told {
    accepted: Mutex<BTreeSet<String>>,
    /// Idempotency keys without an answer: asked again after the restart, as a client should.
    open_keys: Mutex<Vec<String>>,
    redeemed: Mutex<BTreeMap<String, usize>>,
    asked: AtomicUsize,
    tried: AtomicUsize,
}

#[test]
fn killed_at_random_moments_nothing_is_lost_and_nothing_is_doubled() {
    let sink = Sink::new();
    let mut site = Site::with(&config(sink.port()));
    let told = Told::default();
    let mut dice = Dice(SEED);
    let mut in_flight = 0;
    for round in 0..ROUNDS {
        under_load(&mut site, &sink, &told, &mut dice, round);
        sink.until_idle();
        // Taken by the relay and not written down: these go out again.
        let taken = sink::tags(&sink.mails());
        let waiting = waiting(&site);
        let unrecorded = waiting.iter().filter(|id| taken.contains(&tag_of(id))).count();
        assert!(unrecorded <= UNDER_WAY, "{unrecorded} in flight at once");
        in_flight += unrecorded;
        site.start();
    }
    ask_again(&site, &told);
    site.until_quiet();

    let accepted = told.accepted.lock().unwrap().clone();
    let mails = sink.mails();
    let taken = sink::tags(&mails);
    let lost: Vec<&String> = accepted.iter().filter(|id| !has_ended_well(&site, id, taken.contains(&tag_of(id)))).collect();
    let twice: Vec<_> =
        told.redeemed.lock().unwrap().iter().filter(|(_, times)| **times > 1).map(|(token, times)| (token.clone(), *times)).collect();
    let doubles = sink::doubles(&mails);
    let redeemed = told.redeemed.lock().unwrap().len();
    println!(
        "{ROUNDS} kills: {} requests asked, {} accepted, {} lost; {} mails taken, {doubles} twice, {in_flight} in flight at a kill; \
         {} redeems tried, {redeemed} won, {} twice",
        told.asked.load(Ordering::Relaxed),
        accepted.len(),
        lost.len(),
        mails.len(),
        told.tried.load(Ordering::Relaxed),
        twice.len()
    );
    assert!(lost.is_empty(), "{lost:?}");
    assert!(twice.is_empty(), "{twice:?}");
    assert!(doubles <= in_flight, "{doubles} mails went out twice, {in_flight} were in flight");
    assert!(accepted.len() > ROUNDS && redeemed > 0, "the load was no load");
    // What was redeemed stays redeemed.
    let mut client = site.client();
    for token in told.redeemed.lock().unwrap().keys() {
        assert_eq!(client.post("/v1/resets/redeem", &json!({ "token": token })).expect(410).reason(), "used");
    }
}

fn config(port: u16) -> Config {
    let limits = "cool_down = \"0s\"\nper_account = \"unlimited\"\nper_address = \"unlimited\"\nper_ip = \"unlimited\"\nper_portal = \"unlimited\"\nin_all = \"unlimited\"";
    Config::new().relay(port).limits(limits)
}

/// One round: clients at work, and a kill after as many answers as the dice say.
fn under_load(site: &mut Site, sink: &Sink, told: &Told, dice: &mut Dice, round: usize) {
    let until_kill = dice.below(100);
    let answers = AtomicUsize::new(0);
    let killed = AtomicBool::new(false);
    let (sender, receiver) = std::sync::mpsc::channel();
    let socket = site.socket();
    std::thread::scope(|scope| {
        for number in 0..ASKING + REDEEMING {
            let (answers, killed, socket, sender) = (&answers, &killed, &socket, sender.clone());
            let mut dice = Dice(dice.next());
            scope.spawn(move || {
                let mut client = Client::new(socket);
                for turn in 0.. {
                    let went_well = match number < ASKING {
                        true => ask(&mut client, told, &format!("{round}.{number}.{turn}"), &mut dice),
                        false => bring_back(&mut client, sink, told, &mut dice),
                    };
                    if went_well.is_none() || killed.load(Ordering::SeqCst) {
                        return;
                    }
                    if answers.fetch_add(1, Ordering::SeqCst) + 1 == until_kill {
                        let _ = sender.send(());
                    }
                }
            });
        }
        if until_kill > 0 {
            receiver.recv().unwrap();
        }
        site.kill9();
        killed.store(true, Ordering::SeqCst);
    });
}

/// Asks for a reset; `None`: no answer.
fn ask(client: &mut Client, told: &Told, key: &str, dice: &mut Dice) -> Option<()> {
    told.asked.fetch_add(1, Ordering::Relaxed);
    // Some share an account, so that older ones are outrun.
    let account = if dice.below(8) == 0 { format!("shared{}", dice.below(5)) } else { key.to_owned() };
    told.open_keys.lock().unwrap().push(format!("{key} {account}"));
    request(client, told, key, &account)
}

fn request(client: &mut Client, told: &Told, key: &str, account: &str) -> Option<()> {
    let body = json!({ "portal": "shop", "account": account, "email": format!("u{key}@mail.example") }).to_string();
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", key)];
    let reply = client.try_ask("POST", "/v1/resets", &headers, body.as_bytes()).ok()?;
    assert!(reply.status == 202 || reply.status == 503, "{}", reply.text());
    if reply.status == 202 {
        told.accepted.lock().unwrap().insert(reply.json()["id"].as_str().unwrap().to_owned());
        told.open_keys.lock().unwrap().retain(|open| !open.starts_with(&format!("{key} ")));
    }
    Some(())
}

/// What got no answer is asked again, with its key.
fn ask_again(site: &Site, told: &Told) {
    let open = told.open_keys.lock().unwrap().clone();
    let mut client = site.client();
    for line in open {
        let (key, account) = line.split_once(' ').unwrap();
        request(&mut client, told, key, account).unwrap();
    }
}

/// Brings one of the latest tokens back; now and then one that was brought back before.
fn bring_back(client: &mut Client, sink: &Sink, told: &Told, dice: &mut Dice) -> Option<()> {
    let Some(mail) = sink.one_of_the_latest(30, dice.next()) else {
        return client.try_ask("GET", "/v1/status", &[], b"").ok().map(|_| ());
    };
    told.tried.fetch_add(1, Ordering::Relaxed);
    let body = json!({ "token": mail.token() }).to_string();
    let reply = client.try_ask("POST", "/v1/resets/redeem", &[("Content-Type", "application/json")], body.as_bytes()).ok()?;
    if reply.status == 200 {
        *told.redeemed.lock().unwrap().entry(mail.token()).or_default() += 1;
    }
    Some(())
}

/// Sent, or ended in a way that the timeline tells.
fn has_ended_well(site: &Site, id: &str, taken: bool) -> bool {
    let shown = site.show(id);
    let has = |name: &str| shown["timeline"].as_array().unwrap().iter().any(|line| line["event"] == name);
    match shown["state"].as_str().unwrap() {
        "sent" => has("mail.sent") && taken,
        "redeemed" => has("reset.redeemed") && taken,
        "superseded" => has("reset.superseded"),
        _ => false,
    }
}

/// The resets whose mails wait, as the crash left them.
fn waiting(site: &Site) -> Vec<String> {
    let conn = Connection::open(site.path().join("state/resetd.db")).unwrap();
    let mut select = conn.prepare("SELECT lower(hex(r.id)) FROM mail m JOIN reset r ON r.n = m.reset_n WHERE m.state = 'queued'").unwrap();
    let ids = select.query_map([], |row| row.get(0)).unwrap();
    ids.map(Result::unwrap).collect()
}

/// The same throws in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
}
