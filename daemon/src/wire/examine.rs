//! Whether mail gets out, is believed, and answers get back.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::present;

/// `POST /v1/examine`
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExamineAsk {
    /// Which portal; null: all of them.
    #[serde(deserialize_with = "present")]
    #[schema(required, example = "shop", max_length = 40)]
    pub portal: Option<String>,
    /// Where a real test mail goes; null: nowhere. With several portals, `portal` must say whose it is.
    #[serde(deserialize_with = "present")]
    #[schema(required, example = "you@example.org")]
    pub send_to: Option<String>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// What was looked at: `DNS`, `relay`, `port 25`, `reverse DNS`, `DNSSEC`, `way back`, `TLS inwards`, `SPF`, `DKIM`, `DMARC`, `test mail`.
    #[schema(example = "SPF")]
    pub check: String,
    /// For which portal; null: for all.
    pub portal: Option<String>,
    /// How it stands.
    pub state: FindingState,
    /// What was found; may have several lines and words from outside.
    pub found: String,
    /// What to do about it; null: nothing.
    pub cure: Option<String>,
}

/// How it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FindingState {
    /// As it should be.
    Ok,
    /// It works, but somebody should look.
    Warn,
    /// It does not work.
    Fail,
}
