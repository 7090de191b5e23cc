//! Resets: asked for, shown, taken back, completed.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use axum::http::{Response, StatusCode};
use resetd_core::ids::ResetId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Shared, State};
use crate::http::body::Sent;
use crate::http::face::Asks;
use crate::http::problem::Refuse;
use crate::http::query::Id;
use crate::http::{check, idempotency};
use crate::wire::{Accepted, AcceptedStatus, NewReset, Problem, Reset};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(request)).routes(routes!(show, revoke)).routes(routes!(completed))
}

/// Ask for a reset.
///
/// The answer is the same, after the same time, whatever is known of account and address; what became of the request stands in its
/// timeline. It comes when the request is on disk.
#[utoipa::path(post, path = "/v1/resets", tag = "resets", operation_id = "request",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255,
        description = "Visible ASCII. The same key with the same body gives the same answer and no second mail; with another body: 422.")),
    request_body = NewReset,
    responses((status = 202, description = "On disk.", body = Accepted, headers(("Location" = String, description = "The reset's path."))),
        (status = 422, description = "The Idempotency-Key came before, with another body.", body = Problem, content_type = "application/problem+json")))]
async fn request(state: State, Asks(caller): Asks, headers: HeaderMap, sent: Sent<NewReset>) -> Result<Response<Body>, Refuse> {
    let key = idempotency::of(&headers, &sent.bytes)?;
    let id = state.app.request(&caller, check::new_reset(sent.value)?, key).await?;
    accepted(id)
}

/// Show a reset and its timeline.
#[utoipa::path(get, path = "/v1/resets/{id}", tag = "resets", operation_id = "show",
    params(("id" = String, Path, format = Uuid)),
    responses((status = 200, description = "As it stands.", body = Reset),
        (status = 404, description = "No such reset.", body = Problem, content_type = "application/problem+json")))]
async fn show(state: State, Asks(caller): Asks, Id(id): Id<ResetId>) -> Result<Json<Reset>, Refuse> {
    Ok(Json(state.app.show(&caller, id).await?.into()))
}

/// Take a reset back: its secret is dead from now on.
#[utoipa::path(delete, path = "/v1/resets/{id}", tag = "resets", operation_id = "revoke",
    params(("id" = String, Path, format = Uuid)),
    responses((status = 200, description = "Taken back.", body = Reset),
        (status = 404, description = "No such reset.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is over already.", body = Problem, content_type = "application/problem+json")))]
async fn revoke(state: State, Asks(caller): Asks, Id(id): Id<ResetId>) -> Result<Json<Reset>, Refuse> {
    Ok(Json(state.app.revoke(&caller, id).await?.into()))
}

/// Say that the password was changed: the person gets a notice.
#[utoipa::path(post, path = "/v1/resets/{id}/completed", tag = "resets", operation_id = "completed",
    params(("id" = String, Path, format = Uuid)),
    responses((status = 204, description = "On disk; the notice goes out."),
        (status = 404, description = "No such reset.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It was not redeemed.", body = Problem, content_type = "application/problem+json")))]
async fn completed(state: State, Asks(caller): Asks, Id(id): Id<ResetId>) -> Result<StatusCode, Refuse> {
    state.app.completed(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `202`, with the path of the reset.
pub(in crate::http) fn accepted(id: ResetId) -> Result<Response<Body>, Refuse> {
    let body = serde_json::to_vec(&Accepted { id, status: AcceptedStatus::Accepted }).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::ACCEPTED;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(path) = HeaderValue::try_from(format!("/v1/resets/{id}")) {
        response.headers_mut().insert(LOCATION, path);
    }
    Ok(response)
}
