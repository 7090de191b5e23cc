//! `resetd demo`: the whole walk on real rooms, a real socket and real mail, in a temporary folder. Nothing is installed,
//! nothing leaves the machine.

mod person;
mod show;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use resetd_core::event::Event;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::cli;
use super::house::House;
use crate::ambient::{SystemClock, SystemEntropy, random};
use crate::config::{self, Environment};
use crate::ctl::client::{Answer, Client};
use crate::store::Line;
use person::Letter;
use show::Show;

/// How long one step may take before the demo says that it hangs. A bound, not an expectation.
const PATIENCE: Duration = Duration::from_secs(20);

type Failure = Box<dyn std::error::Error>;

/// Runs the demo.
pub fn main(options: &cli::Demo) -> ExitCode {
    // Only what is wrong is worth a line between the steps.
    super::logging::start_quiet();
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the demo failed: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(options: &cli::Demo) -> Result<(), Failure> {
    let folder = Folder::make()?;
    let text = configuration(&folder.0);
    std::fs::write(folder.0.join("resetd.toml"), &text)?;
    let settings = config::parse(&text, &folder.0.join("resetd.toml"), &Environment::of_process())?;
    let socket = settings.server.socket.clone();
    let listener = crate::http::listen(&socket)?;
    let house = House::open(settings, listener, Arc::new(SystemClock), Arc::new(SystemEntropy::new())).await?;
    let walked = Walk { client: Client::new(&socket), lines: house.app.subscribe(), folder: &folder.0, show: Show::new() }.walk().await;
    if walked.is_ok() && !options.once {
        Show::new().stay(&socket);
        stop_wished().await;
    }
    house.close(Duration::from_secs(2)).await;
    walked
}

async fn stop_wished() {
    match crate::lifecycle::wishes() {
        Ok(mut wishes) => while wishes.recv().await.is_some_and(|wish| wish != crate::lifecycle::Wish::Stop) {},
        Err(error) => eprintln!("signals can't be heard ({error}); ending"),
    }
}

/// The walk and what it needs.
struct Walk<'a> {
    client: Client,
    lines: broadcast::Receiver<Arc<Line>>,
    folder: &'a Path,
    show: Show,
}

impl Walk<'_> {
    async fn walk(mut self) -> Result<(), Failure> {
        self.show.intro(self.folder);
        let first = self.a_reset_goes_out().await?;
        self.it_comes_back_once(&first).await?;
        let second = self.another_goes_out().await?;
        self.this_was_not_me(&second).await
    }

    async fn a_reset_goes_out(&mut self) -> Result<Letter, Failure> {
        self.show.step("The application asks for a reset of ann's password");
        let body = json!({ "portal": "demo", "account": "ann", "email": "ann@example.org", "name": "Ann", "wording": "easy" });
        let answer = self.call("POST", "/v1/resets", Some(&body), 202).await?;
        let id = text(&answer, "id")?;
        self.wait(Event::MailSent, &id).await?;
        self.show.step("resetd has mailed it; this is what ann gets");
        let letter = self.letter_to("ann@example.org")?;
        self.show.letter(&letter);
        Ok(letter)
    }

    async fn it_comes_back_once(&mut self, letter: &Letter) -> Result<(), Failure> {
        let token = json!({ "token": letter.token()?.as_str() });
        self.show.step("A mail scanner opens the link: inspect tells that it is good, and consumes nothing");
        self.call("POST", "/v1/resets/inspect", Some(&token), 200).await?;
        self.show.step("ann sends the form: redeem says yes, once");
        let good = self.call("POST", "/v1/resets/redeem", Some(&token), 200).await?;
        self.show.step("Somebody sends it again: refused, with the reason");
        self.call("POST", "/v1/resets/redeem", Some(&token), 410).await?;
        self.show.step("The application has changed the password: ann gets a notice");
        let id = text(&good, "reset")?;
        self.call("POST", &format!("/v1/resets/{id}/completed"), None, 204).await?;
        self.wait(Event::MailSent, &id).await?;
        self.show.subject(&self.letter_to("ann@example.org")?);
        Ok(())
    }

    async fn another_goes_out(&mut self) -> Result<Letter, Failure> {
        self.show.step("Somebody asks for a reset of ben's password. ben did not");
        let body = json!({ "portal": "demo", "account": "ben", "email": "ben@example.org", "wording": "tell-us", "method": "both" });
        let answer = self.call("POST", "/v1/resets", Some(&body), 202).await?;
        self.wait(Event::MailSent, &text(&answer, "id")?).await?;
        let letter = self.letter_to("ben@example.org")?;
        self.show.letter(&letter);
        Ok(letter)
    }

    async fn this_was_not_me(&mut self, letter: &Letter) -> Result<(), Failure> {
        self.show.step("ben answers that mail");
        let answer = letter.answered_by("ben@example.org", "I didn't ask for this. Somebody is trying to get in!\n\nBen");
        self.show.words(&answer.words);
        answer.drop_into(&self.folder.join("answers"))?;
        let raised = self.wait_for(|line| line.event == Event::FlagRaised).await?;
        self.show.step("A flag lies on the support desk");
        let flag = raised.detail["flag"].as_i64().ok_or("the flag has no number")?;
        let flag = self.call("GET", &format!("/v1/flags/{flag}"), None, 200).await?;
        let reset = text(&flag, "reset")?;
        self.wait_for(|line| line.event == Event::MailSent && line.detail["kind"] == "alert").await?;
        self.show.subject(&self.letter_to("support@demo.example")?);
        self.show.step("The link in ben's mail is dead: whoever has it is refused");
        let token = json!({ "token": letter.token()?.as_str() });
        let refused = self.call("POST", "/v1/resets/redeem", Some(&token), 410).await?;
        let reason = text(&refused, "reason")?;
        self.show.step("The whole story of that reset");
        let story = self.client.call("GET", &format!("/v1/resets/{reset}"), None).await?;
        self.show.timeline(&story.json()?);
        self.show.done(&reason);
        Ok(())
    }

    /// One call on the socket, shown with its answer.
    async fn call(&self, method: &str, path: &str, body: Option<&Value>, expected: u16) -> Result<Value, Failure> {
        let answer: Answer = self.client.call(method, path, body).await?;
        let value = answer.json().unwrap_or(Value::Null);
        self.show.call(method, path, body, answer.status, &value);
        if answer.status == expected {
            Ok(value)
        } else {
            Err(format!("{method} {path} answered {}, not {expected}", answer.status).into())
        }
    }

    async fn wait(&mut self, event: Event, reset: &str) -> Result<(), Failure> {
        self.wait_for(|line| line.event == event && line.reset.is_some_and(|id| id.to_string() == reset)).await.map(drop)
    }

    async fn wait_for(&mut self, wanted: impl Fn(&Line) -> bool) -> Result<Arc<Line>, Failure> {
        let search = async {
            loop {
                let line = self.lines.recv().await?;
                if wanted(&line) {
                    return Ok::<_, Failure>(line);
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.map_err(|_| "nothing happened for 20 seconds")?
    }

    /// The newest mail to an address.
    fn letter_to(&self, address: &str) -> Result<Letter, Failure> {
        Letter::newest(&self.folder.join("outgoing"), address)?.ok_or_else(|| format!("no mail to {address} was captured").into())
    }
}

fn text(value: &Value, key: &str) -> Result<String, Failure> {
    value[key].as_str().map(str::to_owned).ok_or_else(|| format!("the answer has no `{key}`").into())
}

fn configuration(folder: &Path) -> String {
    let path = |name: &str| folder.join(name).display().to_string();
    format!(
        r#"[server]
socket = "{socket}"

[store]
state_dir = "{state}"

[sending]
capture = "{outgoing}"

[mailbox]
maildirs = ["{answers}"]

[portal.demo]
title = "Demo Shop"
sender = "Demo Shop <no-reply@demo.example>"
reset_url = "http://localhost:8000/reset?token={{token}}"
reply_to = "reply+{{tag}}@demo.example"
support_address = "support@demo.example"
"#,
        socket = path("resetd.sock"),
        state = path("state"),
        outgoing = path("outgoing"),
        answers = path("answers"),
    )
}

/// A folder that goes with the demo.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, Failure> {
        let name = random::<6>(&SystemEntropy::new()).ok_or("the system gives no randomness")?;
        let path = std::env::temp_dir().join(format!("resetd-demo-{}", HEXLOWER.encode(&name)));
        // The umask makes it 0700.
        std::fs::create_dir(&path)?;
        for part in ["tmp", "new", "cur"] {
            std::fs::create_dir_all(path.join("answers").join(part))?;
        }
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} was left behind: {error}", self.0.display());
        }
    }
}
