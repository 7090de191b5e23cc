//! `resetctl setup`: from nothing to the first real reset. What it asks is in `questions`, what it writes in `file`, what is left for
//! people to do in `todo`, and the test mail in `trial`.

mod file;
mod questions;
mod todo;
mod trial;

use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::dkim::{self, Algorithms, Generate, Kept};
use super::errand::Errand;
use super::failure::Failure;
use crate::ambient::{Clock, SystemClock, SystemEntropy, random};
use crate::app::keyfile;
use crate::config::{self, DEFAULT_PATH, Environment, Settings};
use questions::{Answers, Secret};

/// The daemon's user, which must be able to read what is secret.
const DAEMON: &str = "resetd";

/// What is not given is asked for.
#[derive(Args)]
pub(super) struct Setup {
    /// What people call your site
    #[arg(long)]
    title: Option<String>,
    /// The domain that its mails come from
    #[arg(long)]
    domain: Option<String>,
    /// How mails leave: a relay's name, perhaps with :PORT, or `direct`
    #[arg(long, value_name = "RELAY|direct")]
    out: Option<String>,
    /// Where answers come in: `here`, `lmtp`, `imap:USER@HOST`, or the path of a Maildir
    #[arg(long, value_name = "WHERE")]
    replies: Option<String>,
    /// The user that your application runs as
    #[arg(long)]
    user: Option<String>,
    /// The name by which applications ask for the site [default: made of the domain]
    #[arg(long, value_name = "NAME")]
    portal: Option<String>,
    /// The page that takes the token [default: https://DOMAIN/reset?t={token}]
    #[arg(long, value_name = "URL")]
    page: Option<String>,
    /// Where people's questions and alerts go [default: help@DOMAIN]
    #[arg(long, value_name = "ADDRESS")]
    support: Option<String>,
    /// Who to log in as at the relay
    #[arg(long, value_name = "USER")]
    relay_user: Option<String>,
    /// A file with the relay's password [default: asked for]
    #[arg(long, value_name = "FILE", requires = "relay_user")]
    relay_password_file: Option<PathBuf>,
    /// A file with the IMAP account's password [default: asked for]
    #[arg(long, value_name = "FILE")]
    imap_password_file: Option<PathBuf>,
    /// Make no DKIM keys: the relay signs
    #[arg(long)]
    no_dkim: bool,
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    config: PathBuf,
    /// Send a test mail to this address when all is written, and wait for the answer to it
    #[arg(long, value_name = "ADDRESS")]
    send_to: Option<String>,
}

pub(super) fn run(errand: &Errand, socket: Option<&Path>, mut ask: Setup, runtime: &tokio::runtime::Runtime) -> Result<(), Failure> {
    // A link is followed now, and no name depends on the working folder.
    ask.config =
        fs::canonicalize(&ask.config).or_else(|_| std::path::absolute(&ask.config)).map_err(|error| failed(&ask.config, &error))?;
    let send_to = ask.send_to.clone();
    let settings = if !ask.config.exists() || config::names_no_portal(&ask.config) {
        write(errand, &ask)?
    } else {
        let settings = load(&ask.config)?;
        errand.say(&format!("{} is written already: nothing is changed in it.", ask.config.display()));
        if send_to.is_none() {
            errand.say("A test mail: `resetctl setup --send-to ADDRESS`. All that could be wrong: `resetctl doctor`.");
        }
        settings
    };
    let Some(to) = send_to else { return Ok(()) };
    let errand = match socket {
        None => &errand.at(settings.server.socket.clone()),
        Some(_) => errand,
    };
    runtime.block_on(trial::run(errand, &settings, &to))
}

fn load(file: &Path) -> Result<Settings, Failure> {
    config::load(file, &Environment::of_process()).map_err(|errors| Failure::Failed(errors.to_string()))
}

/// Asks, and writes everything or nothing.
fn write(errand: &Errand, ask: &Setup) -> Result<Settings, Failure> {
    let folder = ask.config.parent().unwrap_or(Path::new("/")).to_owned();
    writable(&folder)?;
    let answers = Answers::ask(ask, errand)?;
    let mut made = Made::default();
    let secrets = answers.secrets.iter().map(|secret| made.keep(&folder, secret)).collect::<Result<Vec<_>, _>>()?;
    let keys = if ask.no_dkim { Vec::new() } else { made.sign(&folder, &answers.domain)? };
    let text = file::filled(&answers, &secrets, &keys);
    let settings = config::parse(&text, &ask.config, &Environment::of_process()).map_err(|errors| Failure::Failed(errors.to_string()))?;
    put(&ask.config, &text)?;
    made.stay();
    let todo = todo::Todo::new(&answers, &keys, &settings);
    match errand.json {
        true => errand.screen.print(
            &json!({ "config": ask.config, "portal": answers.portal, "records": todo.records, "commands": todo.commands }).to_string(),
        )?,
        false => errand.screen.print(&todo.told(&ask.config, errand.screen))?,
    }
    Ok(settings)
}

/// Before five questions are asked for nothing.
fn writable(folder: &Path) -> Result<(), Failure> {
    let access = nix::unistd::access(folder, nix::unistd::AccessFlags::W_OK);
    access.map_err(|error| {
        Failure::Failed(format!("{}: {error}\nrun this as root, or name a file of your own with --config", folder.display()))
    })
}

/// Files that were made; they go away again where the rest fails.
#[derive(Default)]
struct Made(Vec<PathBuf>);

impl Made {
    fn keep(&mut self, folder: &Path, secret: &Secret) -> Result<PathBuf, Failure> {
        let file = folder.join(secret.name);
        if file.exists() {
            return Err(Failure::Failed(format!("{} is there already: take it away, or write the configuration by hand", file.display())));
        }
        let nonce = random(&SystemEntropy::new()).ok_or_else(|| Failure::Failed("the system gives no randomness".into()))?;
        self.0.push(file.clone());
        keyfile::write(&file, &secret.text, nonce).map_err(|error| failed(&file, &error))?;
        for_daemon(&file)?;
        Ok(file)
    }

    /// Two DKIM keys, named after the year.
    fn sign(&mut self, folder: &Path, domain: &str) -> Result<Vec<Kept>, Failure> {
        let now = SystemClock.now().to_string();
        let selector = format!("r{}", now.get(..4).unwrap_or("1"));
        let ask = Generate { domain: domain.to_owned(), selector, out: folder.join("dkim.pem"), algorithm: Algorithms::Both };
        let keys = dkim::make(&ask)?;
        self.0.extend(keys.iter().map(|key| key.file.clone()));
        keys.iter().try_for_each(|key| for_daemon(&key.file))?;
        Ok(keys)
    }

    fn stay(mut self) {
        self.0.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        self.0.iter().for_each(|file| drop(fs::remove_file(file)));
    }
}

/// Read-only, and the daemon's, where there is its user and we may.
fn for_daemon(file: &Path) -> Result<(), Failure> {
    // By the open file: whoever may write the folder must not put a link in its place.
    let flags = nix::fcntl::OFlag::O_NOFOLLOW.bits();
    let open = fs::OpenOptions::new().read(true).custom_flags(flags).open(file).map_err(|error| failed(file, &error))?;
    open.set_permissions(fs::Permissions::from_mode(0o400)).map_err(|error| failed(file, &error))?;
    match nix::unistd::User::from_name(DAEMON) {
        Ok(Some(user)) if nix::unistd::geteuid().is_root() => {
            fchown(&open, Some(user.uid.as_raw()), None).map_err(|error| failed(file, &error))
        }
        _ => Ok(()),
    }
}

/// Writes the configuration in the place of one that had no portal. It keeps that one's owner and mode.
fn put(config: &Path, text: &str) -> Result<(), Failure> {
    let mode = fs::metadata(config).map_or(0o644, |old| old.permissions().mode() & 0o7777);
    let nonce = random(&SystemEntropy::new()).ok_or_else(|| Failure::Failed("the system gives no randomness".into()))?;
    keyfile::write(config, text, nonce)
        .and_then(|()| fs::set_permissions(config, fs::Permissions::from_mode(mode)))
        .map_err(|error| failed(config, &error))
}

fn failed(file: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::Failed(format!("{}: {error}", file.display()))
}
