//! `resetctl config check`

use std::path::Path;

use serde_json::json;

use super::failure::Failure;
use super::session::Session;
use crate::config::config_check;

/// Says `ok`, or everything that is wrong with the file.
pub(super) fn check(session: &Session, file: &Path) -> Result<(), Failure> {
    let (code, text) = config_check(file);
    if session.json {
        let problems: Vec<&str> = if code == 0 { Vec::new() } else { text.lines().collect() };
        session.screen.print(&json!({ "file": file, "ok": code == 0, "problems": problems }).to_string())?;
    } else if code == 0 {
        session.screen.print(&text)?;
    } else {
        eprintln!("{text}");
    }
    if code == 0 { Ok(()) } else { Err(Failure::Silent(code)) }
}
