//! Installed, but not configured: the daemon is up, tells everybody who asks what to do first, and begins when SIGHUP finds a
//! portal. It opens no database and makes no key meanwhile.

use std::path::Path;

use sd_notify::NotifyState;
use tokio::net::UnixListener;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::config::{self, Environment, Settings};
use crate::http;
use crate::lifecycle::{self, Wish};

/// The settings, once there are some; `None`: it was told to stop.
pub(super) async fn for_a_portal(path: &Path, wishes: &mut UnboundedReceiver<Wish>, api: Option<&UnixListener>) -> Option<Settings> {
    let file = path.display();
    tracing::warn!(event = "waiting", "{file} names no portal yet; resetd does nothing until it does");
    lifecycle::ready(&format!("waits for a configuration: {file} names no portal yet"));
    let told = format!(
        "resetd waits for its configuration: {file} names no portal yet. Give it a portal and a way out (resetd.toml(5)); then: \
         resetctl config check {file} && systemctl reload resetd"
    );
    let mut watchdog = lifecycle::watchdog().map(tokio::time::interval);
    let wishing = async {
        loop {
            tokio::select! {
                wish = wishes.recv() => match wish {
                    Some(Wish::Reload) => {
                        if let Some(settings) = read_again(path) {
                            return Some(settings);
                        }
                    }
                    Some(Wish::Stop) | None => return None,
                },
                () = lifecycle::beat(&mut watchdog) => lifecycle::tell(&[NotifyState::Watchdog]),
            }
        }
    };
    tokio::select! {
        wished = wishing => wished,
        () = turn_away(api, &told) => None,
    }
}

async fn turn_away(api: Option<&UnixListener>, told: &str) {
    match api {
        Some(api) => http::turn_away(api, told).await,
        None => std::future::pending().await,
    }
}

fn read_again(path: &Path) -> Option<Settings> {
    lifecycle::reloading();
    match config::load(path, &Environment::of_process()) {
        Ok(settings) => Some(settings),
        Err(_) if config::names_no_portal(path) => {
            lifecycle::ready(&format!("waits for a configuration: {} still names no portal", path.display()));
            None
        }
        Err(error) => {
            tracing::error!(event = "reload.failed", "still waiting: {error}");
            lifecycle::ready(&format!("waits for a configuration: {} has errors (see the log)", path.display()));
            None
        }
    }
}
