//! Telling the mailbox what was taken, once it is on disk: flagged, deleted or moved, as configured.

use super::folder::Visit;
use super::names;
use super::response::{Answer, Status};
use super::session::Part;
use super::trouble::{Step, Trouble};
use crate::config::ImapAfter;

impl Visit<'_> {
    /// Marks messages that are on disk. A server that will not have it is told of once; they are not read again for that.
    pub(super) async fn acknowledge(&mut self, uids: &[u32]) -> Result<(), Trouble> {
        let place = self.place;
        let set = names::set(uids);
        let answer = match &place.account.after {
            ImapAfter::Keep => return Ok(()),
            ImapAfter::Seen => self.flag(&set, "\\Seen").await?,
            ImapAfter::Delete => self.delete(&set).await?,
            ImapAfter::Move(folder) => {
                let name = names::on_the_wire(folder, self.session.can.utf8_names());
                self.shift(&set, &name).await?
            }
        };
        let refused = answer.status != Status::Ok;
        if refused && !std::mem::replace(&mut self.unmarked, true) {
            let code = answer.word().filter(|word| word.len() <= 32).unwrap_or_default();
            tracing::warn!(event = "mailbox.not_marked", mailbox = %place.label, code, "messages are stored, but the server does not mark them; they stay as they are");
        }
        Ok(())
    }

    async fn flag(&mut self, set: &str, flag: &str) -> Result<Answer, Trouble> {
        self.command(&format!("UID STORE {set} +FLAGS.SILENT ({flag})")).await
    }

    async fn delete(&mut self, set: &str) -> Result<Answer, Trouble> {
        let answer = self.flag(set, "\\Deleted").await?;
        // A plain EXPUNGE would take along what others marked: without UIDPLUS (RFC 4315) the mark has to do.
        let can = &self.session.can;
        if answer.status == Status::Ok && (can.has("UIDPLUS") || can.has("IMAP4REV2")) {
            return self.command(&format!("UID EXPUNGE {set}")).await;
        }
        Ok(answer)
    }

    /// MOVE (RFC 6851), or what it is made of.
    async fn shift(&mut self, set: &str, folder: &str) -> Result<Answer, Trouble> {
        let can = &self.session.can;
        let moves = can.has("MOVE") || can.has("IMAP4REV2");
        let verb = if moves { format!("UID MOVE {set} ") } else { format!("UID COPY {set} ") };
        let mut answer = self.session.run(Step::Mark, &[Part::Text(&verb), Part::String(folder)], 0, |_| {}).await?;
        if answer.word() == Some("TRYCREATE") {
            let made = self.session.run(Step::Mark, &[Part::Text("CREATE "), Part::String(folder)], 0, |_| {}).await?;
            if made.status == Status::Ok {
                answer = self.session.run(Step::Mark, &[Part::Text(&verb), Part::String(folder)], 0, |_| {}).await?;
            }
        }
        if answer.status == Status::Ok && !moves { self.delete(set).await } else { Ok(answer) }
    }

    async fn command(&mut self, text: &str) -> Result<Answer, Trouble> {
        self.session.run(Step::Mark, &[Part::Text(text)], 0, |_| {}).await
    }
}
