//! Looking at a reset, taking it back, and saying that the password was changed.

use std::time::Duration;

use resetd_core::ids::ResetId;
use resetd_core::reset::State;

use super::{App, AppError, Caller, ResetStory};
use crate::config::Role;
use crate::store::ResetRow;

/// A notice that comes later than this would only confuse.
const NOTICE_USEFUL: Duration = Duration::from_secs(24 * 3600);

impl App {
    /// A reset with its timeline, for the portal's app, support and admin.
    pub async fn show(&self, caller: &Caller, id: ResetId) -> Result<ResetStory, AppError> {
        let row = self.visible(caller, id, &[Role::App, Role::Support]).await?;
        let timeline = self.store.timeline(row.n).await?;
        Ok(ResetStory { reset: row.view(self.clock.now()), timeline })
    }

    /// Takes an open reset back. One that ended already stays as it is, which the caller is told: whoever revokes wants to
    /// know that the secret was used first.
    pub async fn revoke(&self, caller: &Caller, id: ResetId) -> Result<ResetStory, AppError> {
        let row = self.visible(caller, id, &[Role::App]).await?;
        let revoked = self.store.revoke(row, caller.uid, self.clock.now()).await?;
        let story = self.show(caller, id).await?;
        if revoked { Ok(story) } else { Err(AppError::Conflict(format!("it ended before: it is {}", story.reset.state.as_str()))) }
    }

    /// The application changed the password: the person gets the notice, once, however often this is said.
    pub async fn completed(&self, caller: &Caller, id: ResetId) -> Result<(), AppError> {
        let row = self.visible(caller, id, &[Role::App]).await?;
        if row.state != State::Redeemed {
            return Err(AppError::Conflict(format!("only a redeemed reset can be completed; this one is {}", row.state.as_str())));
        }
        let now = self.clock.now();
        self.store.completed(row, now + NOTICE_USEFUL, now).await?;
        Ok(())
    }

    /// A reset that the caller may see; one that it may not reads as none.
    async fn visible(&self, caller: &Caller, id: ResetId, roles: &[Role]) -> Result<ResetRow, AppError> {
        let row = self.store.by_id(id).await?;
        row.filter(|row| roles.iter().any(|role| caller.may(*role, &row.portal))).ok_or(AppError::NotFound("reset"))
    }
}
