//! Warm connections, newest first: under little load the same few stay in use and the others grow old and are closed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::session::Session;

/// When a connection has done its work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wear {
    /// Idle for longer than this.
    pub idle: Duration,
    /// After so many mails: servers count them and say 421 sooner or later.
    pub mails: u32,
}

/// Idle connections to one hop.
pub(super) struct Pool {
    state: Mutex<State>,
    wear: Wear,
}

#[derive(Default)]
struct State {
    /// Oldest first.
    sessions: Vec<Session>,
    reaping: bool,
    closed: bool,
}

impl Pool {
    /// An empty one.
    pub fn new(wear: Wear) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), wear })
    }

    /// Whether there is no idle connection.
    pub fn is_empty(&self) -> bool {
        self.lock().sessions.is_empty()
    }

    /// The connection used last that is still good.
    pub fn take(&self) -> Option<Session> {
        loop {
            let mut session = self.lock().sessions.pop()?;
            if session.idle_since.elapsed() < self.wear.idle && session.is_quiet() {
                return Some(session);
            }
        }
    }

    /// Keeps a connection for the next mail, or ends it where it has carried enough.
    pub fn put(self: &Arc<Self>, mut session: Session) {
        session.idle_since = Instant::now();
        let mut state = self.lock();
        if state.closed || session.mails >= self.wear.mails {
            drop(state);
            tokio::spawn(session.quit());
            return;
        }
        state.sessions.push(session);
        if !std::mem::replace(&mut state.reaping, true) {
            tokio::spawn(reap(Arc::downgrade(self), self.wear.idle));
        }
    }

    /// Ends all idle connections, and those that come back.
    pub async fn close(&self) {
        let sessions = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.sessions)
        };
        futures_util::future::join_all(sessions.into_iter().map(Session::quit)).await;
    }

    /// Takes out what has been idle for too long; says when to look again, `None` when there is nothing left.
    fn expired(&self) -> (Vec<Session>, Option<Instant>) {
        let mut state = self.lock();
        let young = state.sessions.iter().position(|session| session.idle_since.elapsed() < self.wear.idle);
        let olds = young.unwrap_or(state.sessions.len());
        let old = state.sessions.drain(..olds).collect();
        let next = state.sessions.first().map(|session| session.idle_since + self.wear.idle);
        state.reaping = next.is_some();
        (old, next)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs as long as there are idle connections.
async fn reap(pool: Weak<Pool>, idle: Duration) {
    let mut wake = Instant::now() + idle;
    loop {
        tokio::time::sleep_until(wake).await;
        let Some(pool) = pool.upgrade() else { return };
        let (old, next) = pool.expired();
        drop(pool);
        futures_util::future::join_all(old.into_iter().map(Session::quit)).await;
        match next {
            Some(next) => wake = next,
            None => return,
        }
    }
}
