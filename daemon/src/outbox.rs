//! The queue runner: it is fed in memory by the store's commits, sleeps until the next due time, claims, calls, and
//! leaves the recording to `app::deliver`. It polls nothing.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use resetd_core::time::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::ambient::{Stop, stopped};
use crate::app::App;
use crate::store::{MailKind, Post, Record, Work};

/// Fresh mails that keep what they are made from in memory while they wait for a place; later ones are read again.
const CARRIED: usize = 2000;
/// How long to wait before a claim that failed (disk full) is tried again.
const CLAIM_AGAIN: Duration = Duration::from_secs(1);
/// For each mail under way, so many that are out of the door and not yet written down: after a crash they are sent again.
const UNRECORDED: usize = 4;

/// Webhooks under way at the most.
const HOOKS: usize = 4;
/// When a mail that is under way is looked at again.
const BUSY_AGAIN: Duration = Duration::from_secs(1);
/// The lanes of [`urgency`] that go through the transport, and the one that does not.
const MAILS: Range<usize> = 0..3;
const WEBHOOKS: Range<usize> = 3..4;

/// The runner.
pub struct Outbox {
    app: Arc<App>,
    posts: mpsc::UnboundedReceiver<Post>,
    later: Later,
    /// Due, the most urgent kinds first; webhooks last.
    ready: [VecDeque<Ready>; 4],
    under_way: Arc<Mutex<HashSet<i64>>>,
    places: Arc<Semaphore>,
    count: usize,
    /// Webhooks have places of their own: a receiver that keeps every post waiting must not hold up a single mail.
    hooks: Arc<Semaphore>,
    /// Attempts whose end is being written down. They hold no place: the next mail does not wait for the disk.
    records: Arc<Semaphore>,
}

struct Ready {
    mail: i64,
    work: Option<Arc<Work>>,
}

/// Mails that wait for their time. A mail that is posted again (retried by hand, deferred) has its newest time only.
#[derive(Default)]
struct Later {
    heap: BinaryHeap<Reverse<(Timestamp, i64, u8)>>,
    due: HashMap<i64, Timestamp>,
}

impl Later {
    fn push(&mut self, due: Timestamp, mail: i64, urgency: u8) {
        self.due.insert(mail, due);
        self.heap.push(Reverse((due, mail, urgency)));
    }

    fn forget(&mut self, mail: i64) {
        self.due.remove(&mail);
    }

    fn next(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((due, _, _))| *due)
    }

    /// The next mail whose time has come.
    fn pop(&mut self, now: Timestamp) -> Option<(i64, u8)> {
        while let Some(Reverse((due, mail, urgency))) = self.heap.peek().copied().filter(|Reverse((due, _, _))| *due <= now) {
            self.heap.pop();
            if self.due.get(&mail) == Some(&due) {
                self.due.remove(&mail);
                return Some((mail, urgency));
            }
        }
        None
    }
}

impl Outbox {
    /// A runner with `places` mails under way at a time, and what waits from an earlier run.
    pub fn new(app: Arc<App>, posts: mpsc::UnboundedReceiver<Post>, places: usize, waiting: Vec<Post>) -> Self {
        let mut outbox = Self {
            app,
            posts,
            later: Later::default(),
            ready: Default::default(),
            under_way: Arc::default(),
            places: Arc::new(Semaphore::new(places)),
            count: places,
            hooks: Arc::new(Semaphore::new(HOOKS)),
            records: Arc::new(Semaphore::new(places * UNRECORDED)),
        };
        waiting.into_iter().for_each(|post| outbox.take(post));
        outbox
    }

    /// Runs until `stop`, and then until what is under way has ended.
    pub async fn run(mut self, mut stop: Stop) {
        loop {
            self.promote();
            let (has_mails, has_hooks) = (self.has_ready(MAILS), self.has_ready(WEBHOOKS));
            let (places, hooks) = (Arc::clone(&self.places), Arc::clone(&self.hooks));
            let next = sleep_until(self.later.next(), self.app.now());
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
                place = places.acquire_owned(), if has_mails => {
                    if let Ok(place) = place {
                        self.start_one(place, MAILS);
                    }
                }
                place = hooks.acquire_owned(), if has_hooks => {
                    if let Ok(place) = place {
                        self.start_one(place, WEBHOOKS);
                    }
                }
                () = next => {}
            }
        }
        // Every place free again: nothing is under way any more.
        let all = |count| u32::try_from(count).unwrap_or(u32::MAX);
        let _ = self.places.acquire_many(all(self.count)).await;
        let _ = self.hooks.acquire_many(all(HOOKS)).await;
        let _ = self.records.acquire_many(all(self.count * UNRECORDED)).await;
    }

    fn take(&mut self, post: Post) {
        if post.due_at > self.app.now() {
            return self.later.push(post.due_at, post.mail, urgency(post.kind));
        }
        self.later.forget(post.mail);
        let void = post.work.as_ref().is_some_and(|work| work.void);
        let waiting: usize = self.ready.iter().map(VecDeque::len).sum();
        let work = post.work.filter(|_| waiting < CARRIED);
        if void && work.is_none() {
            // So much is under way that one more shows nowhere.
            return;
        }
        self.ready[usize::from(urgency(post.kind))].push_back(Ready { mail: post.mail, work });
    }

    /// Moves what has become due to the ready queues.
    fn promote(&mut self) {
        let now = self.app.now();
        while let Some((mail, urgency)) = self.later.pop(now) {
            self.ready[usize::from(urgency)].push_back(Ready { mail, work: None });
        }
    }

    fn has_ready(&self, lanes: Range<usize>) -> bool {
        self.ready[lanes].iter().any(|queue| !queue.is_empty())
    }

    fn start_ready(&mut self) {
        while self.has_ready(MAILS)
            && let Ok(place) = Arc::clone(&self.places).try_acquire_owned()
        {
            self.start_one(place, MAILS);
        }
    }

    /// Starts the most urgent of `lanes`.
    fn start_one(&mut self, place: OwnedSemaphorePermit, lanes: Range<usize>) {
        let next = lanes.into_iter().find_map(|lane| Some((lane, self.ready[lane].pop_front()?)));
        let Some((lane, ready)) = next else { return };
        let Some(under_way) = UnderWay::enter(&self.under_way, ready.mail) else {
            // Made due by hand while it is tried, or while that try is being written down: looked at again after it, since nobody
            // else will where its own new time was posted first.
            return self.later.push(self.app.now() + BUSY_AGAIN, ready.mail, u8::try_from(lane).unwrap_or(u8::MAX));
        };
        let (app, records) = (Arc::clone(&self.app), Arc::clone(&self.records));
        tokio::spawn(async move {
            let Some((work, record)) = attempt(&app, ready).await else { return };
            let _recording = records.acquire().await;
            drop(place);
            app.write_down(work, record).await;
            drop(under_way);
        });
    }
}

/// A mail's mark while it is tried: no mail is tried twice at a time.
struct UnderWay(Arc<Mutex<HashSet<i64>>>, i64);

impl UnderWay {
    fn enter(all: &Arc<Mutex<HashSet<i64>>>, mail: i64) -> Option<Self> {
        let fresh = all.lock().is_ok_and(|mut all| all.insert(mail));
        fresh.then(|| Self(Arc::clone(all), mail))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Ok(mut all) = self.0.lock() {
            all.remove(&self.1);
        }
    }
}

/// Reset mails before notices and acknowledgements, those before alerts. Webhooks have a lane of their own.
fn urgency(kind: MailKind) -> u8 {
    match kind {
        MailKind::Reset => 0,
        MailKind::Notice | MailKind::Acknowledgement => 1,
        MailKind::Alert => 2,
        MailKind::Webhook => 3,
    }
}

async fn sleep_until(due: Option<Timestamp>, now: Timestamp) {
    match due {
        // The clock may step: look again at least once a minute.
        Some(due) => tokio::time::sleep(due.since(now).min(Duration::from_secs(60))).await,
        None => std::future::pending().await,
    }
}

/// One attempt; the place is held for it. `None`: there was nothing left to do. What it came to is not written down yet.
async fn attempt(app: &Arc<App>, ready: Ready) -> Option<(Arc<Work>, Record)> {
    let work = match ready.work {
        Some(work) => work,
        None => Arc::new(claim(app, ready.mail).await?),
    };
    let tried = AssertUnwindSafe(app.deliver(&work)).catch_unwind().await;
    let record = tried.unwrap_or_else(|_| {
        tracing::error!(event = "mail.panicked", mail = work.mail, kind = work.kind.as_str());
        app.delivery_broke(&work)
    });
    Some((work, record))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_mail_has_one_time() {
        let mut later = Later::default();
        later.push(at(10), 1, 0);
        later.push(at(5), 1, 0);
        later.push(at(7), 2, 2);
        assert_eq!(later.pop(at(4)), None);
        assert_eq!(later.pop(at(20)), Some((1, 0)));
        assert_eq!(later.pop(at(20)), Some((2, 2)));
        assert_eq!(later.pop(at(20)), None, "its older time counts no more");
    }

    #[test]
    fn a_mail_that_was_made_due_leaves_its_later_time() {
        let mut later = Later::default();
        later.push(at(10), 1, 0);
        later.forget(1);
        assert_eq!(later.pop(at(20)), None);
    }

    #[test]
    fn no_mail_is_tried_twice_at_a_time() {
        let all = Arc::default();
        let first = UnderWay::enter(&all, 1);
        assert!(first.is_some() && UnderWay::enter(&all, 1).is_none());
        drop(first);
        assert!(UnderWay::enter(&all, 1).is_some());
    }
}
