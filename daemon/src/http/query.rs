//! Query strings and path segments: known names, once each, with values that are what they must be.

use std::borrow::Cow;
use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use super::json_error::repeatable;
use super::problem::{Refuse, Wrong, invalid};
use super::values::Page;
use crate::wire::{Kind, LIMIT_DEFAULT, LIMIT_MAX, Problem};

/// What stands behind the `?`. Take what is known, then [`Query::finish`].
pub(super) struct Query(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        let owned = |(name, value): (Cow<str>, Cow<str>)| (name.into_owned(), value.into_owned());
        Self(url::form_urlencoded::parse(text.as_bytes()).map(owned).collect())
    }

    /// The value of `name`, where it stands.
    pub(super) fn take(&mut self, name: &str) -> Result<Option<String>, Wrong> {
        let mut found = self.0.extract_if(.., |(is, _)| is == name).map(|(_, value)| value);
        let value = found.next();
        if found.next().is_some() {
            return Err(invalid(name, "stands twice in the query"));
        }
        Ok(value)
    }

    /// `after` and `limit`.
    pub(super) fn page(&mut self) -> Result<Page, Wrong> {
        let after = self.take("after")?.map(|text| cursor("after", &text)).transpose()?;
        let limit_rule = || invalid("limit", format!("must be a number from 1 to {LIMIT_MAX}"));
        let limit = match self.take("limit")? {
            None => LIMIT_DEFAULT,
            Some(text) => text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit)).ok_or_else(limit_rule)?,
        };
        Ok(Page { after, limit })
    }

    /// Refuses what nobody took.
    pub(super) fn finish(self) -> Result<(), Wrong> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(match repeatable(name) {
                Some(name) => invalid(name, "is not a query parameter of this path"),
                None => invalid("query", "has a parameter that this path does not know"),
            }),
        }
    }
}

/// A cursor that came from us.
pub(super) fn cursor(field: &str, text: &str) -> Result<i64, Wrong> {
    let rule = || invalid(field, "must be a cursor that an earlier page or event gave");
    text.parse().ok().filter(|cursor| *cursor >= 0).ok_or_else(rule)
}

/// The `{id}` of a path.
pub(super) struct Id<T>(pub(super) T);

impl<T: FromStr + Named, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Refuse;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refuse> {
        let parameters = RawPathParams::from_request_parts(parts, state).await;
        let parameters = parameters.map_err(|_| Problem::new(Kind::Malformed, "the path can't be read"))?;
        let text = parameters.iter().find(|(name, _)| *name == "id").map_or("", |(_, value)| value);
        text.parse().map(Self).map_err(|_| invalid("id", T::RULE).into())
    }
}

/// What an id in a path must be.
pub(super) trait Named {
    const RULE: &'static str;
}

impl Named for resetd_core::ids::ResetId {
    const RULE: &'static str = "must be a reset's id, a UUID";
}

impl Named for i64 {
    const RULE: &'static str = "must be a number";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(problem: impl AsRef<crate::wire::Problem>) -> String {
        problem.as_ref().field.clone().unwrap()
    }

    #[test]
    fn a_page_has_defaults_and_bounds() {
        let page = Query::parse("").page().unwrap();
        assert_eq!((page.after, page.limit), (None, LIMIT_DEFAULT));
        let page = Query::parse("limit=500&after=17").page().unwrap();
        assert_eq!((page.after, page.limit), (Some(17), 500));
        for bad in ["limit=0", "limit=501", "limit=-1", "limit=x", "limit=", "limit=1&limit=2"] {
            assert_eq!(field(Query::parse(bad).page().unwrap_err()), "limit", "{bad}");
        }
        for bad in ["after=x", "after=-1", "after=", "after=99999999999999999999"] {
            assert_eq!(field(Query::parse(bad).page().unwrap_err()), "after", "{bad}");
        }
    }

    #[test]
    fn what_nobody_takes_is_refused() {
        let mut query = Query::parse("state=open&sate=open");
        assert_eq!(query.take("state").unwrap().as_deref(), Some("open"));
        assert_eq!(field(query.finish().unwrap_err()), "sate");
        assert!(Query::parse("").finish().is_ok());
    }
}
