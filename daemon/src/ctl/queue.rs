//! `resetctl queue`

use super::cli::QueueCommand;
use super::errand::{Errand, good, more, path_with};
use super::failure::Failure;
use super::screen::{Screen, one_line, when};
use super::table::Table;
use crate::wire::{List, Queued};

pub(super) async fn run(errand: &Errand, command: QueueCommand) -> Result<(), Failure> {
    match command {
        QueueCommand::List { stretch } => {
            let asked = errand.get(&path_with("/v1/queue", &stretch.pairs())).await?;
            errand.show(&asked, table)
        }
        QueueCommand::Retry { id } => {
            good(errand.client.call("POST", &format!("/v1/queue/{id}/retry"), None).await?)?;
            errand.say(&format!("mail {id} is due now"));
            Ok(())
        }
    }
}

fn table(list: &List<Queued>, screen: Screen) -> String {
    if list.items.is_empty() {
        return "nothing waits".into();
    }
    let mut table = Table::new(&["ID", "KIND", "PORTAL", "TO", "TRIES", "DUE (UTC)", "USEFUL UNTIL", "LAST"]);
    for mail in &list.items {
        table.row([
            mail.id.to_string().into(),
            mail.kind.clone().into(),
            mail.portal.clone().unwrap_or_default().into(),
            one_line(&mail.domain, 30).into(),
            mail.attempts.to_string().into(),
            when(mail.due_at).into(),
            when(mail.useful_until).into(),
            one_line(mail.last.as_deref().unwrap_or_default(), 80).into(),
        ]);
    }
    table.render(screen) + &more(list.next.as_ref(), screen)
}
