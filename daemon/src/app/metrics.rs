//! The text for Prometheus: names by its rules (base units, `_total` for counters), every series there from the start where its labels
//! are known, so that an alert on a rate has something to start from.

use std::fmt::Write;

use resetd_core::event::Event;
use resetd_core::reset::State;
use resetd_core::time::Timestamp;

use super::gauges::{Counter, Gauges};
use super::health::Health;
use super::vigil::Vigil;
use crate::store::{Counts, MailKind, Severity};

/// What one scrape is made from.
pub(super) struct Scrape<'a> {
    pub gauges: &'a Gauges,
    pub vigil: &'a Vigil,
    pub counts: &'a Counts,
    pub events: &'a [(Event, u64)],
    /// Sessions with domains' own servers: policy, result, how many.
    pub tls: &'a [(&'static str, &'static str, u64)],
    pub wording_problems: usize,
    pub waiting_jobs: usize,
    pub health: &'a Health,
    pub started: Timestamp,
    pub now: Timestamp,
}

impl Scrape<'_> {
    pub fn render(&self, out: &mut String) {
        self.life(out);
        self.mail(out);
        self.inbound(out);
        self.abuse(out);
        self.machine(out);
    }

    /// Requests, secrets, flags, the timeline.
    fn life(&self, out: &mut String) {
        head(out, "resetd_events_total", "counter", "Lines written to the timeline since the start, by event.");
        for (event, count) in self.events {
            let _ = writeln!(out, "resetd_events_total{{event=\"{}\"}} {count}", event.as_str());
        }
        self.gauges.accept.render(out, "resetd_accept_seconds", "From a request for a reset until it is on disk.");
        head(out, "resetd_secrets_refused_total", "counter", "Links and codes that came back and were refused, by reason.");
        let counters = self.gauges.counters();
        for (counter, count) in &counters {
            if let Counter::Refused(means, reason) = counter {
                let _ = writeln!(out, "resetd_secrets_refused_total{{means=\"{means}\",reason=\"{reason}\"}} {count}");
            }
        }
        head(out, "resetd_resets_open", "gauge", "Resets whose secret may still be redeemed, by state.");
        for state in [State::Accepted, State::Sent] {
            let count = self.counts.resets.iter().find(|(has, _)| *has == state).map_or(0, |(_, count)| *count);
            let _ = writeln!(out, "resetd_resets_open{{state=\"{}\"}} {count}", state.as_str());
        }
        head(out, "resetd_flags_open", "gauge", "Flags that nobody resolved, by severity.");
        for severity in [Severity::Low, Severity::High, Severity::Critical] {
            let count = self.counts.open_flags.iter().find(|(has, _)| *has == severity).map_or(0, |(_, count)| *count);
            let _ = writeln!(out, "resetd_flags_open{{severity=\"{}\"}} {count}", severity.as_str());
        }
    }

    /// The way out.
    fn mail(&self, out: &mut String) {
        self.gauges.mail.render(out, "resetd_mail_seconds", "From the request to the next hop's 250, reset mails.");
        let counters = self.gauges.counters();
        head(out, "resetd_mail_attempts_total", "counter", "Attempts to hand a mail (or webhook) over, by kind and outcome.");
        for kind in MailKind::ALL {
            for outcome in ["sent", "deferred", "refused", "dropped"] {
                let count = counters.get(&Counter::Attempt(kind.as_str(), outcome)).copied().unwrap_or(0);
                let _ = writeln!(out, "resetd_mail_attempts_total{{kind=\"{}\",outcome=\"{outcome}\"}} {count}", kind.as_str());
            }
        }
        head(out, "resetd_mail_protection_total", "counter", "Attempts that reached a server, by how the connection was protected.");
        for (counter, count) in &counters {
            if let Counter::Tls(tls) = counter {
                let _ = writeln!(out, "resetd_mail_protection_total{{tls=\"{tls}\"}} {count}");
            }
        }
        head(out, "resetd_tls_sessions_total", "counter", "SMTP sessions with domains' own servers, in the words of RFC 8460.");
        for (policy, result, count) in self.tls {
            let _ = writeln!(out, "resetd_tls_sessions_total{{policy=\"{policy}\",result=\"{result}\"}} {count}");
        }
        gauge(out, "resetd_queue_mails", "Mails waiting.", self.counts.queued);
        let overdue = self.counts.oldest_due.map_or(0.0, |due| self.now.since(due).as_secs_f64());
        gauge(out, "resetd_queue_overdue_seconds", "How long the mail that waits longest is overdue.", overdue);
        let away = self.gauges.destinations_away(self.now);
        gauge(out, "resetd_destinations_away", "Relays or domains that are not to be had now.", away);
    }

    /// The way in.
    fn inbound(&self, out: &mut String) {
        let counters = self.gauges.counters();
        head(out, "resetd_inbound_kept_total", "counter", "Messages that were stored, by where they came from.");
        for (counter, count) in &counters {
            if let Counter::Kept(source) = counter {
                let _ = writeln!(out, "resetd_inbound_kept_total{{source=\"{source}\"}} {count}");
            }
        }
        head(out, "resetd_inbound_read_total", "counter", "Messages that were read, by kind, verdict and proof.");
        for (counter, count) in &counters {
            if let Counter::Inbound(kind, verdict, proof) = counter {
                let _ = writeln!(out, "resetd_inbound_read_total{{kind=\"{kind}\",verdict=\"{verdict}\",proof=\"{proof}\"}} {count}");
            }
        }
        self.gauges.read.render(out, "resetd_inbound_seconds", "From a message's arrival until it was concluded.");
        gauge(out, "resetd_inbound_unread", "Inbound messages kept and not yet read.", self.counts.unread);
    }

    fn abuse(&self, out: &mut String) {
        head(out, "resetd_limits_met_total", "counter", "Requests and codes that met a limit, by limit.");
        for (limit, count) in self.vigil.limits() {
            let _ = writeln!(out, "resetd_limits_met_total{{limit=\"{}\"}} {count}", limit.as_str());
        }
        head(out, "resetd_abuse_sightings_total", "counter", "What looked like abuse, by pattern; past a threshold there is a flag.");
        for (abuse, count) in self.vigil.sightings() {
            let _ = writeln!(out, "resetd_abuse_sightings_total{{pattern=\"{}\"}} {count}", abuse.as_str());
        }
    }

    fn machine(&self, out: &mut String) {
        gauge(out, "resetd_writer_waiting_jobs", "Transactions that wait for the writer.", self.waiting_jobs);
        let help = "Things that are wrong with administrators' wordings; the built-in ones stand in for those that can't be used.";
        gauge(out, "resetd_wording_problems", help, self.wording_problems);
        gauge(out, "resetd_start_time_seconds", "When the daemon started, Unix time.", self.started.as_seconds());
        gauge(
            out,
            "resetd_time_seconds",
            "The daemon's clock, Unix time: compare it with the scrape's.",
            self.now.as_millis() as f64 / 1e3,
        );
        head(out, "resetd_build_info", "gauge", "The program's version.");
        let _ = writeln!(out, "resetd_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
        let known = [
            ("resetd_state_free_bytes", "Octets left for the daemon on the disk of its state.", self.health.disk_free),
            ("resetd_database_bytes", "Size of the database, its log included.", self.health.database),
            ("resetd_resident_memory_bytes", "Memory in use.", self.health.memory),
            ("resetd_open_fds", "File descriptors in use.", self.health.descriptors),
            ("resetd_max_fds", "File descriptors that may be in use.", self.health.descriptors_max),
        ];
        for (name, help, value) in known {
            if let Some(value) = value {
                gauge(out, name, help, value);
            }
        }
        if let Some(end) = self.health.certificate_end {
            gauge(out, "resetd_certificate_expiry_timestamp_seconds", "When the SMTP listener's certificate ends.", end.as_seconds());
        }
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn gauge(out: &mut String, name: &str, help: &str, value: impl std::fmt::Display) {
    head(out, name, "gauge", help);
    let _ = writeln!(out, "{name} {value}");
}
