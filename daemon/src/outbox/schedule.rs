//! Which waiting mail goes next. Pure: time comes in, decisions come out.
//!
//! Each destination (a relay, a domain, a portal's webhook) has a queue, a limit, a pace and a health of its own, so that a slow or
//! dead one holds up nobody else. Within it the more urgent lane goes first, and portals take turns, so that one portal's burst
//! never stands before another's single mail. What waits for a destination that is not to be had is not tried at all.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use resetd_core::ids::PortalName;
use resetd_core::time::Timestamp;
use tokio::time::Instant;

use super::destination::{Destination, Health, LANES, Lane, Limits, Waiting};
use super::later::Later;
use crate::store::Work;

/// Fresh mails that keep what they are made from in memory while they wait; later ones are read again.
const CARRIED: usize = 2000;
/// One start in so many goes to the least urgent, so that a flood of the urgent does not silence the others.
const MERCY: u64 = 16;
/// When a mail that is under way is looked at again.
const BUSY_AGAIN: Duration = Duration::from_secs(1);

/// Where it goes and how urgently.
#[derive(Clone, Debug)]
pub(super) struct Label {
    pub destination: Box<str>,
    pub portal: PortalName,
    pub lane: Lane,
}

/// A mail to be tried now.
pub(super) struct Start {
    pub mail: i64,
    pub work: Option<Arc<Work>>,
    destination: u32,
}

/// What a try showed of its destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shown {
    /// Nothing: it was not asked.
    Nothing,
    /// It is there.
    There,
    /// It is not, and need not be asked for so long.
    Away(Duration),
}

/// All that waits.
pub(super) struct Schedule {
    places: HashMap<Box<str>, u32>,
    all: Vec<Option<Destination>>,
    free: Vec<u32>,
    portals: Vec<PortalName>,
    turns: [VecDeque<u32>; LANES],
    wakes: BinaryHeap<Reverse<(Instant, u32)>>,
    later: Later<Kept>,
    busy: HashSet<i64>,
    carried: usize,
    starts: u64,
}

/// What is kept of a mail that waits for its time.
struct Kept {
    useful_until: Timestamp,
    destination: u32,
    portal: u32,
    lane: u8,
}

impl Schedule {
    pub fn new(now: Instant) -> Self {
        Self {
            places: HashMap::new(),
            all: Vec::new(),
            free: Vec::new(),
            portals: Vec::new(),
            turns: Default::default(),
            wakes: BinaryHeap::new(),
            later: Later::new(now),
            busy: HashSet::new(),
            carried: 0,
            starts: 0,
        }
    }

    /// A mail that is due.
    pub fn push(&mut self, label: &Label, mut waiting: Waiting) {
        self.later.forget(waiting.mail);
        // So much is under way that one more void mail shows nowhere.
        if self.carried >= CARRIED && waiting.work.take().is_some_and(|work| work.void) {
            return;
        }
        self.carried += usize::from(waiting.work.is_some());
        let (destination, portal) = (self.place(&label.destination), self.portal(&label.portal));
        self.queue(destination, portal, label.lane, waiting);
    }

    /// A mail that will be.
    pub fn push_later(&mut self, label: &Label, due: Instant, mail: i64, useful_until: Timestamp) {
        let (destination, portal) = (self.place(&label.destination), self.portal(&label.portal));
        self.keep(due, mail, Kept { useful_until, destination, portal, lane: u8::try_from(label.lane).unwrap_or_default() });
    }

    /// The mail to try next; `None`: none now.
    pub fn pop(&mut self, limits: Limits, now: Instant) -> Option<Start> {
        self.promote(now);
        self.starts += 1;
        let mercy = self.starts.is_multiple_of(MERCY);
        (0..LANES).find_map(|lane| self.pop_lane(if mercy { LANES - 1 - lane } else { lane }, limits, now))
    }

    /// A mail whose time is over and whose destination is not to be had: it need not wait for it to be written off.
    pub fn pop_late(&mut self, clock: Timestamp, now: Instant) -> Option<Start> {
        let away = |place: &Destination| matches!(place.health, Health::AwayUntil(until) if now < until);
        let ids = 0..u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        for id in ids {
            let Some(place) = self.all.get_mut(id as usize).and_then(Option::as_mut).filter(|place| away(place)) else { continue };
            if let Some(waiting) = place.lanes.iter_mut().find_map(|lane| lane.pop_late(clock)) {
                place.under_way += 1;
                return self.start(id, waiting);
            }
        }
        None
    }

    /// A try has ended.
    pub fn ended(&mut self, start: &Start, shown: Shown, now: Instant) {
        let id = start.destination;
        let Some(place) = self.all.get_mut(id as usize).and_then(Option::as_mut) else { return };
        place.under_way = place.under_way.saturating_sub(1);
        match shown {
            Shown::Nothing => {}
            Shown::There => place.health = Health::There,
            Shown::Away(pause) => {
                let until = now + pause;
                place.health = Health::AwayUntil(until);
                self.wakes.push(Reverse((until, id)));
            }
        }
        self.wake(id);
        self.forget_if_idle(id);
    }

    /// What it came to is written down: it may be tried again.
    pub fn recorded(&mut self, mail: i64) {
        self.busy.remove(&mail);
    }

    /// When to look again, if nothing else happens.
    pub fn next_wake(&self) -> Option<Instant> {
        let wake = self.wakes.peek().map(|Reverse((at, _))| *at);
        [wake, self.later.next()].into_iter().flatten().min()
    }

    /// Moves what has become due to its queue, and lets those go on whose pause is over.
    fn promote(&mut self, now: Instant) {
        while let Some((mail, kept)) = self.later.pop(now) {
            if let Some(place) = self.all.get_mut(kept.destination as usize).and_then(Option::as_mut) {
                place.expected = place.expected.saturating_sub(1);
            }
            match mail {
                Some(mail) => {
                    let waiting = Waiting { mail, useful_until: kept.useful_until, work: None };
                    self.queue(kept.destination, kept.portal, usize::from(kept.lane), waiting);
                }
                None => self.forget_if_idle(kept.destination),
            }
        }
        while let Some(Reverse((at, id))) = self.wakes.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            self.wakes.pop();
            // Nobody waits to probe it: what was learnt of it is out of date.
            if let Some(place) = self.all.get_mut(id as usize).and_then(Option::as_mut)
                && place.is_out_of_use(at)
            {
                place.health = Health::There;
            }
            self.wake(id);
            self.forget_if_idle(id);
        }
    }

    fn pop_lane(&mut self, lane: Lane, limits: Limits, now: Instant) -> Option<Start> {
        let is_alone = self.places.len() <= 1;
        while let Some(id) = self.turns[lane].pop_front() {
            let Some(place) = self.all.get_mut(id as usize).and_then(Option::as_mut) else { continue };
            place.in_turn[lane] = false;
            if place.lanes[lane].is_empty() {
                self.forget_if_idle(id);
                continue;
            }
            match place.admits(limits, is_alone, now) {
                Ok(()) => {}
                Err(until) => {
                    // It comes back when one of its mails ends, or at that time. One time is enough, or each new mail would add one.
                    if let Some(until) = until.filter(|until| place.wake_at.is_none_or(|at| at > *until || at <= now)) {
                        place.wake_at = Some(until);
                        self.wakes.push(Reverse((until, id)));
                    }
                    continue;
                }
            }
            let Some(waiting) = place.lanes[lane].pop() else { continue };
            place.under_way += 1;
            self.wake(id);
            if self.busy.contains(&waiting.mail) {
                self.put_off(id, lane, waiting, now);
                continue;
            }
            return self.start(id, waiting);
        }
        None
    }

    /// Made due by hand while it is tried, or while that try is being written down: looked at again after it, since nobody else
    /// will where its own new time was posted first.
    fn put_off(&mut self, id: u32, lane: Lane, waiting: Waiting, now: Instant) {
        let portal = u32::MAX;
        if let Some(place) = self.all.get_mut(id as usize).and_then(Option::as_mut) {
            place.under_way = place.under_way.saturating_sub(1);
        }
        self.carried -= usize::from(waiting.work.is_some());
        let kept = Kept { useful_until: waiting.useful_until, destination: id, portal, lane: u8::try_from(lane).unwrap_or_default() };
        self.keep(now + BUSY_AGAIN, waiting.mail, kept);
    }

    fn start(&mut self, destination: u32, waiting: Waiting) -> Option<Start> {
        self.carried -= usize::from(waiting.work.is_some());
        self.busy.insert(waiting.mail);
        Some(Start { mail: waiting.mail, work: waiting.work, destination })
    }

    fn keep(&mut self, due: Instant, mail: i64, kept: Kept) {
        if let Some(place) = self.all.get_mut(kept.destination as usize).and_then(Option::as_mut) {
            place.expected += 1;
        }
        self.later.push(due, mail, kept);
    }

    fn queue(&mut self, id: u32, portal: u32, lane: Lane, waiting: Waiting) {
        if let Some(place) = self.all.get_mut(id as usize).and_then(Option::as_mut) {
            place.lanes[lane].push(portal, waiting);
            self.wake(id);
        }
    }

    /// Gives a destination its turn in every lane where it has mail.
    fn wake(&mut self, id: u32) {
        let Some(place) = self.all.get_mut(id as usize).and_then(Option::as_mut) else { return };
        for lane in 0..LANES {
            if !place.lanes[lane].is_empty() && !std::mem::replace(&mut place.in_turn[lane], true) {
                self.turns[lane].push_back(id);
            }
        }
    }

    fn place(&mut self, name: &str) -> u32 {
        if let Some(id) = self.places.get(name) {
            return *id;
        }
        let place = Destination::new(name);
        let id = match self.free.pop() {
            Some(id) => {
                self.all[id as usize] = Some(place);
                id
            }
            None => {
                self.all.push(Some(place));
                u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.places.insert(name.into(), id);
        id
    }

    fn portal(&mut self, name: &PortalName) -> u32 {
        // A handful, and never taken out.
        let found = self.portals.iter().position(|known| known == name);
        let at = found.unwrap_or_else(|| {
            self.portals.push(name.clone());
            self.portals.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// A destination that has nothing to do and nothing to remember is forgotten: there are as many as domains.
    fn forget_if_idle(&mut self, id: u32) {
        let Some(slot) = self.all.get_mut(id as usize) else { return };
        // One that still stands in a turn goes when it is passed over there.
        if let Some(place) = slot.take_if(|place| place.is_idle() && place.in_turn.iter().all(|in_turn| !in_turn)) {
            self.places.remove(&place.name);
            self.free.push(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { at_a_time: 2, a_second: None, left: 100 };
    const FAR: Timestamp = Timestamp::from_millis(1_000_000);

    fn label(destination: &str, portal: &str, lane: Lane) -> Label {
        Label { destination: destination.into(), portal: PortalName::parse(portal).unwrap(), lane }
    }

    fn waiting(mail: i64) -> Waiting {
        Waiting { mail, useful_until: FAR, work: None }
    }

    struct Desk {
        schedule: Schedule,
        now: Instant,
        under_way: Vec<Start>,
    }

    impl Desk {
        fn new() -> Self {
            let now = Instant::now();
            Self { schedule: Schedule::new(now), now, under_way: Vec::new() }
        }

        fn push(&mut self, destination: &str, portal: &str, lane: Lane, mails: impl IntoIterator<Item = i64>) {
            for mail in mails {
                self.schedule.push(&label(destination, portal, lane), waiting(mail));
            }
        }

        /// Starts all that may start.
        fn start(&mut self, limits: Limits) -> Vec<i64> {
            let started: Vec<Start> = std::iter::from_fn(|| self.schedule.pop(limits, self.now)).collect();
            let mails = started.iter().map(|start| start.mail).collect();
            self.under_way.extend(started);
            mails
        }

        fn end(&mut self, mail: i64, shown: Shown) {
            let at = self.under_way.iter().position(|start| start.mail == mail).unwrap();
            let start = self.under_way.remove(at);
            self.schedule.ended(&start, shown, self.now);
            self.schedule.recorded(mail);
        }

        /// One at a time, in the order in which they go.
        fn drain(&mut self, limits: Limits) -> Vec<i64> {
            let mut all = Vec::new();
            while let Some(start) = self.schedule.pop(limits, self.now) {
                all.push(start.mail);
                self.schedule.ended(&start, Shown::There, self.now);
                self.schedule.recorded(start.mail);
            }
            all
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_destination_holds_up_nobody_else() {
        let mut desk = Desk::new();
        desk.push("slow.example", "shop", 0, 1..=100);
        desk.push("quick.example", "shop", 0, 101..=103);
        let mut started = desk.start(LIMITS);
        started.sort_unstable();
        assert_eq!(started, [1, 2, 101, 102]);
        desk.end(101, Shown::There);
        assert_eq!(desk.start(LIMITS), [103]);
    }

    #[tokio::test(start_paused = true)]
    async fn portals_take_turns() {
        let mut desk = Desk::new();
        desk.push("", "burst", 0, 1..=50);
        desk.push("", "single", 0, [99]);
        let order = desk.drain(LIMITS);
        assert!(order.iter().position(|mail| *mail == 99).unwrap() <= 1, "{order:?}");
        assert_eq!(order.len(), 51);
    }

    #[tokio::test(start_paused = true)]
    async fn the_urgent_go_first_and_the_others_are_not_forgotten() {
        let mut desk = Desk::new();
        desk.push("", "shop", 2, [1000]);
        desk.push("", "shop", 1, [500]);
        desk.push("", "shop", 0, 1..=40);
        let order = desk.drain(LIMITS);
        let at = |mail| order.iter().position(|one| *one == mail).unwrap();
        assert_eq!(&order[..14], (1..=14).collect::<Vec<i64>>());
        assert!(at(1000) < 40 && at(500) < 41, "{order:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_away_is_left_alone_and_then_probed_by_one() {
        let mut desk = Desk::new();
        desk.push("away.example", "shop", 0, 1..=5);
        assert_eq!(desk.start(LIMITS), [1, 2]);
        desk.end(1, Shown::Away(Duration::from_secs(1)));
        desk.end(2, Shown::Away(Duration::from_secs(1)));
        assert_eq!(desk.start(LIMITS), Vec::<i64>::new());
        assert_eq!(desk.schedule.next_wake(), Some(desk.now + Duration::from_secs(1)));
        desk.now += Duration::from_secs(1);
        assert_eq!(desk.start(LIMITS), [3], "one goes ahead");
        desk.end(3, Shown::Away(Duration::from_secs(2)));
        desk.now += Duration::from_secs(2);
        assert_eq!(desk.start(LIMITS), [4]);
        desk.end(4, Shown::There);
        assert_eq!(desk.start(LIMITS), [5]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_away_and_has_no_mail_is_forgotten() {
        let mut desk = Desk::new();
        for n in 0..100 {
            desk.push(&format!("away{n}.example"), "shop", 0, [n]);
            desk.start(LIMITS);
            desk.end(n, Shown::Away(Duration::from_secs(15)));
        }
        assert_eq!(desk.schedule.places.len(), 100);
        desk.now += Duration::from_secs(15);
        desk.start(LIMITS);
        assert!(desk.schedule.places.is_empty(), "{:?}", desk.schedule.places.len());
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_a_place_for_the_next_one() {
        let mut desk = Desk::new();
        for n in 0..8 {
            desk.push(&format!("slow{n}.example"), "shop", 0, n * 100..n * 100 + 50);
        }
        let mut started = 0;
        while let Some(start) = desk.schedule.pop(Limits { at_a_time: 10, a_second: None, left: 49 - started }, desk.now) {
            desk.under_way.push(start);
            started += 1;
        }
        assert!((35..50).contains(&started), "{started}");
        desk.push("quick.example", "shop", 0, [9999]);
        assert_eq!(desk.start(Limits { at_a_time: 10, a_second: None, left: 0 }), [9999]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_too_late_does_not_wait_for_the_dead() {
        let mut desk = Desk::new();
        desk.push("away.example", "shop", 0, 1..=3);
        desk.start(LIMITS);
        desk.end(1, Shown::Away(Duration::from_secs(60)));
        desk.end(2, Shown::Away(Duration::from_secs(60)));
        assert!(desk.schedule.pop_late(Timestamp::from_millis(999_999), desk.now).is_none());
        let late = desk.schedule.pop_late(FAR, desk.now).unwrap();
        assert_eq!(late.mail, 3);
        assert!(desk.schedule.pop_late(FAR, desk.now).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_pace_is_kept() {
        let mut desk = Desk::new();
        let limits = Limits { at_a_time: 100, a_second: Some(10), left: 100 };
        desk.push("", "shop", 0, 1..=100);
        let mut begun = desk.start(limits).len();
        for _ in 0..30 {
            desk.now += Duration::from_millis(100);
            begun += desk.start(limits).len();
        }
        assert!((30..=33).contains(&begun), "{begun} in three seconds");
    }

    #[tokio::test(start_paused = true)]
    async fn no_mail_is_tried_twice_at_a_time() {
        let mut desk = Desk::new();
        desk.push("", "shop", 0, [1]);
        assert_eq!(desk.start(LIMITS), [1]);
        desk.push("", "shop", 0, [1]);
        assert_eq!(desk.start(LIMITS), Vec::<i64>::new());
        desk.end(1, Shown::There);
        desk.now += BUSY_AGAIN;
        assert_eq!(desk.start(LIMITS), [1]);
    }

    #[tokio::test(start_paused = true)]
    async fn mails_come_at_their_time_and_idle_destinations_are_forgotten() {
        let mut desk = Desk::new();
        let due = desk.now + Duration::from_secs(5);
        desk.schedule.push_later(&label("a.example", "shop", 0), due, 7, FAR);
        assert_eq!((desk.start(LIMITS), desk.schedule.next_wake()), (Vec::new(), Some(due)));
        desk.now = due;
        assert_eq!(desk.drain(LIMITS), [7]);
        desk.schedule.push_later(&label("b.example", "shop", 0), due, 8, FAR);
        desk.schedule.push(&label("b.example", "shop", 0), waiting(8));
        assert_eq!(desk.drain(LIMITS), [8], "made due by hand: once");
        assert!(desk.schedule.places.is_empty(), "{:?}", desk.schedule.places);
    }
}
