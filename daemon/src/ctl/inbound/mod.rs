//! `resetctl inbound`: what reading makes of messages in files, folders and mailboxes, without a daemon; and handing one in.

pub(super) mod classify;
pub(super) mod explain;
pub(super) mod ingest;
mod judge;
mod mbox;
mod messages;
