//! Stands in for the world: writes each mail into a Maildir, for the demo, development and tests. It is the mailbox of
//! whoever is mailed, and so the one place where a live secret rests on disk (law 2).

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::TransportError;
use crate::mail::{Envelope, Outcome};

/// A Maildir that takes everything.
#[derive(Clone)]
pub struct Capture {
    folder: Arc<Path>,
    count: Arc<AtomicU64>,
}

impl Capture {
    /// Makes `folder` with `tmp`, `new` and `cur` (0700) where they are missing.
    pub fn new(folder: &Path) -> Result<Self, TransportError> {
        for part in ["tmp", "new", "cur"] {
            let path = folder.join(part);
            DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(|source| TransportError::Folder { path, source })?;
        }
        Ok(Self { folder: folder.into(), count: Arc::default() })
    }

    /// Delivers on a thread that may block.
    pub async fn send(&self, envelope: &Envelope, message: &[u8]) -> Outcome {
        let mail = [headers(envelope).as_bytes(), message].concat();
        let capture = self.clone();
        match tokio::task::spawn_blocking(move || capture.deliver(&mail)).await {
            Ok(Ok(())) => Outcome::Accepted(None),
            Ok(Err(error)) => Outcome::put_off(format!("the capture folder: {}", error.kind())),
            Err(_) => Outcome::put_off("the capture folder: interrupted"),
        }
    }

    /// `tmp`, synced, then `new`, synced: what is in `new` is whole, also after a power cut. `hard_link` rather than
    /// `rename`, since it never replaces a mail that is there.
    fn deliver(&self, mail: &[u8]) -> io::Result<()> {
        loop {
            let name = self.unique_name();
            let (tmp, new) = (self.folder.join("tmp").join(&name), self.folder.join("new").join(&name));
            let placed = write_synced(&tmp, mail).and_then(|()| std::fs::hard_link(&tmp, &new));
            if !matches!(&placed, Err(error) if error.kind() == io::ErrorKind::AlreadyExists) {
                let cleared = std::fs::remove_file(&tmp);
                placed.and(cleared)?;
                return File::open(self.folder.join("new"))?.sync_all();
            }
            let _ = std::fs::remove_file(&tmp);
        }
    }

    /// Unique by this process's number, its count and, against an earlier process of the same number, by `deliver`, which
    /// takes the next one where a name is taken. In order of delivery for whoever sorts by name.
    fn unique_name(&self) -> PathBuf {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        format!("{:010}.{count:08}.resetd", std::process::id()).into()
    }
}

fn write_synced(path: &Path, mail: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(mail)?;
    file.sync_all()
}

/// What a final delivery adds (RFC 5321 §4.4; `Delivered-To` as Postfix does).
fn headers(envelope: &Envelope) -> String {
    let from: String = envelope.from.chars().filter(|c| !c.is_control()).collect();
    format!("Return-Path: <{from}>\r\nDelivered-To: {}\r\n", envelope.to.as_str())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use resetd_core::address::Mailbox;

    use super::*;

    fn envelope() -> Envelope {
        Envelope {
            from: "b+tag@shop.example".into(),
            to: Mailbox::parse("jo@example.org").unwrap(),
            valid_since: None,
            envelope_id: String::new(),
            face: Default::default(),
        }
    }

    fn names(folder: &Path) -> Vec<PathBuf> {
        let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn delivers_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let capture = Capture::new(&folder.path().join("box")).unwrap();
        assert_eq!(capture.send(&envelope(), b"Subject: x\r\n\r\nhello\r\n").await, Outcome::Accepted(None));
        let new = names(&folder.path().join("box/new"));
        let text = std::fs::read_to_string(&new[0]).unwrap();
        assert_eq!(text, "Return-Path: <b+tag@shop.example>\r\nDelivered-To: jo@example.org\r\nSubject: x\r\n\r\nhello\r\n");
        assert_eq!(std::fs::metadata(&new[0]).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(names(&folder.path().join("box/tmp")).is_empty());
    }

    #[tokio::test]
    async fn never_replaces_a_mail() {
        let folder = tempfile::tempdir().unwrap();
        let (one, again) = (Capture::new(folder.path()).unwrap(), Capture::new(folder.path()).unwrap());
        for capture in [&one, &again, &one] {
            assert_eq!(capture.send(&envelope(), b"A: b\r\n\r\n").await, Outcome::Accepted(None));
        }
        assert_eq!(names(&folder.path().join("new")).len(), 3);
    }

    #[tokio::test]
    async fn a_folder_that_went_away_defers() {
        let folder = tempfile::tempdir().unwrap();
        let capture = Capture::new(folder.path()).unwrap();
        std::fs::remove_dir_all(folder.path().join("tmp")).unwrap();
        let outcome = capture.send(&envelope(), b"A: b\r\n\r\n").await;
        assert!(matches!(outcome, Outcome::Deferred { detail, .. } if detail.contains("not found")));
    }
}
