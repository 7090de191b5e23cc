//! The messages that a command line names: files, folders of files (a Maildir too), mboxes, standard input.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::mbox::{Mbox, is_mbox};
use crate::ctl::failure::Failure;

/// How deep folders are gone through.
const DEPTH: usize = 16;
/// Largest single message that is read.
const FILE_MAX: u64 = 128 << 20;

/// A message and where it is from: the file's name, with `#3` behind it for the third of an mbox.
pub(super) struct Message {
    pub name: String,
    pub raw: Vec<u8>,
    /// How far the inputs are read with it, in octets.
    pub read: u64,
}

/// Something that was named and can't be read.
pub(super) struct Unreadable {
    pub name: String,
    pub error: io::Error,
}

/// All messages, in order, each read when it is asked for.
pub(super) struct Messages {
    files: std::vec::IntoIter<PathBuf>,
    open: Option<Open>,
    read: u64,
    /// Size of all files together, in octets, as far as they have one.
    pub size: u64,
    /// How many files there are.
    pub count: usize,
}

/// An mbox that is being read.
struct Open {
    name: String,
    mbox: Mbox<Box<dyn io::BufRead + Send>>,
    taken: u64,
}

impl Messages {
    /// Of what was named. What isn't there is told at once, before a long run begins.
    pub(super) fn of(named: &[PathBuf]) -> Result<Self, Failure> {
        let mut files = Vec::new();
        for path in named {
            let unreadable = |error| Failure::Usage(format!("{}: {error}", path.display()));
            if path.as_os_str() == "-" {
                files.push(path.clone());
            } else if std::fs::metadata(path).map_err(unreadable)?.is_dir() {
                walk(path, DEPTH, &mut files).map_err(unreadable)?;
            } else {
                files.push(path.clone());
            }
        }
        let size = files.iter().filter_map(|file| std::fs::metadata(file).ok()).map(|data| data.len()).sum();
        Ok(Self { count: files.len(), files: files.into_iter(), open: None, read: 0, size })
    }

    fn open(&mut self, file: &Path) -> io::Result<Option<Message>> {
        let name = if file.as_os_str() == "-" { "-".to_owned() } else { file.display().to_string() };
        let input: Box<dyn Read + Send> = if name == "-" { Box::new(io::stdin()) } else { Box::new(File::open(file)?) };
        let mut input = BufReader::new(input);
        let mut head = Vec::new();
        (&mut input).take(1024).read_to_end(&mut head)?;
        if is_mbox(&head) {
            let whole: Box<dyn io::BufRead + Send> = Box::new(BufReader::new(io::Cursor::new(head).chain(input)));
            self.open = Some(Open { name, mbox: Mbox::new(whole), taken: 0 });
            return Ok(None);
        }
        let mut raw = head;
        input.take(FILE_MAX).read_to_end(&mut raw)?;
        self.read += raw.len() as u64;
        Ok(Some(Message { name, raw, read: self.read }))
    }

    fn next_of_mbox(&mut self) -> Option<Result<Message, Unreadable>> {
        let open = self.open.as_mut()?;
        match open.mbox.next() {
            Ok(Some(raw)) => {
                open.taken += 1;
                self.read += raw.len() as u64;
                Some(Ok(Message { name: format!("{}#{}", open.name, open.taken), raw, read: self.read }))
            }
            Ok(None) => {
                self.open = None;
                None
            }
            Err(error) => {
                let name = std::mem::take(&mut open.name);
                self.open = None;
                Some(Err(Unreadable { name, error }))
            }
        }
    }
}

impl Iterator for Messages {
    type Item = Result<Message, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(found) = self.next_of_mbox() {
                return Some(found);
            }
            let file = self.files.next()?;
            match self.open(&file) {
                Ok(Some(message)) => return Some(Ok(message)),
                Ok(None) => {}
                Err(error) => return Some(Err(Unreadable { name: file.display().to_string(), error })),
            }
        }
    }
}

/// The files in a folder and its folders, by name. Links to folders are not followed, so that no ring is; what a
/// delivery has not finished (`tmp` of a Maildir) is left out.
fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let maildir = ["cur", "new", "tmp"].iter().all(|name| folder.join(name).is_dir());
    let mut inside = std::fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    inside.sort_by_key(std::fs::DirEntry::file_name);
    for entry in inside {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if depth > 0 && !(maildir && entry.file_name() == "tmp") {
                walk(&path, depth - 1, files)?;
            }
        } else if path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn folders_mboxes_and_files_in_order() {
        let root = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("b.eml", "Subject: b\n\nx");
        put("a/cur/1", "Subject: 1\n\nx");
        put("a/new/2", "Subject: 2\n\nx");
        put("a/tmp/3", "Subject: 3\n\nx");
        put("c.mbox", "From a Thu Nov 26 10:00:00 2026\nSubject: c1\n\n\nFrom a Thu Nov 26 10:00:00 2026\nSubject: c2\n\n");
        let found: Vec<(String, String)> = Messages::of(&[root.path().to_owned()])
            .unwrap_or_else(|_| panic!())
            .map(|message| message.unwrap_or_else(|_| panic!()))
            .map(|message| {
                let name = Path::new(&message.name).strip_prefix(root.path()).unwrap().display().to_string();
                (name, String::from_utf8_lossy(&message.raw).lines().next().unwrap().to_owned())
            })
            .collect();
        let found: Vec<(&str, &str)> = found.iter().map(|(name, subject)| (name.as_str(), subject.as_str())).collect();
        assert_eq!(
            found,
            [
                ("a/cur/1", "Subject: 1"),
                ("a/new/2", "Subject: 2"),
                ("b.eml", "Subject: b"),
                ("c.mbox#1", "Subject: c1"),
                ("c.mbox#2", "Subject: c2")
            ]
        );
        assert!(Messages::of(&[root.path().join("nothing")]).is_err());
    }
}
