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

/// What `resetctl inbound explain --json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// What `classify` says.
    #[serde(flatten)]
    pub classified: Classified,
    /// Every sign that was seen.
    pub signs: Vec<Sign>,
    /// Probability of each verdict for what the person typed, by name; null unless the kind is `reply`.
    pub probabilities: Option<std::collections::BTreeMap<String, f64>>,
    /// The address, id or domain that the proof rests on.
    pub proven_by: Option<String>,
    /// Addresses in which a signed tag was looked for.
    pub recipients: Vec<String>,
    /// Message-IDs by which a mail of ours was looked for.
    pub ids: Vec<String>,
    /// The lines of the text, each with what it was taken for.
    pub lines: Vec<ReadLine>,
}

/// A sign in structure, headers or wording.
#[derive(Clone, Debug, Serialize)]
pub struct Sign {
    /// Its stable name.
    pub name: String,
    /// What it means.
    pub meaning: String,
    /// Whether the kind rests on it.
    pub decided: bool,
}

/// A line of the text.
#[derive(Clone, Debug, Serialize)]
pub struct ReadLine {
    /// `typed`, `blank`, `quote`, `attribution`, `signature`, `doubtful`.
    pub part: String,
    /// The line.
    pub text: String,
}
