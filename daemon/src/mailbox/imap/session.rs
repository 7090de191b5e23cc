//! Commands and their answers, one at a time.

use std::time::Duration;

use tokio::time::Instant;

use super::names;
use super::response::{Answer, Capabilities, Code, Listed, Response, Status};
use super::trouble::{Step, Trouble};
use super::wire::Wire;

/// How long one command may take in all, however lively the server talks.
const COMMAND_MAX: Duration = Duration::from_secs(900);
/// Untagged responses that one command may bring: more folders and messages at a time are never asked for.
const RESPONSES_MAX: usize = 100_000;

/// A connection, from its greeting on.
pub(super) struct Session {
    wire: Wire,
    /// What it can do, as it said last.
    pub can: Capabilities,
    next_tag: u32,
    /// Messages in the selected folder.
    pub exists: u32,
    /// The server told of a message since this was last cleared.
    pub news: bool,
    /// What the folder's numbers are good for, as told last.
    pub validity: Option<u32>,
    /// The number that its next message gets, as told when it was opened.
    pub uid_next: Option<u32>,
    sticky: bool,
}

/// A command's words; a secret is sent and never kept.
pub(super) enum Part<'a> {
    Text(&'a str),
    /// As a quoted string where it fits, or else as a literal that waits for the server's `+`.
    String(&'a str),
}

impl Session {
    pub fn new(wire: Wire) -> Self {
        Self { wire, can: Capabilities::default(), next_tag: 0, exists: 0, news: false, validity: None, uid_next: None, sticky: true }
    }

    pub fn into_wire(self) -> Wire {
        self.wire
    }

    /// The greeting; whether the server takes us for somebody already.
    pub async fn greeting(&mut self) -> Result<bool, Trouble> {
        let end = Instant::now() + COMMAND_MAX;
        match self.receive(Step::Greeting, 0, end).await? {
            Response::Status(answer) if matches!(answer.status, Status::Ok | Status::PreAuth) => {
                let preauth = answer.status == Status::PreAuth;
                self.note(Step::Greeting, Response::Status(answer))?;
                Ok(preauth)
            }
            Response::Status(Answer { status: Status::Bye, .. }) => Err(Trouble::Bye(Step::Greeting)),
            _ => Err(Trouble::Garbled(Step::Greeting)),
        }
    }

    /// Runs a command; untagged responses go to `take`.
    pub async fn run(&mut self, step: Step, parts: &[Part<'_>], literal: usize, mut take: impl FnMut(Response)) -> Result<Answer, Trouble> {
        let tag = self.begin(step, parts).await?;
        self.finish(step, &tag, literal, &mut take).await
    }

    /// A command that is all text and must succeed.
    pub async fn must(&mut self, step: Step, command: &str, take: impl FnMut(Response)) -> Result<(), Trouble> {
        let answer = self.run(step, &[Part::Text(command)], 0, take).await?;
        succeeded(step, &answer)
    }

    /// Sends a command up to its end; gives its tag.
    async fn begin(&mut self, step: Step, parts: &[Part<'_>]) -> Result<String, Trouble> {
        self.next_tag += 1;
        let tag = format!("a{}", self.next_tag);
        let mut line = zeroize::Zeroizing::new(format!("{tag} "));
        for part in parts {
            match part {
                Part::Text(text) => line.push_str(text),
                Part::String(text) => match names::quoted(text).filter(|_| text.is_ascii()) {
                    Some(quoted) => line.push_str(&zeroize::Zeroizing::new(quoted)),
                    None => {
                        line.push_str(&format!("{{{}}}\r\n", text.len()));
                        self.wire.send(step, line.as_bytes()).await?;
                        self.until_continue(step, &tag).await?.map_err(|answer| refused(step, &answer))?;
                        line = zeroize::Zeroizing::new((*text).to_owned());
                    }
                },
            }
        }
        line.push_str("\r\n");
        self.wire.send(step, line.as_bytes()).await?;
        Ok(tag)
    }

    /// Begins a command of which the server first says `+` (AUTHENTICATE, IDLE); `Err` inside: it ended the command.
    pub async fn begin_open(&mut self, step: Step, command: &str) -> Result<(String, Result<(), Answer>), Trouble> {
        let tag = self.begin(step, &[Part::Text(command)]).await?;
        let open = self.until_continue(step, &tag).await?;
        Ok((tag, open))
    }

    /// Waits for a `+`, or for the command's end.
    pub async fn until_continue(&mut self, step: Step, tag: &str) -> Result<Result<(), Answer>, Trouble> {
        let end = Instant::now() + COMMAND_MAX;
        for _ in 0..RESPONSES_MAX {
            match self.receive(step, 0, end).await? {
                Response::Continue => return Ok(Ok(())),
                Response::Done { tag: done, answer } if done == tag => return Ok(Err(answer)),
                other => self.note(step, other)?,
            }
        }
        Err(Trouble::TooMuch(step))
    }

    /// Sends a line inside an open command.
    pub async fn say(&mut self, step: Step, line: &str) -> Result<(), Trouble> {
        let line = zeroize::Zeroizing::new(format!("{line}\r\n"));
        self.wire.send(step, line.as_bytes()).await
    }

    /// Reads up to a command's end.
    pub async fn finish(&mut self, step: Step, tag: &str, literal: usize, take: &mut impl FnMut(Response)) -> Result<Answer, Trouble> {
        let end = Instant::now() + COMMAND_MAX;
        for _ in 0..RESPONSES_MAX {
            match self.receive(step, literal, end).await? {
                Response::Done { tag: done, answer } if done == tag => {
                    self.code(&answer);
                    return Ok(answer);
                }
                response @ (Response::Fetch(_) | Response::Search(_) | Response::List(_)) => take(response),
                other => self.note(step, other)?,
            }
        }
        Err(Trouble::TooMuch(step))
    }

    /// Returns when the server has something to say. May be dropped at any time.
    pub async fn readable(&mut self) {
        self.wire.readable().await;
    }

    /// Takes what it has to say, outside of any command's answer.
    pub async fn listen(&mut self, step: Step) -> Result<(), Trouble> {
        let end = Instant::now() + COMMAND_MAX;
        let response = self.receive(step, 0, end).await?;
        self.note(step, response)
    }

    /// The next response. The wire bounds the silence between two octets; this, what a trickle of them may take.
    async fn receive(&mut self, step: Step, literal: usize, end: Instant) -> Result<Response, Trouble> {
        tokio::time::timeout_at(end, self.wire.receive(step, literal)).await.unwrap_or(Err(Trouble::Timeout(step)))
    }

    /// Remembers what was not asked for.
    fn note(&mut self, step: Step, response: Response) -> Result<(), Trouble> {
        match response {
            Response::Status(answer) if answer.status == Status::Bye => return Err(Trouble::Bye(step)),
            Response::Status(answer) => self.code(&answer),
            Response::Capability(can) => self.can = can,
            Response::Exists(count) => {
                self.news |= count > self.exists;
                self.exists = count;
            }
            // Or the next one to arrive would not be one more than before.
            Response::Expunge => self.exists = self.exists.saturating_sub(1),
            Response::Done { .. } | Response::Continue => return Err(Trouble::Garbled(step)),
            _ => {}
        }
        Ok(())
    }

    fn code(&mut self, answer: &Answer) {
        match &answer.code {
            Some(Code::Capability(can)) => self.can = can.clone(),
            Some(Code::UidValidity(validity)) => self.validity = Some(*validity),
            Some(Code::UidNext(next)) => self.uid_next = Some(*next),
            Some(Code::Word(word)) if word == "UIDNOTSTICKY" => self.sticky = false,
            _ => {}
        }
    }

    /// Asks what it can do: what it said before TLS or before the login counts no more.
    pub async fn capability(&mut self) -> Result<(), Trouble> {
        self.can = Capabilities::default();
        self.must(Step::Capability, "CAPABILITY", |_| {}).await
    }

    /// All folders.
    pub async fn list(&mut self) -> Result<Vec<Listed>, Trouble> {
        let extended = self.can.has("LIST-EXTENDED") && self.can.has("SPECIAL-USE") || self.can.has("IMAP4REV2");
        let command = if extended { "LIST \"\" \"*\" RETURN (SPECIAL-USE)" } else { "LIST \"\" \"*\"" };
        let mut found = Vec::new();
        let take = |response| {
            if let Response::List(listed) = response {
                found.push(listed);
            }
        };
        self.must(Step::List, command, take).await?;
        Ok(found)
    }

    /// Opens a folder (its name as it stands on the wire), to read only where nothing is to be changed; gives the validity
    /// of its numbers.
    pub async fn open(&mut self, name: &str, read_only: bool) -> Result<u32, Trouble> {
        (self.exists, self.validity, self.uid_next, self.sticky) = (0, None, None, true);
        let verb = if read_only { "EXAMINE" } else { "SELECT" };
        let answer = self.run(Step::Select, &[Part::Text(verb), Part::Text(" "), Part::String(name)], 0, |_| {}).await?;
        match answer.status {
            Status::Ok if !self.sticky => Err(Trouble::NotSticky),
            Status::Ok => self.validity.filter(|validity| *validity > 0).ok_or(Trouble::Garbled(Step::Select)),
            _ if answer.is_passing() => Err(refused(Step::Select, &answer)),
            _ => Err(Trouble::NoFolder(answer.word().map(str::to_owned))),
        }
    }
}

/// The answer, or the trouble that it is.
pub(super) fn succeeded(step: Step, answer: &Answer) -> Result<(), Trouble> {
    if answer.status == Status::Ok { Ok(()) } else { Err(refused(step, answer)) }
}

pub(super) fn refused(step: Step, answer: &Answer) -> Trouble {
    Trouble::No(step, answer.word().map(str::to_owned))
}
