//! Whether mail gets out, is believed, and answers get back.

use std::sync::Arc;

use axum::Json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Shared, State};
use crate::http::body::Sent;
use crate::http::check;
use crate::http::face::Asks;
use crate::http::problem::Refuse;
use crate::wire::{ExamineAsk, Finding, List};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(examine))
}

/// Look at the way out, at what is published about the portals' domains, and perhaps send a test mail. Takes as long as the servers
/// take that are asked.
#[utoipa::path(post, path = "/v1/examine", tag = "mail", operation_id = "examine",
    request_body = ExamineAsk,
    responses((status = 200, description = "What was found, in one page.", body = List<Finding>)))]
async fn examine(state: State, Asks(caller): Asks, sent: Sent<ExamineAsk>) -> Result<Json<List<Finding>>, Refuse> {
    let found = state.app.examine(&caller, check::examine_ask(sent.value)?).await?;
    Ok(Json(List { items: found.into_iter().map(Finding::from).collect(), next: None }))
}
