//! Posts signed JSON to a portal's webhook. One try, told as it went; when to try again is the caller's to decide.

mod sign;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, USER_AGENT};
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use resetd_core::time::Timestamp;
use rustls::{ClientConfig, RootCertStore};

use crate::config::Webhook;

/// For everything: connecting, TLS, sending, the answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// An idle connection is kept for so long.
const IDLE: Duration = Duration::from_secs(60);
/// So much of an answer's body is read, so that its connection can be used again; of a longer one the connection is
/// closed.
const ANSWER_MAX: usize = 16 * 1024;

/// Why a try came to no answer. No message holds the URL: people put secrets there.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// Neither `https` nor `http` to loopback, or not a URL.
    #[error("the webhook's URL must be https, or http to loopback")]
    Url,
    /// The id or the body can't be sent.
    #[error("the webhook's id is not fit for a header")]
    Id(#[source] hyper::http::Error),
    /// TLS can't be set up.
    #[error("TLS for webhooks")]
    Tls(#[from] rustls::Error),
    /// The system has no certificates of authorities.
    #[error("the system has no authorities to trust (package ca-certificates)")]
    NoAuthorities,
    /// No connection, or it broke.
    #[error("the webhook's receiver can't be reached")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    /// No answer within 10 s.
    #[error("the webhook's receiver took longer than 10 s")]
    Timeout,
}

type Http = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Posts webhooks over kept connections.
pub struct Client {
    http: Http,
    trusts_anyone: bool,
}

impl Client {
    /// One for the whole daemon, trusting the system's authorities.
    pub fn new() -> Result<Self, WebhookError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Self::trusting(roots)
    }

    fn trusting(roots: RootCertStore) -> Result<Self, WebhookError> {
        let trusts_anyone = !roots.is_empty();
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(4)
            .build(connector);
        Ok(Self { http, trusts_anyone })
    }

    /// Posts `body` (JSON) to `hook` as message `id`, signed as of `now`. Repeated tries of one message carry the same
    /// `id`. Gives the answer's status, whatever it is: 2xx means taken. No redirect is followed.
    pub async fn post(&self, hook: &Webhook, id: &str, now: Timestamp, body: &[u8]) -> Result<u16, WebhookError> {
        let uri = checked(&hook.url)?;
        if uri.scheme_str() == Some("https") && !self.trusts_anyone {
            return Err(WebhookError::NoAuthorities);
        }
        let timestamp = now.as_seconds();
        let request = Request::post(uri)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("resetd/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", sign::signature(&hook.secret, id, timestamp, body))
            .body(Full::new(Bytes::copy_from_slice(body)))
            .map_err(WebhookError::Id)?;
        let exchange = async {
            let answer = self.http.request(request).await.map_err(WebhookError::Unreachable)?;
            let status = answer.status().as_u16();
            let _ = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
            Ok(status)
        };
        tokio::time::timeout(DEADLINE, exchange).await.unwrap_or(Err(WebhookError::Timeout))
    }
}

fn checked(url: &str) -> Result<Uri, WebhookError> {
    let uri: Uri = url.parse().map_err(|_| WebhookError::Url)?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = || host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") if !host.is_empty() => Ok(uri),
        Some("http") if loopback() => Ok(uri),
        _ => Err(WebhookError::Url),
    }
}
