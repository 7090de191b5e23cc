//! `resetctl`: a client of the API's socket, plus what works without a daemon: check a configuration or wordings, classify a
//! message, make a DKIM key. Knows the wire, the configuration, and the libraries of those four; never the store.

mod backup;
mod classify;
mod cli;
pub mod client;
mod completions;
mod config;
mod dkim;
mod doctor;
mod events;
mod failure;
mod flags;
mod ingest;
mod queue;
mod resets;
mod screen;
mod secrets;
mod session;
mod status;
mod table;
mod templates;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command, ConfigCommand, DkimCommand, InboundCommand, TemplatesCommand};
use failure::Failure;
use screen::Screen;
use session::Session;

pub use cli::command;

/// Runs `resetctl` with the process's arguments. Exit codes: 0 done, 1 refused, 2 usage, 3 daemon unreachable.
pub fn main() -> ExitCode {
    // clap ends the process itself: help with 0, a usage error with 2.
    let cli = Cli::parse();
    let screen = Screen::new(cli.global.color);
    let json = cli.global.json;
    match run(cli, screen) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(screen, json),
    }
}

fn run(cli: Cli, screen: Screen) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let session = Session::new(&cli.global, screen);
    match cli.command {
        Command::Config(ConfigCommand::Check { file }) => config::check(&session, &file),
        Command::Templates(TemplatesCommand::Check { folders, config }) => templates::check(&session, folders, &config),
        Command::Inbound(InboundCommand::Classify(ask)) => classify::run(&session, &ask),
        Command::Dkim(DkimCommand::Generate(ask)) => dkim::generate(&session, &ask),
        Command::Completions { shell } => completions::print(shell, screen),
        Command::Doctor { config } => runtime.block_on(doctor::run(&session, cli.global.socket.as_deref(), &config)),
        command => runtime.block_on(ask(&session, command)),
    }
}

/// What needs the daemon.
async fn ask(session: &Session, command: Command) -> Result<(), Failure> {
    match command {
        Command::Status => status::show(session).await,
        Command::Request(new) => resets::request(session, *new).await,
        Command::Show { id } => resets::show(session, &id).await,
        Command::Revoke { id } => resets::revoke(session, &id).await,
        Command::Completed { id } => resets::completed(session, &id).await,
        Command::Inspect(typed) => secrets::present(session, "inspect", typed).await,
        Command::Redeem(typed) => secrets::present(session, "redeem", typed).await,
        Command::Events(ask) => events::run(session, &ask).await,
        Command::Flags(command) => flags::run(session, command).await,
        Command::Queue(command) => queue::run(session, command).await,
        Command::Templates(command) => templates::run(session, command).await,
        Command::Inbound(InboundCommand::Ingest { files }) => ingest::run(session, &files).await,
        Command::Backup { file } => backup::run(session, file.as_deref()).await,
        Command::Inbound(_) | Command::Config(_) | Command::Dkim(_) | Command::Completions { .. } | Command::Doctor { .. } => Ok(()),
    }
}
