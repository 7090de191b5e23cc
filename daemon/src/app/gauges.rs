//! What is counted in memory as it happens. Labels come from closed sets only: nothing that a stranger chooses becomes one.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use resetd_core::reset::Refusal;
use resetd_core::time::Timestamp;

use crate::ambient::meter::{DELIVERY, Histogram, LATENCY};
use crate::mail::TlsState;
use crate::store::{Counts, MailKind, Means, Record};

/// Counters since the start.
pub struct Gauges {
    /// From the request's arrival in here until it is on disk.
    pub(super) accept: Histogram,
    /// From the request to the next hop's `250`, reset mails.
    pub(super) mail: Histogram,
    /// From a message's arrival until it is concluded.
    pub(super) read: Histogram,
    /// Every labelled counter: by its family, and the values of its labels.
    counters: Mutex<BTreeMap<Counter, u64>>,
    /// Destinations that are not to be had: since when, and what the last try met. Empty name: the only one.
    away: Mutex<BTreeMap<String, Away>>,
}

/// One labelled counter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Counter {
    /// A secret was refused: by means and reason.
    Refused(&'static str, &'static str),
    /// An attempt ended: by kind of mail and outcome.
    Attempt(&'static str, &'static str),
    /// A connection was protected so.
    Tls(&'static str),
    /// A message was concluded: kind, verdict, proof.
    Inbound(&'static str, &'static str, &'static str),
    /// A message was kept, from this source.
    Kept(&'static str),
}

struct Away {
    since: Timestamp,
    last: Timestamp,
    detail: String,
}

/// Destinations that are remembered as away.
const AWAY_KEPT: usize = 10_000;
/// Destinations that are named as away.
const AWAY_SHOWN: usize = 3;
/// A destination that was not tried for so long is no longer told.
const FORGOTTEN: Duration = Duration::from_secs(3600);

impl Default for Gauges {
    fn default() -> Self {
        Self {
            accept: Histogram::new(LATENCY),
            mail: Histogram::new(DELIVERY),
            read: Histogram::new(DELIVERY),
            counters: Mutex::default(),
            away: Mutex::default(),
        }
    }
}

impl Gauges {
    /// A secret came back and was refused.
    pub fn refused(&self, means: Means, why: Refusal) {
        self.count(Counter::Refused(means.as_str(), why.as_str()));
    }

    /// What an attempt came to.
    pub fn attempt(&self, kind: MailKind, record: &Record) {
        let outcome = match record {
            Record::Sent { .. } => "sent",
            Record::Deferred { .. } => "deferred",
            Record::Failed { event, .. } if *event == resetd_core::event::Event::MailRefused => "refused",
            Record::Failed { .. } => "dropped",
            // No attempt: what a suppressed request leaves must not be told from others here, nor counted.
            Record::Void => return,
        };
        self.count(Counter::Attempt(kind.as_str(), outcome));
    }

    /// How a connection to the next hop was protected.
    pub fn tls(&self, state: TlsState) {
        self.count(Counter::Tls(state.as_str()));
    }

    /// A message was concluded, so long after it came.
    pub fn inbound(&self, kind: &'static str, verdict: Option<&'static str>, proof: &'static str, took: Duration) {
        self.read.took(took);
        self.count(Counter::Inbound(kind, verdict.unwrap_or("none"), proof));
    }

    /// A message is on disk.
    pub fn kept(&self, source: &'static str) {
        self.count(Counter::Kept(source));
    }

    /// All labelled counters, in order.
    pub(super) fn counters(&self) -> BTreeMap<Counter, u64> {
        self.lock().clone()
    }

    fn count(&self, counter: Counter) {
        *self.lock().entry(counter).or_default() += 1;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Counter, u64>> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A destination is not to be had.
    pub fn away(&self, destination: &str, detail: &str, now: Timestamp) {
        let Ok(mut away) = self.away.lock() else { return };
        if let Some(known) = away.get_mut(destination) {
            known.last = now;
            detail.clone_into(&mut known.detail);
        } else if away.len() < AWAY_KEPT {
            away.insert(destination.to_owned(), Away { since: now, last: now, detail: detail.to_owned() });
        }
    }

    /// It is there.
    pub fn there(&self, destination: &str) {
        if let Ok(mut away) = self.away.lock()
            && !away.is_empty()
        {
            away.remove(destination);
        }
    }

    /// Destinations that are away at `now`.
    pub(super) fn destinations_away(&self, now: Timestamp) -> usize {
        self.away.lock().map_or(0, |away| away.values().filter(|away| now.since(away.last) < FORGOTTEN).count())
    }

    /// What needs a person's hand.
    pub fn problems(&self, counts: &Counts, now: Timestamp) -> Vec<String> {
        let mut problems = Vec::new();
        problems.extend(self.away.lock().ok().and_then(|mut away| {
            // A domain that nobody writes to any more is no problem.
            away.retain(|_, away| now.since(away.last) < FORGOTTEN);
            out_of_reach(&away)
        }));
        if counts.oldest_due.is_some_and(|due| now.since(due) > Duration::from_secs(60)) {
            problems.push("mails are overdue by more than a minute: the way out is too slow or down".into());
        }
        if counts.unread > 100 {
            problems.push(format!("{} inbound messages wait to be read", counts.unread));
        }
        problems
    }
}

fn out_of_reach(away: &BTreeMap<String, Away>) -> Option<String> {
    let mut longest: Vec<(&String, &Away)> = away.iter().collect();
    longest.sort_by_key(|(_, away)| away.since);
    let say = |(name, away): &(&String, &Away)| {
        let to = if name.is_empty() { String::new() } else { format!(" to {name}") };
        format!("mail{to} does not go out since {} (last try {}): {}", away.since, away.last, away.detail)
    };
    let mut said: Vec<String> = longest.iter().take(AWAY_SHOWN).map(say).collect();
    if longest.len() > AWAY_SHOWN {
        said.push(format!("nor to {} other domains", longest.len() - AWAY_SHOWN));
    }
    (!said.is_empty()).then(|| format!("{}; `resetctl queue list` shows what waits", said.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_ends_with_the_next_mail() {
        let (gauges, now) = (Gauges::default(), Timestamp::from_millis(0));
        gauges.away("", "connection refused", now);
        assert!(gauges.problems(&Counts::default(), now)[0].contains("connection refused"));
        gauges.there("");
        assert!(gauges.problems(&Counts::default(), now).is_empty());
    }

    #[test]
    fn many_are_counted_and_not_named() {
        let (gauges, now) = (Gauges::default(), Timestamp::from_millis(0));
        for name in ["a.example", "b.example", "c.example", "d.example", "e.example"] {
            gauges.away(name, "no answer in time", now);
        }
        let problems = gauges.problems(&Counts::default(), now);
        assert!(problems.len() == 1 && problems[0].contains("nor to 2 other domains"), "{problems:?}");
        assert!(gauges.problems(&Counts::default(), now + 2 * FORGOTTEN).is_empty());
    }
}
