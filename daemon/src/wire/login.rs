//! Login failures.

use resetd_core::reset::Method;
use resetd_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Client, reset::MethodName};

/// `POST /v1/login-failures`: a login failed (or, with `success`, went well). At the portal's threshold a reset mail goes
/// out by itself, with the portal's wording for it; nobody is locked out.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginFailure {
    /// A portal's name from the configuration.
    #[schema(example = "shop", max_length = 40)]
    pub portal: String,
    /// The account at the portal. Null is refused: for an address that the application does not know there is nothing to count.
    #[serde(deserialize_with = "super::present")]
    #[schema(example = "u-1842", min_length = 1, max_length = 200, required = true)]
    pub account: Option<String>,
    /// Where the mail goes.
    #[schema(example = "ann@example.org", max_length = 254)]
    pub email: String,
    /// True: the login went well, and the count is cleared.
    #[serde(default)]
    #[schema(default = false)]
    pub success: bool,
    /// The person's name, for greetings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100)]
    pub name: Option<String>,
    /// The person's language (BCP 47); without it the portal's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 35)]
    pub locale: Option<String>,
    /// What the mail holds; without it what the portal says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MethodName>)]
    pub method: Option<Method>,
    /// Who tried, as the application sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Client>,
    /// Since when the application knows the address to be this person's (RFC 7293).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub valid_since: Option<Timestamp>,
}

/// What the count stands at.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct LoginCount {
    /// Failures within the portal's window, this one included.
    pub failures: u32,
    /// How many start a reset; 0: none ever do.
    pub threshold: u32,
}
