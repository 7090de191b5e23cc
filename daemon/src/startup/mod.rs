//! Wires everything once: command line, logging, configuration, key, store, use cases, sources, socket. Nothing below
//! this room makes a clock, a key or a runtime.

mod cli;
mod daemon;
mod demo;
mod house;
mod journal;
mod keys;
mod logging;
mod sockets;
mod waiting;

use std::process::ExitCode;

use clap::Parser;

// For tests with a clock of their own, and for the manual pages.
pub use cli::command;
pub use house::{House, StartError};

/// What the binary `resetd` does.
pub fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    crate::ambient::harden();
    match cli.command {
        Some(cli::Command::Demo(demo)) => demo::main(&demo),
        None if cli.check => check(&cli.config),
        None => daemon::main(&cli.config, cli.wait),
    }
}

fn check(path: &std::path::Path) -> ExitCode {
    let (code, text) = crate::config::config_check(path);
    if code == 0 {
        println!("{}", text.trim_end())
    } else {
        eprintln!("{}", text.trim_end())
    }
    ExitCode::from(code)
}
