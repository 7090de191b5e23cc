//! `resetctl events`, and the reader of the event stream.

use std::time::Duration;

use clap::Args;
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;

use super::client::{Answer, ClientError};
use super::errand::{Errand, good, more, path_with};
use super::failure::Failure;
use super::resets::{detail, event_style};
use super::screen::{Screen, clean, when};
use super::table::{Table, styled};
use crate::wire::{Event, List};

#[derive(Args)]
pub(super) struct Events {
    /// Go on with new lines until Ctrl-C
    #[arg(long, short)]
    pub(super) follow: bool,
    /// Only lines behind this one
    #[arg(long, value_name = "ID")]
    pub(super) after: Option<i64>,
    /// At most this many lines, 1 to 500
    #[arg(long, value_name = "N", conflicts_with = "follow")]
    pub(super) limit: Option<u32>,
}

/// How long a follower waits before it connects again.
const PAUSE: Duration = Duration::from_secs(2);

pub(super) async fn run(errand: &Errand, ask: &Events) -> Result<(), Failure> {
    if ask.follow {
        return follow(errand, ask.after, |event, json| {
            errand.screen.print(&if errand.json { json.to_owned() } else { line(event, errand.screen) })
        })
        .await;
    }
    let query = [("after", ask.after.map(|id| id.to_string())), ("limit", ask.limit.map(|limit| limit.to_string()))];
    let asked = errand.get(&path_with("/v1/events", &query)).await?;
    errand.show(&asked, table)
}

fn table(list: &List<Event>, screen: Screen) -> String {
    let mut table = Table::new(&["ID", "TIME (UTC)", "EVENT", "PORTAL", "RESET", "DETAIL"]);
    for event in &list.items {
        table.row([
            event.id.to_string().into(),
            when(event.at).into(),
            styled(clean(&event.event), event_style(&event.event)),
            event.portal.clone().unwrap_or_default().into(),
            event.reset.map(|id| id.to_string()).unwrap_or_default().into(),
            detail(&event.detail).into(),
        ]);
    }
    table.render(screen) + &more(list.next.as_ref(), screen)
}

/// One event on a line; names padded, for nobody knows what is still to come.
fn line(event: &Event, screen: Screen) -> String {
    let name = screen.style(&format!("{:17}", clean(&event.event)), event_style(&event.event));
    let id = screen.dim(&format!("{:6}", event.id));
    let portal = event.portal.as_deref().unwrap_or("-");
    let reset = event.reset.map(|id| id.to_string()).unwrap_or_default();
    format!("{id}  {}  {name}  {portal:10}  {reset:36}  {}", when(event.at), detail(&event.detail)).trim_end().to_owned()
}

/// Calls `each` for every event behind `after`, or from now on, until it fails. A daemon that is restarted is waited for, and
/// nothing is missed: the stream goes on behind the last event that was seen.
pub(super) async fn follow(
    errand: &Errand,
    after: Option<i64>,
    mut each: impl FnMut(&Event, &str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut last = after;
    let mut connected = false;
    loop {
        match once(errand, &mut last, &mut each, &mut connected).await {
            Ok(()) => errand.say("the daemon stopped; waiting for it"),
            // The first try says what is wrong; later ones go on.
            Err(Failure::Unreachable(_) | Failure::Failed(_)) if connected => {}
            Err(failure) => return Err(failure),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn once(
    errand: &Errand,
    last: &mut Option<i64>,
    each: &mut impl FnMut(&Event, &str) -> Result<(), Failure>,
    connected: &mut bool,
) -> Result<(), Failure> {
    let place = last.map(|id| id.to_string());
    let mut headers = vec![("accept", "text/event-stream")];
    headers.extend(place.as_deref().map(|id| ("last-event-id", id)));
    let response = errand.client.open("GET", "/v1/events", &headers, Vec::new()).await?;
    let mut stream = Stream::of(response).await?;
    *connected = true;
    while let Some(data) = stream.next().await? {
        let event: Event = serde_json::from_str(&data).map_err(ClientError::from)?;
        *last = Some(event.id);
        each(&event, &data)?;
    }
    Ok(())
}

/// The `data` of each event of a `text/event-stream`.
struct Stream {
    body: Incoming,
    lines: Lines,
}

impl Stream {
    async fn of(response: Response<Incoming>) -> Result<Self, Failure> {
        let status = response.status().as_u16();
        if status == 200 {
            return Ok(Self { body: response.into_body(), lines: Lines::default() });
        }
        let body = response.into_body().collect().await.map_err(ClientError::from)?.to_bytes();
        good(Answer { status, body })?;
        Err(Failure::Failed("the daemon answered without a stream".into()))
    }

    async fn next(&mut self) -> Result<Option<String>, Failure> {
        loop {
            if let Some(data) = self.lines.event() {
                return Ok(Some(data));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(frame) => {
                    let frame = frame.map_err(ClientError::from)?;
                    self.lines.pending.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                }
            }
        }
    }
}

/// Octets of a stream, cut into events.
#[derive(Default)]
struct Lines {
    pending: Vec<u8>,
    data: String,
}

impl Lines {
    /// The data of the next whole event.
    fn event(&mut self) -> Option<String> {
        while let Some(end) = self.pending.iter().position(|octet| *octet == b'\n') {
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() && !self.data.is_empty() {
                return Some(std::mem::take(&mut self.data));
            }
            if let Some(data) = line.strip_prefix("data:") {
                self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_however_they_are_cut() {
        let text = b"retry: 2000\n\n:\n\nid: 7\nevent: mail.sent\ndata: {\"id\":7}\n\nid: 8\r\ndata:{\"id\":8}\r\n\r\nid: 9\ndata: {";
        for size in 1..text.len() {
            let mut lines = Lines::default();
            let mut found = Vec::new();
            for piece in text.chunks(size) {
                lines.pending.extend_from_slice(piece);
                found.extend(std::iter::from_fn(|| lines.event()));
            }
            assert_eq!(found, [r#"{"id":7}"#, r#"{"id":8}"#], "in pieces of {size}");
        }
    }
}
