//! The writer thread: the only place that changes the database. It drains a bounded queue of jobs into one SQLite commit
//! (group commit), and only then answers them, publishes their events, and hands their mails to the outbox.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use resetd_core::event::Event;
use resetd_core::limits::Windows;
use rusqlite::Connection;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::{Line, Post, StoreError};

/// Jobs that wait at the most; beyond that callers wait for a place.
const QUEUE: usize = 4096;
/// Jobs in one commit at the most.
const BATCH: usize = 512;
/// Committed lines that a slow subscriber may lag behind.
const LINES: usize = 4096;

/// What a job works on: the open transaction, the limits' counts, and what to publish once it is committed.
pub(super) struct Tx<'a> {
    pub(super) conn: &'a Connection,
    pub(super) windows: &'a mut Windows,
    pub(super) lines: &'a mut Vec<Line>,
    pub(super) posts: &'a mut Vec<Post>,
}

trait Job: Send {
    /// May run twice: when another job of its batch fails, the batch is rolled back and each job gets its own commit.
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreError>;
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Typed<T, F> {
    work: F,
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
}

/// The handle through which jobs reach the thread.
#[derive(Clone)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
    lines: broadcast::Sender<Arc<Line>>,
    tally: Arc<Tally>,
}

/// Committed events since the start, by their place in [`Event::ALL`].
type Tally = Vec<AtomicU64>;

impl Writer {
    /// Starts the thread. `posts` is where committed mails go.
    pub(super) fn start(
        conn: Connection,
        windows: Windows,
        posts: mpsc::UnboundedSender<Post>,
    ) -> std::io::Result<(Self, std::thread::JoinHandle<()>)> {
        let (jobs, inbox) = mpsc::channel(QUEUE);
        let (lines, _) = broadcast::channel(LINES);
        let publisher = lines.clone();
        let tally: Arc<Tally> = Arc::new(Event::ALL.iter().map(|_| AtomicU64::new(0)).collect());
        let counter = Arc::clone(&tally);
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || Thread { conn, windows, posts, lines: publisher, tally: counter }.run(inbox))?;
        Ok((Self { jobs, lines, tally }, thread))
    }

    /// Runs `work` in a transaction and answers once that is synced to disk. `work` may be run twice.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Typed { work, result: None, reply });
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// How often each event was committed since the start.
    pub(super) fn tally(&self) -> Vec<(Event, u64)> {
        Event::ALL.iter().zip(self.tally.iter()).map(|(event, count)| (*event, count.load(Ordering::Relaxed))).collect()
    }

    /// Lines as they are committed.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Arc<Line>> {
        self.lines.subscribe()
    }
}

struct Thread {
    conn: Connection,
    windows: Windows,
    posts: mpsc::UnboundedSender<Post>,
    lines: broadcast::Sender<Arc<Line>>,
    tally: Arc<Tally>,
}

impl Thread {
    fn run(mut self, mut inbox: mpsc::Receiver<Box<dyn Job>>) {
        while let Some(first) = inbox.blocking_recv() {
            let mut batch = vec![first];
            while batch.len() < BATCH
                && let Ok(next) = inbox.try_recv()
            {
                batch.push(next);
            }
            self.commit(batch);
        }
        if let Err(error) = self.conn.execute_batch("PRAGMA optimize") {
            tracing::debug!(%error, "store.optimize_failed");
        }
    }

    fn commit(&mut self, mut batch: Vec<Box<dyn Job>>) {
        match self.transaction(&mut batch) {
            Ok(()) => batch.into_iter().for_each(|job| job.answer(Ok(()))),
            Err(error) if batch.len() == 1 => batch.into_iter().for_each(|job| job.answer(Err(error.clone()))),
            Err(_) => {
                for job in batch {
                    let mut alone = vec![job];
                    let outcome = self.transaction(&mut alone);
                    alone.into_iter().for_each(|job| job.answer(outcome.clone()));
                }
            }
        }
    }

    fn transaction(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        let (mut lines, mut posts) = (Vec::new(), Vec::new());
        self.conn.execute_batch("BEGIN IMMEDIATE").map_err(|e| StoreError::sqlite("beginning a transaction", e))?;
        let mut tx = Tx { conn: &self.conn, windows: &mut self.windows, lines: &mut lines, posts: &mut posts };
        let ran = batch.iter_mut().try_for_each(|job| job.run(&mut tx));
        let committed = ran.and_then(|()| self.conn.execute_batch("COMMIT").map_err(|e| StoreError::sqlite("committing a transaction", e)));
        if let Err(error) = committed {
            self.windows.rollback();
            // After a failed COMMIT or a full disk SQLite may have rolled back already.
            if !self.conn.is_autocommit() {
                let _ = self.conn.execute_batch("ROLLBACK");
            }
            return Err(error);
        }
        self.windows.commit();
        for post in posts {
            // The outbox is gone only at shutdown; the mail is in the database.
            let _ = self.posts.send(post);
        }
        for line in lines {
            self.tally[line.event as usize].fetch_add(1, Ordering::Relaxed);
            log(&line);
            let _ = self.lines.send(Arc::new(line));
        }
        Ok(())
    }
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
