//! `resetctl backup`: the daemon writes the copy; here it is only moved.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::errand::{Asked, Errand};
use super::failure::Failure;
use crate::wire::BackedUp;

/// Has a copy made, and moves it to `file` where one is named.
pub(super) async fn run(errand: &Errand, file: Option<&Path>) -> Result<(), Failure> {
    let asked: Asked<BackedUp> = errand.ask("POST", "/v1/backup", None).await?;
    let Some(file) = file else {
        errand.show(&asked, |backup, _| backup.file.clone())?;
        remind(errand, &asked.value);
        return Ok(());
    };
    let written = Path::new(&asked.value.file);
    moved(written, file).map_err(|error| {
        Failure::Failed(format!("the copy was made, but it can't be moved from {} to {}: {error}", written.display(), file.display()))
    })?;
    let there = BackedUp { file: file.display().to_string(), ..asked.value };
    match errand.json {
        true => errand.screen.print(&serde_json::to_string(&there).unwrap_or_default()),
        false => errand.screen.print(&there.file),
    }?;
    remind(errand, &there);
    Ok(())
}

/// What the copy is worth, and what it is not.
fn remind(errand: &Errand, backup: &BackedUp) {
    let rows: u64 = backup.rows.values().sum();
    let keys = backup.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    errand.say(&format!(
        "Tried out: checked, put back on trial, {rows} rows in both. The root key is NOT in it: keep the key file (ids {keys}) too, and elsewhere."
    ));
    if let Some(head) = &backup.head {
        errand.say(&format!("Its timeline ends at {head}."));
    }
}

/// Copied and then removed: the two folders may be on different disks.
fn moved(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = std::fs::File::open(from)?;
    let mut target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut source, &mut target)?;
    target.sync_all()?;
    std::fs::remove_file(from)
}
