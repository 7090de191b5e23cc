//! Watches for patterns of abuse: what met a limit is counted here, in memory bounded by the number of portals, and past a threshold
//! support gets one flag that counts on. Nothing here decides who gets a mail: that is the limits' part, and theirs alone.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use resetd_core::ids::PortalName;
use resetd_core::limits::{Abuse, Limit};
use resetd_core::time::Timestamp;

use super::conclude::alerts;
use super::{App, Caller};
use crate::config::{Role, Settings};
use crate::store::{Guesser, Request, Severity, Sighted};

/// Sightings are counted for an hour from the first.
const HOUR: Duration = Duration::from_secs(3600);
/// A flag's count is renewed when it has doubled, or after this time.
const RENEWED: Duration = Duration::from_secs(600);
/// Accounts, addresses or IPs that are counted by themselves.
const SUBJECTS: usize = 1000;
/// Of these, how many the flag names.
const NAMED: usize = 5;

/// What was seen since the start, and what support is yet to hear.
#[derive(Default)]
pub(super) struct Vigil {
    limits: [AtomicU64; Limit::ALL.len()],
    sightings: [AtomicU64; Abuse::ALL.len()],
    cases: Mutex<BTreeMap<(Abuse, PortalName), Case>>,
}

/// One pattern in one portal, within an hour.
struct Case {
    since: Timestamp,
    seen: u64,
    /// Of these, how many the flag has counted.
    told: u64,
    told_at: Timestamp,
    subjects: HashMap<String, u64>,
}

/// Of a request what a sighting names.
pub(super) struct Asked {
    portal: PortalName,
    account: String,
    address: String,
    ip: String,
}

impl From<&Request> for Asked {
    fn from(request: &Request) -> Self {
        Self {
            portal: request.portal.clone(),
            account: request.account.clone().unwrap_or_default(),
            address: request.email.limit_key(),
            ip: request.ip.clone().unwrap_or_default(),
        }
    }
}

impl Vigil {
    /// A request met a limit, or none.
    pub fn asked(&self, asked: &Asked, met: Option<Limit>, now: Timestamp) {
        let Some(limit) = met else { return };
        self.limits[limit as usize].fetch_add(1, Ordering::Relaxed);
        let abuse = Abuse::of(limit);
        let subject = match abuse {
            Abuse::FloodAddress => &asked.address,
            Abuse::FloodIp => &asked.ip,
            _ => &asked.account,
        };
        self.see(abuse, &asked.portal, subject, now);
    }

    /// A wrong code was typed, or one that was not looked at since a limit was met.
    pub fn guessed(&self, who: &Guesser, met: Option<Limit>, now: Timestamp) {
        if let Some(limit) = met {
            self.limits[limit as usize].fetch_add(1, Ordering::Relaxed);
        }
        if met.is_none_or(|limit| limit == Limit::Codes) {
            self.see(Abuse::GuessAccount, &who.portal, &who.account, now);
        }
        self.see(Abuse::GuessCodes, &who.portal, who.ip.as_deref().unwrap_or("(no client IP told)"), now);
    }

    /// A token that we never made.
    pub fn forged(&self, settings: &Settings, caller: &Caller, ip: Option<String>, now: Timestamp) {
        // No portal stands in it: the first that the application speaks for.
        let own = caller.portals(&[Role::App]).and_then(|list| list.into_iter().next());
        let Some(portal) = own.or_else(|| settings.portals.keys().next().cloned()) else { return };
        self.see(Abuse::GuessTokens, &portal, &ip.unwrap_or_else(|| "(no client IP told)".into()), now);
    }

    /// Any other sighting.
    pub fn see(&self, abuse: Abuse, portal: &PortalName, subject: &str, now: Timestamp) {
        self.count(abuse);
        let mut cases = self.lock();
        let fresh = || Case { since: now, seen: 0, told: 0, told_at: now, subjects: HashMap::new() };
        let case = cases.entry((abuse, portal.clone())).or_insert_with(fresh);
        if now.since(case.since) > HOUR || now < case.since {
            *case = fresh();
        }
        case.seen += 1;
        if let Some(count) = case.subjects.get_mut(subject) {
            *count += 1;
        } else if case.subjects.len() < SUBJECTS {
            case.subjects.insert(subject.to_owned(), 1);
        }
    }

    /// For the metrics alone.
    pub fn count(&self, abuse: Abuse) {
        self.sightings[abuse as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often each limit was met.
    pub fn limits(&self) -> impl Iterator<Item = (Limit, u64)> {
        Limit::ALL.into_iter().map(|limit| (limit, self.limits[limit as usize].load(Ordering::Relaxed)))
    }

    /// How often each pattern was seen.
    pub fn sightings(&self) -> impl Iterator<Item = (Abuse, u64)> {
        Abuse::ALL.into_iter().map(|abuse| (abuse, self.sightings[abuse as usize].load(Ordering::Relaxed)))
    }

    /// What support is to hear now: pattern, portal, how many are new, and the words.
    fn due(&self, now: Timestamp) -> Vec<(Abuse, PortalName, u64, String)> {
        let mut cases = self.lock();
        let mut due = Vec::new();
        for ((abuse, portal), case) in cases.iter_mut() {
            if case.is_due(*abuse, now) {
                due.push((*abuse, portal.clone(), case.seen - case.told, case.words(*abuse)));
                (case.told, case.told_at) = (case.seen, now);
            }
        }
        due
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Abuse, PortalName), Case>> {
        self.cases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Case {
    fn is_due(&self, abuse: Abuse, now: Timestamp) -> bool {
        if self.told > 0 {
            return self.seen >= 2 * self.told || (self.seen > self.told && now.since(self.told_at) >= RENEWED);
        }
        let most = self.subjects.values().max().copied().unwrap_or(0);
        most >= abuse.threshold() || self.seen >= abuse.threshold_of_all()
    }

    fn words(&self, abuse: Abuse) -> String {
        let mut most: Vec<(&String, &u64)> = self.subjects.iter().filter(|(name, _)| !name.is_empty()).collect();
        most.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let named: Vec<String> = most.iter().take(NAMED).map(|(name, count)| format!("{name} ({count})")).collect();
        let more = most.len().saturating_sub(NAMED);
        let whom = if named.is_empty() { String::new() } else { format!("\nMost often: {}", named.join(", ")) };
        let others = if more > 0 { format!(", and {more} more") } else { String::new() };
        format!("{}\nSeen {} times since {}.{whom}{others}", abuse.advice(), self.seen, self.since)
    }
}

/// How loudly a pattern asks.
pub(super) fn severity(abuse: Abuse) -> Severity {
    match abuse {
        Abuse::FloodPortal | Abuse::GuessCodes | Abuse::FloodAnswers => Severity::High,
        _ => Severity::Low,
    }
}

impl App {
    /// Tells support of patterns past their threshold.
    pub async fn tell_abuse(&self) {
        let at = self.clock.now();
        for (abuse, portal, count, text) in self.vigil.due(at) {
            let sighted = self.sighting(abuse, portal, count, text, at);
            if let Err(error) = self.store.sighted(sighted).await {
                tracing::error!(event = "abuse.not_told", pattern = abuse.as_str(), %error);
            }
        }
    }

    /// Sightings with what is queued where they open a flag.
    pub(super) fn sighting(&self, abuse: Abuse, portal: PortalName, count: u64, text: String, at: Timestamp) -> Sighted {
        let alerts = alerts(&self.settings(), Some(&portal), true, at);
        Sighted { abuse, severity: severity(abuse), alerts, portal, count, text, at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_told_once_and_then_by_doubling() {
        let (vigil, shop, now) = (Vigil::default(), PortalName::parse("shop").unwrap(), Timestamp::from_millis(0));
        let mut told = 0;
        for n in 0..5000 {
            vigil.see(Abuse::FloodAccount, &shop, "ann", now);
            told += vigil.due(now).len();
            if n == 18 {
                assert_eq!(told, 0, "an impatient person is no flood");
            }
        }
        assert_eq!(told, 8, "at 20, 40, 80, … 2560");
    }

    #[test]
    fn many_subjects_are_one_flag_and_bounded() {
        let (vigil, shop, now) = (Vigil::default(), PortalName::parse("shop").unwrap(), Timestamp::from_millis(0));
        for n in 0..50_000 {
            vigil.see(Abuse::FloodAccount, &shop, &format!("u{n}"), now);
        }
        let due = vigil.due(now);
        assert_eq!(due.len(), 1);
        assert!(due[0].2 == 50_000 && due[0].3.contains("995 more"), "{}", due[0].3);
        vigil.see(Abuse::FloodAccount, &shop, "u1", now + 2 * HOUR);
        assert!(vigil.due(now + 2 * HOUR).is_empty(), "another hour begins");
    }
}
