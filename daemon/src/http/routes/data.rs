//! What is held: keys, copies, the audit of the timeline, and one person's data. For administrators.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Shared, State};
use crate::http::body::Sent;
use crate::http::check;
use crate::http::face::Asks;
use crate::http::problem::Refuse;
use crate::http::values::backed_up;
use crate::wire::{Audit, AuditAsk, AuditHead, BackedUp, Export, Forgotten, List, PersonAsk, Problem, RootKey};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(backup))
        .routes(routes!(keys))
        .routes(routes!(rotate))
        .routes(routes!(head))
        .routes(routes!(verify))
        .routes(routes!(export))
        .routes(routes!(forget))
}

/// Write a consistent copy of the database into `backups/` of the state folder, while it is in use, and try it out: it is checked,
/// counted, and put back on trial. The root key is not in it.
#[utoipa::path(post, path = "/v1/backup", tag = "data", operation_id = "backup",
    responses((status = 201, description = "Written and tried out.", body = BackedUp)))]
async fn backup(state: State, Asks(caller): Asks) -> Result<(StatusCode, Json<BackedUp>), Refuse> {
    let (file, copied) = state.app.backup(&caller).await?;
    Ok((StatusCode::CREATED, Json(backed_up(&file, copied))))
}

/// List the root keys, and what still needs each. The keys themselves are never shown.
#[utoipa::path(get, path = "/v1/keys", tag = "data", operation_id = "keys",
    responses((status = 200, description = "All of them, in one page.", body = List<RootKey>)))]
async fn keys(state: State, Asks(caller): Asks) -> Result<Json<List<RootKey>>, Refuse> {
    let items = state.app.keys(&caller).await?.into_iter().map(RootKey::from).collect();
    Ok(Json(List { items, next: None }))
}

/// Make a new root key and put it in use. The old ones go on to check: mails that are out stay good.
#[utoipa::path(post, path = "/v1/keys/rotate", tag = "data", operation_id = "rotate_key",
    responses((status = 201, description = "In use; all of them, the new one first.", body = List<RootKey>),
        (status = 409, description = "The key file is not the daemon's to write.", body = Problem, content_type = "application/problem+json")))]
async fn rotate(state: State, Asks(caller): Asks) -> Result<(StatusCode, Json<List<RootKey>>), Refuse> {
    let items = state.app.rotate_key(&caller).await?.into_iter().map(RootKey::from).collect();
    Ok((StatusCode::CREATED, Json(List { items, next: None })))
}

/// The end of the timeline's chain. Kept elsewhere, it shows later whether lines up to here were taken out.
#[utoipa::path(get, path = "/v1/audit", tag = "data", operation_id = "audit_head",
    responses((status = 200, description = "As it stands.", body = AuditHead)))]
async fn head(state: State, Asks(caller): Asks) -> Result<Json<AuditHead>, Refuse> {
    let head = state.app.audit_head(&caller).await?;
    Ok(Json(AuditHead { head: head.map(|head| head.to_string()) }))
}

/// Look through the whole timeline: is every line as it was written, where it was written, and all there? Reads
/// every line that is kept.
#[utoipa::path(post, path = "/v1/audit/verify", tag = "data", operation_id = "audit",
    request_body = AuditAsk,
    responses((status = 200, description = "What was found, good or not.", body = Audit)))]
async fn verify(state: State, Asks(caller): Asks, sent: Sent<AuditAsk>) -> Result<Json<Audit>, Refuse> {
    Ok(Json(state.app.audit(&caller, check::audit_ask(sent.value)?).await?.into()))
}

/// All that is held about a person. No secret is in it.
#[utoipa::path(post, path = "/v1/export", tag = "data", operation_id = "export",
    request_body = PersonAsk,
    responses((status = 200, description = "All of it, or empty lists.", body = Export)))]
async fn export(state: State, Asks(caller): Asks, sent: Sent<PersonAsk>) -> Result<Json<Export>, Refuse> {
    let (person, _) = check::person_ask(sent.value)?;
    Ok(Json(state.app.export(&caller, person).await?.into()))
}

/// Erase what is held about a person. Open resets end; states, times, counters and the timeline's hashes stay.
#[utoipa::path(post, path = "/v1/forget", tag = "data", operation_id = "forget",
    request_body = PersonAsk,
    responses((status = 200, description = "What was erased, or with `dry_run` would be.", body = Forgotten)))]
async fn forget(state: State, Asks(caller): Asks, sent: Sent<PersonAsk>) -> Result<Json<Forgotten>, Refuse> {
    let (person, dry_run) = check::person_ask(sent.value)?;
    let gone = state.app.forget(&caller, person, dry_run).await?;
    Ok(Json(Forgotten { dry_run, resets: gone.resets, flags: gone.flags, messages: gone.messages, others: gone.others }))
}
