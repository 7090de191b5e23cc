//! What is done by the clock: resets expire, personal data is purged.

use super::App;

impl App {
    /// Ends every reset whose time ran out.
    pub async fn expire(&self) {
        loop {
            match self.store.expire(self.clock.now()).await {
                Ok(0) => return,
                Ok(count) => tracing::debug!(event = "reset.expired", count),
                Err(error) => return tracing::error!(event = "expire.failed", %error),
            }
        }
    }

    /// Purges what the retention says, a slice at a time.
    pub async fn purge(&self) {
        let settings = self.settings();
        let mut purged = false;
        loop {
            match self.store.purge(settings.store.keep_personal, settings.store.keep_events, self.clock.now()).await {
                Ok(0) => break,
                Ok(rows) => {
                    purged = true;
                    tracing::info!(event = "retention.purged", rows);
                }
                Err(error) => return tracing::error!(event = "purge.failed", %error),
            }
        }
        // What was purged stands in the log beside the database until that is emptied.
        if purged && let Err(error) = self.store.flush().await {
            tracing::error!(event = "purge.failed", %error);
        }
    }

    /// Whether the store answers, for the watchdog.
    pub async fn alive(&self) -> bool {
        self.store.alive().await.is_ok()
    }
}
