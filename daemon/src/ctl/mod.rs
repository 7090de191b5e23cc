//! `resetctl`: a client of the API's socket, plus what works without a daemon: check a configuration or wordings, classify a
//! message, make a key, put a copy of the database back. Knows the wire, the configuration, and the libraries of those; of the store nothing
//! but `restore`.

mod backup;
mod cli;
pub mod client;
mod completions;
mod config;
mod data;
mod dkim;
mod doctor;
mod errand;
mod events;
mod failure;
mod flags;
mod inbound;
mod keyfile;
mod queue;
mod resets;
mod restore;
mod screen;
mod secrets;
mod setup;
mod status;
mod table;
mod templates;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use config::ConfigCommand;
use dkim::DkimCommand;
use errand::Errand;
use failure::Failure;
use inbound::InboundCommand;
use screen::Screen;
use templates::TemplatesCommand;

pub use cli::command;

/// Runs `resetctl` with the process's arguments. Exit codes: 0 done, 1 refused, 2 usage, 3 daemon unreachable.
pub fn main() -> ExitCode {
    // clap ends the process itself: help with 0, a usage error with 2.
    let cli = Cli::parse();
    crate::ambient::leave_no_core();
    let screen = Screen::new(cli.global.color);
    let json = cli.global.json;
    match run(cli, screen) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(screen, json),
    }
}

fn run(cli: Cli, screen: Screen) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let errand = Errand::new(&cli.global, screen);
    match cli.command {
        Command::Config(ConfigCommand::Check { file }) => config::check(&errand, &file),
        Command::Templates(TemplatesCommand::Check { folders, config }) => templates::check(&errand, folders, &config),
        Command::Templates(TemplatesCommand::Preview { gallery: Some(file), folder, .. }) => templates::gallery(&errand, &file, folder),
        Command::Templates(TemplatesCommand::Export { wording, folder, locales }) => {
            templates::export(&errand, &wording, &folder, &locales)
        }
        Command::Templates(TemplatesCommand::Diff { folder }) => templates::diff(&errand, &folder),
        Command::Inbound(InboundCommand::Classify(ask)) => inbound::classify::run(&errand, &ask),
        Command::Inbound(InboundCommand::Explain(ask)) => inbound::explain::run(&errand, &ask),
        Command::Dkim(DkimCommand::Generate(ask)) => dkim::generate(&errand, &ask),
        Command::Dkim(DkimCommand::Record(ask)) => dkim::record(&errand, &ask),
        Command::Restore(ask) => restore::run(&errand, &ask),
        Command::Setup(ask) => setup::run(&errand, cli.global.socket.as_deref(), *ask, &runtime),
        Command::Completions { shell } => completions::print(shell, screen),
        Command::Doctor(ask) => runtime.block_on(doctor::run(&errand, cli.global.socket.as_deref(), &ask)),
        command => runtime.block_on(ask(&errand, command)),
    }
}

/// What needs the daemon.
async fn ask(errand: &Errand, command: Command) -> Result<(), Failure> {
    match command {
        Command::Status => status::show(errand).await,
        Command::Request(new) => resets::request(errand, *new).await,
        Command::Show { id } => resets::show(errand, &id).await,
        Command::Revoke { id } => resets::revoke(errand, &id).await,
        Command::Completed { id } => resets::completed(errand, &id).await,
        Command::Inspect(typed) => secrets::present(errand, "inspect", typed).await,
        Command::Redeem(typed) => secrets::present(errand, "redeem", typed).await,
        Command::Events(ask) => events::run(errand, &ask).await,
        Command::Flags(command) => flags::run(errand, command).await,
        Command::Queue(command) => queue::run(errand, command).await,
        Command::Holds(command) => queue::holds(errand, command).await,
        Command::Templates(command) => templates::run(errand, command).await,
        Command::Inbound(InboundCommand::Ingest { files }) => inbound::ingest::run(errand, &files).await,
        Command::Backup { file } => backup::run(errand, file.as_deref()).await,
        Command::Keys(command) => data::keys(errand, command).await,
        Command::Audit(command) => data::audit(errand, command).await,
        Command::Export(whom) => data::export(errand, &whom).await,
        Command::Forget(ask) => data::forget(errand, &ask).await,
        Command::Inbound(_)
        | Command::Restore(_)
        | Command::Setup(_)
        | Command::Config(_)
        | Command::Dkim(_)
        | Command::Completions { .. }
        | Command::Doctor(_) => Ok(()),
    }
}
