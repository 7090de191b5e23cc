//! What is counted in memory, and the Prometheus text made of it. Label values come from closed sets only.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use resetd_core::event::Event;
use resetd_core::time::Timestamp;

use crate::store::{Counts, Severity};

/// Upper bounds, seconds, of the buckets for the time from request to the next hop's `250`.
const BOUNDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 1.0, 10.0, 60.0, 600.0];

/// Counters since the start.
#[derive(Default)]
pub struct Gauges {
    buckets: [AtomicU64; BOUNDS.len()],
    sent: AtomicU64,
    micros: AtomicU64,
    /// Destinations that are not to be had: since when, and what the last try met. Empty name: the only one.
    away: Mutex<BTreeMap<String, Away>>,
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

impl Gauges {
    /// A reset mail was taken, this long after its request.
    pub fn mail_sent(&self, after: Duration) {
        let seconds = after.as_secs_f64();
        if let Some(index) = BOUNDS.iter().position(|bound| seconds <= *bound) {
            self.buckets[index].fetch_add(1, Ordering::Relaxed);
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(u64::try_from(after.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
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

    /// The text for Prometheus.
    pub fn render(
        &self,
        counts: &Counts,
        events: &[(Event, u64)],
        tls: &[(&'static str, &'static str, u64)],
        started: Timestamp,
    ) -> String {
        let mut out = String::with_capacity(4096);
        head(&mut out, "resetd_events_total", "counter", "Lines written to the timeline since the start, by event.");
        for (event, count) in events {
            let _ = writeln!(out, "resetd_events_total{{event=\"{}\"}} {count}", event.as_str());
        }
        head(&mut out, "resetd_mail_seconds", "histogram", "From the request to the next hop's 250, reset mails.");
        let mut sum = 0;
        for (bound, bucket) in BOUNDS.iter().zip(&self.buckets) {
            sum += bucket.load(Ordering::Relaxed);
            let _ = writeln!(out, "resetd_mail_seconds_bucket{{le=\"{bound}\"}} {sum}");
        }
        let sent = self.sent.load(Ordering::Relaxed);
        let _ = writeln!(out, "resetd_mail_seconds_bucket{{le=\"+Inf\"}} {sent}");
        let _ = writeln!(out, "resetd_mail_seconds_sum {}", self.micros.load(Ordering::Relaxed) as f64 / 1e6);
        let _ = writeln!(out, "resetd_mail_seconds_count {sent}");
        head(&mut out, "resetd_tls_sessions_total", "counter", "SMTP sessions with domains' own servers, in the words of RFC 8460.");
        for (policy, result, count) in tls {
            let _ = writeln!(out, "resetd_tls_sessions_total{{policy=\"{policy}\",result=\"{result}\"}} {count}");
        }
        gauge(&mut out, "resetd_queue_mails", "Mails waiting.", counts.queued);
        gauge(&mut out, "resetd_inbound_unread", "Inbound messages kept and not yet read.", counts.unread);
        head(&mut out, "resetd_resets_open", "gauge", "Resets whose secret may still be redeemed, by state.");
        for (state, count) in &counts.resets {
            let _ = writeln!(out, "resetd_resets_open{{state=\"{}\"}} {count}", state.as_str());
        }
        head(&mut out, "resetd_flags_open", "gauge", "Flags that nobody resolved, by severity.");
        for severity in [Severity::Low, Severity::High, Severity::Critical] {
            let count = counts.open_flags.iter().find(|(has, _)| *has == severity).map_or(0, |(_, count)| *count);
            let _ = writeln!(out, "resetd_flags_open{{severity=\"{}\"}} {count}", severity.as_str());
        }
        gauge(&mut out, "resetd_start_time_seconds", "When the daemon started, Unix time.", started.as_seconds().unsigned_abs());
        out
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

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

pub(super) fn gauge(out: &mut String, name: &str, help: &str, value: u64) {
    head(out, name, "gauge", help);
    let _ = writeln!(out, "{name} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up() {
        let gauges = Gauges::default();
        gauges.mail_sent(Duration::from_micros(900));
        gauges.mail_sent(Duration::from_secs(7000));
        let text = gauges.render(&Counts::default(), &[(Event::MailSent, 2)], &[], Timestamp::from_millis(0));
        assert!(text.contains("resetd_mail_seconds_bucket{le=\"0.001\"} 1\n"));
        assert!(text.contains("resetd_mail_seconds_bucket{le=\"600\"} 1\n"));
        assert!(text.contains("resetd_mail_seconds_bucket{le=\"+Inf\"} 2\n"));
        assert!(text.contains("resetd_events_total{event=\"mail.sent\"} 2\n"));
    }

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
