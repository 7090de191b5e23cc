//! One connection, from accept to close.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;

use super::access::Peer;
use super::body::BodyTimeout;
use super::face::Face;
use super::guard::{End, Guard, Phase};
use super::serve::ServerLimits;
use crate::ambient::{Stop, stopped};
use crate::wire::{Kind, PROBLEM_JSON, Problem};

/// The largest head, octets.
const HEAD_MAX: usize = 16 * 1024;
/// Read-ahead of one connection, octets.
const BUFFER: usize = 64 * 1024;
/// How long, and how much, is read from a client that still sends after its answer: closing a Unix socket with octets unread
/// would make the client see an error instead of the answer.
const LINGER: (Duration, u64) = (Duration::from_secs(1), 16 * 1024 * 1024);

/// How long a client that has connected and not spoken yet may still ask when the daemon stops. Its connection was taken from the
/// socket that outlives us: closed at once, it would be lost, where one a moment later waits for our successor.
const FIRST_WORD: Duration = Duration::from_secs(2);

/// Serves a connection until it ends, or until `stop`: then the request under way is finished, and a first one waited for.
pub(super) async fn run<S>(stream: S, peer: Peer, face: Arc<Face>, limits: ServerLimits, mut stop: Stop)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let phase = Arc::new(Phase::default());
    let guard = Guard::new(stream, phase.clone(), limits);
    let timeout = BodyTimeout(limits.idle_timeout);
    let spoken = Notify::new();
    let service = service_fn(|request: Request<Incoming>| {
        spoken.notify_one();
        phase.busy();
        let (face, peer, phase) = (&face, &peer, &phase);
        Box::pin(async move {
            let response = face.answer(peer, timeout, request.map(Body::new)).await;
            phase.answering(response.body().size_hint().exact().is_none());
            Ok::<_, Infallible>(response)
        })
    });
    let mut builder = http1::Builder::new();
    builder.header_read_timeout(None).max_header_size(HEAD_MAX).max_buf_size(BUFFER);
    let mut connection = builder.serve_connection(TokioIo::new(guard), service);
    let (mut stopping, mut told) = (false, false);
    let ended = loop {
        tokio::select! {
            ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => break ended,
            () = stopped(&mut stop), if !stopping => stopping = true,
            _ = tokio::time::timeout(FIRST_WORD, spoken.notified()), if stopping && !told => {
                told = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    let (stream, end) = connection.into_parts().io.into_inner().into_parts();
    let too_large = ended.is_err_and(|error| error.is_parse_too_large());
    part(stream, farewell(end, too_large, limits), stopping).await;
}

/// What a client hears whose head never became a request.
fn farewell(end: End, too_large: bool, limits: ServerLimits) -> Option<Problem> {
    match end {
        End::Plain => None,
        End::LateHead => {
            Some(Problem::new(Kind::Timeout, format!("the request's head must arrive within {} s", limits.header_timeout.as_secs_f32())))
        }
        End::BadHead if too_large => {
            Some(Problem::new(Kind::HeadTooLarge, format!("the head may have at most {HEAD_MAX} octets and 100 fields")))
        }
        End::BadHead => Some(Problem::new(Kind::Malformed, "this is not an HTTP/1.1 request")),
    }
}

async fn part<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, farewell: Option<Problem>, stopping: bool) {
    let goodbye = async {
        if let Some(problem) = farewell {
            stream.write_all(&by_hand(&problem)).await?;
        }
        stream.shutdown().await?;
        if !stopping {
            tokio::io::copy(&mut (&mut stream).take(LINGER.1), &mut tokio::io::sink()).await?;
        }
        Ok::<_, std::io::Error>(())
    };
    // The client is free to be gone already.
    let _ = tokio::time::timeout(LINGER.0, goodbye).await;
}

fn by_hand(problem: &Problem) -> Vec<u8> {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
    let body = serde_json::to_string(problem).unwrap_or_default();
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {PROBLEM_JSON}\r\ncache-control: no-store\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
