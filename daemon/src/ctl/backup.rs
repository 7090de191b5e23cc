//! `resetctl backup`: the daemon writes the copy; here it is only moved.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::failure::Failure;
use super::session::{Asked, Session};
use crate::wire::BackedUp;

/// Has a copy made, and moves it to `file` where one is named.
pub(super) async fn run(session: &Session, file: Option<&Path>) -> Result<(), Failure> {
    let asked: Asked<BackedUp> = session.ask("POST", "/v1/backup", None).await?;
    let Some(file) = file else { return session.show(&asked, |backup, _| backup.file.clone()) };
    let written = Path::new(&asked.value.file);
    moved(written, file).map_err(|error| {
        Failure::Failed(format!("the copy was made, but it can't be moved from {} to {}: {error}", written.display(), file.display()))
    })?;
    let there = BackedUp { file: file.display().to_string() };
    match session.json {
        true => session.screen.print(&serde_json::to_string(&there).unwrap_or_default()),
        false => session.screen.print(&there.file),
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
