//! What `resetctl inbound classify --json` prints, one object a line.

use resetd_core::ids::ResetId;
use resetd_core::inbound::Bounce;
use serde::Serialize;

/// What a message is.
#[derive(Clone, Debug, Serialize)]
pub struct Classified {
    /// The file, as it was named.
    pub file: String,
    /// `reply`, `auto_reply`, `bounce`, `complaint`, `receipt`, `unrelated`.
    pub kind: String,
    /// `not_me`, `was_me`, `help`, `other`; null unless the kind is `reply`.
    pub verdict: Option<String>,
    /// How sure the verdict is, 0 to 1; null where there is none.
    pub confidence: Option<f64>,
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
