//! One run of a command that talks to the daemon: where it is, and in which form the answers are printed.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::cli::Global;
use super::client::{Answer, Client};
use super::failure::Failure;
use super::screen::Screen;
use crate::wire::{Kind, Problem};

#[derive(Args)]
pub(super) struct Stretch {
    /// The cursor that the last list ended with
    #[arg(long, value_name = "CURSOR")]
    pub(super) after: Option<String>,
    /// At most this many, 1 to 500
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<u32>,
}

/// Where the daemon listens unless told otherwise.
const DEFAULT_SOCKET: &str = "/run/resetd/resetd.sock";

/// One run.
pub(super) struct Errand {
    pub(super) client: Client,
    pub(super) screen: Screen,
    pub(super) json: bool,
}

/// An answer as a type, and as it came.
pub(super) struct Asked<T> {
    pub(super) value: T,
    body: Bytes,
}

impl<T: DeserializeOwned> Asked<T> {
    pub(super) fn of(answer: Answer) -> Result<Self, Failure> {
        Ok(Self { value: answer.json()?, body: answer.body })
    }
}

impl Errand {
    pub(super) fn new(global: &Global, screen: Screen) -> Self {
        let socket = global.socket.as_deref().unwrap_or(Path::new(DEFAULT_SOCKET));
        Self { client: Client::new(socket), screen, json: global.json }
    }

    /// The same for a daemon elsewhere.
    pub(super) fn at(&self, socket: PathBuf) -> Self {
        Self { client: Client::new(&socket), ..*self }
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Asked<T>, Failure> {
        self.ask("GET", path, None).await
    }

    /// One call whose good answer is JSON.
    pub(super) async fn ask<T: DeserializeOwned>(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Asked<T>, Failure> {
        Asked::of(good(self.client.call(method, path, body).await?)?)
    }

    /// Prints an answer: as it came, or as `text` makes it.
    pub(super) fn show<T>(&self, asked: &Asked<T>, text: impl FnOnce(&T, Screen) -> String) -> Result<(), Failure> {
        match self.json {
            true => self.screen.print(&String::from_utf8_lossy(&asked.body)),
            false => self.screen.print(&text(&asked.value, self.screen)),
        }
    }

    /// Says on standard error what the JSON or an empty answer does not.
    pub(super) fn say(&self, text: &str) {
        if !self.json {
            eprintln!("{text}");
        }
    }
}

/// An answer that is not good is a failure.
pub(super) fn good(answer: Answer) -> Result<Answer, Failure> {
    if answer.is_good() {
        return Ok(answer);
    }
    let otherwise = |_| Problem { status: answer.status, ..Problem::new(Kind::Internal, format!("the daemon answered {}", answer.status)) };
    Err(Failure::Problem(Box::new(answer.problem().unwrap_or_else(otherwise))))
}

/// A path with a query: names and values, the values encoded.
pub(super) fn path_with(path: &str, query: &[(&str, Option<String>)]) -> String {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in query {
        if let Some(value) = value {
            pairs.append_pair(name, value);
        }
    }
    let query = pairs.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// What a person typed as one segment of a path.
pub(super) fn segment(text: &str) -> Result<&str, Failure> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if plain { Ok(text) } else { Err(Failure::Usage("an id has letters, digits and hyphens only".into())) }
}

impl Stretch {
    /// As a query.
    pub(super) fn pairs(&self) -> [(&'static str, Option<String>); 2] {
        [("after", self.after.clone()), ("limit", self.limit.map(|limit| limit.to_string()))]
    }
}

/// What stands under a page that is not the last.
pub(super) fn more(next: Option<&String>, screen: Screen) -> String {
    next.map(|cursor| screen.dim(&format!("there are more: --after {cursor}\n"))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_encoded_and_segments_plain() {
        let path = path_with("/v1/flags", &[("account", Some("a&b c".into())), ("portal", None)]);
        assert_eq!(path, "/v1/flags?account=a%26b+c");
        assert!(segment("01a209c9-3ebd").is_ok() && segment("../x").is_err() && segment("").is_err() && segment("a b").is_err());
    }
}
