//! Flags: cases for support.

use std::sync::Arc;

use axum::Json;
use axum::response::IntoResponse;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Shared, State};
use crate::http::body::{Sent, typed};
use crate::http::check;
use crate::http::face::Asks;
use crate::http::problem::{Refuse, Wrong, invalid};
use crate::http::query::{Id, Query};
use crate::http::values::{self, FlagFilter, Severity};
use crate::wire::{self, Flag, FlagState, List, Problem, Resolve};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(message)).routes(routes!(resolve))
}

/// List flags, newest first.
#[utoipa::path(get, path = "/v1/flags", tag = "flags", operation_id = "flags",
    params(("state" = Option<FlagState>, Query, description = "Only open, or only resolved ones."),
        ("severity" = Option<wire::Severity>, Query, description = "At least this severity."),
        ("portal" = Option<String>, Query, description = "Only of this portal."),
        ("account" = Option<String>, Query, description = "Only of this account."),
        ("after" = Option<String>, Query, description = "The `next` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Items of a page; 100 where it is not given.")),
    responses((status = 200, description = "A page.", body = List<Flag>)))]
async fn list(state: State, Asks(caller): Asks, mut query: Query) -> Result<Json<List<Flag>>, Refuse> {
    let filter = filter(&mut query)?;
    let page = query.page()?;
    query.finish()?;
    Ok(Json(values::list(state.app.flags(&caller, filter, page).await?)))
}

fn filter(query: &mut Query) -> Result<FlagFilter, Wrong> {
    let open = match query.take("state")?.as_deref() {
        None => None,
        Some("open") => Some(true),
        Some("resolved") => Some(false),
        Some(_) => return Err(invalid("state", "must be open or resolved")),
    };
    let severity = |text: String| Severity::parse(&text).ok_or_else(|| invalid("severity", "must be low, high or critical"));
    let severity = query.take("severity")?.map(severity).transpose()?;
    let portals = query.take("portal")?.map(|text| check::portal(&text).map(|portal| vec![portal])).transpose()?;
    let account = query.take("account")?.map(check::account).transpose()?;
    Ok(FlagFilter { open, severity, portals, account })
}

/// Show a flag.
#[utoipa::path(get, path = "/v1/flags/{id}", tag = "flags", operation_id = "flag",
    params(("id" = i64, Path)),
    responses((status = 200, description = "As it stands.", body = Flag),
        (status = 404, description = "No such flag.", body = Problem, content_type = "application/problem+json")))]
async fn show(state: State, Asks(caller): Asks, Id(id): Id<i64>) -> Result<Json<Flag>, Refuse> {
    Ok(Json(state.app.flag(&caller, id).await?.into()))
}

/// The message behind a flag, with every link and code of ours struck out.
#[utoipa::path(get, path = "/v1/flags/{id}/message", tag = "flags", operation_id = "flag_message",
    params(("id" = i64, Path)),
    responses((status = 200, description = "The message.", body = String, content_type = "message/rfc822"),
        (status = 404, description = "No such flag, or no message with it.", body = Problem, content_type = "application/problem+json")))]
async fn message(state: State, Asks(caller): Asks, Id(id): Id<i64>) -> Result<impl IntoResponse, Refuse> {
    Ok(typed("message/rfc822", state.app.flag_message(&caller, id).await?))
}

/// Close a flag, with who, what came of it, and a note.
#[utoipa::path(post, path = "/v1/flags/{id}/resolve", tag = "flags", operation_id = "resolve",
    params(("id" = i64, Path)), request_body = Resolve,
    responses((status = 200, description = "Closed.", body = Flag),
        (status = 404, description = "No such flag.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is closed already.", body = Problem, content_type = "application/problem+json")))]
async fn resolve(state: State, Asks(caller): Asks, Id(id): Id<i64>, sent: Sent<Resolve>) -> Result<Json<Flag>, Refuse> {
    let Resolve { outcome, note, by } = check::resolve(sent.value)?;
    Ok(Json(state.app.resolve(&caller, id, by, outcome, note).await?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_checked() {
        let of = |text: &str| filter(&mut Query::parse(text));
        let full = of("state=open&severity=high&portal=shop&account=u%20-1").unwrap();
        assert_eq!((full.open, full.severity, full.account.as_deref()), (Some(true), Some(Severity::High), Some("u -1")));
        assert_eq!(full.portals.unwrap()[0].as_str(), "shop");
        for bad in ["state=closed", "severity=worst", "portal=Shop", "account="] {
            assert!(of(bad).unwrap_err().field.is_some_and(|field| bad.starts_with(&field)), "{bad}");
        }
    }
}
