//! What the store gives and takes: plain values, no row, no SQL type.

use resetd_core::address::{DisplayName, Mailbox};
use resetd_core::event::Event;
use resetd_core::ids::{PortalName, ResetId};
use resetd_core::reset::{Method, State};
use resetd_core::secret::{KeyId, Link};
use resetd_core::time::Timestamp;
use serde_json::Value;

/// A reset as it stands.
#[derive(Clone, Debug)]
pub struct Reset {
    /// Its id.
    pub id: ResetId,
    /// Its portal.
    pub portal: PortalName,
    /// The account; `None`: unknown to the application, or purged.
    pub account: Option<String>,
    /// The address; `None` once purged.
    pub email: Option<Mailbox>,
    /// Where it stands. Expiry is already taken into account.
    pub state: State,
    /// The request.
    pub created_at: Timestamp,
    /// The next hop's `250`.
    pub sent_at: Option<Timestamp>,
    /// When the last of its secrets ends.
    pub expires_at: Timestamp,
    /// What the person got.
    pub method: Method,
    /// Its wording.
    pub wording: String,
}

/// One line of a timeline or of the event stream.
#[derive(Clone, Debug)]
pub struct Line {
    /// Grows by one with each line: the cursor of the stream.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
    /// About which reset.
    pub reset: Option<ResetId>,
    /// In which portal.
    pub portal: Option<PortalName>,
    /// More, a JSON object (or null); never holds an address, a secret or a body.
    pub detail: Value,
}

/// How loudly a flag asks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Somebody needs help.
    Low,
    /// Somebody denies a reset.
    High,
    /// Somebody denies a reset that was redeemed.
    Critical,
}

impl Severity {
    /// The name in the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The severity of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Low, Self::High, Self::Critical].into_iter().find(|severity| severity.as_str() == name)
    }
}

/// A case for support.
#[derive(Clone, Debug)]
pub struct Flag {
    /// Its number.
    pub id: i64,
    /// The reset that it is about, where one was found.
    pub reset: Option<ResetId>,
    /// The portal, where one was found.
    pub portal: Option<PortalName>,
    /// The account, where one was found.
    pub account: Option<String>,
    /// How loudly it asks.
    pub severity: Severity,
    /// Stable name of why it was raised: `not_me`, `not_me_after_redeem`, `help`, `other`, `complaint`, `unreadable`, …
    pub reason: String,
    /// The reply's verdict, where there was a reply.
    pub verdict: Option<String>,
    /// How sure the verdict is, 0 to 1.
    pub confidence: Option<f64>,
    /// How far the sender may be believed: `tag`, `reference`, `dmarc`, `none`.
    pub proof: String,
    /// What the person typed, secrets struck out.
    pub text: String,
    /// Who wrote, as the message says.
    pub sender: Option<String>,
    /// Subject, secrets struck out.
    pub subject: Option<String>,
    /// Whether a message is kept with it.
    pub has_message: bool,
    /// When it was raised.
    pub created_at: Timestamp,
    /// For a pattern of abuse: how often it was seen, and when last.
    pub sightings: Option<(u64, Timestamp)>,
    /// Notes added since (a later `was_me`, a second reply): time and text.
    pub notes: Vec<(Timestamp, String)>,
    /// How it was closed.
    pub resolution: Option<Resolution>,
}

/// How a flag was closed.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// When.
    pub at: Timestamp,
    /// By whom, as the client says, with the uid that the kernel says.
    pub by: String,
    /// What came of it, one word or a few.
    pub outcome: String,
    /// More.
    pub note: Option<String>,
}

/// What is searched among flags.
#[derive(Clone, Debug, Default)]
pub struct FlagFilter {
    /// `Some(true)`: open ones only; `Some(false)`: resolved ones only.
    pub open: Option<bool>,
    /// At least this severity.
    pub severity: Option<Severity>,
    /// In these portals; `None`: all.
    pub portals: Option<Vec<PortalName>>,
    /// Of this account.
    pub account: Option<String>,
}

/// A stretch of a list, newest first for flags and the queue in due order: `after` is the cursor of the page before.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// The `next` of the page before.
    pub after: Option<i64>,
    /// At most this many, 1 to 500.
    pub limit: u32,
}

/// A stretch of a list and where it goes on.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// The items.
    pub items: Vec<T>,
    /// Cursor of the next page; `None`: this was the last.
    pub next: Option<i64>,
}

/// What a mail in the queue is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum MailKind {
    /// The reset mail itself.
    Reset,
    /// "Your password was changed".
    Notice,
    /// To the person whose "this wasn't me" was read.
    Acknowledgement,
    /// To support.
    Alert,
    /// A webhook: not a mail, but queued, tried and recorded as one.
    Webhook,
}

impl MailKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Reset, Self::Notice, Self::Acknowledgement, Self::Alert, Self::Webhook];

    /// The name in the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Notice => "notice",
            Self::Acknowledgement => "acknowledgement",
            Self::Alert => "alert",
            Self::Webhook => "webhook",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A mail that waits.
#[derive(Clone, Debug)]
pub struct Queued {
    /// Its number.
    pub id: i64,
    /// What it is.
    pub kind: MailKind,
    /// The reset that it is about.
    pub reset: Option<ResetId>,
    /// Its portal.
    pub portal: Option<PortalName>,
    /// The domain that it goes to (the address itself is not shown).
    pub domain: String,
    /// Attempts begun so far.
    pub attempts: u32,
    /// When it is tried next.
    pub due_at: Timestamp,
    /// When it stops being of use.
    pub useful_until: Timestamp,
    /// What the last attempt met.
    pub last: Option<String>,
    /// The request.
    pub created_at: Timestamp,
}

/// An address that gets no mail for a while.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its number.
    pub id: i64,
    /// The address, as it is compared.
    pub email: String,
    /// Of which portal; `None`: of none.
    pub portal: Option<PortalName>,
    /// What happened.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// A mail with what became of it.
#[derive(Clone, Debug)]
pub struct MailShown {
    /// As it waits, or waited.
    pub mail: Queued,
    /// `queued`, `done`, `failed` or `void`.
    pub state: String,
    /// The id that the next hop gave in its `250`.
    pub remote_id: Option<String>,
    /// The flag that it is about.
    pub flag: Option<i64>,
    /// Its failed attempts, the oldest first.
    pub attempts: Vec<Attempt>,
}

/// What one failed attempt met.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The first is 1.
    pub number: u32,
    /// When it was written down.
    pub at: Timestamp,
    /// A JSON object: `reply`, `why`, `via`, `tls`.
    pub detail: Value,
}

/// Counts for `status` and `/metrics`, read from the database.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Resets whose secret may still be redeemed, by state.
    pub resets: Vec<(State, u64)>,
    /// Open flags by severity.
    pub open_flags: Vec<(Severity, u64)>,
    /// Mails waiting.
    pub queued: u64,
    /// The due time of the oldest waiting mail.
    pub oldest_due: Option<Timestamp>,
    /// Inbound messages kept but not yet read.
    pub unread: u64,
}

/// The end of the timeline's chain at some time: a line's number and its link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// The line.
    pub id: i64,
    /// What the next one goes on from.
    pub link: Link,
}

impl Head {
    /// As it is printed: `LINE:LINK`.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, link) = text.trim().split_once(':')?;
        let link = data_encoding::HEXLOWER_PERMISSIVE.decode(link.as_bytes()).ok()?;
        Some(Self { id: id.parse().ok().filter(|id| *id >= 0)?, link: Link(link.try_into().ok()?) })
    }
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.id, data_encoding::HEXLOWER.encode(&self.link.0))
    }
}

/// What looking through the chain came to.
#[derive(Clone, Debug)]
pub struct Audit {
    /// Its end.
    pub head: Option<Head>,
    /// The first line that it holds, where there is any.
    pub first: i64,
    /// Lines looked at.
    pub lines: u64,
    /// Of them, those whose detail was erased.
    pub erased: u64,
    /// What is wrong, and at which line; empty: nothing is.
    pub troubles: Vec<(i64, AuditTrouble)>,
    /// How many more troubles there are.
    pub more: u64,
}

/// What is wrong with the chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AuditTrouble {
    /// A line is not as it was written, or not where, or was made with a key that is gone.
    Altered,
    /// Lines before this one were taken out.
    Missing,
    /// Lines behind this one were taken out, or put there by somebody without the key.
    Truncated,
    /// Where the chain begins is not vouched for.
    Floor,
    /// Where it ends is not vouched for.
    Head,
    /// The head that was printed earlier is not in it: the lines up to there were taken out, or an older database was put back.
    EarlierMissing,
    /// The head that was printed earlier is older than what is kept.
    EarlierPurged,
}

impl AuditTrouble {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Altered => "altered",
            Self::Missing => "missing",
            Self::Truncated => "truncated",
            Self::Floor => "beginning",
            Self::Head => "end",
            Self::EarlierMissing => "earlier_head_missing",
            Self::EarlierPurged => "earlier_head_purged",
        }
    }

    /// In words.
    pub fn says(self) -> &'static str {
        match self {
            Self::Altered => "this line is not as it was written, or not where, or the root key that it was written with is gone",
            Self::Missing => "lines between the one before and this one were taken out",
            Self::Truncated => "lines behind this one were taken out, or put there without the root key",
            Self::Floor => "the beginning of the timeline is not vouched for: older lines may have been taken out",
            Self::Head => "the end of the timeline is not vouched for: newer lines may have been taken out",
            Self::EarlierMissing => "the earlier head is not in the timeline: an older database was put back, or lines were taken out",
            Self::EarlierPurged => "the earlier head is older than what is kept: nothing can be said of it any more",
        }
    }
}

/// What a reset holds beside what its own answer shows.
#[derive(Clone, Debug)]
pub struct PersonalReset {
    /// The person's name.
    pub name: Option<String>,
    /// The address of the person's client.
    pub ip: Option<String>,
    /// The person's client.
    pub user_agent: Option<String>,
    /// The language of the mail.
    pub locale: String,
    /// RFC 7293.
    pub valid_since: Option<Timestamp>,
    /// When a page first asked about it.
    pub inspected_at: Option<Timestamp>,
    /// When the application said that the password was changed.
    pub completed_at: Option<Timestamp>,
}

/// A copy of the database that was made and tried.
#[derive(Clone, Debug)]
pub struct Copied {
    /// How large it is, in octets.
    pub size: u64,
    /// Rows of each table, the same in the copy as in the database at that moment.
    pub rows: Vec<(String, u64)>,
    /// The end of its chain.
    pub head: Option<Head>,
    /// The keys that it was used with.
    pub keys: Vec<KeyId>,
}

/// What still needs a root key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KeyNeeds {
    /// Resets whose link or code is good.
    pub resets: u64,
    /// Kept messages that are sealed with it.
    pub messages: u64,
}

/// What ended because a copy of the database was put back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PutBack {
    /// When the copy was made.
    pub copied_at: Timestamp,
    /// Resets that were open in it.
    pub resets: u64,
    /// People who were erased since, and are again.
    pub forgotten: u64,
}

/// The name of a person, checked.
pub type PersonName = DisplayName;
