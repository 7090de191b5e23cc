//! What a visit goes by: the account, the folder, and where things are put.

use std::sync::Arc;

use super::names;
use super::session::Session;
use super::trouble::Trouble;
use crate::app::{App, FolderKey, StoreError};
use crate::config::ImapSettings;
use crate::mailbox::Desk;

/// One folder of one account.
pub(super) struct Place {
    pub account: Arc<ImapSettings>,
    /// As configured: a name, or an attribute like `\Junk`.
    pub folder: String,
    /// What logs, status and metrics call it.
    pub label: String,
    pub desk: Arc<Desk>,
    pub max_size: usize,
}

impl Place {
    pub fn app(&self) -> &App {
        self.desk.app()
    }

    pub fn key(&self) -> FolderKey {
        FolderKey { host: self.account.host.clone(), user: self.account.login.user.clone(), folder: self.folder.clone() }
    }

    /// The folder's name as the server has it. An attribute (RFC 6154) is looked up each time: people rename folders.
    pub async fn wire_name(&self, session: &mut Session) -> Result<String, Trouble> {
        if !self.folder.starts_with('\\') {
            return Ok(names::on_the_wire(&self.folder, session.can.utf8_names()));
        }
        let all = session.list().await?;
        let has = |attributes: &[String]| attributes.iter().any(|attribute| attribute.eq_ignore_ascii_case(&self.folder));
        let found = all.into_iter().find(|listed| has(&listed.attributes)).and_then(|listed| String::from_utf8(listed.name).ok());
        found.ok_or_else(|| Trouble::NoSpecial(self.folder.clone()))
    }

    /// The store's answer, or that there was none, which is told here.
    pub fn stored<T>(&self, answer: Result<T, StoreError>) -> Result<T, Trouble> {
        answer.map_err(|error| {
            tracing::error!(event = "mailbox.not_noted", mailbox = %self.label, %error);
            Trouble::Store
        })
    }
}
