//! `resetctl restore`: puts a copy of the database in its place while the daemon is stopped. What that means is done by the daemon when it
//! starts next.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::errand::Errand;
use super::failure::Failure;
use super::screen::when;
use crate::ambient::{Clock, SystemClock};
use crate::config::{self, DEFAULT_PATH, Environment};
use crate::store::restore::{self, InPlace, RestoreError};

#[derive(Args)]
pub(super) struct Restore {
    /// The copy
    pub(super) file: PathBuf,
    /// Put the database that is there aside; otherwise nothing is done where there is one
    #[arg(long)]
    pub(super) replace: bool,
    /// The configuration, which says where the state folder is
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    pub(super) config: PathBuf,
    /// The state folder, where there is no configuration
    #[arg(long, value_name = "FOLDER", conflicts_with = "config")]
    pub(super) state_dir: Option<PathBuf>,
}

pub(super) fn run(errand: &Errand, ask: &Restore) -> Result<(), Failure> {
    let folder = match &ask.state_dir {
        Some(folder) => folder.clone(),
        None => {
            let settings = config::load(&ask.config, &Environment::of_process());
            settings.map_err(|error| Failure::Failed(format!("{error}\n(or say where with --state-dir)")))?.store.state_dir
        }
    };
    let database = folder.join("resetd.db");
    let put = restore::restore(&restore::Ask { copy: &ask.file, database: &database, replace: ask.replace, now: SystemClock.now() });
    let put = put.map_err(|error| match error {
        RestoreError::Exists(_) => Failure::Failed(error.to_string()),
        error => Failure::Failed(format!("nothing was changed: {error}")),
    })?;
    match errand.json {
        true => errand.screen.print(&as_json(&put).to_string()),
        false => errand.screen.print(&told(&put, &database)),
    }
}

fn as_json(put: &InPlace) -> serde_json::Value {
    json!({ "copied_at": put.copied_at, "keys": put.keys, "resets": put.resets, "kept": put.kept, "not_carried": put.not_carried })
}

fn told(put: &InPlace, database: &Path) -> String {
    let made = put.copied_at.map_or_else(|| "of an unknown time".to_owned(), |at| format!("of {} UTC", when(at)));
    let keys = put.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut text = format!("{} is now the copy {made}, with {} resets.\n", database.display(), put.resets);
    if let Some(kept) = &put.kept {
        text.push_str(&format!("What was there is kept as {}: remove it when you need it no more.\n", kept.display()));
    }
    if let Some(why) = &put.not_carried {
        text.push_str(&format!("Nothing could be taken over from it ({why}): who was erased since the copy must be erased again.\n"));
    }
    text.push_str(&format!(
        "It needs the root keys with the ids {keys}, which are not in it.\n\
         Start resetd now. First of all it ends every reset that was open in the copy, for nobody knows which of them were used or denied since; \
         people ask again. A flag tells support.\n"
    ));
    text
}
