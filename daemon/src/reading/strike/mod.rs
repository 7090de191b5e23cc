//! Law 2 at the border: what leaves for support never carries a live secret.
//!
//! Safe by construction: nothing of the original bytes is passed on. A new message is built from an allow-list of
//! decoded headers and decoded text parts, each struck; attachments are named, not carried.

mod message;

/// Knows our secrets when it sees them. Implemented over the keys; a test uses a fake.
pub trait Secrets {
    /// Whether this string of [`Secrets::token_len`] base64url characters is a token of ours.
    fn is_token(&self, candidate: &str) -> bool;
    /// Length of a token in characters.
    fn token_len(&self) -> usize;
    /// Whether these digits (grouping taken out) may be a code of ours.
    fn is_code(&self, digits: &str) -> bool;
    /// Whether this URL is a reset link of ours, whatever token it carries.
    fn is_link(&self, url: &str) -> bool;
}

/// A copy of an inbound message that is fit for a support agent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Struck {
    /// Allowed headers, decoded and struck, in the order of the original.
    pub headers: Vec<(String, String)>,
    /// The whole text, quotes included: every text part, decoded, HTML turned to text, struck.
    pub text: String,
    /// What was not carried over, for a note: `image/png 20 KB shot.png`.
    pub left_out: Vec<String>,
}

/// Rebuilds a message without our secrets.
pub fn strike(_raw: &[u8], _secrets: &dyn Secrets) -> Struck {
    Struck::default()
}

/// Strikes our links and codes out of one decoded text.
pub fn strike_text(_text: &str, _secrets: &dyn Secrets) -> String {
    String::new()
}
