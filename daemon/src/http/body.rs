//! Reading bodies: media type, size and time are bounded, and JSON becomes a request type or a problem that names the field.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::json_error;
use super::problem::Refuse;
use crate::wire::{Kind, Problem};

/// The largest JSON body, octets.
pub(super) const JSON_MAX: usize = 64 * 1024;
/// The largest message that `POST /v1/inbound` takes, octets.
pub(super) const MESSAGE_MAX: usize = 10 * 1024 * 1024;

/// How long a body may take to arrive: put into each request by its connection.
#[derive(Clone, Copy)]
pub(super) struct BodyTimeout(pub(super) Duration);

/// A JSON body, read, and its octets as they came.
pub(super) struct Sent<T> {
    pub(super) value: T,
    pub(super) bytes: Bytes,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Refuse;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refuse> {
        expect_type(request.headers(), "application/json")?;
        let bytes = read(request, JSON_MAX).await?;
        let value = json_error::parse(&bytes)?;
        Ok(Self { value, bytes })
    }
}

/// An RFC 5322 message.
pub(super) struct Message(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Message {
    type Rejection = Refuse;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refuse> {
        expect_type(request.headers(), "message/rfc822")?;
        let bytes = read(request, MESSAGE_MAX).await?;
        if bytes.is_empty() {
            return Err(Problem::new(Kind::Malformed, "the body is empty; it must be a message (RFC 5322)").into());
        }
        Ok(Self(bytes))
    }
}

fn expect_type(headers: &HeaderMap, expected: &'static str) -> Result<(), Refuse> {
    let refuse = |found: &str| {
        let detail = format!("Content-Type must be {expected}, not {found}");
        let problem = Problem {
            field: Some("Content-Type".into()),
            rule: Some(format!("must be {expected}")),
            ..Problem::new(Kind::MediaType, detail)
        };
        Err(Refuse::from(problem))
    };
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return refuse("a compressed body");
    }
    let Some(value) = headers.get(CONTENT_TYPE) else { return refuse("missing") };
    let Ok(text) = value.to_str() else { return refuse("unreadable") };
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let mut charsets = parts.filter_map(|parameter| parameter.split_once('=')).filter(|(name, _)| name.eq_ignore_ascii_case("charset"));
    let charset_ok = expected != "application/json" || charsets.all(|(_, value)| value.trim_matches('"').eq_ignore_ascii_case("utf-8"));
    if essence.eq_ignore_ascii_case(expected) && charset_ok { Ok(()) } else { refuse(&text.chars().take(80).collect::<String>()) }
}

async fn read(request: Request, limit: usize) -> Result<Bytes, Refuse> {
    let too_large = || Refuse::from(Problem::new(Kind::TooLarge, format!("the body may have at most {limit} octets")));
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let timeout = request.extensions().get::<BodyTimeout>().map_or(Duration::from_secs(30), |timeout| timeout.0);
    let collected = tokio::time::timeout(timeout, Limited::new(request.into_body(), limit).collect()).await;
    match collected {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::new(Kind::Malformed, "the body broke off, or its chunks can't be read").into()),
        Err(_) => Err(Problem::new(Kind::Timeout, format!("the body must arrive within {} s", timeout.as_secs_f32())).into()),
    }
}

/// An answer of another type than JSON.
pub(super) fn typed(media_type: &'static str, body: impl Into<Body>) -> ([(header::HeaderName, &'static str); 1], Body) {
    ([(CONTENT_TYPE, media_type)], body.into())
}
