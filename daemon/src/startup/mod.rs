//! Wires everything once: command line, logging, configuration, key, store, use cases, sources, socket. Nothing below
//! this room makes a clock, a key or a runtime.

mod cli;
mod daemon;
mod demo;
mod house;
mod keys;
mod logging;

use std::process::ExitCode;

use clap::Parser;

// For tests with a clock of their own.
pub use house::{House, StartError};

/// What the binary `resetd` does.
pub fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    harden();
    match cli.command {
        Some(cli::Command::Demo(demo)) => demo::main(&demo),
        None if cli.check => check(&cli.config),
        None => daemon::main(&cli.config),
    }
}

/// New files are for this user alone, and a crash leaves no core with keys in it.
fn harden() {
    use nix::sys::resource::{Resource, setrlimit};
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    // Both can only fail where the system forbids to be stricter; then it is as strict as it may be.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let _ = nix::sys::prctl::set_dumpable(false);
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
