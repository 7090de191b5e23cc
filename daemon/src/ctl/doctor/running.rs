//! What the running daemon says of itself, and the clock.

use std::path::Path;
use std::time::Duration;

use resetd_core::time::Timestamp;

use super::finding::Findings;
use crate::ambient::{Clock, SystemClock};
use crate::ctl::errand::{Asked, Errand};
use crate::ctl::failure::Failure;
use crate::ctl::screen::{span, when};
use crate::wire::Status;

/// No sane clock is before the day this was written.
const WRITTEN: Timestamp = Timestamp::from_millis(1_795_392_000_000);
/// Two clocks of one machine that differ by more are not one clock.
const SAME: Duration = Duration::from_secs(5);

pub(super) async fn daemon(errand: &Errand, findings: &mut Findings) {
    let asked: Result<Asked<Status>, Failure> = errand.get("/v1/status").await;
    match asked {
        Ok(asked) => {
            let status = asked.value;
            clock(Some(status.now), findings);
            said(&status, findings);
        }
        Err(failure) => {
            clock(None, findings);
            unreachable(failure, findings);
        }
    }
}

fn said(status: &Status, findings: &mut Findings) {
    let running =
        format!("version {}, running for {}, {} mails waiting", status.version, span(status.started_at, status.now), status.queued);
    match status.version == env!("CARGO_PKG_VERSION") {
        true => findings.ok("daemon", running),
        false => findings.warn("daemon", format!("{running}; this is resetctl {}", env!("CARGO_PKG_VERSION")), "systemctl restart resetd"),
    }
    for problem in &status.problems {
        findings.warn("daemon", problem.clone(), "the daemon's log has more: `journalctl -u resetd`");
    }
}

fn unreachable(failure: Failure, findings: &mut Findings) {
    match failure {
        Failure::Unreachable(text) => {
            let (what, cure) = text.split_once('\n').unwrap_or((&text, "is resetd running?"));
            findings.fail("daemon", what.to_owned(), cure.trim());
        }
        Failure::Problem(problem) => {
            findings.fail("daemon", problem.detail.clone(), "run this as root, or add a [[client]] for your user or group");
        }
        Failure::Failed(text) | Failure::Usage(text) => findings.fail("daemon", text, "the daemon's log has more: `journalctl -u resetd`"),
        Failure::Silent(_) => {}
    }
}

fn clock(daemon: Option<Timestamp>, findings: &mut Findings) {
    let now = SystemClock.now();
    let apart = daemon.map_or(Duration::ZERO, |daemon| daemon.since(now).max(now.since(daemon)));
    let sync = Path::new("/run/systemd/timesync");
    let text = format!("{} UTC", when(now));
    let cure = "set the clock and keep it set (`timedatectl set-ntp true`): links live by it";
    if now < WRITTEN {
        findings.fail("clock", format!("{text} is long past"), cure);
    } else if apart > SAME {
        findings.warn(
            "clock",
            format!("{text}; the daemon's clock is {} s away", apart.as_secs()),
            "the clock was set by hand: `systemctl restart resetd`",
        );
    } else if sync.is_dir() && !sync.join("synchronized").exists() {
        findings.warn("clock", format!("{text}, not synchronised"), cure);
    } else {
        findings.ok("clock", text);
    }
}
