//! A destination: what waits for it by urgency and portal, how much of it is under way, how it is.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use resetd_core::time::Timestamp;
use tokio::time::Instant;

use crate::store::Work;

/// How urgent: 0 before 1 before 2.
pub(super) type Lane = usize;
pub(super) const LANES: usize = 3;

/// When a destination that had its share of the free places is looked at again.
const SHARE_AGAIN: Duration = Duration::from_millis(100);
/// What a destination with a pace may do at once, in tenths of a second's worth.
const BURST_TENTHS: u32 = 1;

/// What each destination may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Under way at a time.
    pub at_a_time: usize,
    /// Begun in a second.
    pub a_second: Option<u32>,
    /// Places that stay free for others. Where there are several destinations, none has more under way than half of it: so there
    /// is one left for the next that comes.
    pub left: usize,
}

/// A mail that waits.
pub(super) struct Waiting {
    pub mail: i64,
    pub useful_until: Timestamp,
    pub work: Option<Arc<Work>>,
}

/// A relay, a domain, a portal's webhook.
pub(super) struct Destination {
    pub name: Box<str>,
    pub lanes: [Turns; LANES],
    pub in_turn: [bool; LANES],
    pub under_way: usize,
    /// Mails that wait for their time and will come here.
    pub expected: usize,
    pub health: Health,
    /// When the next one may begin, at its pace.
    pub next_at: Option<Instant>,
    /// The next of its times among the wakes.
    pub wake_at: Option<Instant>,
}

/// How it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Health {
    There,
    AwayUntil(Instant),
    /// One goes ahead.
    Probed,
}

/// Portals by turns.
#[derive(Default)]
pub(super) struct Turns {
    queues: HashMap<u32, VecDeque<Waiting>>,
    order: VecDeque<u32>,
}

impl Turns {
    pub fn push(&mut self, portal: u32, waiting: Waiting) {
        let queue = self.queues.entry(portal).or_default();
        if queue.is_empty() {
            self.order.push_back(portal);
        }
        queue.push_back(waiting);
    }

    pub fn pop(&mut self) -> Option<Waiting> {
        let portal = self.order.pop_front()?;
        let queue = self.queues.get_mut(&portal)?;
        let waiting = queue.pop_front();
        if queue.is_empty() {
            self.queues.remove(&portal);
        } else {
            self.order.push_back(portal);
        }
        waiting
    }

    /// Those at the head of a queue whose time is over: mails of one portal live equally long, so the others come after them.
    pub fn pop_late(&mut self, now: Timestamp) -> Option<Waiting> {
        let is_late = |queue: &VecDeque<Waiting>| queue.front().is_some_and(|waiting| waiting.useful_until <= now);
        let at = self.order.iter().position(|portal| self.queues.get(portal).is_some_and(is_late))?;
        self.order.rotate_left(at);
        self.pop()
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

impl Destination {
    /// A new one, of which nothing is known.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            lanes: Default::default(),
            in_turn: [false; LANES],
            under_way: 0,
            expected: 0,
            health: Health::There,
            next_at: None,
            wake_at: None,
        }
    }

    pub fn is_idle(&self) -> bool {
        self.health == Health::There && self.is_empty()
    }

    pub fn is_empty(&self) -> bool {
        self.under_way == 0 && self.expected == 0 && self.lanes.iter().all(Turns::is_empty)
    }

    /// Whether its pause is over by `at` and there is no mail for it.
    pub fn is_out_of_use(&self, at: Instant) -> bool {
        matches!(self.health, Health::AwayUntil(until) if until <= at) && self.is_empty()
    }

    /// `Err`: not now; the time when it may, where a time will tell.
    pub fn admits(&mut self, limits: Limits, is_alone: bool, now: Instant) -> Result<(), Option<Instant>> {
        match self.health {
            Health::AwayUntil(until) if now < until => return Err(Some(until)),
            Health::AwayUntil(_) => self.health = Health::Probed,
            Health::There | Health::Probed => {}
        }
        let limit = if self.health == Health::Probed { 1 } else { limits.at_a_time };
        if self.under_way >= limit {
            return Err(None);
        }
        if !is_alone && self.under_way > 0 && self.under_way >= limits.left / 2 {
            return Err(Some(now + SHARE_AGAIN));
        }
        if let Some(rate) = limits.a_second {
            let (step, burst) = (Duration::from_secs(1) / rate.max(1), Duration::from_millis(100) * BURST_TENTHS);
            let next = self.next_at.unwrap_or(now).max(now);
            if next > now + burst {
                return Err(Some(next - burst));
            }
            self.next_at = Some(next + step);
        }
        Ok(())
    }
}
