//! Against a receiver that says what it is told to say.

use std::net::SocketAddr;

use data_encoding::BASE64;
use ring::hmac;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use super::*;

const SECRET: &[u8] = b"0123456789abcdef01234567";

fn hook(url: String) -> Webhook {
    Webhook { url, secret: Zeroizing::new(SECRET.to_vec()) }
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_614_265_330_999)
}

fn client() -> Client {
    Client::trusting(RootCertStore::empty()).unwrap()
}

/// Answers one request after the other with `answers`, on one connection each; gives the requests.
async fn receiver(answers: Vec<Vec<u8>>) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let heard = tokio::spawn(async move {
        let mut heard = Vec::new();
        for answer in answers {
            heard.push(exchange(listener.accept().await.unwrap().0, &answer).await);
        }
        heard
    });
    (at, heard)
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &[u8]) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"}") && stream.read_buf(&mut request).await.unwrap() > 0 {}
    // A client that stops listening to an endless answer is right.
    let _ = stream.write_all(answer).await;
    let _ = stream.shutdown().await;
    String::from_utf8(request).unwrap()
}

fn header<'a>(request: &'a str, name: &str) -> &'a str {
    let line = request.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}: "))).unwrap();
    &line[name.len() + 2..]
}

#[tokio::test]
async fn posts_what_the_receiver_can_check() {
    let (at, heard) = receiver(vec![b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()]).await;
    let status = client().post(&hook(format!("http://{at}/in?x=1")), "evt_1", now(), br#"{"a":1}"#).await.unwrap();
    assert_eq!(status, 204);
    let request = heard.await.unwrap().remove(0);
    assert!(request.starts_with("POST /in?x=1 HTTP/1.1\r\n"), "{request}");
    assert_eq!(header(&request, "content-type"), "application/json");
    assert_eq!((header(&request, "webhook-id"), header(&request, "webhook-timestamp")), ("evt_1", "1614265330"));
    let signed = BASE64.decode(header(&request, "webhook-signature").strip_prefix("v1,").unwrap().as_bytes()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    hmac::verify(&key, br#"evt_1.1614265330.{"a":1}"#, &signed).unwrap();
}

#[tokio::test]
async fn redirects_are_told_not_followed() {
    let answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let (at, heard) = receiver(vec![answer.to_vec(), b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno".to_vec()]).await;
    let client = client();
    assert_eq!(client.post(&hook(format!("http://{at}/")), "1", now(), b"{}").await.unwrap(), 302);
    assert_eq!(client.post(&hook(format!("http://{at}/")), "1", now(), b"{}").await.unwrap(), 500);
    assert_eq!(heard.await.unwrap().len(), 2);
}

#[tokio::test]
async fn long_answers_are_cut_off() {
    let answer = [b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n".to_vec(), vec![b'x'; 1 << 20]].concat();
    let (at, heard) = receiver(vec![answer]).await;
    assert_eq!(client().post(&hook(format!("http://{at}/")), "1", now(), b"{}").await.unwrap(), 200);
    heard.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_mute_receiver_is_left_after_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let begun = tokio::time::Instant::now();
    assert!(matches!(client().post(&hook(url), "1", now(), b"{}").await, Err(WebhookError::Timeout)));
    assert_eq!(begun.elapsed().as_secs(), DEADLINE.as_secs());
}

#[tokio::test]
async fn what_is_not_answered_is_told() {
    let (at, heard) = receiver(vec![b"SSH-2.0-x\r\n".to_vec(), Vec::new()]).await;
    let client = client();
    for _ in 0..2 {
        let error = client.post(&hook(format!("http://{at}/s3cret")), "1", now(), b"{}").await.unwrap_err();
        assert!(matches!(error, WebhookError::Unreachable(_)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("s3cret"));
    }
    heard.await.unwrap();
    let error = client.post(&hook(format!("http://{at}/")), "1", now(), b"{}").await;
    assert!(matches!(error, Err(WebhookError::Unreachable(_))), "nobody listens any more");
}

#[tokio::test]
async fn bad_urls_and_ids_are_refused() {
    let client = client();
    for url in ["http://example.org/", "http://192.0.2.1/", "http://localhost.example.org/", "ftp://127.0.0.1/", "/x", "https://", ""] {
        assert!(matches!(client.post(&hook(url.into()), "1", now(), b"{}").await, Err(WebhookError::Url)), "{url}");
    }
    let injected = client.post(&hook("http://127.0.0.1:9/".into()), "a\r\nb: c", now(), b"{}").await;
    assert!(matches!(injected, Err(WebhookError::Id(_))));
    for url in ["http://localhost:1/", "http://[::1]:1/", "http://127.0.0.2/", "https://example.org/x"] {
        assert!(checked(url).is_ok(), "{url}");
    }
}

#[tokio::test]
async fn certificates_are_checked() {
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(certificate.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        for _ in 0..2 {
            if let Ok(stream) = acceptor.accept(listener.accept().await.unwrap().0).await {
                exchange(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            }
        }
    });
    let url = format!("https://localhost:{port}/");
    let trusting = |certificate: &CertificateDer<'static>| {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        Client::trusting(roots).unwrap()
    };
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let strange = trusting(other.cert.der()).post(&hook(url.clone()), "1", now(), b"{}").await;
    assert!(matches!(strange, Err(WebhookError::Unreachable(_))), "{strange:?}");
    assert_eq!(trusting(certificate.cert.der()).post(&hook(url.clone()), "1", now(), b"{}").await.unwrap(), 200);
    assert!(matches!(client().post(&hook(url), "1", now(), b"{}").await, Err(WebhookError::NoAuthorities)));
    served.await.unwrap();
}
