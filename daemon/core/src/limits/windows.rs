//! The counts of the last hour.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::log::{Buckets, HOUR, Log, near};
use super::{Limit, Limits, Subject};
use crate::time::Timestamp;

const HOUR_MILLIS: i64 = 3_600_000;
/// This part of the large limits is kept for clients (where none is told: accounts) that asked for nothing in the last hour.
const RESERVE: u32 = 5;

/// The mails and requests of the last hour, by account, address, IP, portal and in all. Keys are kept as 64-bit hashes with a
/// random seed of the process, so that nobody can choose colliding ones.
///
/// Nearly every key is seen once: with a million accounts in the hour, a log for each would cost three times the memory.
#[derive(Default)]
pub struct Windows {
    once: HashMap<u64, Moment>,
    logs: HashMap<u64, Log>,
    /// What [`Moment`]s are counted from.
    base: Option<Timestamp>,
    counts: HashMap<u64, Buckets>,
    hasher: RandomState,
    /// Records since the last [`Windows::commit`], to be taken back by [`Windows::rollback`].
    fresh: Vec<(u64, bool)>,
    swept: Timestamp,
}

/// Tenths of a second from the base, either way.
#[derive(Clone, Copy)]
struct Moment(i32);

impl Windows {
    /// Whether a mail may go out for `subject` at `now`. Counts nothing.
    pub fn check(&self, limits: &Limits, portal_limit: u32, subject: &Subject<'_>, now: Timestamp) -> Result<(), Limit> {
        let ip = subject.ip.map(|ip| self.key("ip", "", ip));
        let mut is_new = ip.is_none_or(|key| self.logged(key, now) == 0);
        if ip.is_some_and(|key| self.logged(key, now) >= limits.per_ip as usize) {
            return Err(Limit::Ip);
        }
        if let Some(account) = subject.account {
            let key = self.key("account", subject.portal.as_str(), account);
            if self.last(key).is_some_and(|last| now < last + limits.cool_down && now >= last) {
                return Err(Limit::CoolDown);
            }
            if self.logged(key, now) >= limits.per_account as usize && !self.has_none_good(key, limits, now) {
                return Err(Limit::Account);
            }
            is_new = is_new && (ip.is_some() || self.logged(key, now) == 0);
        }
        let address = self.key("address", "", subject.address);
        if self.logged(address, now) >= limits.per_address as usize && !self.has_none_good(address, limits, now) {
            return Err(Limit::Address);
        }
        // A flood over many accounts must not use up what is there for all: its clients have asked before.
        let room = |limit: u32| if is_new { limit } else { limit - limit / RESERVE };
        if self.counted(self.key("portal", "", subject.portal.as_str()), now) >= room(portal_limit) {
            return Err(Limit::Portal);
        }
        if self.counted(self.key("all", "", ""), now) >= room(limits.in_all) {
            return Err(Limit::All);
        }
        Ok(())
    }

    /// Whether the last mail's secret has died of old age.
    fn has_none_good(&self, key: u64, limits: &Limits, now: Timestamp) -> bool {
        self.last(key).is_some_and(|last| now >= last + limits.relief)
    }

    /// Counts a request: against the IP in any case, against the rest where it `mails`.
    pub fn record(&mut self, limits: &Limits, subject: &Subject<'_>, mails: bool, at: Timestamp) {
        if let Some(ip) = subject.ip {
            let key = self.key("ip", "", ip);
            // Over the limit there is nothing more to learn, and a flood must not grow the log.
            if self.logged(key, at) < limits.per_ip as usize {
                self.log(key, at);
            }
        }
        self.sweep(at);
        if !mails {
            return;
        }
        if let Some(account) = subject.account {
            self.log(self.key("account", subject.portal.as_str(), account), at);
        }
        self.log(self.key("address", "", subject.address), at);
        self.count(self.key("portal", "", subject.portal.as_str()), at);
        self.count(self.key("all", "", ""), at);
    }

    /// What was recorded is on disk.
    pub fn commit(&mut self) {
        self.fresh.clear();
    }

    /// What was recorded since the last commit never reached the disk: take it back.
    pub fn rollback(&mut self) {
        for (key, logged) in std::mem::take(&mut self.fresh).into_iter().rev() {
            if logged {
                match self.logs.get_mut(&key) {
                    Some(log) => log.take_back(),
                    None => drop(self.once.remove(&key)),
                }
            } else if let Some(buckets) = self.counts.get_mut(&key) {
                buckets.take_back();
            }
        }
    }

    fn key(&self, what: &str, scope: &str, name: &str) -> u64 {
        self.hasher.hash_one((what, scope, name))
    }

    fn logged(&self, key: u64, now: Timestamp) -> usize {
        let once = self.once(key).filter(|at| near(*at, now));
        self.logs.get(&key).map_or(usize::from(once.is_some()), |log| log.count(now))
    }

    fn last(&self, key: u64) -> Option<Timestamp> {
        self.logs.get(&key).and_then(Log::last).or_else(|| self.once(key))
    }

    fn once(&self, key: u64) -> Option<Timestamp> {
        self.once.get(&key).map(|moment| self.time(*moment))
    }

    fn time(&self, Moment(tenths): Moment) -> Timestamp {
        Timestamp::from_millis(self.base.unwrap_or_default().as_millis() + i64::from(tenths) * 100)
    }

    fn moment(&mut self, at: Timestamp) -> Moment {
        let base = *self.base.get_or_insert(at);
        let tenths = (at.as_millis() - base.as_millis()).div_euclid(100);
        Moment(i32::try_from(tenths).unwrap_or(if tenths < 0 { i32::MIN } else { i32::MAX }))
    }

    fn log(&mut self, key: u64, at: Timestamp) {
        self.fresh.push((key, true));
        if let Some(log) = self.logs.get_mut(&key) {
            log.push(at);
            return;
        }
        let before = self.once(key).filter(|before| *before + HOUR > at);
        match before {
            Some(before) => {
                self.once.remove(&key);
                self.logs.insert(key, Log::of(before, at));
            }
            None => {
                let moment = self.moment(at);
                self.once.insert(key, moment);
            }
        }
    }

    fn counted(&self, key: u64, now: Timestamp) -> u32 {
        self.counts.get(&key).map_or(0, |buckets| buckets.count(now))
    }

    fn count(&mut self, key: u64, at: Timestamp) {
        self.counts.entry(key).or_default().add(at);
        self.fresh.push((key, false));
    }

    /// Forgets logs that are over, once a minute.
    fn sweep(&mut self, now: Timestamp) {
        if self.swept <= now && self.swept + Duration::from_secs(60) > now {
            return;
        }
        self.swept = now;
        self.logs.retain(|_, log| log.last().is_some_and(|last| last + HOUR > now));
        let base = self.base.unwrap_or_default().as_millis();
        self.once.retain(|_, Moment(tenths)| base + i64::from(*tenths) * 100 + HOUR_MILLIS > now.as_millis());
        if self.once.is_empty() {
            self.base = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::PortalName;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000) + Duration::from_secs(seconds)
    }

    struct Desk(Windows, Limits, PortalName);

    impl Desk {
        fn new() -> Self {
            Self(Windows::default(), Limits::default(), PortalName::parse("shop").unwrap())
        }

        fn ask(&mut self, account: &str, address: &str, ip: Option<&str>, now: Timestamp) -> Result<(), Limit> {
            let subject = Subject { portal: &self.2, account: Some(account), address, ip };
            let verdict = self.0.check(&self.1, self.1.per_portal, &subject, now);
            self.0.record(&self.1, &subject, verdict.is_ok(), now);
            verdict
        }
    }

    #[test]
    fn an_account_cools_down_and_is_counted_by_the_hour() {
        let mut desk = Desk::new();
        assert_eq!(desk.ask("a", "a@x", None, at(0)), Ok(()));
        assert_eq!(desk.ask("a", "a@x", None, at(59)), Err(Limit::CoolDown));
        for minute in 1..5 {
            assert_eq!(desk.ask("a", "a@x", None, at(minute * 60)), Ok(()));
        }
        assert_eq!(desk.ask("a", "a@x", None, at(360)), Err(Limit::Account));
        assert_eq!(desk.ask("a", "a@x", None, at(3600)), Ok(()), "the first has left the window");
    }

    #[test]
    fn a_flood_leaves_the_owner_a_mail_that_is_good() {
        let mut desk = Desk::new();
        let mailed: Vec<u64> = (0..600_u64).filter(|minute| desk.ask("a", "a@x", None, at(minute * 60)).is_ok()).collect();
        // Asked for every minute, for ten hours: never half an hour without a mail, and still few.
        assert!(mailed.windows(2).all(|two| two[1] - two[0] <= 30), "{mailed:?}");
        assert!(mailed.len() <= 70, "{}", mailed.len());
    }

    #[test]
    fn a_flood_of_the_whole_leaves_room_for_who_is_new() {
        let mut desk = Desk::new();
        desk.1.in_all = 50;
        let mut met = 0;
        for n in 0..200 {
            met += usize::from(desk.ask(&format!("u{n}"), &format!("u{n}@x"), Some(&format!("192.0.2.{}", n % 6)), at(0)).is_err());
        }
        assert_eq!(met, 160, "forty of fifty went to the flood");
        assert_eq!(desk.ask("v", "v@x", Some("198.51.100.1"), at(1)), Ok(()));
        assert_eq!(desk.ask("w", "w@x", None, at(1)), Ok(()), "no client told: the account is new");
        assert_eq!(desk.ask("w", "w@x", None, at(99)), Err(Limit::All));
    }

    #[test]
    fn an_ip_counts_what_mails_nothing_too() {
        let mut desk = Desk::new();
        for n in 0..40 {
            assert_eq!(desk.ask(&format!("u{n}"), &format!("u{n}@x"), Some("192.0.2.1"), at(0)), Ok(()));
        }
        assert_eq!(desk.ask("u99", "u99@x", Some("192.0.2.1"), at(1)), Err(Limit::Ip));
        assert_eq!(desk.ask("u99", "u99@x", Some("192.0.2.2"), at(1)), Ok(()), "another subscriber still gets in");
    }

    #[test]
    fn a_large_limit_of_an_ip_counts_right_in_bounded_space() {
        let mut desk = Desk::new();
        desk.1.per_ip = 1000;
        let ip = Some("192.0.2.1");
        for n in 0..1000_u64 {
            assert_eq!(desk.ask(&format!("u{n}"), &format!("u{n}@x"), ip, at(n)), Ok(()), "{n}");
        }
        assert_eq!(desk.ask("v", "v@x", ip, at(1000)), Err(Limit::Ip));
        desk.0.rollback();
        assert_eq!(desk.ask("v", "v@x", ip, at(1000)), Ok(()), "all taken back, in buckets too");
        assert!(desk.0.logs.values().all(|log| log.exact() <= 64));
        desk.0.commit();
        for n in 0..999_u64 {
            assert_eq!(desk.ask(&format!("w{n}"), &format!("w{n}@x"), ip, at(1001)), Ok(()), "{n}");
        }
        assert_eq!(desk.ask("x", "x@x", ip, at(1002)), Err(Limit::Ip));
        assert_eq!(desk.ask("x", "x@x", ip, at(1001 + 3900)), Ok(()), "the hour has gone by");
    }

    #[test]
    fn an_address_is_counted_over_accounts() {
        let mut desk = Desk::new();
        for n in 0..10 {
            assert_eq!(desk.ask(&format!("u{n}"), "same@x", None, at(n)), Ok(()));
        }
        assert_eq!(desk.ask("u10", "same@x", None, at(11)), Err(Limit::Address));
    }

    #[test]
    fn the_large_limits_slide() {
        let mut desk = Desk::new();
        desk.1.in_all = 3;
        for n in 0..3 {
            assert_eq!(desk.ask(&format!("u{n}"), &format!("u{n}@x"), None, at(0)), Ok(()));
        }
        assert_eq!(desk.ask("u4", "u4@x", None, at(10)), Err(Limit::All));
        assert_eq!(desk.ask("u4", "u4@x", None, at(3900)), Ok(()));
    }

    #[test]
    fn a_clock_that_was_ahead_locks_nobody_out() {
        let mut desk = Desk::new();
        desk.1.in_all = 5;
        for minute in 0..5 {
            assert_eq!(desk.ask("a", "a@x", Some(&format!("192.0.2.{minute}")), at(86_400 + minute * 60)), Ok(()));
        }
        assert_eq!(desk.ask("a", "a@x", Some("192.0.2.9"), at(0)), Ok(()), "set right");
        // A step by seconds forgives nothing.
        let mut desk = Desk::new();
        for minute in 0..5 {
            assert_eq!(desk.ask("a", "a@x", None, at(600 + minute * 60)), Ok(()));
        }
        assert_eq!(desk.ask("a", "a@x", None, at(830)), Err(Limit::Account));
    }

    #[test]
    fn what_mails_nothing_is_forgotten_too() {
        let mut desk = Desk::new();
        desk.1.in_all = 0;
        for n in 0..50_u64 {
            assert_eq!(desk.ask("a", "a@x", Some(&format!("2001:db8:0:{n:x}::/64")), at(n * 3600)), Err(Limit::All));
        }
        assert!(desk.0.logs.len() + desk.0.once.len() < 5, "{}", desk.0.logs.len());
    }

    #[test]
    fn a_rollback_counts_nothing() {
        let mut desk = Desk::new();
        assert_eq!(desk.ask("a", "a@x", None, at(0)), Ok(()));
        desk.0.rollback();
        assert_eq!(desk.ask("a", "a@x", None, at(1)), Ok(()));
        desk.0.commit();
        desk.0.rollback();
        assert_eq!(desk.ask("a", "a@x", None, at(2)), Err(Limit::CoolDown));
    }
}
