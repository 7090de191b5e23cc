//! Failed logins.

use std::sync::Arc;

use axum::Json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Shared, State};
use crate::http::body::Sent;
use crate::http::check;
use crate::http::face::Asks;
use crate::http::problem::Refuse;
use crate::wire::{LoginCount, LoginFailure};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(count))
}

/// Count a failed login, or clear the count after one that went well.
///
/// At the portal's threshold a reset mail goes out by itself, with its own wording and a daily cap. Nobody is ever locked out.
#[utoipa::path(post, path = "/v1/login-failures", tag = "resets", operation_id = "login_failure",
    request_body = LoginFailure,
    responses((status = 200, description = "Counted.", body = LoginCount)))]
async fn count(state: State, Asks(caller): Asks, sent: Sent<LoginFailure>) -> Result<Json<LoginCount>, Refuse> {
    let count = state.app.login_outcome(&caller, check::login_outcome(sent.value)?).await?;
    Ok(Json(LoginCount { failures: count.failures, threshold: count.threshold }))
}
