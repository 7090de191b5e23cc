//! The files of a Maildir. Everything that blocks runs on tokio's threads for that.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

/// A Maildir.
#[derive(Clone)]
pub(super) struct Folder {
    path: PathBuf,
    max_size: usize,
}

/// A file in `new`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Found {
    /// Its name there.
    pub name: OsString,
    /// When it was last written, nanoseconds.
    written: i128,
    size: u64,
}

/// What became of a message.
#[derive(Debug)]
pub(super) enum Taken {
    /// Stored and moved.
    Done,
    /// Someone else was faster.
    Gone,
    /// It can't be read.
    Unreadable(io::Error),
    /// The sink did not take it.
    Unstored,
    /// Stored, but still in `new`.
    Unmoved(io::Error),
}

impl Found {
    /// Names this very message: a Maildir's names are said to be unique, but not all who write there keep to it, so
    /// that time and size go in too.
    pub fn key(&self) -> String {
        format!("{}:{}:{}", self.name.to_string_lossy(), self.written, self.size)
    }
}

impl Folder {
    /// Of what is larger than `max_size`, so much is read.
    pub fn new(path: PathBuf, max_size: usize) -> Self {
        Self { path, max_size }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn new_path(&self) -> PathBuf {
        self.path.join("new")
    }

    /// All messages in `new`, oldest first.
    pub async fn list(&self) -> io::Result<Vec<Found>> {
        let path = self.new_path();
        blocking(move || {
            let mut found = Vec::new();
            for entry in fs::read_dir(path)? {
                let entry = entry?;
                let name = entry.file_name();
                // A name with a dot in front is not a message; neither is what is not a file. One that vanished is gone.
                let Ok(about) = entry.metadata() else { continue };
                if !name.as_bytes().starts_with(b".") && about.is_file() {
                    let written = i128::from(about.mtime()) * 1_000_000_000 + i128::from(about.mtime_nsec());
                    found.push(Found { name, written, size: about.len() });
                }
            }
            found.sort_by(|a, b| (a.written, &a.name).cmp(&(b.written, &b.name)));
            Ok(found)
        })
        .await
    }

    /// The message, and its real size where only the beginning was read; `None` when it has vanished.
    pub async fn read(&self, found: &Found) -> io::Result<Option<(Vec<u8>, Option<u64>)>> {
        let (path, limit) = (self.new_path().join(&found.name), self.max_size);
        blocking(move || match open(&path) {
            Ok(file) => read_beginning(&file, limit).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    /// Moves a message to `cur`, marked as seen. One that has vanished meanwhile is as good as moved.
    pub async fn acknowledge(&self, found: &Found) -> io::Result<()> {
        let (from, cur) = (self.new_path().join(&found.name), self.path.join("cur"));
        let to = cur.join(seen_name(&found.name));
        blocking(move || match fs::rename(&from, &to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !fs::exists(&from)? {
                    return Ok(());
                }
                fs::create_dir(&cur)?;
                fs::rename(&from, &to)
            }
            moved => moved,
        })
        .await
    }
}

/// `name` without flags of its own, and `:2,S`.
fn seen_name(name: &OsString) -> OsString {
    let octets = name.as_bytes();
    let base = octets.windows(3).position(|window| window == b":2,").map_or(octets, |at| &octets[..at]);
    OsString::from_vec([base, b":2,S"].concat())
}

/// Follows no link and waits for no pipe that someone put there.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

fn read_beginning(file: &File, limit: usize) -> io::Result<(Vec<u8>, Option<u64>)> {
    let mut raw = Vec::new();
    file.take(limit as u64).read_to_end(&mut raw)?;
    let size = file.metadata()?.len();
    Ok((raw, (size > limit as u64).then_some(size)))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(io::ErrorKind::Interrupted.into()),
    }
}
