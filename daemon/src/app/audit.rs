//! The timeline as an audit log: is every line as it was written, where it was written, and all there?

use std::sync::atomic::Ordering;

use super::watch::admin;
use super::{App, AppError, Caller};
use crate::store::{Audit, Head};

impl App {
    /// Looks through the whole chain, and whether a head that was printed earlier is in it.
    pub async fn audit(&self, caller: &Caller, earlier: Option<Head>) -> Result<Audit, AppError> {
        admin(caller, "the audit is")?;
        let audit = self.store.audit(self.ring(), earlier).await?;
        self.note_audit(&audit);
        Ok(audit)
    }

    /// The chain's end, to be kept elsewhere and checked against later.
    pub async fn audit_head(&self, caller: &Caller) -> Result<Option<Head>, AppError> {
        admin(caller, "the audit is")?;
        Ok(self.store.head().await?)
    }

    /// Looks through it unasked; what is wrong shows in the status.
    pub async fn audit_unasked(&self) {
        match self.store.audit(self.ring(), None).await {
            Ok(audit) => self.note_audit(&audit),
            Err(error) => tracing::error!(event = "audit.failed", %error),
        }
    }

    /// Writes the chain's end into the journal, which whoever changes the database does not have.
    pub async fn audit_tell_head(&self) {
        if let Ok(Some(head)) = self.store.head().await {
            tracing::info!(event = "audit.head", head = %head);
        }
    }

    fn note_audit(&self, audit: &Audit) {
        let troubles = audit.troubles.len() as u64 + audit.more;
        self.audit_troubles.store(troubles, Ordering::Relaxed);
        if let Some((line, what)) = audit.troubles.first() {
            tracing::error!(event = "audit.broken", troubles, line, what = what.as_str());
        }
    }

    /// What the last audit found, for the status.
    pub(super) fn audit_problem(&self) -> Option<String> {
        let troubles = self.audit_troubles.load(Ordering::Relaxed);
        (troubles > 0).then(|| format!("the timeline is not as it was written, in {troubles} places: `resetctl audit verify` names them"))
    }
}
