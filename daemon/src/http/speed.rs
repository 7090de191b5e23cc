//! `cargo test --release -p resetd --lib http::speed -- --ignored --nocapture`: what the socket itself costs. Requests like real
//! ones go through everything but a use case, which answers at once; client and server share the machine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Response};
use axum::routing::post;
use resetd_core::ids::ResetId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;

use super::access::Access;
use super::body::Sent;
use super::face::{Asks, Face};
use super::problem::Refuse;
use super::serve::{ServerLimits, accept};
use super::tests::{myself, settings};
use super::{check, idempotency, listen, routes};
use crate::wire::NewReset;

const BODY: &str = r#"{"portal":"shop","account":"u-1842","email":"ann.other@example.org","name":"Ann Other","locale":"en","client":{"ip":"203.0.113.7","user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}}"#;

async fn request(_asks: Asks, headers: HeaderMap, sent: Sent<NewReset>) -> Result<Response<Body>, Refuse> {
    let key = idempotency::of(&headers, &sent.bytes)?;
    let reset = check::new_reset(sent.value)?;
    assert!(key.is_some() && reset.account.is_some());
    routes::accepted(ResetId::from_bytes([7; 16]))
}

async fn client(path: std::path::PathBuf, until: Instant) -> Vec<Duration> {
    let mut stream = UnixStream::connect(path).await.unwrap();
    let request = format!(
        "POST /v1/resets HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nidempotency-key: 0190b6a2-7c1e-7a54-9d7e-4f6a0c1d2e3f\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    let mut times = Vec::new();
    let mut buffer = [0; 4096];
    while Instant::now() < until {
        let start = Instant::now();
        stream.write_all(request.as_bytes()).await.unwrap();
        let n = stream.read(&mut buffer).await.unwrap();
        assert!(buffer[..n].starts_with(b"HTTP/1.1 202"));
        times.push(start.elapsed());
    }
    times
}

#[ignore = "a measurement"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = listen(&path).unwrap();
    let settings = Arc::new(settings(vec![myself()]));
    let face = Face::new(Router::new().route("/v1/resets", post(request)), Access::new(move || settings.clone()));
    let patient = Duration::from_secs(60);
    let limits = ServerLimits { max_connections: 64, header_timeout: patient, idle_timeout: patient };
    let (stop, stopped) = watch::channel(false);
    let served = tokio::spawn(accept(listener, Arc::new(face), limits, stopped));
    for clients in [1, 8, 32] {
        let until = Instant::now() + Duration::from_secs(3);
        let running: Vec<_> = (0..clients).map(|_| tokio::spawn(client(path.clone(), until))).collect();
        let mut times = Vec::new();
        for one in running {
            times.extend(one.await.unwrap());
        }
        times.sort_unstable();
        let at = |share: usize| times[times.len() * share / 100].as_micros();
        println!("{clients:2} clients: {:6} requests/s, p50 {} µs, p99 {} µs", times.len() / 3, at(50), at(99));
    }
    stop.send(true).unwrap();
    served.await.unwrap().unwrap();
}
