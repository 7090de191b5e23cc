//! Waiting for news: IDLE (RFC 2177), renewed every few minutes, or a pause where the server does not offer it. Every end
//! of a wait is followed by a look of our own, so that news that got lost is found by the next one.

use std::time::Duration;

use super::folder::Visit;
use super::trouble::{Step, Trouble};
use crate::ambient::{Stop, stopped};

impl Visit<'_> {
    /// Returns when there is news, when it is time to look anyway, or to stop. `due`: something owed is to be tried then.
    pub(super) async fn wait(&mut self, due: Option<Duration>, stop: &mut Stop) -> Result<(), Trouble> {
        if self.session.news {
            return Ok(());
        }
        let account = &self.place.account;
        let idles = self.session.can.has("IDLE") || self.session.can.has("IMAP4REV2");
        let longest = if idles { account.idle } else { account.poll };
        let pause = due.map_or(longest, |due| due.min(longest)).max(Duration::from_secs(1));
        if idles {
            let (tag, open) = self.session.begin_open(Step::Idle, "IDLE").await?;
            if open.is_ok() {
                return self.idle(&tag, pause, stop).await;
            }
            // Offered and refused: a pause, then.
        }
        tokio::select! {
            () = stopped(stop) => {}
            () = tokio::time::sleep(pause.min(account.poll)) => {}
        }
        Ok(())
    }

    async fn idle(&mut self, tag: &str, pause: Duration, stop: &mut Stop) -> Result<(), Trouble> {
        let mut end = std::pin::pin!(tokio::time::sleep(pause));
        while !self.session.news {
            tokio::select! {
                biased;
                () = stopped(stop) => break,
                () = &mut end => break,
                () = self.session.readable() => self.session.listen(Step::Idle).await?,
            }
        }
        self.session.say(Step::Idle, "DONE").await?;
        // No answer to DONE within the time limit is how a dead connection shows.
        let answer = self.session.finish(Step::Idle, tag, 0, &mut |_| {}).await?;
        super::session::succeeded(Step::Idle, &answer)
    }
}
