//! Refusals on their way out: what a use case says becomes a problem document; what only the log may know stays there.

use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;

use super::forbidden::Why;
use crate::app::AppError;
use crate::wire::{Kind, PROBLEM_JSON, Problem};

/// Refusals that come before the body is read. The connection ends then, where the rest of the body is long or late; a client
/// that is not told would send its next request into the void.
const UNREAD: [Kind; 5] = [Kind::TooLarge, Kind::MediaType, Kind::Timeout, Kind::NoPath, Kind::Method];

/// A problem as a handler's error.
pub(super) struct Refuse(pub(super) Box<Problem>);

/// A problem as the error of a function that checks.
pub(super) type Wrong = Box<Problem>;

/// `field` breaks `rule`.
pub(super) fn invalid(field: impl Into<String>, rule: impl Into<String>) -> Wrong {
    Problem::invalid(field, rule).into()
}

impl From<Wrong> for Refuse {
    fn from(problem: Wrong) -> Self {
        Self(problem)
    }
}

impl From<Problem> for Refuse {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl From<AppError> for Refuse {
    fn from(error: AppError) -> Self {
        translate(error).into()
    }
}

fn translate(error: AppError) -> Problem {
    match error {
        AppError::Invalid { field, rule } => Problem::invalid(field, rule),
        AppError::Forbidden(detail) => Problem::new(Kind::Forbidden, detail),
        AppError::NotFound(what) => Problem::new(Kind::NotFound, format!("there is no such {what}, or none that this client may see")),
        AppError::Conflict(detail) => Problem::new(Kind::Conflict, detail),
        AppError::KeyReused => Problem {
            field: Some("Idempotency-Key".into()),
            rule: Some("must be new for a new body".into()),
            ..Problem::new(Kind::KeyReused, "take a new key for a new request, or send the body of the first one")
        },
        AppError::Refused(reason) => Problem::refused(reason),
        AppError::Unavailable(detail) => {
            tracing::error!(event = "http.unavailable", detail);
            Problem::new(Kind::Unavailable, detail)
        }
        AppError::Internal(error) => {
            tracing::error!(event = "http.failed", %error);
            internal()
        }
    }
}

/// What a client hears of a fault of ours: nothing.
pub(super) fn internal() -> Problem {
    Problem::new(Kind::Internal, "the daemon's log has more")
}

impl IntoResponse for Refuse {
    fn into_response(self) -> Response<Body> {
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if UNREAD.iter().any(|kind| kind.urn() == self.0.kind) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if self.0.kind == Kind::Forbidden.urn() {
            response.extensions_mut().insert(Why(self.0.detail.as_str().into()));
        }
        if self.0.status == 503 {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use resetd_core::reset::Refusal;

    use super::*;

    #[test]
    fn each_failure_has_its_status() {
        let status = |error| translate(error).status;
        assert_eq!(status(AppError::Invalid { field: "email", rule: "must be local@domain".into() }), 400);
        assert_eq!(status(AppError::Forbidden(String::new())), 403);
        assert_eq!(status(AppError::NotFound("flag")), 404);
        assert_eq!(status(AppError::Conflict(String::new())), 409);
        assert_eq!(status(AppError::KeyReused), 422);
        assert_eq!(status(AppError::Unavailable(String::new())), 503);
        assert_eq!(status(AppError::Unavailable("the disk is full".into())), 503);
        assert_eq!(translate(AppError::Refused(Refusal::Used)).reason, Some(Refusal::Used));
    }
}
