//! The writer thread: the only place that changes the database. It drains a bounded queue of jobs into one SQLite commit
//! (group commit), and only then answers them, then hands their mails to the outbox and publishes their events.
//!
//! Answers go first, and what a mail came to waits for the next request's commit: otherwise the work that a mailed request
//! leaves behind would show in the time of its own answer or of the next one (law 8).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use resetd_core::event::Event;
use resetd_core::limits::Windows;
use rusqlite::Connection;
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot};

use super::chain::Chain;
use super::lock::Lock;
use super::{Line, Post, StoreError};
use crate::ambient::meter::{Histogram, LATENCY, TOGETHER};

/// Jobs that wait at the most; beyond that callers wait for a place.
const QUEUE: usize = 4096;
/// Jobs in one commit at the most.
const BATCH: usize = 512;
/// How long a job that can wait is held for another to share its commit, and how many are held at the most.
const PATIENCE: Duration = Duration::from_millis(10);
const HELD: usize = 8;
/// Those who were answered together mostly ask again together: how long a commit waits for them to have arrived, and from how
/// many of them on.
const REGATHER: Duration = Duration::from_micros(200);
const CROWD: usize = 4;
/// Committed lines that a slow subscriber may lag behind.
const LINES: usize = 4096;

/// What a job works on: the open transaction, the limits' counts, and what to publish once it is committed.
pub(super) struct Tx<'a> {
    pub(super) conn: &'a Connection,
    pub(super) windows: &'a mut Windows,
    /// What the timeline's lines hang on.
    pub(super) chain: &'a mut Chain,
    /// Ends of resets committed before this transaction.
    pub(super) endings: u64,
    pub(super) lines: &'a mut Vec<Line>,
    pub(super) posts: &'a mut Vec<Post>,
}

trait Job: Send {
    /// May run twice: when another job of its batch fails, the batch is rolled back and each job gets its own commit.
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreError>;
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
    /// Whether it may wait for a commit that others need.
    fn is_patient(&self) -> bool;
}

struct Typed<T, F> {
    work: F,
    patient: bool,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F: FnMut(&mut Tx<'_>) -> Result<T, StoreError> + Send> Job for Typed<T, F> {
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        self.result = Some((self.work)(tx)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let Self { result, reply, .. } = *self;
        let answer = committed.and_then(|()| result.ok_or(StoreError::Closed));
        // The caller may be gone; what was committed stands all the same.
        let _ = reply.send(answer);
    }

    fn is_patient(&self) -> bool {
        self.patient
    }
}

/// The handle through which jobs reach the thread.
#[derive(Clone)]
pub(super) struct Writer {
    jobs: Sender<Box<dyn Job>>,
    /// Places in the queue.
    places: Arc<Semaphore>,
    lines: broadcast::Sender<Arc<Line>>,
    tally: Arc<Tally>,
    pace: Arc<Pace>,
}

/// How the writer works.
pub(super) struct Pace {
    /// Transactions of one commit.
    pub jobs: Histogram,
    /// From `BEGIN` to the synced `COMMIT`.
    pub seconds: Histogram,
}

/// Committed events since the start, by their place in [`Event::ALL`].
type Tally = Vec<AtomicU64>;

/// What may have ended a reset whose mail waits.
const ENDINGS: [Event; 8] = [
    Event::ResetRedeemed,
    Event::ResetSuperseded,
    Event::ResetRevoked,
    Event::ResetDenied,
    Event::ResetExpired,
    Event::MailBounced,
    Event::MailRefused,
    Event::MailDropped,
];

fn endings(tally: &Tally) -> u64 {
    ENDINGS.iter().map(|event| tally[*event as usize].load(Ordering::SeqCst)).sum()
}

impl Writer {
    /// Starts the thread. `posts` is where committed mails go.
    pub(super) fn start(
        conn: Connection,
        windows: Windows,
        chain: Chain,
        posts: mpsc::UnboundedSender<Post>,
        lock: Lock,
    ) -> std::io::Result<(Self, std::thread::JoinHandle<()>)> {
        let (jobs, inbox) = channel();
        let places = Arc::new(Semaphore::new(QUEUE));
        let freed = Arc::clone(&places);
        let (lines, _) = broadcast::channel(LINES);
        let publisher = lines.clone();
        let tally: Arc<Tally> = Arc::new(Event::ALL.iter().map(|_| AtomicU64::new(0)).collect());
        let counter = Arc::clone(&tally);
        let pace = Arc::new(Pace { jobs: Histogram::new(TOGETHER), seconds: Histogram::new(LATENCY) });
        let paced = Arc::clone(&pace);
        let thread = std::thread::Builder::new().name("store-writer".into()).spawn(move || {
            // Held until the connection is closed.
            let _lock = lock;
            Thread { conn, windows, chain, posts, lines: publisher, tally: counter, pace: paced, places: freed }.run(&inbox);
        })?;
        Ok((Self { jobs, places, lines, tally, pace }, thread))
    }

    /// Runs `work` in a transaction and answers once that is synced to disk. `work` may be run twice.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.queue(work, false).await
    }

    /// The same for what nobody waits for: held for a few milliseconds until another job needs a commit anyway.
    pub(super) async fn write_along<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.queue(work, true).await
    }

    async fn queue<T, F>(&self, work: F, patient: bool) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Typed { work, patient, result: None, reply });
        // The thread gives the place back when it takes the job.
        self.places.acquire().await.map_err(|_| StoreError::Closed)?.forget();
        self.jobs.send(job).map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// How many ends of resets were committed since the start.
    pub(super) fn endings(&self) -> u64 {
        endings(&self.tally)
    }

    /// How often each event was committed since the start.
    pub(super) fn tally(&self) -> Vec<(Event, u64)> {
        Event::ALL.iter().zip(self.tally.iter()).map(|(event, count)| (*event, count.load(Ordering::Relaxed))).collect()
    }

    /// Jobs that wait for the thread.
    pub(super) fn waiting(&self) -> usize {
        QUEUE.saturating_sub(self.places.available_permits())
    }

    /// How the thread works.
    pub(super) fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Lines as they are committed.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Arc<Line>> {
        self.lines.subscribe()
    }
}

struct Thread {
    conn: Connection,
    windows: Windows,
    chain: Chain,
    posts: mpsc::UnboundedSender<Post>,
    lines: broadcast::Sender<Arc<Line>>,
    tally: Arc<Tally>,
    pace: Arc<Pace>,
    places: Arc<Semaphore>,
}

type Batch = Vec<Box<dyn Job>>;

/// What a committed batch leaves to be told.
#[derive(Default)]
struct News {
    lines: Vec<Line>,
    posts: Vec<Post>,
}

impl Thread {
    fn run(mut self, inbox: &Receiver<Box<dyn Job>>) {
        let mut last = 0;
        while let Some(batch) = gather(inbox, last) {
            last = batch.len();
            self.places.add_permits(last);
            self.commit(batch);
        }
        // No `PRAGMA optimize`: statistics of a database that is still small make SQLite walk through tables that grow.
    }

    fn commit(&mut self, mut batch: Batch) {
        match self.transaction(&mut batch) {
            Ok(news) => {
                batch.into_iter().for_each(|job| job.answer(Ok(())));
                self.tell(news);
            }
            Err(error) if batch.len() == 1 => batch.into_iter().for_each(|job| job.answer(Err(error.clone()))),
            Err(_) => batch.into_iter().for_each(|job| self.commit(vec![job])),
        }
    }

    fn transaction(&mut self, batch: &mut Batch) -> Result<News, StoreError> {
        let mut news = News::default();
        let begun = Instant::now();
        self.conn.execute_batch("BEGIN IMMEDIATE").map_err(|e| StoreError::sqlite("beginning a transaction", e))?;
        let mut tx = Tx {
            conn: &self.conn,
            windows: &mut self.windows,
            chain: &mut self.chain,
            endings: endings(&self.tally),
            lines: &mut news.lines,
            posts: &mut news.posts,
        };
        let ran = batch.iter_mut().try_for_each(|job| job.run(&mut tx));
        let sealed = ran.and_then(|()| self.chain.seal(&self.conn));
        let committed =
            sealed.and_then(|()| self.conn.execute_batch("COMMIT").map_err(|e| StoreError::sqlite("committing a transaction", e)));
        if let Err(error) = committed {
            self.windows.rollback();
            self.chain.rollback();
            // After a failed COMMIT or a full disk SQLite may have rolled back already.
            if !self.conn.is_autocommit() {
                let _ = self.conn.execute_batch("ROLLBACK");
            }
            return Err(error);
        }
        self.windows.commit();
        self.chain.commit();
        self.pace.seconds.took(begun.elapsed());
        self.pace.jobs.counted(batch.len());
        // Before anyone is answered: who hears that a reset has ended may rely on its mail being looked at again.
        for line in &news.lines {
            self.tally[line.event as usize].fetch_add(1, Ordering::SeqCst);
        }
        Ok(news)
    }

    fn tell(&self, news: News) {
        for post in news.posts {
            // The outbox is gone only at shutdown; the mail is in the database.
            let _ = self.posts.send(post);
        }
        for line in news.lines {
            log(&line);
            let _ = self.lines.send(Arc::new(line));
        }
    }
}

impl Drop for Thread {
    /// However it ends, nobody waits for a place any more.
    fn drop(&mut self) {
        self.places.close();
    }
}

/// The next batch; `None` once nobody can send any more. `last`: the size of the batch before.
fn gather(inbox: &Receiver<Box<dyn Job>>, last: usize) -> Option<Batch> {
    let mut batch = Batch::new();
    let mut begun = None;
    loop {
        let next = match begun {
            None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(since) => inbox.recv_timeout(PATIENCE.saturating_sub(Instant::elapsed(&since))),
        };
        match next {
            Ok(job) => {
                let ready = !job.is_patient() || batch.len() + 1 >= HELD;
                batch.push(job);
                begun.get_or_insert_with(Instant::now);
                if ready {
                    break;
                }
            }
            Err(_) => return (!batch.is_empty()).then_some(batch),
        }
    }
    let regathered = Instant::now() + REGATHER;
    while batch.len() < BATCH {
        let next = match inbox.try_recv() {
            Ok(job) => Some(job),
            Err(_) if last >= CROWD && batch.len() < last * 3 / 4 => {
                inbox.recv_timeout(regathered.saturating_duration_since(Instant::now())).ok()
            }
            Err(_) => None,
        };
        match next {
            Some(job) => batch.push(job),
            None => break,
        }
    }
    Some(batch)
}

/// One log line for each event; what happens with every reset is for `debug`, the rest for `info`. Lines hold no address
/// and no secret.
fn log(line: &Line) {
    let (event, reset, portal) =
        (line.event.as_str(), line.reset.map(tracing::field::display), line.portal.as_ref().map(tracing::field::display));
    match line.event {
        Event::ResetAccepted
        | Event::ResetSuppressed
        | Event::MailSent
        | Event::ResetInspected
        | Event::InboundStored
        | Event::ResetExpired => {
            tracing::debug!(event, reset, portal, detail = %line.detail);
        }
        _ => tracing::info!(event, reset, portal, detail = %line.detail),
    }
}
