//! `resetctl keys rotate --file`: for a key that comes from root's hands. Needs no daemon; the daemon takes the new key with a restart.

use std::fs;
use std::path::Path;

use resetd_core::secret::KeyRing;
use serde_json::json;
use zeroize::Zeroizing;

use super::errand::Errand;
use super::failure::Failure;
use crate::ambient::{SystemEntropy, random};
use crate::app::keyfile;

/// Puts a new key on top of a key file.
pub(super) fn rotate(errand: &Errand, file: &Path) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(format!("{}: {error}", file.display()));
    let text = Zeroizing::new(fs::read_to_string(file).map_err(|error| failed(&error))?);
    let entropy = SystemEntropy::new();
    let none = || Failure::Failed("the system gives no randomness to make a key of".into());
    let root = random::<32>(&entropy).map(Zeroizing::new).ok_or_else(none)?;
    let (text, id) = KeyRing::rotated_file(&text, &root).map_err(|error| failed(&error))?;
    keyfile::write(file, &text, random(&entropy).ok_or_else(none)?).map_err(|error| failed(&error))?;
    match errand.json {
        true => errand.screen.print(&json!({ "file": file, "id": id }).to_string()),
        false => errand.screen.print(&format!("{}: the key {id} is on top. Restart resetd to put it in use.", file.display())),
    }
}
