//! `resetctl dkim generate`

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use serde_json::json;
use zeroize::Zeroizing;

use super::cli::Generate;
use super::errand::Errand;
use super::failure::Failure;
use crate::ambient::{SystemEntropy, random};
use crate::mail::dkim;

/// Makes a key, keeps it, and prints what to publish.
pub(super) fn generate(errand: &Errand, ask: &Generate) -> Result<(), Failure> {
    let seed = random(&SystemEntropy::new()).ok_or_else(|| Failure::Failed("the system gives no randomness".into()))?;
    let made = dkim::generate(&ask.domain, &ask.selector, &Zeroizing::new(seed)).map_err(|error| Failure::Usage(error.to_string()))?;
    let kept = |error| Failure::Failed(format!("{}: {error}", ask.out.display()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&ask.out).map_err(kept)?;
    file.write_all(made.pem.as_bytes()).and_then(|()| file.sync_all()).map_err(kept)?;
    if errand.json {
        let record = json!({ "file": ask.out, "name": made.record.name, "type": "TXT", "value": made.record.value });
        return errand.screen.print(&record.to_string());
    }
    errand.say(&format!("The private key is in {}. Publish this, then name the key under [[sending.dkim]]:\n", ask.out.display()));
    errand.screen.print(&made.record.zone_line())
}
