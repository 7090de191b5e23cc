//! The socket from outside, with routes that need no use cases: what every path has in common.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use futures_util::stream;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::access::Access;
use super::body::{Message, Sent};
use super::face::Face;
use super::problem::Refuse;
use super::query::Id;
use super::serve::{ServeError, ServerLimits, accept};
use super::{check, idempotency, listen};
use crate::config::{self, ClientRule, Environment, Role, Settings, Who};
use crate::wire::{NewReset, Presented};

/// Settings with these rules and nothing else of interest.
pub(super) fn settings(clients: Vec<ClientRule>) -> Settings {
    const TEXT: &str = r#"
        [sending]
        capture = "/nowhere"

        [portal.shop]
        title = "Shop"
        sender = "Shop <no-reply@shop.example>"
        reset_url = "https://shop.example/reset?token={token}"
        reply_to = "reply+{tag}@shop.example"
        support_address = "support@shop.example"
    "#;
    let settings = config::parse(TEXT, Path::new("resetd.toml"), &Environment::of_process()).unwrap();
    Settings { clients, ..settings }
}

/// A rule for whoever runs this.
pub(super) fn myself() -> ClientRule {
    ClientRule { who: Who::Uid(nix::unistd::Uid::current().as_raw()), role: Role::Admin, portals: None }
}

const PATIENT: ServerLimits =
    ServerLimits { max_connections: 64, header_timeout: Duration::from_secs(600), idle_timeout: Duration::from_secs(600) };

async fn request(headers: HeaderMap, sent: Sent<NewReset>) -> Result<String, Refuse> {
    let key = idempotency::of(&headers, &sent.bytes)?;
    let reset = check::new_reset(sent.value)?;
    Ok(format!("{} {}", reset.portal, key.is_some()))
}

async fn redeem(sent: Sent<Presented>) -> Result<&'static str, Refuse> {
    check::presented(sent.value)?;
    Ok("good")
}

async fn ingest(Message(raw): Message) -> String {
    raw.len().to_string()
}

#[allow(clippy::panic)]
async fn broken() -> &'static str {
    panic!("token=secret")
}

fn router() -> Router {
    Router::new()
        .route("/v1/resets", post(request))
        .route("/v1/resets/redeem", post(redeem))
        .route("/v1/inbound", post(ingest))
        .route("/v1/flags/{id}", get(|Id(id): Id<i64>| async move { id.to_string() }))
        .route("/v1/broken", get(broken))
        .route("/v1/stream", get(|| async { Sse::new(stream::pending::<Result<Event, std::convert::Infallible>>()) }))
}

/// A server on a socket of its own.
struct Running {
    folder: tempfile::TempDir,
    stop: watch::Sender<bool>,
    served: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    fn start(rules: Vec<ClientRule>, limits: ServerLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = listen(&folder.path().join("s")).unwrap();
        let settings = Arc::new(settings(rules));
        let face = Face::new(router(), Access::new(move || settings.clone()));
        let (stop, stopped) = watch::channel(false);
        Self { folder, stop, served: tokio::spawn(accept(listener, Arc::new(face), limits, stopped)) }
    }

    fn usual() -> Self {
        Self::start(vec![myself()], PATIENT)
    }

    /// One whose rules change when `switched` is set.
    fn switching(before: Vec<ClientRule>, after: Vec<ClientRule>, limits: ServerLimits, switched: Arc<AtomicBool>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = listen(&folder.path().join("s")).unwrap();
        let (before, after) = (Arc::new(settings(before)), Arc::new(settings(after)));
        let rules = move || if switched.load(Ordering::SeqCst) { after.clone() } else { before.clone() };
        let (stop, stopped) = watch::channel(false);
        Self { folder, stop, served: tokio::spawn(accept(listener, Arc::new(Face::new(router(), Access::new(rules))), limits, stopped)) }
    }

    async fn connect(&self) -> UnixStream {
        UnixStream::connect(self.folder.path().join("s")).await.unwrap()
    }

    /// Sends `text` and reads to the end.
    async fn say(&self, text: impl AsRef<[u8]>) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(text.as_ref()).await.unwrap();
        Answer::read(&mut stream).await
    }

    async fn post(&self, path: &str, media_type: &str, body: &str) -> Answer {
        let length = body.len();
        self.say(format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
        .await
    }

    async fn get(&self, path: &str) -> Answer {
        self.say(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    async fn read(stream: &mut UnixStream) -> Self {
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text).await;
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    /// Checks that it is a problem document of this status and type.
    #[track_caller]
    fn is_problem(&self, status: u16, slug: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.head.contains("content-type: application/problem+json"), "{self:?}");
        assert!(self.head.contains("cache-control: no-store"), "{self:?}");
        let problem: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["type"], format!("urn:resetd:problem:{slug}"), "{self:?}");
        assert_eq!(problem["status"], status);
        problem
    }
}

const JSON: &str = "application/json";
const GOOD: &str = r#"{"portal":"shop","account":"u-1","email":"ann@example.org"}"#;

#[tokio::test]
async fn a_good_request_passes() {
    let answer = Running::usual().post("/v1/resets", "application/json; charset=UTF-8", GOOD).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "shop false"));
    assert!(answer.head.contains("cache-control: no-store"));
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there() {
    let server = Running::usual();
    server.get("/v1/reset").await.is_problem(404, "no-such-path");
    server.get("/v1/resets/").await.is_problem(404, "no-such-path");
    let answer = server.get("/v1/resets").await;
    answer.is_problem(405, "method-not-allowed");
    assert!(answer.head.contains("allow: post"), "{answer:?}");
    let problem = server.get("/v1/flags/x").await.is_problem(400, "invalid");
    assert_eq!(problem["field"], "id");
    assert_eq!(server.get("/v1/flags/7").await.body, "7");
}

#[tokio::test]
async fn bodies_that_are_not_what_they_must_be() {
    let server = Running::usual();
    server.post("/v1/resets", "text/plain", GOOD).await.is_problem(415, "unsupported-media-type");
    server.post("/v1/resets", "application/json; charset=latin1", GOOD).await.is_problem(415, "unsupported-media-type");
    server.post("/v1/inbound", JSON, GOOD).await.is_problem(415, "unsupported-media-type");
    server
        .say("POST /v1/resets HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")
        .await
        .is_problem(415, "unsupported-media-type");
    server.post("/v1/resets", JSON, "{").await.is_problem(400, "malformed");
    server.post("/v1/resets", JSON, "").await.is_problem(400, "malformed");
    server.post("/v1/inbound", "message/rfc822", "").await.is_problem(400, "malformed");
    let problem = server.post("/v1/resets", JSON, &GOOD.replace("ann@", "ann")).await.is_problem(400, "invalid");
    assert_eq!(problem["field"], "email");
    assert!(problem["rule"].as_str().unwrap().starts_with("must be"), "{problem}");
}

#[tokio::test]
async fn bodies_over_the_limit_are_answered_however_they_come() {
    let server = Running::usual();
    let large = "x".repeat(64 * 1024 + 1);
    server.post("/v1/resets", JSON, &large).await.is_problem(413, "too-large");
    let chunked =
        "POST /v1/resets HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunks = format!("{chunked}{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    server.say(chunks).await.is_problem(413, "too-large");
    server.say(format!("{chunked}zz\r\n")).await.is_problem(400, "malformed");
    let message = "x".repeat(10 * 1024 * 1024);
    assert_eq!(server.post("/v1/inbound", "message/rfc822", &message).await.body, "10485760");
    server.post("/v1/inbound", "message/rfc822", &format!("{message}x")).await.is_problem(413, "too-large");
}

#[tokio::test]
async fn a_peer_without_a_rule_hears_why() {
    let stranger = ClientRule { who: Who::Uid(4_000_000_001), role: Role::Admin, portals: None };
    let server = Running::start(vec![stranger], PATIENT);
    let problem = server.post("/v1/resets", JSON, GOOD).await.is_problem(403, "forbidden");
    assert!(problem["detail"].as_str().unwrap().contains("[[client]]"), "{problem}");
    server.get("/nowhere").await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn a_panic_leaks_nothing_and_the_server_goes_on() {
    let server = Running::usual();
    let answer = server.get("/v1/broken").await;
    answer.is_problem(500, "internal");
    assert!(!answer.body.contains("secret"));
    assert_eq!(server.get("/v1/flags/7").await.status, 200);
}

#[tokio::test]
async fn what_is_no_http_gets_a_problem_too() {
    let server = Running::usual();
    server.say("HELO example.org\r\n\r\n").await.is_problem(400, "malformed");
    // After a good answer on the same connection as well.
    let mut stream = server.connect().await;
    stream.write_all(b"GET /v1/flags/7 HTTP/1.1\r\nhost: x\r\n\r\nnonsense\r\n\r\n").await.unwrap();
    let answer = Answer::read(&mut stream).await;
    assert!(answer.status == 200 && answer.body.contains("urn:resetd:problem:malformed"), "{answer:?}");
}

#[tokio::test]
async fn heads_over_the_limit_are_told() {
    let server = Running::usual();
    server.say(format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(20_000))).await.is_problem(431, "head-too-large");
    let many: String = (0..101).map(|n| format!("x-{n}: y\r\n")).collect();
    server.say(format!("GET / HTTP/1.1\r\n{many}\r\n")).await.is_problem(431, "head-too-large");
}

#[tokio::test]
async fn a_key_that_is_no_key() {
    let server = Running::usual();
    let with_key = |key: &str| {
        format!(
            "POST /v1/resets HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\nidempotency-key: {key}\r\ncontent-length: {}\r\n\r\n{GOOD}",
            GOOD.len()
        )
    };
    assert_eq!(server.say(with_key("k-1")).await.body, "shop true");
    let problem = server.say(with_key("a b")).await.is_problem(400, "invalid");
    assert_eq!(problem["field"], "Idempotency-Key");
}

/// Time stands still but for timers that everything waits for: each timeout is reached at once, and no other.
#[tokio::test(start_paused = true)]
async fn slow_clients_are_told_and_idle_ones_let_go() {
    let server = Running::usual();
    server.say("POST /v1/resets HTTP/1.1\r\nhost:").await.is_problem(408, "timeout");
    let head = "POST /v1/resets HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{";
    server.say(head).await.is_problem(408, "timeout");
    let quiet = server.say("").await;
    assert_eq!((quiet.status, quiet.body.as_str()), (0, ""));
    let mut stream = server.connect().await;
    stream.write_all(b"GET /v1/flags/7 HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(Answer::read(&mut stream).await.body, "7", "answered, then closed without a word");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_is_let_go() {
    let limits = ServerLimits { max_connections: 1, ..PATIENT };
    let server = Running::start(vec![myself()], limits);
    let mut deaf = server.connect().await;
    let request = b"GET /v1/flags/7 HTTP/1.1\r\nhost: x\r\n\r\n";
    while let Ok(Ok(())) = tokio::time::timeout(Duration::from_secs(1), deaf.write_all(request)).await {}
    // The only seat is free again once the deaf one is gone.
    assert_eq!(server.get("/v1/flags/8").await.body, "8");
}

#[tokio::test]
async fn those_without_a_seat_wait() {
    let server = Running::start(vec![myself()], ServerLimits { max_connections: 1, ..PATIENT });
    let mut first = server.connect().await;
    first.write_all(b"GET /v1/flags/1 HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut octet = [0];
    first.read_exact(&mut octet).await.unwrap();
    let mut second = server.connect().await;
    second.write_all(b"GET /v1/flags/2 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    drop(first);
    assert_eq!(Answer::read(&mut second).await.body, "2");
}

#[tokio::test]
async fn a_stop_lets_go_of_everybody() {
    let server = Running::usual();
    let idle = server.connect().await;
    let mut kept = server.connect().await;
    kept.write_all(b"GET /v1/flags/1 HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut octet = [0];
    kept.read_exact(&mut octet).await.unwrap();
    server.stop.send(true).unwrap();
    server.served.await.unwrap().unwrap();
    drop(idle);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_not_idle() {
    let server = Running::usual();
    let mut stream = server.connect().await;
    stream.write_all(b"GET /v1/stream HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut seen = [0; 1024];
    assert!(stream.read(&mut seen).await.unwrap() > 0);
    let more = tokio::time::timeout(PATIENT.idle_timeout * 3, stream.read(&mut seen)).await;
    assert!(more.is_err(), "still open: {more:?}");
}

#[tokio::test]
async fn strangers_take_no_seats_from_those_with_a_role() {
    let switched = Arc::new(AtomicBool::new(false));
    let limits = ServerLimits { max_connections: 2, ..PATIENT };
    let running = Running::switching(Vec::new(), vec![myself()], limits, switched.clone());
    let mut sitting = Vec::new();
    let mut answer = [0; 12];
    for _ in 0..16 {
        let mut stream = running.connect().await;
        stream.write_all(b"GET /v1/flags/1 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 403");
        sitting.push(stream);
    }
    let mut one_more = running.connect().await;
    assert_eq!(one_more.read(&mut answer).await.unwrap(), 0, "no seat, no waiting");
    switched.store(true, Ordering::SeqCst);
    let mut named = running.connect().await;
    named.write_all(b"GET /v1/flags/1 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    named.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}
