//! The whole house in this process, with a clock that the test moves: for what takes hours. It is spoken to through its
//! socket all the same.

use std::sync::Arc;
use std::time::Duration;

use resetd::ambient::{ManualClock, SystemEntropy};
use resetd::config::{self, Environment};
use resetd::startup::House;
use resetd_core::time::Timestamp;
use tokio::net::UnixListener;
use tokio::runtime::Runtime;

use crate::{Config, Site};

/// 2026-11-23, 17:44 UTC.
const BEGIN: Timestamp = Timestamp::from_millis(1_795_455_840_000);

/// A site whose daemon is this process.
pub struct Indoors {
    /// Folder, clients, mailbox.
    pub site: Site,
    clock: Arc<ManualClock>,
    house: Option<House>,
    runtime: Runtime,
}

impl Indoors {
    /// Opens one.
    pub fn with(config: &Config) -> Self {
        let runtime = Runtime::new().unwrap();
        let mut indoors = Self { site: Site::unstarted(config), clock: Arc::new(ManualClock::new(BEGIN)), house: None, runtime };
        indoors.open();
        indoors
    }

    fn open(&mut self) {
        let settings = config::load(&self.site.path().join("resetd.toml"), &Environment::of_process()).unwrap();
        let socket = self.site.socket();
        let _ = std::fs::remove_file(&socket);
        let clock = Arc::clone(&self.clock);
        let opened = self.runtime.block_on(async {
            let listener = UnixListener::bind(socket).unwrap();
            House::open(settings, listener, clock, Arc::new(SystemEntropy::new())).await
        });
        self.house = Some(opened.unwrap_or_else(|error| panic!("{error}")));
    }

    /// Moves the clock.
    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Ends what has run out, as the daemon does every few seconds.
    pub fn expire(&self) {
        self.runtime.block_on(self.house.as_ref().unwrap().app.expire());
    }

    /// Forgets what is old, as the daemon does every hour.
    pub fn purge(&self) {
        self.runtime.block_on(self.house.as_ref().unwrap().app.purge());
    }

    /// Closes and opens it.
    pub fn restart(&mut self) {
        self.close();
        self.open();
    }

    fn close(&mut self) {
        if let Some(house) = self.house.take() {
            self.runtime.block_on(house.close(Duration::from_secs(10)));
        }
    }
}

impl Drop for Indoors {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.close();
        }
    }
}
