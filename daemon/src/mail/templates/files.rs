//! Where templates and strings come from: those inside the program, and an administrator's folder. Only plain files of the
//! folder itself and of its sub-folders are read, once; a template can name nothing else, so none reaches another file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::error::{Problem, Rule};

/// The largest file that is read, octets.
const FILE_MAX: u64 = 64 * 1024;
/// The most files that a folder may have.
const FILES_MAX: usize = 500;
/// Where built-in files stand, in messages.
pub(super) const BUILTIN_PATH: &str = "builtin";
/// The folder of the strings.
pub(super) const LOCALES: &str = "locales";

macro_rules! builtin {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../templates/", $name)))),*]
    };
}

/// Every built-in file. A test compares this list with the folder.
const BUILTIN: &[(&str, &str)] = builtin![
    "layout.html",
    "layout.txt",
    "button.html",
    "code.html",
    "link.html",
    "not_me.html",
    "secret.txt",
    "expires.html",
    "expires.txt",
    "easy/mail.html",
    "easy/mail.txt",
    "code/mail.html",
    "code/mail.txt",
    "change-link/mail.html",
    "change-link/mail.txt",
    "bare-link/mail.html",
    "bare-link/mail.txt",
    "tell-us/mail.html",
    "tell-us/mail.txt",
    "time-limited/mail.html",
    "time-limited/mail.txt",
    "monitored/mail.html",
    "monitored/mail.txt",
    "friendly/mail.html",
    "friendly/mail.txt",
    "failed-logins/mail.html",
    "failed-logins/mail.txt",
    "changed/mail.html",
    "changed/mail.txt",
    "ack/mail.html",
    "ack/mail.txt",
    "alert/mail.html",
    "alert/mail.txt",
    "locales/ar.toml",
    "locales/bg.toml",
    "locales/ca.toml",
    "locales/cs.toml",
    "locales/da.toml",
    "locales/de.toml",
    "locales/el.toml",
    "locales/en.toml",
    "locales/es.toml",
    "locales/et.toml",
    "locales/fa.toml",
    "locales/fi.toml",
    "locales/fr.toml",
    "locales/he.toml",
    "locales/hi.toml",
    "locales/hr.toml",
    "locales/hu.toml",
    "locales/id.toml",
    "locales/it.toml",
    "locales/ja.toml",
    "locales/ko.toml",
    "locales/lt.toml",
    "locales/nb.toml",
    "locales/nl.toml",
    "locales/pl.toml",
    "locales/pt-BR.toml",
    "locales/pt-PT.toml",
    "locales/ro.toml",
    "locales/ru.toml",
    "locales/sk.toml",
    "locales/sv.toml",
    "locales/th.toml",
    "locales/tr.toml",
    "locales/uk.toml",
    "locales/vi.toml",
    "locales/zh-Hans.toml",
    "locales/zh-Hant.toml",
];

/// One file.
#[derive(Clone, Debug)]
pub(super) struct File {
    /// Where it is, for messages.
    pub path: PathBuf,
    /// What is in it.
    pub text: Cow<'static, str>,
}

/// All files of a source, by their name inside it (`easy/mail.html`).
#[derive(Clone, Debug, Default)]
pub(super) struct Files(pub BTreeMap<String, File>);

impl Files {
    /// Those inside the program.
    pub fn builtin() -> Self {
        let file = |name: &str, text| File { path: Path::new(BUILTIN_PATH).join(name), text: Cow::Borrowed(text) };
        Self(BUILTIN.iter().map(|(name, text)| ((*name).to_owned(), file(name, *text))).collect())
    }

    /// Those of a folder: `*.html` and `*.txt` in it and one level below, `locales/*.toml`.
    pub fn read(folder: &Path) -> io::Result<(Self, Vec<Problem>)> {
        let mut found = Self::default();
        let mut problems = Vec::new();
        for entry in sorted(folder)? {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                for inner in sorted(&entry.path())? {
                    found.take(&inner, &format!("{name}/{}", inner.file_name().to_string_lossy()), &mut problems);
                }
            } else {
                found.take(&entry, &name, &mut problems);
            }
        }
        Ok((found, problems))
    }

    fn take(&mut self, entry: &fs::DirEntry, name: &str, problems: &mut Vec<Problem>) {
        if !is_ours(name) {
            return;
        }
        let wording = name.split_once('/').map(|(wording, _)| wording.to_owned()).filter(|wording| wording != LOCALES);
        match self.read_one(entry) {
            Ok(text) => drop(self.0.insert(name.to_owned(), File { path: entry.path(), text: Cow::Owned(text) })),
            Err(message) => problems.push(Problem { file: entry.path(), line: None, rule: Rule::Files, message, wording }),
        }
    }

    fn read_one(&self, entry: &fs::DirEntry) -> Result<String, String> {
        // Of the entry itself: a symbolic link could lead out of the folder.
        let meta = entry.metadata().map_err(|error| error.to_string())?;
        if !meta.is_file() {
            return Err("is no plain file (symbolic links are not followed)".to_owned());
        }
        if meta.len() > FILE_MAX || self.0.len() >= FILES_MAX {
            return Err(format!("is too much: at most {FILES_MAX} files of at most {FILE_MAX} octets"));
        }
        fs::read_to_string(entry.path()).map_err(|error| format!("can't be read: {error}"))
    }

    /// The wordings that have a folder here.
    pub fn wordings(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .0
            .keys()
            .filter_map(|name| name.split_once('/'))
            .filter(|(wording, file)| *wording != LOCALES && file.starts_with("mail."))
            .map(|(wording, _)| wording.to_owned())
            .collect();
        names.dedup();
        names
    }

    /// The strings files: language tag and file.
    pub fn locales(&self) -> impl Iterator<Item = (&str, &File)> {
        self.0.iter().filter_map(|(name, file)| {
            let tag = name.strip_prefix(LOCALES)?.strip_prefix('/')?.strip_suffix(".toml")?;
            Some((tag, file))
        })
    }
}

fn sorted(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    let mut entries = fs::read_dir(folder)?.take(FILES_MAX * 2).collect::<io::Result<Vec<_>>>()?;
    entries.retain(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    entries.sort_by_key(fs::DirEntry::file_name);
    Ok(entries)
}

fn is_ours(name: &str) -> bool {
    match name.split_once('/') {
        Some((LOCALES, file)) => file.ends_with(".toml"),
        _ => name.ends_with(".html") || name.ends_with(".txt"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates");
        let (files, problems) = Files::read(&folder).unwrap();
        assert_eq!(problems, []);
        let names = |files: &Files| files.0.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&files), names(&Files::builtin()));
    }

    #[test]
    fn links_and_large_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::create_dir(folder.path().join("own")).unwrap();
        std::os::unix::fs::symlink(secret.path(), folder.path().join("own/mail.txt")).unwrap();
        std::os::unix::fs::symlink("/etc", folder.path().join("etc.txt")).unwrap();
        fs::write(folder.path().join("own/mail.html"), vec![b'x'; FILE_MAX as usize + 1]).unwrap();
        fs::write(folder.path().join("own/bad.txt"), b"\xff\xfe").unwrap();
        fs::write(folder.path().join("README.md"), "not ours").unwrap();
        let (files, problems) = Files::read(folder.path()).unwrap();
        assert!(files.0.is_empty(), "{files:?}");
        assert_eq!(problems.len(), 4);
        assert!(problems.iter().all(|problem| problem.rule == Rule::Files));
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        assert!(Files::read(Path::new("/nonexistent/wordings")).is_err());
    }
}
