//! What can be watched: events, the queue, the status, the metrics.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::health::Health;
use super::metrics::Scrape;
use super::{App, AppError, Caller, Status};
use crate::config::{Role, TransportSettings};
use crate::store::{Copied, Held, Line, Listed, MailShown, Page, Queued};

const READERS: [Role; 2] = [Role::App, Role::Support];

impl App {
    /// Lines after the cursor, oldest first, of the portals that the caller may see.
    pub async fn events(&self, caller: &Caller, page: Page) -> Result<Listed<Line>, AppError> {
        Ok(self.store.events(page, caller.portals(&READERS)).await?)
    }

    /// New lines as they are committed. A receiver that lags must read on with [`App::events`].
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Line>> {
        self.store.subscribe()
    }

    /// Whether the caller may see this line of the stream.
    pub fn may_see(&self, caller: &Caller, line: &Line) -> bool {
        caller.portals(&READERS).is_none_or(|list| line.portal.as_ref().is_some_and(|portal| list.contains(portal)))
    }

    /// A stretch of the queue.
    pub async fn queue(&self, caller: &Caller, page: Page) -> Result<Listed<Queued>, AppError> {
        admin(caller, "the queue is")?;
        Ok(self.store.queue(page, None).await?)
    }

    /// Makes a waiting mail due now.
    pub async fn queue_retry(&self, caller: &Caller, id: i64) -> Result<(), AppError> {
        admin(caller, "the queue is")?;
        self.store.retry_now(id, self.clock.now()).await?.ok_or(AppError::NotFound("mail waiting"))
    }

    /// One mail and what its attempts met.
    pub async fn queue_show(&self, caller: &Caller, id: i64) -> Result<MailShown, AppError> {
        admin(caller, "the queue is")?;
        self.store.mail(id).await?.ok_or(AppError::NotFound("mail"))
    }

    /// Takes a waiting mail out of the queue.
    pub async fn queue_drop(&self, caller: &Caller, id: i64) -> Result<(), AppError> {
        admin(caller, "the queue is")?;
        self.store
            .drop_mail(id, "an administrator took it out of the queue", self.clock.now())
            .await?
            .ok_or(AppError::NotFound("mail waiting"))
    }

    /// Addresses that get no mail for a while.
    pub async fn holds(&self, caller: &Caller, page: Page) -> Result<Listed<Held>, AppError> {
        support(caller)?;
        Ok(self.store.holds(page, caller.portals(&[Role::Support]), self.clock.now()).await?)
    }

    /// Lets an address have mail again.
    pub async fn release(&self, caller: &Caller, id: i64) -> Result<(), AppError> {
        support(caller)?;
        let by = format!("uid {}", caller.uid);
        let released = self.store.release(id, caller.portals(&[Role::Support]), by, self.clock.now()).await?;
        released.ok_or(AppError::NotFound("held address"))
    }

    /// The state of the whole.
    pub async fn status(&self, caller: &Caller) -> Result<Status, AppError> {
        if caller.grants.is_empty() {
            return Err(AppError::Forbidden("the status is for configured clients".into()));
        }
        let outfit = self.outfit();
        let (counts, now) = (self.store.counts().await?, self.clock.now());
        let transport = match &outfit.settings.sending.transport {
            TransportSettings::Relay(relays) => {
                let named = relays.iter().map(|relay| format!("{}:{}", relay.host, relay.port)).collect::<Vec<_>>();
                format!("relay {}", named.join(", then "))
            }
            TransportSettings::Mx(_) => "straight to each domain's servers (MX)".into(),
            TransportSettings::Capture(_) => "capture (a Maildir; nothing leaves this machine)".into(),
        };
        let mut problems = outfit.problems.clone();
        problems.extend(outfit.transport.problems());
        problems.extend(self.gauges.problems(&counts, now));
        problems.extend(self.mailboxes.problems(now));
        problems.extend(self.audit_problem());
        problems.extend(self.health().await.problems(&outfit.settings, now));
        Ok(Status {
            version: env!("CARGO_PKG_VERSION"),
            started_at: self.started_at,
            now,
            counts,
            portals: outfit.settings.portals.keys().cloned().collect(),
            transport,
            problems,
        })
    }

    /// Prometheus text format, version 0.0.4.
    pub async fn metrics(&self, caller: &Caller) -> Result<String, AppError> {
        if !caller.has(Role::Admin) && !caller.has(Role::Support) {
            return Err(AppError::Forbidden("metrics are for clients with the role `support` or `admin`".into()));
        }
        let counts = self.store.counts().await?;
        let (now, health) = (self.clock.now(), self.health().await);
        let outfit = self.outfit();
        let tls = outfit.transport.tls_results();
        let mut text = String::with_capacity(16 * 1024);
        let scrape = Scrape {
            gauges: &self.gauges,
            vigil: &self.vigil,
            counts: &counts,
            events: &self.store.tally(),
            tls: &tls,
            wording_problems: outfit.wording_problems,
            waiting_jobs: self.store.waiting_jobs(),
            health: &health,
            started: self.started_at,
            now,
        };
        scrape.render(&mut text);
        self.store.pace(&mut text);
        self.mailboxes.render(now, &mut text);
        Ok(text)
    }

    async fn health(&self) -> Health {
        let settings = self.settings();
        tokio::task::spawn_blocking(move || Health::look(&settings)).await.unwrap_or_default()
    }

    /// Writes a consistent copy of the database into `backups/` in the state folder, tried out, and gives its path.
    pub async fn backup(&self, caller: &Caller) -> Result<(std::path::PathBuf, Copied), AppError> {
        admin(caller, "backups are")?;
        let folder = self.outfit().settings.store.state_dir.join("backups");
        let unavailable = |error: std::io::Error| AppError::Unavailable(format!("{}: {error}", folder.display()));
        tokio::fs::create_dir_all(&folder).await.map_err(unavailable)?;
        let now = self.clock.now();
        let name = format!("resetd-{}.db", now.to_string().replace(':', "").replace('.', "-"));
        let path = folder.join(name);
        let copied = self.store.backup(path.clone(), now).await?;
        self.store.backed_up(copied.size, caller.uid, now).await?;
        Ok((path, copied))
    }
}

fn support(caller: &Caller) -> Result<(), AppError> {
    match caller.has(Role::Admin) || caller.has(Role::Support) {
        true => Ok(()),
        false => Err(AppError::Forbidden("held addresses are for clients with the role `support` or `admin`".into())),
    }
}

pub(super) fn admin(caller: &Caller, what: &str) -> Result<(), AppError> {
    if caller.has(Role::Admin) { Ok(()) } else { Err(AppError::Forbidden(format!("{what} for clients with the role `admin`"))) }
}
