//! What `resetctl inbound classify --json` prints, one object a line.

use resetd_core::ids::ResetId;
use serde::{Deserialize, Serialize};

/// What a message is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Classified {
    /// The file, as it was named.
    pub file: String,
    /// `reply`, `auto_reply`, `bounce`, `complaint`, `receipt`, `unrelated`.
    pub kind: String,
    /// `not_me`, `was_me`, `help`, `other`; null unless the kind is `reply`.
    pub verdict: Option<String>,
    /// How sure, 0 to 1: of the verdict for a reply, of the kind for anything else.
    pub confidence: f64,
    /// What it rests on.
    pub evidence: Vec<String>,
    /// The reset that it belongs to.
    pub reset: Option<ResetId>,
    /// `tag`, `reference`, `dmarc`, `none`.
    pub proof: String,
    /// What the person typed.
    pub text: String,
    /// What a delivery report says.
    pub bounce: Option<Bounce>,
}

/// What a delivery report says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bounce {
    /// Whom the mail was for.
    pub recipient: Option<String>,
    /// `failed`, `delayed`, `delivered`, `relayed`, `expanded`.
    pub action: Option<String>,
    /// Enhanced status code (RFC 3463).
    pub status: Option<String>,
    /// `permanent`, `transient`.
    pub class: Option<String>,
    /// Why, as a stable name.
    pub reason: Option<String>,
    /// The remote server's words.
    pub reply: Option<String>,
}
