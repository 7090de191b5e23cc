//! Why a mail came back: from the enhanced status and the remote system's words to a stable reason and a class.

use super::BounceClass;

/// A reason and what it means for the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// Stable snake_case name.
    pub reason: &'static str,
    /// Hard or soft.
    pub class: BounceClass,
}

/// Judges a failure by its enhanced status (`5.1.1`), SMTP reply code and words. Words outrank codes.
pub fn diagnose(_status: Option<&str>, _code: Option<u16>, _words: &str) -> Diagnosis {
    Diagnosis {
        reason: "undefined",
        class: BounceClass::Soft,
    }
}
