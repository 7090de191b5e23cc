//! A client of resetd's socket. Copy this file: it needs hyper, hyper-util, http-body-util, serde, serde_json, thiserror, tokio and uuid.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::UnixStream;

/// For one try.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no `Ok`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The secret is not good: tell the person [`answer`], with this status.
    #[error("refused: {reason}")]
    Refused { reason: String, status: StatusCode },
    /// resetd can't be reached or can't store: the person tries again in a moment.
    #[error("resetd: {0}")]
    Unavailable(String),
    /// The request breaks a rule, or this user may not make it: tells the developer; `field` is what is wrong.
    #[error("resetd: {detail}")]
    Problem { detail: String, field: Option<String> },
}

/// What to tell a person whose link or code is refused. None of these is good again later.
pub fn answer(reason: &str) -> &'static str {
    match reason {
        "unknown" => "We do not know this link or code. Copy it from the mail once more, or ask for a new one.",
        "expired" => "This link or code has expired. Ask for a new one.",
        "used" => "This link or code was used already. If that was not you, ask for a new one.",
        "superseded" => "Another mail has taken the place of this one. Use the newest, or ask for a new one.",
        "denied" => {
            "Somebody answered this mail that they had not asked for it, so we switched it off. Ask for a new one, or write to support."
        }
        "revoked" => "This link or code was taken back. Ask for a new one.",
        "locked" => "Too many wrong codes. Use the link in the mail, or ask for a new one: it brings a link.",
        // A later resetd may know more reasons; each of them is a no.
        _ => "This link or code is not good any more. Ask for a new one.",
    }
}

/// A request for a reset mail.
#[derive(Serialize)]
pub struct NewReset<'a> {
    /// `None`: no account has this address, and the answer is the same.
    pub account: Option<&'a str>,
    pub email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    pub client: Client<'a>,
}

/// The browser that asked.
#[derive(Serialize)]
pub struct Client<'a> {
    pub ip: String,
    pub user_agent: Option<&'a str>,
}

/// What came back from a person.
pub enum Secret<'a> {
    Token(&'a str),
    Code { account: &'a str, code: &'a str },
}

/// A secret that is good. Set the password of this account, and of no other.
#[derive(Deserialize)]
pub struct Good {
    pub reset: String,
    pub account: String,
}

/// The daemon. Each call has a connection of its own: on a Unix socket that costs next to nothing.
pub struct Resetd {
    portal: &'static str,
    socket: PathBuf,
}

impl Resetd {
    pub fn new(portal: &'static str, socket: impl Into<PathBuf>) -> Self {
        Self { portal, socket: socket.into() }
    }

    /// Asks for a reset mail.
    pub async fn request(&self, new: &NewReset<'_>) -> Result<(), Error> {
        let mut body = json!(new);
        body["portal"] = self.portal.into();
        // One key for all tries: if only the answer was lost, the second try gets it and nobody gets two mails.
        let key = uuid::Uuid::new_v4().to_string();
        self.call("/v1/resets", Some(&key), &body, 2).await.map(drop)
    }

    /// Is it good? Uses nothing up.
    pub async fn inspect(&self, secret: Secret<'_>, ip: IpAddr) -> Result<Good, Error> {
        parsed(&self.call("/v1/resets/inspect", None, &self.presented(secret, ip), 2).await?)
    }

    /// Uses it, once. One try: a second could only meet what the first has used.
    pub async fn redeem(&self, secret: Secret<'_>, ip: IpAddr) -> Result<Good, Error> {
        parsed(&self.call("/v1/resets/redeem", None, &self.presented(secret, ip), 1).await?)
    }

    /// The password is changed: the person is told by mail.
    pub async fn completed(&self, reset: &str) -> Result<(), Error> {
        self.call(&format!("/v1/resets/{reset}/completed"), None, &serde_json::Value::Null, 2).await.map(drop)
    }

    /// Counts a failed login; at the portal's threshold a reset mail goes out by itself. Success clears the count.
    pub async fn login(&self, account: &str, email: &str, success: bool) -> Result<(), Error> {
        let body = json!({ "portal": self.portal, "account": account, "email": email, "success": success });
        self.call("/v1/login-failures", None, &body, 1).await.map(drop)
    }

    /// The client's IP goes with it: guesses are counted by it.
    fn presented(&self, secret: Secret<'_>, ip: IpAddr) -> serde_json::Value {
        let client = json!({ "ip": ip });
        match secret {
            Secret::Token(token) => json!({ "token": token, "client": client }),
            Secret::Code { account, code } => json!({ "portal": self.portal, "account": account, "code": code, "client": client }),
        }
    }

    async fn call(&self, path: &str, key: Option<&str>, body: &serde_json::Value, tries: u32) -> Result<Bytes, Error> {
        let mut tried = 0;
        let (status, text) = loop {
            tried += 1;
            let answer = tokio::time::timeout(TIMEOUT, self.post(path, key, body)).await.unwrap_or_else(|late| Err(late.into()));
            match answer {
                Ok(answer) => break answer,
                Err(_) if tried < tries => {}
                Err(error) => return Err(Error::Unavailable(error.to_string())),
            }
        };
        if status.is_success() {
            return Ok(text);
        }
        let problem: Problem = parsed(&text)?;
        Err(match problem {
            Problem { reason: Some(reason), .. } => Error::Refused { reason, status },
            Problem { detail, .. } if status.is_server_error() => Error::Unavailable(detail),
            Problem { detail, field, .. } => Error::Problem { detail, field },
        })
    }

    async fn post(&self, path: &str, key: Option<&str>, body: &serde_json::Value) -> Result<(StatusCode, Bytes), Lost> {
        let stream = UnixStream::connect(&self.socket).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let mut request = Request::post(path).header("Host", "resetd").header("Content-Type", "application/json");
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let answer = sender.send_request(request.body(Full::new(body))?).await?;
        let status = answer.status();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }
}

/// No answer came.
type Lost = Box<dyn std::error::Error + Send + Sync>;

#[derive(Deserialize)]
struct Problem {
    detail: String,
    reason: Option<String>,
    field: Option<String>,
}

fn parsed<T: for<'a> Deserialize<'a>>(text: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(text).map_err(|error| Error::Unavailable(format!("an answer that can't be read: {error}")))
}
