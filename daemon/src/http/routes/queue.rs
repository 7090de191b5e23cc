//! The queue of mails that wait.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Shared, State};
use crate::http::face::Asks;
use crate::http::problem::Refuse;
use crate::http::query::{Id, Query};
use crate::http::values;
use crate::wire::{List, Problem, Queued};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(retry))
}

/// List the mails that wait, the next due first.
#[utoipa::path(get, path = "/v1/queue", tag = "mail", operation_id = "queue",
    params(("after" = Option<String>, Query, description = "The `next` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Items of a page; 100 where it is not given.")),
    responses((status = 200, description = "A page.", body = List<Queued>)))]
async fn list(state: State, Asks(caller): Asks, mut query: Query) -> Result<Json<List<Queued>>, Refuse> {
    let page = query.page()?;
    query.finish()?;
    Ok(Json(values::list(state.app.queue(&caller, page).await?)))
}

/// Try a waiting mail now.
#[utoipa::path(post, path = "/v1/queue/{id}/retry", tag = "mail", operation_id = "queue_retry",
    params(("id" = i64, Path)),
    responses((status = 204, description = "It is due now."),
        (status = 404, description = "No such mail waits.", body = Problem, content_type = "application/problem+json")))]
async fn retry(state: State, Asks(caller): Asks, Id(id): Id<i64>) -> Result<StatusCode, Refuse> {
    state.app.queue_retry(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
