//! How often one key was seen within the hour, in bounded space.

use std::time::Duration;

use crate::time::Timestamp;

pub(super) const HOUR: Duration = Duration::from_secs(3600);
/// Buckets of five minutes.
const BUCKETS: usize = 12;
/// So many moments of one key are kept exactly; what is older than the newest half of them falls into buckets.
const EXACT: usize = 64;

/// Moments of one key, oldest first. A key may be seen a million times an hour (one proxy in front of everybody, with a limit
/// that allows for it), and each request asks for the count.
#[derive(Default)]
pub(super) struct Log {
    exact: Vec<Timestamp>,
    older: Option<Box<Buckets>>,
}

/// Counts by five minutes: what slides far enough for a large limit.
#[derive(Default, Clone)]
pub(super) struct Buckets {
    counts: [u32; BUCKETS],
    epochs: [i64; BUCKETS],
}

impl Log {
    pub(super) fn of(first: Timestamp, second: Timestamp) -> Self {
        Self { exact: vec![first, second], older: None }
    }

    pub(super) fn count(&self, now: Timestamp) -> usize {
        let older = self.older.as_ref().map_or(0, |buckets| buckets.count(now));
        self.exact.iter().filter(|at| near(**at, now)).count() + older as usize
    }

    pub(super) fn last(&self) -> Option<Timestamp> {
        self.exact.last().copied()
    }

    pub(super) fn push(&mut self, at: Timestamp) {
        if self.exact.first().is_some_and(|first| *first + HOUR <= at) {
            self.exact.retain(|old| *old + HOUR > at);
        }
        if self.exact.len() >= EXACT {
            let older = self.older.get_or_insert_default();
            self.exact.drain(..EXACT / 2).for_each(|old| older.add(old));
        }
        self.exact.push(at);
    }

    #[cfg(test)]
    pub(super) fn exact(&self) -> usize {
        self.exact.len()
    }

    /// Takes the newest back.
    pub(super) fn take_back(&mut self) {
        if self.exact.pop().is_none()
            && let Some(older) = &mut self.older
        {
            older.take_back();
        }
    }
}

impl Buckets {
    pub(super) fn count(&self, now: Timestamp) -> u32 {
        let epoch = epoch(now);
        let near = |at: i64| (at - epoch).abs() < BUCKETS as i64;
        (0..BUCKETS).filter(|i| near(self.epochs[*i])).map(|i| self.counts[i]).sum()
    }

    pub(super) fn add(&mut self, at: Timestamp) {
        let epoch = epoch(at);
        let index = epoch.rem_euclid(BUCKETS as i64) as usize;
        if self.epochs[index] != epoch {
            self.epochs[index] = epoch;
            self.counts[index] = 0;
        }
        self.counts[index] = self.counts[index].saturating_add(1);
    }

    /// Takes the newest back.
    pub(super) fn take_back(&mut self) {
        let newest = (0..BUCKETS).filter(|i| self.counts[*i] > 0).max_by_key(|i| self.epochs[*i]);
        if let Some(newest) = newest {
            self.counts[newest] -= 1;
        }
    }
}

/// Within an hour, either way: what was counted while the clock stood a day ahead must not count for a day once it is set right.
pub(super) fn near(at: Timestamp, now: Timestamp) -> bool {
    at + HOUR > now && at < now + HOUR
}

fn epoch(at: Timestamp) -> i64 {
    at.as_seconds().div_euclid(300)
}
