//! The queue of mails that wait, and the addresses that get none.

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
use crate::wire::{Hold, List, Mail, Problem, Queued};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, cancel))
        .routes(routes!(retry))
        .routes(routes!(holds))
        .routes(routes!(release))
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

/// Show a mail, waiting or not, with what each of its failed attempts met.
#[utoipa::path(get, path = "/v1/queue/{id}", tag = "mail", operation_id = "queue_show",
    params(("id" = i64, Path)),
    responses((status = 200, description = "As it stands.", body = Mail),
        (status = 404, description = "No such mail.", body = Problem, content_type = "application/problem+json")))]
async fn show(state: State, Asks(caller): Asks, Id(id): Id<i64>) -> Result<Json<Mail>, Refuse> {
    Ok(Json(state.app.queue_show(&caller, id).await?.into()))
}

/// Take a waiting mail out of the queue. Its reset ends as undeliverable.
#[utoipa::path(delete, path = "/v1/queue/{id}", tag = "mail", operation_id = "queue_drop",
    params(("id" = i64, Path)),
    responses((status = 204, description = "It waits no more."),
        (status = 404, description = "No such mail waits.", body = Problem, content_type = "application/problem+json")))]
async fn cancel(state: State, Asks(caller): Asks, Id(id): Id<i64>) -> Result<StatusCode, Refuse> {
    state.app.queue_drop(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the addresses that get no mail for a while after a hard bounce.
#[utoipa::path(get, path = "/v1/holds", tag = "mail", operation_id = "holds",
    params(("after" = Option<String>, Query, description = "The `next` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Items of a page; 100 where it is not given.")),
    responses((status = 200, description = "A page.", body = List<Hold>)))]
async fn holds(state: State, Asks(caller): Asks, mut query: Query) -> Result<Json<List<Hold>>, Refuse> {
    let page = query.page()?;
    query.finish()?;
    Ok(Json(values::list(state.app.holds(&caller, page).await?)))
}

/// Let an address have mail again.
#[utoipa::path(delete, path = "/v1/holds/{id}", tag = "mail", operation_id = "release",
    params(("id" = i64, Path)),
    responses((status = 204, description = "It may have mail."),
        (status = 404, description = "No such address is held.", body = Problem, content_type = "application/problem+json")))]
async fn release(state: State, Asks(caller): Asks, Id(id): Id<i64>) -> Result<StatusCode, Refuse> {
    state.app.release(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
