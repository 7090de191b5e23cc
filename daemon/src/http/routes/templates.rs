//! Wordings.

use std::sync::Arc;

use axum::Json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Shared, State};
use crate::http::body::Sent;
use crate::http::check;
use crate::http::face::Asks;
use crate::http::problem::Refuse;
use crate::wire::{List, Preview, PreviewAsk, Problem, Template};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(preview))
}

/// List the wordings, those of resetd and those of each portal.
#[utoipa::path(get, path = "/v1/templates", tag = "mail", operation_id = "templates",
    responses((status = 200, description = "All of them, in one page.", body = List<Template>)))]
async fn list(state: State, Asks(caller): Asks) -> Result<Json<List<Template>>, Refuse> {
    let items = state.app.templates(&caller)?.into_iter().map(Template::from).collect();
    Ok(Json(List { items, next: None }))
}

/// See a wording with made-up values.
#[utoipa::path(post, path = "/v1/templates/preview", tag = "mail", operation_id = "preview",
    request_body = PreviewAsk,
    responses((status = 200, description = "As it would be sent.", body = Preview),
        (status = 404, description = "No such wording.", body = Problem, content_type = "application/problem+json")))]
async fn preview(state: State, Asks(caller): Asks, sent: Sent<PreviewAsk>) -> Result<Json<Preview>, Refuse> {
    let preview = state.app.preview(&caller, check::preview_ask(sent.value)?)?;
    Ok(Json(Preview { subject: preview.subject, text: preview.text, html: preview.html }))
}
