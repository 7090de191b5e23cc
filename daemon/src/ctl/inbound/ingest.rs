//! `resetctl inbound ingest`

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::ctl::errand::{Asked, Errand, good};
use crate::ctl::failure::Failure;
use crate::wire::Ingested;

/// Hands messages to the daemon.
pub(crate) async fn run(errand: &Errand, files: &[PathBuf]) -> Result<(), Failure> {
    let standard_input = [PathBuf::from("-")];
    let files = if files.is_empty() { &standard_input } else { files };
    for file in files {
        let raw = read(file)?;
        let answer = good(errand.client.send("POST", "/v1/inbound", &[("content-type", "message/rfc822")], raw).await?)?;
        let asked: Asked<Ingested> = Asked::of(answer)?;
        errand.show(&asked, |kept, _| match kept.duplicate {
            true => format!("{}: was there before", file.display()),
            false => format!("{}: kept as inbound message {}", file.display(), kept.id),
        })?;
    }
    Ok(())
}

/// A file, or standard input for `-`.
fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut raw = Vec::new();
    let read = match file.as_os_str() == "-" {
        true => std::io::stdin().lock().read_to_end(&mut raw).map(drop),
        false => std::fs::read(file).map(|bytes| raw = bytes),
    };
    read.map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
    Ok(raw)
}
