//! The API of a daemon that has no configuration yet: one answer to everything, which says what to do first.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::IntoResponse;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::UnixListener;
use tokio::sync::Semaphore;

use super::problem::Refuse;
use crate::wire::{Kind, Problem};

/// Connections answered at a time; more wait.
const SEATS: usize = 16;
/// How long one may take in all: nobody has a reason to linger.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers every request on `listener` with 503 and `told`, until it is dropped.
pub async fn turn_away(listener: &UnixListener, told: &str) {
    let seats = Arc::new(Semaphore::new(SEATS));
    let told: Arc<str> = told.into();
    loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let told = Arc::clone(&told);
        tokio::spawn(async move {
            let answer = service_fn(|_| {
                let refusal = Refuse::from(Problem::new(Kind::Unavailable, &*told));
                async move { Ok::<_, Infallible>(refusal.into_response()) }
            });
            let serving = http1::Builder::new().timer(TokioTimer::new()).keep_alive(false).serve_connection(TokioIo::new(stream), answer);
            // Whoever is too slow, or no HTTP client, is not told.
            let _ = tokio::time::timeout(PATIENCE, serving).await;
            drop(seat);
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;

    use super::*;

    #[tokio::test]
    async fn everybody_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let asking = async {
            let mut stream = UnixStream::connect(&path).await.unwrap();
            stream.write_all(b"GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
            let mut said = String::new();
            stream.read_to_string(&mut said).await.unwrap();
            said
        };
        let said = tokio::select! {
            said = asking => said,
            () = turn_away(&listener, "name a portal first") => String::new(),
        };
        assert!(said.starts_with("HTTP/1.1 503 ") && said.contains("name a portal first") && said.contains("problem+json"), "{said}");
    }
}
