//! `resetctl config check`

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use super::errand::Errand;
use super::failure::Failure;
use crate::config::{DEFAULT_PATH, config_check};

#[derive(Subcommand)]
pub(super) enum ConfigCommand {
    /// Say `ok`, or file, line and key of everything that is wrong; needs no daemon
    #[command(after_help = "Example:\n  resetctl config check /etc/resetd/resetd.toml")]
    Check {
        /// The configuration
        #[arg(default_value = DEFAULT_PATH)]
        file: PathBuf,
    },
}

/// Says `ok`, or everything that is wrong with the file.
pub(super) fn check(errand: &Errand, file: &Path) -> Result<(), Failure> {
    let (code, text) = config_check(file);
    if errand.json {
        let problems: Vec<&str> = if code == 0 { Vec::new() } else { text.lines().collect() };
        errand.screen.print(&json!({ "file": file, "ok": code == 0, "problems": problems }).to_string())?;
    } else if code == 0 {
        errand.screen.print(&text)?;
    } else {
        eprintln!("{text}");
    }
    if code == 0 { Ok(()) } else { Err(Failure::Silent(code)) }
}
