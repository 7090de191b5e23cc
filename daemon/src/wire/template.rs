//! Wordings.

use resetd_core::reset::Method;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::reset::MethodName;

/// One wording.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Template {
    /// Its name.
    #[schema(example = "easy")]
    pub name: String,
    /// `reset`, `notice`, `acknowledgement`, `alert`.
    #[schema(example = "reset")]
    pub kind: String,
    /// The portal whose own it is; null: it came with resetd.
    pub portal: Option<String>,
    /// Its languages.
    pub locales: Vec<String>,
    /// Why an administrator's own wording is not used; null: it is.
    pub problem: Option<String>,
}

/// `POST /v1/templates/preview`
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewAsk {
    /// For which portal.
    #[schema(example = "shop", max_length = 40)]
    pub portal: String,
    /// Which wording.
    #[schema(example = "easy", max_length = 64)]
    pub wording: String,
    /// In which language; without it the portal's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 35)]
    pub locale: Option<String>,
    /// With link, code or both; without it the portal's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MethodName>)]
    pub method: Option<Method>,
}

/// A mail as it would look, with made-up values.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    /// Subject.
    pub subject: String,
    /// Plain text part.
    pub text: String,
    /// HTML part.
    pub html: String,
}
