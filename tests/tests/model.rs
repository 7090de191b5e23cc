//! The whole lifecycle against a model of a page: requests, sendings that go well, fail or are cut off by a crash, inspections,
//! redeems, revocations, denials, expiry, a clock that moves either way, restarts, in any order. In process, with a clock of its own
//! and mails that are sent when the test says so. `PROPTEST_CASES=5000` for a
//! long run, `RESETD_SEED` for another one; a failure prints the shortest walk to it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, RngAlgorithm, TestRng, TestRunner};
use resetd::ambient::{Clock, SeededEntropy};
use resetd::app::{App, AppError, Caller, MailKind, NewReset, Outfit, Presented, Presenting};
use resetd::config::{self, Environment, Role};
use resetd::store::{Record, Store};
use resetd_core::address::Mailbox;
use resetd_core::ids::{PortalName, ResetId};
use resetd_core::reset::{Refusal, State, refusal};
use resetd_core::secret::KeyRing;
use resetd_core::time::Timestamp;
use resetd_tests::chaos::SEED;
use resetd_tests::{Answer, Mail, Outgoing};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

const LINK: i64 = 30 * MINUTE;
const CAP: i64 = 2 * 60 * MINUTE;
/// After this a mail is not sent any more: a quarter of the link's life before the cap.
const USEFUL: i64 = CAP - LINK / 4;
const MINUTE: i64 = 60_000;
/// Secrets of one account that are good at a time.
const OPEN_MAX: usize = 3;

/// One step. Numbers pick among what there is.
#[derive(Clone, Debug)]
enum Step {
    Request(u8),
    Send(u8),
    Fail(u8),
    /// The mail goes out, and nobody lives to write it down.
    SendAndCrash(u8),
    Inspect(u8),
    Redeem(u8),
    Revoke(u8),
    Deny(u8),
    Expire,
    Clock(i64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3u8).prop_map(Step::Request),
        6 => any::<u8>().prop_map(Step::Send),
        2 => any::<u8>().prop_map(Step::Fail),
        1 => any::<u8>().prop_map(Step::SendAndCrash),
        3 => any::<u8>().prop_map(Step::Inspect),
        5 => any::<u8>().prop_map(Step::Redeem),
        2 => any::<u8>().prop_map(Step::Revoke),
        2 => any::<u8>().prop_map(Step::Deny),
        2 => Just(Step::Expire),
        5 => prop_oneof![1..10 * MINUTE, 10 * MINUTE..130 * MINUTE, -40 * MINUTE..0].prop_map(Step::Clock),
        1 => Just(Step::Restart),
    ]
}

/// What the model knows of a reset.
struct Known {
    id: ResetId,
    account: u8,
    created: i64,
    sent: Option<i64>,
    state: State,
    /// Its mail waits.
    queued: bool,
    /// The mail that carries its secret, once it went out.
    mail: Option<Mail>,
    wins: u32,
}

impl Known {
    fn until(&self) -> i64 {
        self.sent.map_or(self.created + CAP, |sent| (sent + LINK).min(self.created + CAP))
    }

    fn refusal(&self, now: i64) -> Option<Refusal> {
        refusal(self.state, Timestamp::from_millis(self.until()), Timestamp::from_millis(now))
    }

    /// As the API shows it.
    fn shown(&self, now: i64) -> State {
        if self.state.is_open() && now >= self.until() { State::Expired } else { self.state }
    }

    fn end(&mut self, state: State) {
        if self.state.is_open() {
            self.state = state;
            self.queued = false;
        }
    }
}

/// A clock that can go back.
struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// The use cases on a store, as the daemon wires them, but for the outbox: the test sends.
struct Running {
    app: Arc<App>,
    reader: JoinHandle<()>,
    stop: watch::Sender<bool>,
    writer: std::thread::JoinHandle<()>,
}

struct World<'r> {
    runtime: &'r Runtime,
    folder: tempfile::TempDir,
    clock: Arc<Hands>,
    running: Option<Running>,
    lives: u64,
    resets: Vec<Known>,
}

fn text(folder: &Path) -> String {
    format!(
        "[limits]\ncool_down = \"0s\"\nper_account = \"unlimited\"\nper_address = \"unlimited\"\nper_ip = \"unlimited\"\n\
         per_portal = \"unlimited\"\nin_all = \"unlimited\"\n[sending]\ncapture = \"{0}/out\"\n[store]\nstate_dir = \"{0}\"\n\
         [portal.shop]\ntitle = \"Shop\"\nsender = \"Shop <no-reply@shop.example>\"\nmethod = \"link\"\n\
         reset_url = \"https://shop.example/reset?t={{token}}\"\nreply_to = \"reply+{{tag}}@in.shop.example\"\n\
         support_address = \"help@shop.example\"\n",
        folder.display()
    )
}

fn caller() -> Caller {
    Caller { uid: 0, grants: vec![(Role::Admin, None)] }
}

impl<'r> World<'r> {
    fn new(runtime: &'r Runtime) -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.exists() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let clock = Arc::new(Hands(AtomicI64::new(1_800_000_000_000)));
        let mut world = Self { runtime, folder, clock, running: None, lives: 0, resets: Vec::new() };
        world.start();
        world
    }

    fn now(&self) -> i64 {
        self.clock.0.load(Ordering::SeqCst)
    }

    fn app(&self) -> &Arc<App> {
        &self.running.as_ref().unwrap().app
    }

    fn start(&mut self) {
        self.lives += 1;
        let settings = config::parse(&text(self.folder.path()), Path::new("resetd.toml"), &Environment::of_process()).unwrap();
        let rings = Arc::new(ArcSwap::from_pointee(KeyRing::parse(&KeyRing::first_file(&[7; 32])).unwrap()));
        let opened = Store::open(&self.folder.path().join("resetd.db"), 1, Arc::clone(&rings), self.clock.now()).unwrap();
        let entropy = Arc::new(SeededEntropy::new(self.lives << 32));
        let _inside = self.runtime.enter();
        let (app, inbox) = App::new(opened.store, rings, Outfit::new(settings).unwrap(), Arc::clone(&self.clock) as _, entropy);
        let (stop, stopped) = watch::channel(false);
        let reader = self.runtime.spawn(Arc::clone(&app).read_all(inbox, stopped));
        self.running = Some(Running { app, reader, stop, writer: opened.thread });
    }

    /// Ends it without a word: what was not committed is gone.
    fn stop(&mut self) {
        let Running { app, reader, stop, writer } = self.running.take().unwrap();
        stop.send(true).unwrap();
        self.runtime.block_on(reader).unwrap();
        drop(app);
        writer.join().unwrap();
    }

    /// One of the reset mails that wait, and which reset it is about.
    fn waiting(&self) -> Vec<i64> {
        let posts = self.runtime.block_on(self.app().waiting(0, 10_000)).unwrap();
        posts.into_iter().filter(|post| post.kind == MailKind::Reset).map(|post| post.mail).collect()
    }

    fn take(&mut self, step: &Step) {
        let now = self.now();
        match *step {
            Step::Request(account) => self.request(account, now),
            Step::Send(lot) => self.send(lot, now, Fate::Sent),
            Step::Fail(lot) => self.send(lot, now, Fate::Broken),
            Step::SendAndCrash(lot) => self.send(lot, now, Fate::Crashed),
            Step::Inspect(lot) => self.present(lot, now, false),
            Step::Redeem(lot) => self.present(lot, now, true),
            Step::Revoke(lot) => self.revoke(lot),
            Step::Deny(lot) => self.deny(lot),
            Step::Expire => {
                self.runtime.block_on(self.app().expire());
                self.resets.iter_mut().filter(|reset| now >= reset.until()).for_each(|reset| reset.end(State::Expired));
            }
            Step::Clock(by) => {
                self.clock.0.fetch_add(by, Ordering::SeqCst);
            }
            Step::Restart => {
                self.stop();
                self.start();
            }
        }
    }

    fn request(&mut self, account: u8, now: i64) {
        let new = NewReset {
            portal: PortalName::parse("shop").unwrap(),
            account: Some(format!("a{account}")),
            email: Mailbox::parse(&format!("a{account}@mail.example")).unwrap(),
            name: None,
            locale: None,
            method: None,
            wording: None,
            ip: None,
            user_agent: None,
            valid_since: None,
        };
        let id = self.runtime.block_on(self.app().request(&caller(), new, None)).unwrap();
        let mut open: Vec<&mut Known> = self.resets.iter_mut().filter(|reset| reset.account == account && reset.state.is_open()).collect();
        let going = open.len().saturating_sub(OPEN_MAX - 1);
        open.iter_mut().take(going).for_each(|reset| reset.end(State::Superseded));
        self.resets.push(Known { id, account, created: now, sent: None, state: State::Accepted, queued: true, mail: None, wins: 0 });
    }

    fn send(&mut self, lot: u8, now: i64, fate: Fate) {
        let waiting = self.waiting();
        let queued: Vec<usize> = (0..self.resets.len()).filter(|n| self.resets[*n].queued).collect();
        assert_eq!(waiting.len(), queued.len());
        let lot = usize::from(lot) % waiting.len().max(1);
        // Both are in the order of the requests.
        let Some((&mail, &n)) = waiting.get(lot).zip(queued.get(lot)) else { return };
        let Some(work) = self.runtime.block_on(self.app().claim(mail)).unwrap() else {
            let reset = &mut self.resets[n];
            assert!(!reset.state.is_open() || now >= reset.until(), "a mail is written off whose secret lives");
            reset.end(State::Undeliverable);
            reset.queued = false;
            return;
        };
        let id = self.resets[n].id;
        assert_eq!(work.reset.as_ref().map(|row| row.id), Some(id));
        let delivered = match fate {
            Fate::Broken => self.app().delivery_broke(&work),
            Fate::Sent | Fate::Crashed => self.runtime.block_on(self.app().deliver(&work)),
        };
        let outgoing = Outgoing::new(self.folder.path().join("out"));
        let reset = &mut self.resets[n];
        assert!(reset.queued && reset.state.is_open(), "a dead secret is mailed: {:?}", reset.state);
        let useful = now < reset.created + USEFUL;
        let went_out = matches!(delivered.record, Record::Sent { .. });
        assert_eq!(went_out, useful && fate != Fate::Broken, "at {now}: {:?}", delivered.record);
        if went_out {
            let tag = id.to_string();
            let mut mails: Vec<Mail> = outgoing.all().into_iter().filter(|mail| mail.is_about(&tag) && mail.has_secret()).collect();
            assert!(mails.windows(2).all(|two| two[0].token() == two[1].token() && two[0].message_id() == two[1].message_id()));
            reset.mail = mails.pop();
            assert!(reset.mail.is_some());
        }
        if fate == Fate::Crashed {
            self.stop();
            return self.start();
        }
        match &delivered.record {
            Record::Sent { .. } => {
                (reset.state, reset.sent, reset.queued) = (State::Sent, Some(now), false);
            }
            Record::Deferred { due_at, .. } => assert!(due_at.as_millis() < reset.created + USEFUL, "deferred beyond its use"),
            Record::Failed { .. } => reset.end(State::Undeliverable),
            Record::Void => panic!("nothing is void here"),
        }
        self.runtime.block_on(self.app().write_down(Arc::new(work), delivered.record));
    }

    /// A reset whose mail went out.
    fn mailed(&mut self, lot: u8) -> Option<usize> {
        let mailed: Vec<usize> = (0..self.resets.len()).filter(|n| self.resets[*n].mail.is_some()).collect();
        mailed.get(usize::from(lot) % mailed.len().max(1)).copied()
    }

    fn present(&mut self, lot: u8, now: i64, redeem: bool) {
        let Some(n) = self.mailed(lot) else { return };
        let secret = Presented::Token(Zeroizing::new(self.resets[n].mail.as_ref().unwrap().token()));
        let token = Presenting { secret, ip: None };
        let app = Arc::clone(self.app());
        let answer =
            self.runtime.block_on(async { if redeem { app.redeem(&caller(), token).await } else { app.inspect(&caller(), token).await } });
        match (self.resets[n].refusal(now), answer) {
            (None, Ok(good)) => assert_eq!((good.reset, good.expires_at.as_millis()), (self.resets[n].id, self.resets[n].until())),
            (Some(expected), Err(AppError::Refused(refused))) => return assert_eq!(refused, expected),
            (expected, answer) => panic!("expected {expected:?}, got {answer:?}"),
        }
        if redeem {
            let account = self.resets[n].account;
            self.resets[n].wins += 1;
            assert_eq!(self.resets[n].wins, 1, "law 5");
            // A mail that a crash left in the queue is written off when its turn comes.
            self.resets[n].state = State::Redeemed;
            self.resets.iter_mut().filter(|reset| reset.account == account).for_each(|reset| reset.end(State::Superseded));
        }
    }

    fn revoke(&mut self, lot: u8) {
        let count = self.resets.len();
        let Some(reset) = self.resets.get_mut(usize::from(lot) % count.max(1)) else { return };
        let app = Arc::clone(&self.running.as_ref().unwrap().app);
        let answer = self.runtime.block_on(app.revoke(&caller(), reset.id));
        assert_eq!(answer.is_ok(), reset.state.is_open(), "{answer:?}");
        reset.end(State::Revoked);
    }

    fn deny(&mut self, lot: u8) {
        let Some(n) = self.mailed(lot) else { return };
        let message = Answer::to(self.resets[n].mail.as_ref().unwrap(), "This wasn't me, I did not ask for a new password!").build();
        let app = Arc::clone(self.app());
        self.runtime.block_on(async {
            app.ingest(&caller(), message).await.unwrap();
            while app.status(&caller()).await.unwrap().counts.unread > 0 {
                tokio::task::yield_now().await;
            }
        });
        let account = self.resets[n].account;
        self.resets.iter_mut().filter(|reset| reset.account == account).for_each(|reset| reset.end(State::Denied));
    }

    /// The model and the store say the same of every reset, and of the queue.
    fn compare(&self) {
        for reset in &self.resets {
            let story = self.runtime.block_on(self.app().show(&caller(), reset.id)).unwrap();
            assert_eq!(story.reset.state, reset.shown(self.now()), "{:?}", story.timeline);
        }
        assert_eq!(self.waiting().len(), self.resets.iter().filter(|reset| reset.queued).count(), "the queue");
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Sent,
    Broken,
    Crashed,
}

impl Drop for World<'_> {
    fn drop(&mut self) {
        if self.running.is_some() && !std::thread::panicking() {
            self.stop();
        }
    }
}

#[test]
fn every_walk_is_as_the_model_says() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(60);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let seed = std::env::var("RESETD_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    let mut octets = [0; 32];
    octets[..8].copy_from_slice(&seed.to_le_bytes());
    let dice = TestRng::from_seed(RngAlgorithm::ChaCha, &octets);
    let mut runner = TestRunner::new_with_rng(Cases { cases, failure_persistence: None, ..Cases::default() }, dice);
    let steps = std::cell::Cell::new(0);
    let walked = runner.run(&prop::collection::vec(step(), 1..60), |walk| {
        let mut world = World::new(&runtime);
        for step in &walk {
            world.take(step);
            world.compare();
            steps.set(steps.get() + 1);
        }
        Ok(())
    });
    println!("seed {seed}: {cases} walks, {} steps", steps.get());
    assert!(walked.is_ok(), "{}", walked.unwrap_err());
    // What CI runs is not to be less than it seems.
    assert!(steps.get() >= 10 * usize::try_from(cases).unwrap());
}
