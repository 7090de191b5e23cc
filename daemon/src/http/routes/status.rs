//! How the daemon is doing, for people and for Prometheus.

use std::sync::Arc;

use axum::Json;
use axum::response::IntoResponse;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Shared, State};
use crate::http::body::typed;
use crate::http::face::Asks;
use crate::http::problem::Refuse;
use crate::wire::Status;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(status)).routes(routes!(metrics))
}

/// How it is doing, and what needs a person's hand.
#[utoipa::path(get, path = "/v1/status", tag = "daemon", operation_id = "status",
    responses((status = 200, description = "As it stands.", body = Status)))]
async fn status(state: State, Asks(caller): Asks) -> Result<Json<Status>, Refuse> {
    Ok(Json(state.app.status(&caller).await?.into()))
}

/// Counters and gauges for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "daemon", operation_id = "metrics",
    responses((status = 200, description = "Prometheus text format.", body = String, content_type = "text/plain; version=0.0.4")))]
async fn metrics(state: State, Asks(caller): Asks) -> Result<impl IntoResponse, Refuse> {
    Ok(typed("text/plain; version=0.0.4", state.app.metrics(&caller).await?))
}
