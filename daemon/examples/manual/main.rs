//! Writes the manual pages and the shells' completions into a folder, from what the program itself goes by: the command lines,
//! `etc/resetd.toml` and the API's description. Nothing of it is kept in the source tree, so nothing can drift.
//!
//!     cargo run -p resetd --example manual -- FOLDER

mod api;
mod commands;
mod config;
mod roff;

use std::error::Error;
use std::path::{Path, PathBuf};

use clap_complete::Shell;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: manual FOLDER")?);
    let man = folder.join("man");
    std::fs::create_dir_all(&man)?;
    commands::write(&man)?;
    std::fs::write(man.join("resetd.toml.5"), config::page())?;
    std::fs::write(man.join("resetd-api.7"), api::page()?)?;
    completions(&folder)
}

/// Under the names by which the shells look for them.
fn completions(folder: &Path) -> Result<(), Box<dyn Error>> {
    for (shell, path) in [(Shell::Bash, "bash/resetctl"), (Shell::Zsh, "zsh/_resetctl"), (Shell::Fish, "fish/resetctl.fish")] {
        let path = folder.join("completions").join(path);
        path.parent().map(std::fs::create_dir_all).transpose()?;
        let mut file = std::fs::File::create(path)?;
        clap_complete::generate(shell, &mut resetd::ctl::command(), "resetctl", &mut file);
    }
    Ok(())
}
