//! Messages that a client hands in.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Shared, State};
use crate::http::body::Message;
use crate::http::face::Asks;
use crate::http::problem::Refuse;
use crate::wire::Ingested;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(ingest))
}

/// Hand in a message that arrived at the monitored mailbox.
///
/// The answer comes when the message is on disk, sealed; it is read after that. At most 10 MiB.
#[utoipa::path(post, path = "/v1/inbound", tag = "mail", operation_id = "ingest",
    request_body(content = String, content_type = "message/rfc822", description = "The message, RFC 5322."),
    responses((status = 202, description = "On disk.", body = Ingested)))]
async fn ingest(state: State, Asks(caller): Asks, Message(raw): Message) -> Result<(StatusCode, Json<Ingested>), Refuse> {
    let ingested = state.app.ingest(&caller, raw.into()).await?;
    Ok((StatusCode::ACCEPTED, Json(Ingested { id: ingested.id, duplicate: ingested.duplicate })))
}
