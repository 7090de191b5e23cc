//! The queue runner: it is fed in memory by the store's commits, sleeps until the next due time, claims, calls, and
//! leaves the recording to `app::deliver`. It polls nothing. What goes next is decided by `schedule`.

mod destination;
mod later;
mod pulse;
mod schedule;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use crate::ambient::{Stop, stopped};
use crate::app::{App, Delivered, Reached};
use crate::store::{MailKind, Post, StoreError, Work};
use destination::{Lane, Limits, Waiting};
pub use pulse::Pulse;
use schedule::{Label, Schedule, Shown, Start};

/// How long to wait before a claim that failed (disk full) is tried again.
const CLAIM_AGAIN: Duration = Duration::from_secs(1);
/// For each mail under way, so many that are out of the door and not yet written down: after a crash they are sent again.
const UNRECORDED: usize = 4;
/// A mail that takes longer than this waits for others, not for us, and gives its place back: a dozen servers that answer slowly
/// must not have all places.
const PATIENCE: Duration = Duration::from_secs(1);
/// For each place, so many may have given it back.
const PATIENT: usize = 10;
/// Webhooks under way at the most, and to one portal's receiver: one that keeps every post waiting must not hold up the others.
const HOOKS: usize = 8;
const HOOKS_A_PORTAL: usize = 2;
/// How often mails are looked for that have become useless while their destination is away.
const SWEEP: Duration = Duration::from_secs(5);
/// Waiting mails that are read at a time at the start.
const STRETCH: u32 = 5000;

/// The runner.
pub struct Outbox {
    app: Arc<App>,
    posts: mpsc::UnboundedReceiver<Post>,
    mails: Side,
    /// Webhooks have places of their own: they must not hold up a single mail.
    hooks: Side,
    /// Attempts whose end is being written down. They hold no place: the next mail does not wait for the disk.
    records: Arc<Semaphore>,
    unrecorded: usize,
    ended: mpsc::UnboundedReceiver<Ended>,
    end: mpsc::UnboundedSender<Ended>,
    /// The last look found more to write off than there were places.
    is_behind: bool,
    pulse: Pulse,
    felt: pulse::Felt,
}

/// Mails, or webhooks.
struct Side {
    schedule: Schedule,
    places: Arc<Semaphore>,
    /// For those that have taken long.
    patient: Arc<Semaphore>,
    count: usize,
}

/// What a try's task tells.
enum Ended {
    /// It takes long, and its place is free.
    Parked,
    Tried {
        is_hook: bool,
        start: Start,
        shown: Shown,
    },
    Recorded {
        is_hook: bool,
        mail: i64,
    },
}

impl Side {
    fn new(count: usize) -> Self {
        let seats = |count| Arc::new(Semaphore::new(count));
        Self { schedule: Schedule::new(Instant::now()), places: seats(count), patient: seats(count * PATIENT), count }
    }

    fn place(&self) -> Option<Place> {
        let held = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Place { held, patient: Arc::clone(&self.patient) })
    }

    fn left(&self) -> usize {
        self.places.available_permits()
    }
}

/// The right to try one mail, until it is dropped.
struct Place {
    #[allow(dead_code, reason = "it is held, and that is all")]
    held: OwnedSemaphorePermit,
    patient: Arc<Semaphore>,
}

impl Place {
    /// Gives the place back for one among the patient; `false`: there is none.
    fn park(&mut self) -> bool {
        let parked = Arc::clone(&self.patient).try_acquire_owned();
        parked.map(|parked| self.held = parked).is_ok()
    }
}

impl Outbox {
    /// A runner with `places` mails under way at a time, and what waits from an earlier run.
    ///
    /// # Errors
    /// The queue can't be read.
    pub async fn open(app: Arc<App>, posts: mpsc::UnboundedReceiver<Post>, places: usize) -> Result<Self, StoreError> {
        let (end, ended) = mpsc::unbounded_channel();
        let unrecorded = places * UNRECORDED;
        let records = Arc::new(Semaphore::new(unrecorded));
        let (pulse, felt) = pulse::pulse();
        let (mails, hooks) = (Side::new(places), Side::new(HOOKS));
        let mut outbox = Self { app, posts, mails, hooks, records, unrecorded, ended, end, is_behind: false, pulse, felt };
        let mut after = 0;
        loop {
            let waiting = outbox.app.waiting(after, STRETCH).await?;
            let Some(last) = waiting.last() else { break };
            after = last.mail;
            waiting.into_iter().for_each(|post| outbox.take(post));
        }
        Ok(outbox)
    }

    /// What tells whether it turns.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Runs until `stop`, and then until what is under way has ended.
    pub async fn run(mut self, mut stop: Stop) {
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            self.start_all();
            if self.is_behind {
                self.write_off();
            }
            let next = [&self.mails, &self.hooks].into_iter().filter_map(|side| side.schedule.next_wake()).min();
            let next = async {
                match next {
                    Some(next) => tokio::time::sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                felt = self.felt.recv() => {
                    // Whoever asked may have given up.
                    let _ = felt.map(|answer| answer.send(()));
                }
                ended = self.ended.recv() => {
                    ended.into_iter().for_each(|ended| self.settle(ended));
                    while let Ok(more) = self.ended.try_recv() {
                        self.settle(more);
                    }
                }
                post = self.posts.recv() => match post {
                    Some(post) => {
                        self.take(post);
                        while let Ok(more) = self.posts.try_recv() {
                            self.take(more);
                        }
                    }
                    None => break,
                },
                _ = sweep.tick() => self.write_off(),
                () = next => {}
            }
        }
        // Every place free again: nothing is under way any more.
        let all = |count| u32::try_from(count).unwrap_or(u32::MAX);
        for side in [&self.mails, &self.hooks] {
            let _ = side.places.acquire_many(all(side.count)).await;
            let _ = side.patient.acquire_many(all(side.count * PATIENT)).await;
        }
        let _ = self.records.acquire_many(all(self.unrecorded)).await;
    }

    fn take(&mut self, post: Post) {
        let label = Label { destination: self.app.destination(&post).into(), portal: post.portal.clone(), lane: urgency(&post) };
        let side = if post.kind == MailKind::Webhook { &mut self.hooks } else { &mut self.mails };
        if !post.wait.is_zero() {
            // Waited out by a clock that nobody sets: a step of the other one neither hastens nor delays a mail.
            return side.schedule.push_later(&label, Instant::now() + post.wait, post.mail, post.useful_until);
        }
        side.schedule.push(&label, Waiting { mail: post.mail, useful_until: post.useful_until, work: post.work });
    }

    fn settle(&mut self, ended: Ended) {
        let (Ended::Tried { is_hook, .. } | Ended::Recorded { is_hook, .. }) = ended else { return };
        let side = if is_hook { &mut self.hooks } else { &mut self.mails };
        match ended {
            Ended::Tried { start, shown, .. } => side.schedule.ended(&start, shown, Instant::now()),
            Ended::Recorded { mail, .. } => side.schedule.recorded(mail),
            Ended::Parked => {}
        }
    }

    /// Starts all that has a place and may go.
    fn start_all(&mut self) {
        let sending = self.app.settings().sending.limits();
        let mails = Limits { at_a_time: sending.0, a_second: sending.1, left: 0 };
        let hooks = Limits { at_a_time: HOOKS_A_PORTAL, a_second: None, left: 0 };
        for (side, limits, is_hook) in [(&mut self.mails, mails, false), (&mut self.hooks, hooks, true)] {
            while let Some(place) = side.place()
                && let Some(start) = side.schedule.pop(Limits { left: side.left(), ..limits }, Instant::now())
            {
                tokio::spawn(one(Arc::clone(&self.app), start, is_hook, place, Arc::clone(&self.records), self.end.clone()));
            }
        }
    }

    /// Mails that became useless while their destination was away are written off without it, as many as there are places for; the
    /// rest as places become free.
    fn write_off(&mut self) {
        let clock = self.app.now();
        self.is_behind = false;
        for (side, is_hook) in [(&mut self.mails, false), (&mut self.hooks, true)] {
            loop {
                let Some(place) = side.place() else {
                    self.is_behind = true;
                    break;
                };
                let Some(start) = side.schedule.pop_late(clock, Instant::now()) else { break };
                tokio::spawn(one(Arc::clone(&self.app), start, is_hook, place, Arc::clone(&self.records), self.end.clone()));
            }
        }
    }
}

/// One attempt; the place is held for it, and neither while it is written down nor while others let it wait.
async fn one(app: Arc<App>, start: Start, is_hook: bool, mut place: Place, records: Arc<Semaphore>, end: mpsc::UnboundedSender<Ended>) {
    let mail = start.mail;
    let tried = {
        let tried = attempt(&app, &start);
        tokio::pin!(tried);
        match tokio::time::timeout(PATIENCE, &mut tried).await {
            Ok(tried) => tried,
            Err(_) => {
                if place.park() {
                    let _ = end.send(Ended::Parked);
                }
                tried.await
            }
        }
    };
    let Some((work, delivered)) = tried else {
        drop(place);
        let _ = end.send(Ended::Tried { is_hook, start, shown: Shown::Nothing });
        let _ = end.send(Ended::Recorded { is_hook, mail });
        return;
    };
    let shown = match delivered.reached {
        Reached::Nobody => Shown::Nothing,
        Reached::Destination => Shown::There,
        Reached::Away(pause) => Shown::Away(pause),
    };
    let _recording = records.acquire().await;
    drop(place);
    let _ = end.send(Ended::Tried { is_hook, start, shown });
    app.write_down(work, delivered.record).await;
    let _ = end.send(Ended::Recorded { is_hook, mail });
}

/// `None`: there was nothing left to do. What it came to is not written down yet.
async fn attempt(app: &Arc<App>, start: &Start) -> Option<(Arc<Work>, Delivered)> {
    let work = match &start.work {
        Some(work) => Arc::clone(work),
        None => Arc::new(claim(app, start.mail).await?),
    };
    let tried = AssertUnwindSafe(app.deliver(&work)).catch_unwind().await;
    let delivered = tried.unwrap_or_else(|_| {
        tracing::error!(event = "mail.panicked", mail = work.mail, kind = work.kind.as_str());
        app.delivery_broke(&work)
    });
    Some((work, delivered))
}

/// Claims a mail; where the store can't count the attempt now, waits and asks again: an uncounted try is never made.
async fn claim(app: &Arc<App>, mail: i64) -> Option<Work> {
    loop {
        match app.claim(mail).await {
            Ok(work) => return work,
            Err(StoreError::Closed) => return None,
            Err(error) => {
                tracing::error!(event = "mail.unclaimed", mail, %error);
                tokio::time::sleep(CLAIM_AGAIN).await;
            }
        }
    }
}

/// Reset mails before notices, acknowledgements and alerts, those before alerts of low severity.
fn urgency(post: &Post) -> Lane {
    match post.kind {
        MailKind::Reset => 0,
        MailKind::Alert | MailKind::Webhook if post.is_minor => 2,
        MailKind::Notice | MailKind::Acknowledgement | MailKind::Alert | MailKind::Webhook => 1,
    }
}
