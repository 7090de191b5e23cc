//! What is held: keys, copies, the audit of the timeline, and one person's data.

use std::collections::BTreeMap;

use resetd_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Flag, Hold, Reset};

/// A root key, without the key.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RootKey {
    /// Its id.
    pub id: u8,
    /// New links, codes and tags are made with it.
    pub current: bool,
    /// It stands in the key file; false: the database was used with it, and it is gone.
    pub here: bool,
    /// Resets that are good and need it.
    pub resets: u64,
    /// Kept messages that are sealed with it.
    pub messages: u64,
}

/// What a backup came to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BackedUp {
    /// The file, on the daemon's machine. The root key is not in it.
    #[schema(example = "/var/lib/resetd/backups/resetd-20261123T174400Z.db")]
    pub file: String,
    /// How large it is, in octets.
    pub size: u64,
    /// Rows of each table: the same in the copy, put back on trial, as in the database at that moment.
    pub rows: BTreeMap<String, u64>,
    /// The end of its timeline's chain.
    #[schema(example = "4711:5e0c3a1f9be24d0786a1c2d3e4f50617")]
    pub head: Option<String>,
    /// The root keys that it was used with: without them, it opens nothing.
    pub keys: Vec<u8>,
}

/// `POST /v1/audit/verify`
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditAsk {
    /// A head that was printed earlier: whether it is in the chain.
    #[serde(default)]
    #[schema(example = "4711:5e0c3a1f9be24d0786a1c2d3e4f50617")]
    pub head: Option<String>,
}

/// `GET /v1/audit`
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditHead {
    /// The end of the timeline's chain, `LINE:LINK`: keep it elsewhere, and check against it later. `null`: there is no line yet.
    #[schema(example = "4711:5e0c3a1f9be24d0786a1c2d3e4f50617")]
    pub head: Option<String>,
}

/// What looking through the timeline came to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Audit {
    /// Nothing is wrong.
    pub good: bool,
    /// Where the chain ends.
    pub head: Option<String>,
    /// The first line that is kept.
    pub first: i64,
    /// Lines looked at.
    pub lines: u64,
    /// Of them, those whose detail was erased, by age or on demand.
    pub erased: u64,
    /// What is wrong, at most fifty of it.
    pub troubles: Vec<AuditTrouble>,
    /// How many more there are.
    pub more: u64,
}

/// One thing that is wrong with the timeline.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditTrouble {
    /// At which line: an event's id.
    pub line: i64,
    /// `altered`, `missing`, `truncated`, `beginning`, `end`, `earlier_head_missing`, `earlier_head_purged`.
    #[schema(example = "altered")]
    pub what: String,
    /// In words.
    pub says: String,
}

/// `POST /v1/forget` and `POST /v1/export`: whom it is about.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonAsk {
    /// An account or an address.
    #[schema(example = "ann@example.org")]
    pub who: String,
    /// At this portal; without it at every one.
    #[serde(default)]
    pub portal: Option<String>,
    /// For `forget`: only say what there is.
    #[serde(default)]
    pub dry_run: bool,
}

/// What was erased, or would be.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Forgotten {
    /// Nothing was erased: it was only asked.
    pub dry_run: bool,
    /// Resets that lost account, name, address, IP, user agent and the details of their timeline.
    pub resets: u64,
    /// Flags that lost words, sender, subject and notes.
    pub flags: u64,
    /// Messages that lost their bytes.
    pub messages: u64,
    /// Held addresses, counts of failed logins and wrong codes.
    pub others: u64,
}

/// All that is held about a person. No secret is in it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Export {
    /// As asked for.
    pub who: String,
    /// When it was read.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Resets.
    pub resets: Vec<ExportedReset>,
    /// Cases for support.
    pub flags: Vec<Flag>,
    /// Kept messages, our secrets struck out.
    pub messages: Vec<ExportedMessage>,
    /// Held addresses.
    pub holds: Vec<Hold>,
    /// Failed logins that are counted.
    pub logins: Vec<ExportedLogin>,
    /// There is more than an answer holds: 2000 resets, 200 messages, 16 MiB of them.
    pub cut: bool,
}

/// A reset with all that it holds.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExportedReset {
    /// As the application sees it.
    #[serde(flatten)]
    pub reset: Reset,
    /// The person's name.
    pub name: Option<String>,
    /// The address of the browser that asked, cut to a subscriber.
    pub ip: Option<String>,
    /// Its User-Agent.
    pub user_agent: Option<String>,
    /// The language of the mail.
    pub locale: String,
    /// Since when the application knew the address to be the person's.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub valid_since: Option<Timestamp>,
    /// When a page first asked about it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub inspected_at: Option<Timestamp>,
    /// When the application said that the password was changed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub completed_at: Option<Timestamp>,
}

/// A kept message.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExportedMessage {
    /// Its number.
    pub id: i64,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// The message, every link and code of ours struck out; what is no UTF-8 in it is replaced.
    pub message: String,
}

/// Failed logins of an account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExportedLogin {
    /// The portal.
    pub portal: String,
    /// The account.
    pub account: String,
    /// How many.
    pub failures: u32,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}
