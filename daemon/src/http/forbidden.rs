//! Callers that were turned away, in the log: who wanted what without the role for it, and so whoever looks around on this host. By user,
//! and not each time: nobody may fill the journal by asking, nor by asking as many users (a user namespace gives anybody thousands).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::Method;

/// One line for each user within this time.
const PAUSE: Duration = Duration::from_secs(1);
/// Lines for all users together within the same time.
const LINES: u32 = 10;
/// Users that are remembered.
const USERS: usize = 1000;

/// Why a caller was turned away, beside the answer that says so.
#[derive(Clone)]
pub(super) struct Why(pub(super) Arc<str>);

/// Who was turned away of late.
#[derive(Default)]
pub(super) struct Forbidden(Mutex<Late>);

#[derive(Default)]
struct Late {
    users: HashMap<u32, Told>,
    /// When the present stretch of [`PAUSE`] began, and the lines in it.
    stretch: Option<(Instant, u32)>,
}

#[derive(Default)]
struct Told {
    at: Option<Instant>,
    /// How often since then, without a line.
    more: u64,
}

impl Forbidden {
    /// A request of `uid` was turned away.
    pub(super) fn note(&self, uid: u32, method: &Method, why: Option<&Why>) {
        if let Some(more) = self.due(uid, Instant::now()) {
            let why = why.map(|why| &*why.0);
            tracing::warn!(event = "http.forbidden", uid, %method, why, more);
        }
    }

    /// How many were not told since the last line, where another is due.
    fn due(&self, uid: u32, now: Instant) -> Option<u64> {
        let mut late = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Late { users, stretch } = &mut *late;
        if users.len() >= USERS && !users.contains_key(&uid) {
            users.clear();
        }
        let (began, lines) = stretch.filter(|(began, _)| now.duration_since(*began) < PAUSE).unwrap_or((now, 0));
        let told = users.entry(uid).or_default();
        if lines >= LINES || told.at.is_some_and(|at| now.duration_since(at) < PAUSE) {
            told.more += 1;
            return None;
        }
        *stretch = Some((began, lines + 1));
        told.at = Some(now);
        Some(std::mem::take(&mut told.more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_fills_the_log_by_asking() {
        let (forbidden, now) = (Forbidden::default(), Instant::now());
        let lines: Vec<Option<u64>> = (0..10_000).map(|_| forbidden.due(7, now)).collect();
        assert_eq!((lines[0], lines.iter().flatten().count()), (Some(0), 1));
        assert_eq!(forbidden.due(8, now), Some(0), "another user is told of all the same");
        assert_eq!(forbidden.due(7, now + PAUSE), Some(9_999), "and those without a line are counted");
        let later = now + 2 * PAUSE;
        let told = (0..100_000).filter(|uid| forbidden.due(*uid, later).is_some()).count();
        assert_eq!(told, usize::try_from(LINES).unwrap(), "many users fill it no more than one");
        assert!(forbidden.0.lock().unwrap().users.len() <= USERS);
        assert!(forbidden.due(7, later + PAUSE).is_some(), "and it goes on");
    }
}
