//! What comes back from a person.

use std::sync::Arc;

use axum::Json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Shared, State};
use crate::http::body::Sent;
use crate::http::check;
use crate::http::face::Asks;
use crate::http::problem::Refuse;
use crate::wire::{Good, Presented, PresentedShape, Problem};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(inspect)).routes(routes!(redeem))
}

/// Ask whether a secret is good, without using it.
///
/// For the page that the link opens: scanners and previews may open it as often as they like.
#[utoipa::path(post, path = "/v1/resets/inspect", tag = "secrets", operation_id = "inspect",
    request_body = PresentedShape,
    responses((status = 200, description = "It is good.", body = Good),
        (status = 404, description = "Refused: `unknown`.", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "Refused: `expired`, `used`, `superseded`, `denied` or `revoked`.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Refused: `locked`.", body = Problem, content_type = "application/problem+json")))]
async fn inspect(state: State, Asks(caller): Asks, sent: Sent<Presented>) -> Result<Json<Good>, Refuse> {
    Ok(Json(state.app.inspect(&caller, check::presented(sent.value)?).await?.into()))
}

/// Use a secret: good once, and the account's other open secrets die with it.
#[utoipa::path(post, path = "/v1/resets/redeem", tag = "secrets", operation_id = "redeem",
    request_body = PresentedShape,
    responses((status = 200, description = "It was good: set the password of this account.", body = Good),
        (status = 404, description = "Refused: `unknown`.", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "Refused: `expired`, `used`, `superseded`, `denied` or `revoked`.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Refused: `locked`.", body = Problem, content_type = "application/problem+json")))]
async fn redeem(state: State, Asks(caller): Asks, sent: Sent<Presented>) -> Result<Json<Good>, Refuse> {
    Ok(Json(state.app.redeem(&caller, check::presented(sent.value)?).await?.into()))
}
