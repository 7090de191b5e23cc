//! A client of the API's socket: one connection for each call, HTTP/1.1, no more.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;

use crate::wire::Problem;

/// The call did not get an answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers at the socket, or this process may not connect.
    #[error("{}: {source}", socket.display())]
    Unreachable {
        /// Of the daemon.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke, or what came is no HTTP.
    #[error("the daemon's answer broke off: {0}")]
    Broken(#[from] hyper::Error),
    /// The path or a header can't be sent.
    #[error("this can't be asked: {0}")]
    Request(#[from] hyper::http::Error),
    /// The body is not what the API describes.
    #[error("the daemon's answer can't be read (is it of another version?): {0}")]
    Shape(#[from] serde_json::Error),
}

/// Where the daemon is.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: Bytes,
}

impl Client {
    /// A client of the daemon at this socket; nothing is connected yet.
    pub fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// One call with a JSON body, or none, and its whole answer, whatever its status.
    pub async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, ClientError> {
        let body = body.map(serde_json::to_vec).transpose()?;
        self.send(method, path, &[("content-type", "application/json")], body.unwrap_or_default()).await
    }

    /// One call with these headers and this body.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Result<Answer, ClientError> {
        let response = self.open(method, path, headers, body).await?;
        let status = response.status().as_u16();
        Ok(Answer { status, body: response.into_body().collect().await?.to_bytes() })
    }

    /// One call whose answer is read as it comes.
    pub async fn open(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Result<Response<Incoming>, ClientError> {
        let unreachable = |source| ClientError::Unreachable { socket: self.socket.clone(), source };
        let stream = UnixStream::connect(&self.socket).await.map_err(unreachable)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends by itself: with the answer, or when the answer is dropped.
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Ok(sender.send_request(request.body(Full::new(Bytes::from(body)))?).await?)
    }
}

impl Answer {
    /// Whether it is a 2xx.
    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON, of whatever type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// The problem of an answer that is not good.
    pub fn problem(&self) -> Result<Problem, ClientError> {
        self.json()
    }
}
