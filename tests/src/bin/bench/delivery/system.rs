//! A system that delivers, whatever it is made of: a door, a tree of processes, and something that ends it when dropped.

use std::any::Any;
use std::time::Instant;

use super::CLIENTS;
use super::door::Door;
use super::tree::{Tree, Watch};
use crate::postfix::SmtpSink;
use crate::stopwatch::Stopwatch;

/// A running system.
pub struct System {
    /// In headings.
    pub name: &'static str,
    /// Where it takes mails.
    pub door: Door,
    /// Its processes.
    pub tree: Tree,
    /// Ends it.
    pub _keep: Box<dyn Any>,
}

/// A system that sends to a sink of its own.
pub struct Measured {
    /// It.
    pub system: System,
    sink: SmtpSink,
    next: u64,
}

/// One round of a rush.
pub struct Round {
    /// Mails a second, from the first octet submitted until the sink has counted the last.
    pub rate: f64,
    /// Of the system's processor time, seconds a mail.
    pub processor: f64,
}

impl Measured {
    /// Starts a sink, and the system that sends to it.
    pub fn start<E>(start: impl FnOnce(u16) -> Result<System, E>) -> Result<Self, E> {
        let sink = SmtpSink::start();
        Ok(Self { system: start(sink.port())?, sink, next: 1 })
    }

    /// So many mails, as fast as they go.
    pub fn rush(&mut self, mails: u64) -> Round {
        let used = self.system.tree.at_rest();
        let took = self.send(mails).elapsed().as_secs_f64();
        Round { rate: mails as f64 / took, processor: (self.system.tree.at_rest() - used) / mails as f64 }
    }

    /// The same, for the highest memory in MiB.
    pub fn rush_watched(&mut self, mails: u64) -> f64 {
        let watch = Watch::start(self.system.tree);
        self.send(mails);
        watch.stop()
    }

    /// Gives when the first was submitted; the last has been counted.
    fn send(&mut self, mails: u64) -> Instant {
        let before = self.sink.taken();
        let begun = self.system.door.rush(CLIENTS, self.next, mails);
        self.next += mails;
        self.sink.until(before + mails);
        begun
    }
}

/// A system whose relay is a stopwatch.
pub struct Timed {
    /// It.
    pub system: System,
    /// Its relay.
    pub stopwatch: Stopwatch,
    next: u64,
}

impl Timed {
    /// Starts a stopwatch, and the system that sends to it.
    pub fn start<E>(start: impl FnOnce(u16) -> Result<System, E>) -> Result<Self, E> {
        let stopwatch = Stopwatch::new();
        Ok(Self { system: start(stopwatch.port())?, stopwatch, next: 1 })
    }

    /// So many mails, one at a time.
    pub fn one_by_one(&mut self, mails: u64) -> Vec<std::time::Duration> {
        let first = self.take(mails);
        self.system.door.one_by_one(&self.stopwatch, first, mails)
    }

    /// So many mails at so many a second.
    pub fn paced(&mut self, rate: u32, mails: u64) -> Vec<std::time::Duration> {
        let first = self.take(mails);
        self.system.door.paced(&self.stopwatch, rate, first, mails)
    }

    fn take(&mut self, mails: u64) -> u64 {
        let first = self.next;
        self.next += mails;
        first
    }
}
