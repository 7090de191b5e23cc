//! Names of things: a reset's and a flag's id, a portal's name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::Timestamp;

/// A reset's id: a UUID of version 7 (RFC 9562 §5.7), so that ids sort by time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResetId(Uuid);

impl ResetId {
    /// A new id from the time and ten random bytes.
    pub fn new(now: Timestamp, entropy: [u8; 10]) -> Self {
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &entropy).into_uuid())
    }

    /// The sixteen octets.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// From sixteen octets.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for ResetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for ResetId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

/// A portal's name as it stands in the configuration and the API: 1 to 40 of `a-z 0-9 - _`, starting with a letter.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize)]
#[serde(transparent)]
pub struct PortalName(std::sync::Arc<str>);

/// The text is no portal name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 40 of a-z, 0-9, - and _, starting with a letter")]
pub struct PortalNameError;

impl PortalName {
    /// Checks `text`.
    pub fn parse(text: &str) -> Result<Self, PortalNameError> {
        let chars_ok = text.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_'));
        let first_ok = text.starts_with(|c: char| c.is_ascii_lowercase());
        if text.len() > 40 || !chars_ok || !first_ok {
            return Err(PortalNameError);
        }
        Ok(Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PortalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PortalName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| serde::de::Error::custom(format!("`{text}` {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_survive_text() {
        let a = ResetId::new(Timestamp::from_millis(1_000), [9; 10]);
        let b = ResetId::new(Timestamp::from_millis(2_000), [1; 10]);
        assert!(a < b);
        assert_eq!(a.to_string().parse::<ResetId>().unwrap(), a);
    }

    #[test]
    fn portal_names_are_plain() {
        assert!(PortalName::parse("shop-2").is_ok());
        for bad in ["", "Shop", "2shop", "a/b", "../x", "a b"] {
            assert!(PortalName::parse(bad).is_err(), "{bad}");
        }
    }
}
