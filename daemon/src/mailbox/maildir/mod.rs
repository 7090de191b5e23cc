//! Watches a Maildir's `new`: told by inotify, and by a sweep every minute, since events can be lost. Each message is
//! stored, and only then moved to `cur` (law 3); one that can't be read or stored is tried again later and holds up
//! nobody.

mod folder;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use inotify::{EventStream, Inotify, WatchMask};
use tokio::time::Instant;

use super::{Arrival, Sink, Stop, stopped};
use folder::{Folder, Found, Taken};

/// Between sweeps, whatever inotify says.
const SWEEP: Duration = Duration::from_secs(60);
/// Between tries while the folder is missing.
const MISSING: Duration = Duration::from_secs(5);
/// The first wait after a message failed; doubled after each further failure.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The longest wait of a message that fails.
const LONGEST_RETRY: Duration = Duration::from_secs(300);
/// Messages on their way to the store at a time, so that they share its commits.
const AT_ONCE: usize = 8;

/// Takes messages out of the Maildir `path` until `stop`; a message under way is finished. Of a message larger than
/// `max_size` octets the beginning is kept.
pub async fn watch<S: Sink>(path: PathBuf, sink: Arc<S>, max_size: usize, mut stop: Stop) {
    let mut watcher = Watcher { folder: Folder::new(path, max_size), sink, failing: HashMap::new(), unmoved: HashSet::new() };
    let mut events = None;
    let mut missing = false;
    loop {
        // The watch first, then the sweep: what comes in between is seen by one of them.
        if events.is_none() {
            events = watcher.events();
        }
        let next = match watcher.sweep(&mut stop).await {
            Ok(next) => {
                missing = false;
                next.unwrap_or(SWEEP).min(SWEEP)
            }
            Err(error) => {
                if !std::mem::replace(&mut missing, true) {
                    tracing::warn!(event = "maildir.unreadable", path = %watcher.folder.path().display(), %error, "trying again until it is there");
                }
                events = None;
                MISSING
            }
        };
        tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            // Gone means that the folder was removed or renamed: watch anew.
            alive = changed(&mut events) => if !alive { events = None },
            () = tokio::time::sleep(next) => {}
        }
    }
}

/// Waits for something to happen in `new`; false when the watch is of no use any more.
async fn changed(events: &mut Option<EventStream<Vec<u8>>>) -> bool {
    match events {
        Some(stream) => match stream.next().await {
            Some(Ok(event)) => !event.mask.intersects(
                inotify::EventMask::IGNORED | inotify::EventMask::DELETE_SELF | inotify::EventMask::MOVE_SELF | inotify::EventMask::UNMOUNT,
            ),
            _ => false,
        },
        None => std::future::pending().await,
    }
}

struct Watcher<S> {
    folder: Folder,
    sink: Arc<S>,
    failing: HashMap<OsString, Failing>,
    /// Stored, but the move to `cur` failed: not to be stored again.
    unmoved: HashSet<String>,
}

struct Failing {
    times: u32,
    not_before: Instant,
}

impl<S: Sink> Watcher<S> {
    fn events(&self) -> Option<EventStream<Vec<u8>>> {
        let watch = || -> std::io::Result<_> {
            let inotify = Inotify::init()?;
            let mask = WatchMask::MOVED_TO | WatchMask::CLOSE_WRITE | WatchMask::CREATE | WatchMask::DELETE_SELF | WatchMask::MOVE_SELF;
            inotify.watches().add(self.folder.new_path(), mask)?;
            inotify.into_event_stream(vec![0; 4096])
        };
        // Without it the sweep still finds everything, only later.
        watch().ok()
    }

    /// Takes all that is there and due, oldest first. Gives when the next failed message is due.
    async fn sweep(&mut self, stop: &mut Stop) -> std::io::Result<Option<Duration>> {
        let found = self.folder.list().await?;
        self.forget_vanished(&found);
        let now = Instant::now();
        let due: Vec<Found> =
            found.into_iter().filter(|found| self.failing.get(&found.name).is_none_or(|failing| failing.not_before <= now)).collect();
        let done: Vec<(Found, Taken)> = futures_util::stream::iter(due)
            .take_until(stopped(stop))
            .map(|found| self.take(found))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (found, taken) in done {
            self.note(found, taken);
        }
        Ok(self.failing.values().map(|failing| failing.not_before.saturating_duration_since(Instant::now())).min())
    }

    fn forget_vanished(&mut self, found: &[Found]) {
        if !self.failing.is_empty() {
            let names: HashSet<_> = found.iter().map(|found| &found.name).collect();
            self.failing.retain(|name, _| names.contains(name));
        }
        if !self.unmoved.is_empty() {
            let keys: HashSet<_> = found.iter().map(Found::key).collect();
            self.unmoved.retain(|key| keys.contains(key));
        }
    }

    async fn take(&self, found: Found) -> (Found, Taken) {
        if !self.unmoved.contains(&found.key()) {
            let (raw, truncated_from) = match self.folder.read(&found).await {
                Ok(Some(read)) => read,
                Ok(None) => return (found, Taken::Gone),
                Err(error) => return (found, Taken::Unreadable(error)),
            };
            let arrived = Arrival { raw, mail_from: None, rcpt_to: Vec::new(), source: "maildir", truncated_from, peer: None };
            if self.sink.store(arrived).await.is_err() {
                return (found, Taken::Unstored);
            }
        }
        match self.folder.acknowledge(&found).await {
            Ok(()) => (found, Taken::Done),
            Err(error) => (found, Taken::Unmoved(error)),
        }
    }

    /// Remembers what failed. Each failure is told the first time it is seen of a message.
    fn note(&mut self, found: Found, taken: Taken) {
        let path = self.folder.path().display().to_string();
        let again = self.failing.contains_key(&found.name);
        match &taken {
            Taken::Done | Taken::Gone => {
                self.failing.remove(&found.name);
                self.unmoved.remove(&found.key());
                return;
            }
            Taken::Unreadable(error) if !again => tracing::warn!(event = "maildir.message_unreadable", path, %error),
            Taken::Unmoved(error) => {
                self.unmoved.insert(found.key());
                if !again {
                    tracing::warn!(event = "maildir.message_unmoved", path, %error, "it is stored and stays in new");
                }
            }
            Taken::Unreadable(_) | Taken::Unstored => {}
        }
        let failing = self.failing.entry(found.name).or_insert(Failing { times: 0, not_before: Instant::now() });
        let wait = FIRST_RETRY.saturating_mul(1 << failing.times.min(16)).min(LONGEST_RETRY);
        failing.times += 1;
        failing.not_before = Instant::now() + wait;
    }
}
