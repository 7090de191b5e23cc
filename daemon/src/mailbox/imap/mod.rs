//! IMAP4rev1 and rev2 (RFC 3501, RFC 9051): one connection for each folder, with IDLE and a poll behind it.
//!
//! The client is our own and knows only what is needed here. async-imap (0.12) was looked at: it reads a response into
//! one buffer of up to 512 MiB before it is parsed, with no bound on a literal, and brings some twenty crates more; what a
//! hostile server sends must cost no more than `mailbox.max_size`.

mod connect;
mod folder;
mod login;
mod mark;
mod names;
mod place;
mod response;
mod session;
mod token;
mod trouble;
mod wait;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use super::{Desk, MailboxError, Stop, stopped};
use crate::config::ImapSettings;
use connect::Door;
use folder::Visit;
use place::Place;
use trouble::Trouble;

/// The first pause after a connection was lost, doubled up to the longest: a server that comes back is found within it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The same for what needs a person's hand. Servers lock out those who come with a wrong password every few seconds.
const FIRST_LASTING: Duration = Duration::from_secs(300);
const LONGEST_LASTING: Duration = Duration::from_secs(1800);
/// What a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(500);

/// One account, ready to be watched.
pub struct Account {
    settings: Arc<ImapSettings>,
    door: Arc<Door>,
}

impl Account {
    /// Reads the authorities to trust; connects to nothing yet.
    pub fn new(settings: &ImapSettings) -> Result<Self, MailboxError> {
        let door = Door::new(settings).map_err(|source| MailboxError::Imap { name: settings.name.clone(), source })?;
        Ok(Self { settings: Arc::new(settings.clone()), door: Arc::new(door) })
    }

    /// One future for each folder: it takes what comes until `stop`. Of a message larger than `max_size` octets the
    /// beginning is kept.
    pub fn watches(&self, desk: &Arc<Desk>, max_size: usize, stop: &Stop) -> Vec<impl Future<Output = ()> + Send + use<>> {
        let place = |folder: &String| Place {
            account: Arc::clone(&self.settings),
            folder: folder.clone(),
            label: format!("{}/{folder}", self.settings.name),
            desk: Arc::clone(desk),
            max_size,
        };
        self.settings.folders.iter().map(|folder| watch(place(folder), Arc::clone(&self.door), stop.clone())).collect()
    }
}

async fn watch(place: Place, door: Arc<Door>, mut stop: Stop) {
    place.app().mailbox_known(&place.label);
    let mut failures = 0;
    loop {
        let entered = tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            entered = door.enter(&place.account) => entered,
        };
        let ended = match entered {
            Ok(session) => visit(session, &place, &mut failures, &mut stop).await,
            Err(trouble) => Err(trouble),
        };
        let Err(trouble) = ended else { return };
        place.app().mailbox_lost(&place.label, trouble.to_string(), trouble.lasts());
        let pause = pause(failures, trouble.lasts(), place.app().jitter());
        failures += 1;
        tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// `Ok`: it is time to stop.
async fn visit(session: session::Session, place: &Place, failures: &mut u32, stop: &mut Stop) -> Result<(), Trouble> {
    let mut visit = Visit::begin(session, place).await?;
    loop {
        let due = visit.catch_up(stop).await?;
        place.app().mailbox_reached(&place.label);
        *failures = 0;
        if !ending(stop) {
            let now = place.app().now();
            visit.wait(due.map(|due| due.since(now)), stop).await?;
        }
        if ending(stop) {
            // Polite, no more: whatever it says, we go.
            let _ = tokio::time::timeout(GOODBYE, visit.session.must(trouble::Step::Idle, "LOGOUT", |_| {})).await;
            return Ok(());
        }
    }
}

/// Whether it is time to stop.
fn ending(stop: &Stop) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}

/// The pause before the next try. `jitter`, a random octet, moves it by up to a fifth either way: a server that comes back
/// does not meet all its clients at once.
fn pause(failures: u32, lasts: bool, jitter: u8) -> Duration {
    let (first, longest) = if lasts { (FIRST_LASTING, LONGEST_LASTING) } else { (FIRST_PAUSE, LONGEST_PAUSE) };
    let base = first.saturating_mul(1 << failures.min(10)).min(longest);
    base - base / 5 + base * 2 / 5 * u32::from(jitter) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        assert_eq!(pause(0, false, 0), Duration::from_millis(800));
        assert_eq!(pause(0, false, 255), Duration::from_millis(1200));
        assert_eq!(pause(99, false, 0), Duration::from_secs(48));
        assert_eq!(pause(0, true, 0), Duration::from_secs(240));
        assert_eq!(pause(99, true, 255), Duration::from_secs(2160));
    }
}
