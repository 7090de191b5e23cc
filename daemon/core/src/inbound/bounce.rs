//! What a delivery report says of one recipient (RFC 3464), in the words of the timeline and the API.

use serde::Serialize;

/// What became of the mail, as the reporting system put it (RFC 3464 §2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It will not arrive.
    Failed,
    /// Not yet; the reporter goes on trying.
    Delayed,
    /// It arrived.
    Delivered,
    /// Handed to a system that sends no reports.
    Relayed,
    /// Delivered to a list that sends it on.
    Expanded,
}

impl Action {
    /// Reads the field's value; comments and spelling mistakes of real systems are let pass.
    pub fn parse(value: &str) -> Option<Self> {
        let word: String = value.trim().chars().take_while(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase();
        match word.as_str() {
            "failed" | "fail" | "failure" | "undeliverable" => Some(Self::Failed),
            "delayed" | "delay" | "deferred" => Some(Self::Delayed),
            "delivered" | "deliverable" => Some(Self::Delivered),
            "relayed" | "relay" => Some(Self::Relayed),
            "expanded" => Some(Self::Expanded),
            _ => None,
        }
    }
}

/// What a bounce means for the address. Only `Hard` speaks against the address itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BounceClass {
    /// The address does not exist or takes no mail at all.
    Hard,
    /// It failed this time, for a reason that may pass.
    Soft,
    /// Still being tried. Not a failure.
    Delayed,
    /// Arrived. Not a failure.
    Delivered,
    /// Handed on to a system that reports nothing. Not a failure.
    Relayed,
}

impl BounceClass {
    /// Whether the mail is reported as lost.
    pub fn failed(self) -> bool {
        matches!(self, Self::Hard | Self::Soft)
    }

    /// The name in the API and the timeline.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
        }
    }
}

/// One delivery report, boiled down to its worst recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bounce {
    /// The address that was not reached, as far as the report names one.
    pub recipient: Option<String>,
    /// What the report says happened.
    pub action: Option<Action>,
    /// Enhanced status code such as `5.1.1` (RFC 3463).
    pub status: Option<String>,
    /// What it means for the address.
    pub class: BounceClass,
    /// Stable snake_case name of the reason, such as `userunknown`, `mailboxfull`, `expired`.
    pub reason: String,
    /// What the remote system answered, on one line.
    pub reply: Option<String>,
}
