//! The queue runner: it is fed in memory by the store's commits, sleeps until the next due time, claims, calls, and
//! leaves the recording to `app::deliver`. It polls nothing.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use resetd_core::time::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::ambient::{Stop, stopped};
use crate::app::App;
use crate::store::{MailKind, Post, Work};

/// Fresh mails that keep what they are made from in memory while they wait for a place; later ones are read again.
const CARRIED: usize = 2000;
/// How long to wait before a claim that failed (disk full) is tried again.
const CLAIM_AGAIN: Duration = Duration::from_secs(1);

/// The runner.
pub struct Outbox {
    app: Arc<App>,
    posts: mpsc::UnboundedReceiver<Post>,
    /// Waiting for their time: due, number, kind.
    later: BinaryHeap<Reverse<(Timestamp, i64, u8)>>,
    /// Due, the most urgent kinds first.
    ready: [VecDeque<Ready>; 3],
    places: Arc<Semaphore>,
    count: usize,
}

struct Ready {
    mail: i64,
    work: Option<Arc<Work>>,
}

impl Outbox {
    /// A runner with `places` mails under way at a time.
    pub fn new(app: Arc<App>, posts: mpsc::UnboundedReceiver<Post>, places: usize) -> Self {
        Self { app, posts, later: BinaryHeap::new(), ready: Default::default(), places: Arc::new(Semaphore::new(places)), count: places }
    }

    /// Reads what waits from an earlier run, then runs until `stop`, and then until what is under way has ended.
    pub async fn run(mut self, mut stop: Stop) {
        match self.app.waiting().await {
            Ok(waiting) => waiting.into_iter().for_each(|post| self.take(post)),
            Err(error) => tracing::error!(event = "queue.unreadable", %error),
        }
        loop {
            self.promote();
            let has_ready = self.ready.iter().any(|queue| !queue.is_empty());
            let places = Arc::clone(&self.places);
            let next = sleep_until(self.next_due(), self.app.now());
            tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                post = self.posts.recv() => match post {
                    Some(post) => {
                        self.take(post);
                        while let Ok(more) = self.posts.try_recv() {
                            self.take(more);
                        }
                        self.start_ready();
                    }
                    None => break,
                },
                place = places.acquire_owned(), if has_ready => {
                    if let Ok(place) = place {
                        self.start_one(place);
                    }
                }
                () = next => {}
            }
        }
        // Every place free again: nothing is under way any more.
        let all = u32::try_from(self.count).unwrap_or(u32::MAX);
        let _ = self.places.acquire_many(all).await;
    }

    fn take(&mut self, post: Post) {
        if post.due_at > self.app.now() {
            self.later.push(Reverse((post.due_at, post.mail, urgency(post.kind))));
            return;
        }
        let waiting: usize = self.ready.iter().map(VecDeque::len).sum();
        let work = post.work.filter(|_| waiting < CARRIED);
        self.ready[usize::from(urgency(post.kind))].push_back(Ready { mail: post.mail, work });
    }

    /// Moves what has become due to the ready queues.
    fn promote(&mut self) {
        let now = self.app.now();
        while let Some(Reverse((due, mail, urgency))) = self.later.peek().copied() {
            if due > now {
                return;
            }
            self.later.pop();
            self.ready[usize::from(urgency)].push_back(Ready { mail, work: None });
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.later.peek().map(|Reverse((due, _, _))| *due)
    }

    fn start_ready(&mut self) {
        while self.ready.iter().any(|queue| !queue.is_empty())
            && let Ok(place) = Arc::clone(&self.places).try_acquire_owned()
        {
            self.start_one(place);
        }
    }

    fn start_one(&mut self, place: OwnedSemaphorePermit) {
        let Some(ready) = self.ready.iter_mut().find_map(VecDeque::pop_front) else { return };
        let app = Arc::clone(&self.app);
        tokio::spawn(async move {
            attempt(&app, ready).await;
            drop(place);
        });
    }
}

/// Reset mails before notices and acknowledgements, those before alerts and webhooks.
fn urgency(kind: MailKind) -> u8 {
    match kind {
        MailKind::Reset => 0,
        MailKind::Notice | MailKind::Acknowledgement => 1,
        MailKind::Alert | MailKind::Webhook => 2,
    }
}

async fn sleep_until(due: Option<Timestamp>, now: Timestamp) {
    match due {
        // The clock may step: look again at least once a minute.
        Some(due) => tokio::time::sleep(due.since(now).min(Duration::from_secs(60))).await,
        None => std::future::pending().await,
    }
}

async fn attempt(app: &Arc<App>, ready: Ready) {
    let work = match ready.work {
        Some(work) => work,
        None => match claim(app, ready.mail).await {
            Some(work) => Arc::new(work),
            None => return,
        },
    };
    let tried = AssertUnwindSafe(app.deliver(Arc::clone(&work))).catch_unwind().await;
    if tried.is_err() {
        tracing::error!(event = "mail.panicked", mail = work.mail, kind = work.kind.as_str());
        app.delivery_broke(work).await;
    }
}

/// Claims a mail; where the store can't count the attempt now, waits and asks again: an uncounted try is never made.
async fn claim(app: &Arc<App>, mail: i64) -> Option<Work> {
    loop {
        match app.claim(mail).await {
            Ok(work) => return work,
            Err(crate::store::StoreError::Closed) => return None,
            Err(error) => {
                tracing::error!(event = "mail.unclaimed", mail, %error);
                tokio::time::sleep(CLAIM_AGAIN).await;
            }
        }
    }
}
