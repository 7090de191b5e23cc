//! Where log lines go: to the journal with their fields when systemd runs us, else to standard error as text.

use std::io::IsTerminal;

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::journal::Journal;

/// Sets logging up. `RESETD_LOG` takes a filter (`info`, `resetd=debug`).
pub fn start() {
    let filter = || EnvFilter::try_from_env("RESETD_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter());
    let journal = std::env::var_os("JOURNAL_STREAM").and_then(|_| Journal::open().ok());
    // A second call (the demo in a test process) changes nothing.
    let _ = match journal {
        Some(journal) => registry.with(journal).try_init(),
        None => {
            registry.with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(color()).with_target(false)).try_init()
        }
    };
}

/// For the demo: warnings and errors only.
pub fn start_quiet() {
    let filter = EnvFilter::try_from_env("RESETD_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(color()))
        .try_init();
}

fn color() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}
