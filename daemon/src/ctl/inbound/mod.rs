//! `resetctl inbound`: what reading makes of messages in files, folders and mailboxes, without a daemon; and handing one in.

pub(super) mod classify;
pub(super) mod explain;
pub(super) mod ingest;
mod judge;
mod mbox;
mod messages;

use std::path::PathBuf;

use clap::Subcommand;

use classify::Classify;
use explain::Explain;

#[derive(Subcommand)]
pub(super) enum InboundCommand {
    /// Say what messages are: kind, verdict, and what it rests on; needs no daemon
    #[command(
        after_help = "Examples:\n  resetctl inbound classify answer.eml\n  resetctl inbound classify --json ~/Maildir > found.jsonl\n  resetctl inbound classify old.mbox\n\nA message of an mbox is named FILE#3: the third. Exit code 1: something named could not be read; the rest was."
    )]
    Classify(Classify),
    /// Show why one message is taken for what it is: every sign that was seen, what was stripped, how sure the verdict; needs no daemon
    #[command(
        after_help = "Examples:\n  resetctl inbound explain answer.eml\n  resetctl inbound explain --root-key /var/lib/resetd/root-key - < answer.eml"
    )]
    Explain(Explain),
    /// Hand a message to the daemon, as if it had arrived at the mailbox
    #[command(after_help = "Example:\n  resetctl inbound ingest < message.eml")]
    Ingest {
        /// Files; without any, or for `-`, standard input
        files: Vec<PathBuf>,
    },
}
