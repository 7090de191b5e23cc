//! What proves that a person got a mail, and the keys that it comes from (DESIGN §6). Nothing here can be printed,
//! compared with `==`, or serialised; nothing derived is ever stored.

mod chain;
mod keyring;
mod tag;
mod token;

pub use chain::{Digest, Entry, Link};
pub use keyring::{KeyError, KeyId, KeyRing, SealError};
pub use tag::{Purpose, Tag};
pub use token::{Code, CodeLength, Selector, TOKEN_CHARS, Token, group_digits};
