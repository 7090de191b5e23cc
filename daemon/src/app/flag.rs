//! Flags, as support works with them.

use super::{App, AppError, Caller};
use crate::config::Role;
use crate::store::{Flag, FlagFilter, Listed, Page};

impl App {
    /// A stretch of the flags that the caller may see.
    pub async fn flags(&self, caller: &Caller, filter: FlagFilter, page: Page) -> Result<Listed<Flag>, AppError> {
        let allowed = support(caller)?;
        let portals = match (allowed, filter.portals) {
            (None, wanted) => wanted,
            (Some(allowed), None) => Some(allowed),
            (Some(allowed), Some(wanted)) => Some(wanted.into_iter().filter(|portal| allowed.contains(portal)).collect()),
        };
        Ok(self.store.flags(FlagFilter { portals, ..filter }, page).await?)
    }

    /// One flag.
    pub async fn flag(&self, caller: &Caller, id: i64) -> Result<Flag, AppError> {
        let allowed = support(caller)?;
        let flag = self.store.flag(id).await?;
        let sees = |flag: &Flag| allowed.as_ref().is_none_or(|list| flag.portal.as_ref().is_some_and(|portal| list.contains(portal)));
        flag.filter(sees).ok_or(AppError::NotFound("flag"))
    }

    /// The message behind a flag, RFC 5322, with every link and code of ours struck out (law 2).
    pub async fn flag_message(&self, caller: &Caller, id: i64) -> Result<Vec<u8>, AppError> {
        self.flag(caller, id).await?;
        self.struck_message(id).await?.ok_or(AppError::NotFound("message: it was purged, or this flag came without one"))
    }

    /// Closes a flag.
    pub async fn resolve(
        &self,
        caller: &Caller,
        id: i64,
        by: Option<String>,
        outcome: String,
        note: Option<String>,
    ) -> Result<Flag, AppError> {
        self.flag(caller, id).await?;
        let by = by.map_or_else(|| format!("uid {}", caller.uid), |by| format!("{by} (uid {})", caller.uid));
        if !self.store.resolve(id, by, outcome, note, self.clock.now()).await? {
            return Err(AppError::Conflict("this flag is resolved already".into()));
        }
        self.flag(caller, id).await
    }
}

/// The portals whose flags the caller may see (`None`: all).
fn support(caller: &Caller) -> Result<Option<Vec<resetd_core::ids::PortalName>>, AppError> {
    if !caller.has(Role::Support) {
        return Err(AppError::Forbidden("flags are for clients with the role `support` or `admin`".into()));
    }
    Ok(caller.portals(&[Role::Support]))
}
