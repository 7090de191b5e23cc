//! The configuration: from a TOML file to checked [`Settings`]. One section per file; the kinds of value in `values`. A
//! message names file, line, key, what stood there and what must stand there, and a file's problems come all at once.
//! Nothing here opens a socket or a database, and nothing writes.

mod check;
mod clients;
mod environment;
mod file;
mod imap;
mod limits;
mod login;
mod mailbox;
mod mx;
mod portal;
mod problem;
mod read;
#[cfg(test)]
mod reference;
mod relay;
mod reload;
mod report;
mod secrets;
mod sending;
mod server;
mod smtp;
mod source;
mod store;
#[cfg(test)]
mod tests;
mod types;
mod values;

use std::path::Path;

use problem::Problem;
use report::Report;
use source::Source;

pub use check::{config_check, verdict};
pub use environment::{Accounts, Environment, FixedAccounts, HostAccounts};
pub use problem::{ConfigErrors, Problem as ConfigProblem};
pub use reload::diff_needs_restart;
pub use types::*;

/// Where the configuration lies unless the command line names another place.
pub const DEFAULT_PATH: &str = "/etc/resetd/resetd.toml";

/// Reads and checks a file, and every secret file that it names.
pub fn load(path: &Path, env: &Environment) -> Result<Settings, ConfigErrors> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let text = format!("can't be read: {error}");
        ConfigErrors::new(path.to_owned(), vec![Problem { line: None, text }])
    })?;
    parse(&text, path, env)
}

/// Checks a file's text. `path` is what messages call it.
pub fn parse(text: &str, path: &Path, env: &Environment) -> Result<Settings, ConfigErrors> {
    let failed = |problems| ConfigErrors::new(path.to_owned(), problems);
    let table = read::parse_toml(text).map_err(failed)?;
    let source = Source::new(text, table.get_ref());
    let mut report = Report::new(&source);
    let file: file::File = read::read(&table, &source, &mut report);
    let settings = file.check(env, &mut report);
    match (settings, report.into_problems()) {
        (Some(settings), problems) if problems.is_empty() => Ok(settings),
        (_, problems) => Err(failed(problems)),
    }
}

/// Whether the file is TOML and has no portal in it, as when it was installed. One that can't be read, or is no TOML, is wrong and
/// not unfinished.
pub fn names_no_portal(path: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(path) else { return false };
    let Ok(table) = read::parse_toml(&text) else { return false };
    table.get_ref().get("portal").is_none_or(|portals| portals.get_ref().as_table().is_some_and(|portals| portals.is_empty()))
}
