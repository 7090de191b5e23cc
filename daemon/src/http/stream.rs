//! The event stream: pages of what was, then what comes, without gap and without doubles. It is pulled: a client that does
//! not read holds nothing but its place, and goes on by pages when it fell behind.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;

use futures_util::{Stream, stream};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::values::{Line, Listed, Page};
use crate::ambient::{Stop, stopped};
use crate::app::AppError;

/// Lines of a page while catching up.
const PAGE: u32 = 200;

/// One reader's place in the stream. `Read` gives a page, `Sees` says whether the reader may see a line.
pub(super) struct Follower<Read, Sees> {
    read: Read,
    sees: Sees,
    live: Receiver<Arc<Line>>,
    stop: Stop,
    /// The last line given or passed over; `None`: only what comes counts, and nothing came yet.
    last: Option<i64>,
    behind: bool,
    ready: VecDeque<Line>,
}

impl<Read, Reading, Sees> Follower<Read, Sees>
where
    Read: Fn(Page) -> Reading,
    Reading: Future<Output = Result<Listed<Line>, AppError>>,
    Sees: Fn(&Line) -> bool,
{
    /// `live` must have been subscribed before the first page is read. With `after` the lines behind it come first.
    pub(super) fn new(read: Read, sees: Sees, live: Receiver<Arc<Line>>, stop: Stop, after: Option<i64>) -> Self {
        Self { read, sees, live, stop, last: after, behind: after.is_some(), ready: VecDeque::new() }
    }

    /// The lines until the daemon stops or the store fails; the client comes again with its last id.
    pub(super) fn lines(self) -> impl Stream<Item = Line> {
        stream::unfold(self, |mut follower| async move { follower.next().await.map(|line| (line, follower)) })
    }

    async fn next(&mut self) -> Option<Line> {
        loop {
            if *self.stop.borrow() {
                return None;
            }
            if let Some(line) = self.ready.pop_front() {
                return Some(line);
            }
            match self.behind {
                true => self.catch_up().await?,
                false => {
                    if let Some(line) = self.come().await? {
                        return Some(line);
                    }
                }
            }
        }
    }

    /// One page more; the last one ends the catching up. What was committed meanwhile waits in `live`.
    async fn catch_up(&mut self) -> Option<()> {
        let page = (self.read)(Page { after: self.last, limit: PAGE }).await;
        let page = page.inspect_err(|error| tracing::error!(event = "http.stream_failed", %error)).ok()?;
        if let Some(line) = page.items.last() {
            self.last = Some(line.id);
        }
        self.behind = page.next.is_some();
        self.ready = page.items.into();
        Some(())
    }

    /// The next line as it is committed; `Some(None)`: not one for this reader.
    async fn come(&mut self) -> Option<Option<Line>> {
        let received = tokio::select! {
            received = self.live.recv() => received,
            () = stopped(&mut self.stop) => return None,
        };
        match received {
            Ok(line) => {
                let new = self.last.is_none_or(|last| line.id > last);
                self.last = self.last.max(Some(line.id));
                Some((new && (self.sees)(&line)).then(|| (*line).clone()))
            }
            Err(RecvError::Lagged(missed)) => self.fall_behind(missed).await,
            Err(RecvError::Closed) => None,
        }
    }

    /// `live` dropped lines. A reader that had none yet finds its place by counting back from the oldest that is left: ids grow
    /// by one.
    async fn fall_behind(&mut self, missed: u64) -> Option<Option<Line>> {
        if self.last.is_none() {
            let Ok(oldest) = self.live.recv().await else { return Some(None) };
            self.last = Some(oldest.id.saturating_sub(1).saturating_sub_unsigned(missed));
        }
        self.behind = true;
        Some(None)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use resetd_core::event::Event;
    use resetd_core::time::Timestamp;
    use serde_json::Value;
    use std::sync::Mutex;
    use tokio::sync::{broadcast, watch};

    use super::*;

    fn line(id: i64) -> Line {
        let at = Timestamp::from_millis(id);
        Line { id, at, event: Event::ResetAccepted, reset: None, portal: None, detail: Value::Null }
    }

    /// A log like the store's, with pages of at most three.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<i64>>);

    impl Log {
        fn grow_to(&self, id: i64) {
            *self.0.lock().unwrap() = id;
        }

        fn page(&self, page: Page) -> Listed<Line> {
            let (from, end) = (page.after.unwrap_or(0) + 1, *self.0.lock().unwrap());
            let last = end.min(from + 2);
            Listed { items: (from..=last).map(line).collect(), next: (last < end).then_some(last) }
        }
    }

    type Ids = std::pin::Pin<Box<dyn Stream<Item = i64>>>;

    fn follow(log: &Log, live: &broadcast::Sender<Arc<Line>>, stop: &watch::Sender<bool>, after: Option<i64>) -> Ids {
        let log = log.clone();
        let read = move |page| {
            let listed = log.page(page);
            async move { Ok(listed) }
        };
        let follower = Follower::new(read, |line: &Line| line.id % 10 != 0, live.subscribe(), stop.subscribe(), after);
        Box::pin(follower.lines().map(|line| line.id))
    }

    #[tokio::test]
    async fn pages_meet_the_live_lines_without_gap_or_double() {
        let (log, live, stop) = (Log::default(), broadcast::Sender::new(64), watch::Sender::new(false));
        log.grow_to(5);
        let mut ids = follow(&log, &live, &stop, Some(1));
        // Committed between subscribing and reading: in the pages, and live too.
        for id in 6..=8 {
            log.grow_to(id);
            live.send(Arc::new(line(id))).unwrap();
        }
        assert_eq!(ids.by_ref().take(7).collect::<Vec<_>>().await, [2, 3, 4, 5, 6, 7, 8]);
        for id in 9..=11 {
            log.grow_to(id);
            live.send(Arc::new(line(id))).unwrap();
        }
        assert_eq!(ids.by_ref().take(2).collect::<Vec<_>>().await, [9, 11], "10 is not for this reader");
        stop.send(true).unwrap();
        assert_eq!(ids.next().await, None);
    }

    #[tokio::test]
    async fn a_reader_that_fell_behind_goes_on_by_pages() {
        for after in [Some(3), None] {
            let (log, live, stop) = (Log::default(), broadcast::Sender::new(4), watch::Sender::new(false));
            log.grow_to(3);
            let mut ids = follow(&log, &live, &stop, after);
            for id in 4..=29 {
                log.grow_to(id);
                live.send(Arc::new(line(id))).unwrap();
            }
            stop.subscribe();
            // The fake log's pages show every line; what comes live is filtered.
            let expected: Vec<i64> = (4..=29).collect();
            assert_eq!(ids.by_ref().take(26).collect::<Vec<_>>().await, expected, "after {after:?}");
        }
    }

    #[tokio::test]
    async fn without_a_place_only_new_lines_come() {
        let (log, live, stop) = (Log::default(), broadcast::Sender::new(64), watch::Sender::new(false));
        log.grow_to(5);
        let mut ids = follow(&log, &live, &stop, None);
        log.grow_to(6);
        live.send(Arc::new(line(6))).unwrap();
        assert_eq!(ids.next().await, Some(6));
        stop.send(true).unwrap();
        assert_eq!(ids.next().await, None);
    }
}
