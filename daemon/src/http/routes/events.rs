//! The timeline of everything, by pages or as it grows.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::sse::{Event as Sse, KeepAlive, Sse as Answer};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Shared, State};
use crate::http::face::Asks;
use crate::http::problem::{Refuse, Wrong};
use crate::http::query::{Query, cursor};
use crate::http::stream::Follower;
use crate::http::values::{self, Line, Page};
use crate::wire::{Event, List};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Read the timeline of everything, oldest first.
///
/// With `Accept: text/event-stream` it goes on: what stands behind `Last-Event-ID` (or `after`), then every line as it is committed. Without
/// either, only what is new. `id:` is the line's id, `event:` its name, `data:` the same JSON as in a page.
#[utoipa::path(get, path = "/v1/events", tag = "events", operation_id = "events",
    params(("after" = Option<String>, Query, description = "The `next` of the page before, or the id of an event."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Items of a page; 100 where it is not given."),
        ("Last-Event-ID" = Option<String>, Header, description = "The last id that was seen of the stream.")),
    responses((status = 200, description = "A page, or the stream.",
        content((List<Event> = "application/json"), (String = "text/event-stream")))))]
async fn events(state: State, asks: Asks, headers: HeaderMap, mut query: Query) -> Result<Response, Refuse> {
    let page = query.page()?;
    query.finish()?;
    if !wants_stream(&headers) {
        let listed = state.app.events(&asks.0, page).await?;
        return Ok(Json(values::list::<_, Event>(listed)).into_response());
    }
    let after = last_seen(&headers)?.or(page.after);
    stream(&state.0, asks, after).await
}

async fn stream(shared: &Arc<Shared>, Asks(caller): Asks, after: Option<i64>) -> Result<Response, Refuse> {
    let live = shared.app.subscribe();
    // Who may not read the timeline hears so before the stream begins.
    shared.app.events(&caller, Page { after: Some(i64::MAX), limit: 1 }).await?;
    let (app, reader) = (shared.app.clone(), caller.clone());
    let read = move |page| {
        let (app, reader) = (app.clone(), reader.clone());
        async move { app.events(&reader, page).await }
    };
    let app = shared.app.clone();
    let sees = move |line: &Line| app.may_see(&caller, line);
    // What the rules gave is good as long as they stand: after a change the stream ends before its next line, and who comes again
    // with the last id is asked again.
    let (app, rules) = (shared.app.clone(), shared.app.settings());
    let still = move |_: &Line| std::future::ready(app.settings().clients == rules.clients);
    let lines = Follower::new(read, sees, live, shared.stop.clone(), after).lines().take_while(still);
    let answer = Answer::new(lines.map(|line| Ok::<_, Infallible>(event(line))));
    Ok(answer.keep_alive(KeepAlive::default()).into_response())
}

fn event(line: Line) -> Sse {
    let event = Event::from(line);
    let data = serde_json::to_string(&event).unwrap_or_default();
    Sse::default().id(event.id.to_string()).event(event.event).data(data)
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let named = |value: &str| value.split(',').any(|range| range.split(';').next().is_some_and(|is| is.trim() == "text/event-stream"));
    headers.get_all(ACCEPT).iter().any(|value| value.to_str().is_ok_and(named))
}

fn last_seen(headers: &HeaderMap) -> Result<Option<i64>, Wrong> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    cursor("Last-Event-ID", value.to_str().unwrap_or_default()).map(Some)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_stream_is_asked_for_by_name() {
        let wants = |accept: &'static str| wants_stream(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]));
        assert!(wants("text/event-stream") && wants("application/json;q=0.5, text/event-stream;q=1"));
        assert!(!wants("*/*") && !wants("application/json") && !wants_stream(&HeaderMap::new()));
    }

    #[test]
    fn the_last_id_is_a_cursor() {
        let last = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("last-event-id", HeaderValue::from_static(value));
            last_seen(&headers)
        };
        assert_eq!(last("17").unwrap(), Some(17));
        assert_eq!(last("abc").unwrap_err().field.as_deref(), Some("Last-Event-ID"));
        assert_eq!(last_seen(&HeaderMap::new()).unwrap(), None);
    }
}
