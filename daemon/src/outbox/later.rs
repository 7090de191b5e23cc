//! Mails that wait for their time: a heap, by a clock that nobody sets. A mail that is posted again (retried by hand, deferred)
//! has its newest time only.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use tokio::time::Instant;

/// Times and what waits for them.
pub(super) struct Later<T> {
    /// Times are kept as milliseconds after this: with a million mails waiting, eight octets each count.
    begun: Instant,
    heap: BinaryHeap<Reverse<Entry<T>>>,
    due: HashMap<i64, u64>,
}

struct Entry<T> {
    due: u64,
    mail: i64,
    item: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.due, self.mail) == (other.due, other.mail)
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.mail).cmp(&(other.due, other.mail))
    }
}

impl<T> Later<T> {
    pub fn new(now: Instant) -> Self {
        Self { begun: now, heap: BinaryHeap::new(), due: HashMap::new() }
    }

    pub fn push(&mut self, due: Instant, mail: i64, item: T) {
        let due = u64::try_from(due.saturating_duration_since(self.begun).as_millis()).unwrap_or(u64::MAX);
        self.due.insert(mail, due);
        self.heap.push(Reverse(Entry { due, mail, item }));
    }

    /// The mail's time counts no more.
    pub fn forget(&mut self, mail: i64) {
        self.due.remove(&mail);
    }

    pub fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(entry)| self.begun + std::time::Duration::from_millis(entry.due))
    }

    /// The next one whose time has come; `None` as its item: the mail has another time by now, or none.
    pub fn pop(&mut self, now: Instant) -> Option<(Option<i64>, T)> {
        if self.next()? > now {
            return None;
        }
        let Reverse(entry) = self.heap.pop()?;
        let counts = self.due.get(&entry.mail) == Some(&entry.due);
        if counts {
            self.due.remove(&entry.mail);
        }
        Some((counts.then_some(entry.mail), entry.item))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_mail_has_one_time() {
        let now = Instant::now();
        let at = |millis| now + Duration::from_millis(millis);
        let mut later = Later::new(now);
        later.push(at(10), 1, ());
        later.push(at(5), 1, ());
        later.push(at(7), 2, ());
        assert_eq!(later.pop(at(4)), None);
        let popped: Vec<_> = std::iter::from_fn(|| later.pop(at(20))).map(|(mail, ())| mail).collect();
        assert_eq!(popped, [Some(1), Some(2), None], "its older time counts no more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_mail_that_was_made_due_leaves_its_later_time() {
        let now = Instant::now();
        let mut later = Later::new(now);
        later.push(now, 1, ());
        later.forget(1);
        assert_eq!(later.pop(now), Some((None, ())));
        assert_eq!(later.next(), None);
    }
}
