//! Where a system takes a mail to be sent, and the same three loads for every system: as many as go through at 20 sessions, one
//! at a time, and at a steady pace.

use std::cell::Cell;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::time::MissedTickBehavior;

use super::django::Form;
use super::smtp::Session as Smtp;
use crate::load::{Connection, request, runtime};
use crate::stopwatch::Stopwatch;

/// Sessions that are open when a mail is due at a steady pace: one that waits for the disk must not hold up the next.
const PACED_SESSIONS: usize = 8;
/// A timer wakes up to a millisecond late and nobody has waited for that; whoever waits longer than this waits for a session.
const TIMER: Duration = Duration::from_millis(2);

/// How a system is asked.
#[derive(Clone)]
pub enum Door {
    /// HTTP on resetd's socket.
    Ours(PathBuf),
    /// SMTP on a port of the loopback.
    Smtp(u16),
    /// Django's form on a port of the loopback.
    Form(u16),
}

/// An open session, each with one mail under way at a time.
enum Session {
    Ours(Connection),
    Smtp(Smtp),
    Form(Form),
}

impl Door {
    async fn open(&self) -> Session {
        match self {
            Self::Ours(socket) => Session::Ours(Connection::open(socket).await),
            Self::Smtp(port) => Session::Smtp(Smtp::open(*port).await),
            Self::Form(port) => Session::Form(Form::new(*port)),
        }
    }

    async fn open_all(&self, sessions: usize) -> Vec<Session> {
        join_all((0..sessions).map(|_| self.open())).await
    }

    /// Mails `first` and on, so many, at so many sessions, each sending the next as soon as the last was accepted. Gives the
    /// moment of the first octet; the sessions were open before.
    pub fn rush(&self, sessions: usize, first: u64, count: u64) -> Instant {
        runtime().block_on(async {
            let sessions = self.open_all(sessions).await;
            let next = Cell::new(first);
            let begun = Instant::now();
            let all = sessions.into_iter().map(|mut session| {
                let next = &next;
                async move {
                    while next.get() < first + count {
                        session.submit(next.replace(next.get() + 1)).await;
                    }
                }
            });
            join_all(all).await;
            begun
        })
    }

    /// One mail at a time: the next begins when the relay has given its 250 for the last. Gives how long each took.
    pub fn one_by_one(&self, stopwatch: &Stopwatch, first: u64, count: u64) -> Vec<Duration> {
        runtime().block_on(async {
            let mut session = self.open().await;
            let mut times = Vec::new();
            for number in first..first + count {
                let begun = Instant::now();
                session.submit(number).await;
                times.push(stopwatch.moment(number).duration_since(begun));
            }
            times
        })
    }

    /// So many mails a second, whatever became of the last. Gives how long each took.
    pub fn paced(&self, stopwatch: &Stopwatch, rate: u32, first: u64, count: u64) -> Vec<Duration> {
        let begun = runtime().block_on(async {
            let sessions = self.open_all(PACED_SESSIONS).await;
            let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let clock = tokio::sync::Mutex::new((ticks, first));
            let all = sessions.into_iter().map(|mut session| {
                let clock = &clock;
                async move {
                    let mut begun = Vec::new();
                    loop {
                        let mut held = clock.lock().await;
                        if held.1 == first + count {
                            return begun;
                        }
                        let due = held.0.tick().await.into_std();
                        let (number, now) = (held.1, Instant::now());
                        held.1 += 1;
                        drop(held);
                        begun.push((number, if now - due > TIMER { due } else { now }));
                        session.submit(number).await;
                    }
                }
            });
            join_all(all).await.concat()
        });
        begun.into_iter().map(|(number, begun)| stopwatch.moment(number).duration_since(begun)).collect()
    }
}

impl Session {
    /// Submits the mail of this number and waits until it is accepted.
    async fn submit(&mut self, number: u64) {
        match self {
            Self::Ours(connection) => {
                connection.call(&request(number), 202).await;
            }
            Self::Smtp(session) => session.submit(number).await,
            Self::Form(form) => form.submit(number).await,
        }
    }
}
