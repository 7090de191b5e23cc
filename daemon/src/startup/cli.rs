//! The command line of `resetd`.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

/// The description of the command line, for the manual page.
pub fn command() -> clap::Command {
    Cli::command()
}

/// The password-reset daemon.
#[derive(Parser)]
#[command(name = "resetd", version, about = "The password-reset daemon: mails links and codes, redeems them once, reads what people answer.", after_help = HELP)]
pub struct Cli {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = crate::config::DEFAULT_PATH)]
    pub config: PathBuf,
    /// Check the configuration and end: `ok` and exit code 0, or every problem with file, line and key.
    #[arg(long)]
    pub check: bool,
    /// While the configuration names no portal, wait for one instead of failing; SIGHUP reads it again.
    #[arg(long)]
    pub wait: bool,
    /// Without a command: run the daemon.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Commands beside running.
#[derive(Subcommand)]
pub enum Command {
    /// Show the whole walk with nothing installed: a reset goes out, comes back once, and "this wasn't me" is flagged.
    Demo(Demo),
}

/// `resetd demo`
#[derive(Args)]
pub struct Demo {
    /// End after the walk instead of staying up on the socket.
    #[arg(long)]
    pub once: bool,
}

const HELP: &str = "\
Examples:
  resetd demo                        the whole walk, in a temporary folder
  resetd --check                     is /etc/resetd/resetd.toml right?
  systemctl start resetd             the usual way to run it

SIGHUP reads the configuration again; SIGTERM ends what is under way and stops.
`resetctl` is the administrator's tool; resetd(8) and resetd.toml(5) tell more.";
