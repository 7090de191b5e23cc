//! The kinds of value that stand in the file, each a type that can only hold a good one. What a bad one must be is said
//! here, once.

mod address;
mod amount;
mod names;
mod text;
mod url;

pub(super) use address::SenderText;
pub(super) use amount::{Amount, Octets, Size, Span, Whole, say};
pub(super) use names::{Account, Color, Credential, DkimSelector, Domain, FolderName, Host, Locale, MailboxName, User, Word, WordingName};
pub(super) use text::{FromText, Text, texts};
pub(super) use url::{WebhookUrl, is_loopback};
