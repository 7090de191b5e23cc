//! What comes back from a person, and what it opens.

use std::fmt;

use resetd_core::ids::ResetId;
use resetd_core::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::reset::Client;

/// A token or code in a request. It is serialised for one purpose: `resetctl` has to send it.
#[derive(Clone)]
pub struct Secret(pub Zeroizing<String>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

/// `POST /v1/resets/inspect` and `/redeem`: a token alone, or portal, account and code.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Presented {
    /// From the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// Where the code was typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portal: Option<String>,
    /// For which account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// As typed: blanks and hyphens don't count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Secret>,
    /// Who brought it, as the application sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Client>,
}

/// How the description spells [`Presented`].
#[derive(ToSchema)]
#[schema(as = Presented)]
#[serde(untagged)]
#[allow(dead_code)]
pub(crate) enum PresentedShape {
    /// From a link.
    Token(PresentedToken),
    /// Typed.
    Code(PresentedCode),
}

/// The secret of a link.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
pub(crate) struct PresentedToken {
    /// The token, as the link had it.
    #[schema(max_length = 200, min_length = 1)]
    token: String,
    /// Who brought it, as the application sees it: its IP is counted when guesses come from it.
    #[serde(default)]
    client: Option<Client>,
}

/// The secret that a person typed.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
pub(crate) struct PresentedCode {
    /// Where it was typed.
    #[schema(example = "shop", max_length = 40)]
    portal: String,
    /// For which account.
    #[schema(example = "u-1842", min_length = 1, max_length = 200)]
    account: String,
    /// As typed: blanks and hyphens don't count, digits of any script do.
    #[schema(max_length = 40, min_length = 1)]
    code: String,
    /// Who typed it, as the application sees it: wrong codes are counted by its IP, over all accounts.
    #[serde(default)]
    client: Option<Client>,
}

/// The secret is good.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Good {
    /// The reset that it belongs to.
    #[schema(value_type = String, format = Uuid)]
    pub reset: ResetId,
    /// Its portal.
    pub portal: String,
    /// Whose password may be set.
    pub account: Option<String>,
    /// When it stops being good.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}
