//! The paths, one file for each thing they are about. A handler translates, calls one use case, and translates back.

mod data;
mod events;
mod examine;
mod flags;
mod inbound;
mod logins;
mod queue;
mod resets;
mod secrets;
mod status;
mod templates;

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Bytes;
use axum::response::IntoResponse;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::typed;
use super::openapi;
use crate::ambient::Stop;
use crate::app::App;

/// What handlers share.
pub(super) struct Shared {
    pub(super) app: Arc<App>,
    pub(super) stop: Stop,
}

#[cfg(test)]
pub(super) use resets::accepted;

type State = axum::extract::State<Arc<Shared>>;

/// Every path.
pub(super) fn router() -> Router<Arc<Shared>> {
    described().into()
}

/// Every path, with its description.
pub(super) fn described() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::with_openapi(openapi::base())
        .merge(resets::routes())
        .merge(secrets::routes())
        .merge(logins::routes())
        .merge(flags::routes())
        .merge(events::routes())
        .merge(inbound::routes())
        .merge(queue::routes())
        .merge(examine::routes())
        .merge(templates::routes())
        .merge(status::routes())
        .merge(data::routes())
        .routes(routes!(description))
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "daemon", operation_id = "description",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object, content_type = "application/json")))]
async fn description() -> impl IntoResponse {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| openapi::document().to_json().unwrap_or_default().into());
    typed("application/json", TEXT.clone())
}
