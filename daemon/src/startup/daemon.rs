//! `resetd`: from a configuration file to a house, and from signals to its end.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;

use super::house::{House, StartError};
use super::keys::KeyTrouble;
use super::sockets::{self, Sockets};
use super::{logging, waiting};
use crate::ambient::{SystemClock, SystemEntropy};
use crate::app::Outfit;
use crate::config::{self, Environment};
use crate::http;
use crate::lifecycle::{self, Wish};
use crate::store::StoreError;

/// What SIGTERM leaves for what is under way.
const DRAIN: Duration = Duration::from_secs(10);

/// Runs until SIGTERM. `wait`: a configuration without a portal is waited for.
pub fn main(path: &Path, wait: bool) -> ExitCode {
    logging::start();
    match run(path, wait) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(event = "start.failed", "{error}");
            lifecycle::tell(&[NotifyState::Status(&format!("could not start: {error}"))]);
            ExitCode::from(exit_code(&error))
        }
    }
}

/// 78 (`EX_CONFIG` of sysexits.h) where trying again changes nothing: the unit does not restart on it.
fn exit_code(error: &StartError) -> u8 {
    match error {
        StartError::Config(_)
        | StartError::Outfit(_)
        | StartError::Key(KeyTrouble::Parse { .. } | KeyTrouble::Stranger(_) | KeyTrouble::Lost { .. } | KeyTrouble::Missing { .. }) => 78,
        StartError::Store(StoreError::Newer { .. } | StoreError::Corrupt(_)) => 78,
        StartError::Key(KeyTrouble::Store(StoreError::Corrupt(_))) => 78,
        _ => 1,
    }
}

#[tokio::main]
async fn run(path: &Path, wait: bool) -> Result<(), StartError> {
    let mut wishes = lifecycle::wishes()?;
    let (api, mail) = sockets::from_systemd()?;
    let settings = match config::load(path, &Environment::of_process()) {
        Err(_) if wait && config::names_no_portal(path) => match waiting::for_a_portal(path, &mut wishes, api.as_ref()).await {
            Some(settings) => settings,
            None => return Ok(()),
        },
        loaded => loaded?,
    };
    let (portals, socket) = (settings.portals.len(), settings.server.socket.clone());
    let own_socket = api.is_none();
    let api = match api {
        Some(api) => api,
        None => http::listen(&socket)?,
    };
    let house = House::open(settings, Sockets { api, mail }, Arc::new(SystemClock), Arc::new(SystemEntropy::new())).await?;
    tracing::info!(event = "started", version = env!("CARGO_PKG_VERSION"), portals, socket = %socket.display());
    lifecycle::ready(&format!("serving {portals} portal{}", if portals == 1 { "" } else { "s" }));
    let mut watchdog = lifecycle::watchdog().map(tokio::time::interval);
    loop {
        tokio::select! {
            wish = wishes.recv() => match wish {
                // Reading and checking wordings of one's own takes a second for each portal that has some.
                Some(Wish::Reload) => tokio::task::block_in_place(|| reload(&house, path)),
                Some(Wish::Stop) | None => break,
            },
            () = lifecycle::beat(&mut watchdog) => {
                // Writer and outbox answer, or systemd hears nothing and starts us again. Signals are heard meanwhile.
                let alive = house.alive();
                tokio::spawn(async move {
                    if alive.await {
                        lifecycle::tell(&[NotifyState::Watchdog]);
                    }
                });
            }
        }
    }
    tracing::info!(event = "stopping");
    lifecycle::tell(&[NotifyState::Stopping]);
    house.close(DRAIN).await;
    if own_socket {
        // What can't be removed is replaced at the next start.
        let _ = std::fs::remove_file(&socket);
    }
    tracing::info!(event = "stopped");
    Ok(())
}

/// SIGHUP: a good file comes into force whole; a bad one leaves the old in force and says so.
fn reload(house: &House, path: &Path) {
    lifecycle::reloading();
    let loaded = config::load(path, &Environment::of_process()).map_err(StartError::from);
    match loaded.and_then(|new| Ok((config::diff_needs_restart(&house.app.settings(), &new), Outfit::new(new)?))) {
        Ok((restart, outfit)) => {
            house.app.refit(outfit);
            tracing::info!(event = "reloaded");
            for key in restart {
                tracing::warn!(event = "reload.needs_restart", key, "{key} was changed; the old value stays until a restart");
            }
            lifecycle::ready("reloaded");
        }
        Err(error) => {
            tracing::error!(event = "reload.failed", "the configuration in force stays: {error}");
            lifecycle::ready("running with the old configuration: the new one has errors (see the log)");
        }
    }
}
