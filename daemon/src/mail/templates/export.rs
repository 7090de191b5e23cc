//! Copies of built-in wordings to edit, and what has become of the originals since.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use ring::digest;
use similar::TextDiff;

use super::files::{Files, LOCALES};
use super::strings::COMMON;

/// Beside the copies: which original each was made of.
const RECORD: &str = ".copied.toml";

/// A copy beside its original of today.
#[derive(Debug)]
pub struct Changed {
    /// The copy.
    pub file: PathBuf,
    /// Whether the original has changed since it was copied; `None`: it is not known when that was.
    pub original_changed: Option<bool>,
    /// From today's original to the copy, as `diff -u` writes it.
    pub diff: String,
}

/// Why nothing was copied.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is no such wording.
    #[error("there is no wording `{0}`: `resetctl templates list` names them")]
    Unknown(String),
    /// There is no such language.
    #[error("there is no language `{0}`: `resetctl templates list` names them")]
    Language(String),
    /// A file is there already, or can't be written.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
}

/// Copies a wording and its sentences in these languages into a folder; gives the files. Nothing is written over.
///
/// # Errors
/// See [`ExportError`].
pub fn export(wording: &str, locales: &[String], folder: &Path) -> Result<Vec<PathBuf>, ExportError> {
    let builtin = Files::builtin();
    let mut copies: Vec<(String, String)> = ["html", "txt"]
        .iter()
        .map(|kind| format!("{wording}/mail.{kind}"))
        .filter_map(|name| builtin.0.get(&name).map(|file| (name, file.text.to_string())))
        .collect();
    if copies.is_empty() {
        return Err(ExportError::Unknown(wording.to_owned()));
    }
    for locale in locales {
        let text = sentences(&builtin, wording, locale).ok_or_else(|| ExportError::Language(locale.clone()))?;
        copies.push((format!("{LOCALES}/{locale}.toml"), text));
    }
    let mut written = Vec::new();
    let mut record = read_record(folder);
    for (name, text) in copies {
        let path = folder.join(&name);
        write_new(&path, &text).map_err(|error| ExportError::Io(path.clone(), error))?;
        record.insert(format!("{name}#{wording}"), hash(&text));
        written.push(path);
    }
    let path = folder.join(RECORD);
    let text: String = record.iter().map(|(name, hash)| format!("\"{name}\" = \"{hash}\"\n")).collect();
    fs::write(&path, format!("# Which originals the copies here were made of, for `resetctl templates diff`.\n{text}"))
        .map_err(|error| ExportError::Io(path, error))?;
    Ok(written)
}

/// What differs between the files of a folder and the originals of today.
///
/// # Errors
/// The folder can't be read.
pub fn diff(folder: &Path) -> io::Result<Vec<Changed>> {
    let (own, _) = Files::read(folder)?;
    let (builtin, record) = (Files::builtin(), read_record(folder));
    let mut changed = Vec::new();
    for (name, file) in &own.0 {
        let tables: Vec<String> = match name.strip_prefix(LOCALES) {
            Some(_) => file.text.parse::<toml::Table>().unwrap_or_default().keys().cloned().collect(),
            None => vec![name.split('/').next().unwrap_or_default().to_owned()],
        };
        let locale = name.strip_prefix(&format!("{LOCALES}/")).and_then(|name| name.strip_suffix(".toml"));
        let original = match locale {
            None => builtin.0.get(name).map(|file| file.text.to_string()),
            Some(locale) => {
                let parts: Vec<String> = tables.iter().filter_map(|table| sentences(&builtin, table, locale)).collect();
                (!parts.is_empty()).then(|| parts.join("\n"))
            }
        };
        let Some(original) = original else { continue };
        let known = tables.iter().filter_map(|table| record.get(&format!("{name}#{table}"))).next();
        let now = tables.first().and_then(|table| match locale {
            None => Some(original.clone()),
            Some(locale) => sentences(&builtin, table, locale),
        });
        let original_changed = known.zip(now).map(|(known, now)| *known != hash(&now));
        let text = TextDiff::from_lines(original.as_str(), &file.text);
        let diff = text.unified_diff().context_radius(2).header(&format!("builtin/{name}"), &file.path.display().to_string()).to_string();
        changed.push(Changed { file: file.path.clone(), original_changed, diff });
    }
    Ok(changed)
}

/// The tables of one wording out of a strings file, as they are written there.
fn sentences(builtin: &Files, wording: &str, locale: &str) -> Option<String> {
    let file = builtin.locales().find(|(tag, _)| *tag == locale)?.1;
    let wanted = [format!("[{wording}]"), format!("[familiar.{wording}]")];
    let mut inside = false;
    let mut out = String::new();
    for line in file.text.lines() {
        if line.starts_with('[') {
            inside = wanted.iter().any(|table| line.trim() == table);
        }
        if inside && !line.trim().is_empty() {
            out.push_str(line);
            out.push('\n');
        }
    }
    (!out.is_empty() || wording == COMMON).then_some(out)
}

fn read_record(folder: &Path) -> BTreeMap<String, String> {
    let table = fs::read_to_string(folder.join(RECORD)).ok().and_then(|text| text.parse::<toml::Table>().ok());
    let pair = |(name, hash): (String, toml::Value)| Some((name, hash.as_str()?.to_owned()));
    table.unwrap_or_default().into_iter().filter_map(pair).collect()
}

fn hash(text: &str) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_used_edited_and_compared() {
        let folder = tempfile::tempdir().unwrap();
        let written = export("easy", &["de".to_owned(), "en".to_owned()], folder.path()).unwrap();
        assert_eq!(written.len(), 4);
        assert_eq!(super::super::check(folder.path()).unwrap(), []);
        let same = diff(folder.path()).unwrap();
        assert!(same.iter().all(|one| one.diff.is_empty() && one.original_changed == Some(false)), "{same:?}");
        let german = folder.path().join("locales/de.toml");
        let text = fs::read_to_string(&german).unwrap();
        let first = text.lines().find(|line| line.starts_with("subject")).unwrap();
        fs::write(&german, text.replace(first, "subject = \"Neues Passwort\"")).unwrap();
        let one = diff(folder.path()).unwrap().into_iter().find(|one| one.file == german).unwrap();
        assert!(one.diff.contains("+subject = \"Neues Passwort\"") && one.diff.contains(&format!("-{first}")), "{}", one.diff);
        // As after an upgrade that changed the original.
        let record = folder.path().join(RECORD);
        let marks = fs::read_to_string(&record).unwrap();
        let old = marks.lines().map(|line| line.split(" = ").next().unwrap().to_owned() + " = \"00\"\n").collect::<String>();
        fs::write(&record, old.replace("# Which originals the copies here were made of, for `resetctl templates diff`. = \"00\"", ""))
            .unwrap();
        assert!(diff(folder.path()).unwrap().iter().all(|one| one.original_changed == Some(true)));
    }

    #[test]
    fn nothing_is_written_over_and_what_is_not_there_is_told() {
        let folder = tempfile::tempdir().unwrap();
        export("easy", &[], folder.path()).unwrap();
        assert!(matches!(export("easy", &[], folder.path()), Err(ExportError::Io(..))));
        assert!(matches!(export("no-such", &[], folder.path()), Err(ExportError::Unknown(_))));
        assert!(matches!(export("code", &["xx".to_owned()], folder.path()), Err(ExportError::Language(_))));
    }
}
