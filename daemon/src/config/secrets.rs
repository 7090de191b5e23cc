//! Secrets: never in the configuration itself, always in a file of their own or in a systemd credential. A file that
//! others may read is refused, and so is one that a group of clients may read.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::report::Report;
use super::values::{Credential, Text};

/// The largest secret file, in octets.
const SIZE_MAX: u64 = 65_536;

/// Where secrets come from, and who may not read them.
pub(super) struct SecretFiles<'e> {
    pub(super) credentials_dir: Option<&'e Path>,
    /// Groups that a `[[client]]` names: applications and agents are in them, and have no business with our secrets.
    pub(super) client_groups: Vec<u32>,
}

/// The two keys of a table that can name a secret.
pub(super) struct SecretKeys {
    /// The table's path.
    pub(super) table: String,
    /// The key that names a file: `password_file`.
    pub(super) file_key: &'static str,
    pub(super) file: Option<Text<PathBuf>>,
    pub(super) credential: Option<Text<Credential>>,
}

impl SecretFiles<'_> {
    /// The secret's text without the line end, or nothing where the report says why.
    pub(super) fn read(&self, keys: SecretKeys, report: &mut Report<'_>) -> Option<Zeroizing<String>> {
        let SecretKeys { table, file_key, file, credential } = keys;
        let (file_path, credential_path) = (format!("{table}.{file_key}"), format!("{table}.credential"));
        let (at, secret) = match (file, credential) {
            (Some(_), Some(_)) => {
                report.value(&credential_path, &format!("must not stand beside {file_key}: one of the two"));
                return None;
            }
            (None, None) => {
                if !report.complained(&file_path) && !report.complained(&credential_path) {
                    report.key(&table, &format!("must have {file_key} = \"/path\" or credential = \"name\""));
                }
                return None;
            }
            (Some(file), None) => (file_path, self.text_of(&file.0)),
            (None, Some(credential)) => (credential_path, self.credential(&credential.0.0).and_then(|path| self.text_of(&path))),
        };
        secret.map_err(|text| report.value(&at, &text)).ok()
    }

    /// The path of a credential that systemd handed in.
    fn credential(&self, name: &str) -> Result<PathBuf, String> {
        let folder = self.credentials_dir.ok_or("must be handed in by systemd (LoadCredential=), and there are no credentials here")?;
        Ok(folder.join(name))
    }

    /// The path of a credential, where there is one of that name.
    pub(super) fn credential_if_there(&self, name: &str) -> Option<PathBuf> {
        self.credential(name).ok().filter(|path| path.exists())
    }

    /// A secret file's text, without the line end. The error is the end of a sentence.
    pub(super) fn text_of(&self, path: &Path) -> Result<Zeroizing<String>, String> {
        let about = std::fs::metadata(path).map_err(|error| format!("can't be read: {error}"))?;
        if !about.is_file() {
            return Err("must be a file".to_owned());
        }
        if about.len() > SIZE_MAX {
            return Err(format!("must be a file of at most {SIZE_MAX} octets"));
        }
        if about.mode() & 0o007 != 0 {
            return Err(format!("must not be open to all users: its mode is {:04o}, make it 0600", about.mode() & 0o7777));
        }
        if about.mode() & 0o070 != 0 && self.client_groups.contains(&about.gid()) {
            return Err(format!("must not be open to a group of clients: its mode is {:04o}, make it 0600", about.mode() & 0o7777));
        }
        let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| format!("can't be read: {error}"))?;
        let trimmed = text.strip_suffix('\n').unwrap_or(&text);
        let trimmed = trimmed.strip_suffix('\r').unwrap_or(trimmed);
        if trimmed.is_empty() {
            return Err("must be a file with the secret in it, and is empty".to_owned());
        }
        Ok(Zeroizing::new(trimmed.to_owned()))
    }
}
