//! What was done to the disk, as `disk.c` and the MDA wrote it down.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Each record begins with it, so that one which was torn by a kill ends where the next begins. As in `disk.c`.
const MAGIC: [u8; 8] = 0x9a1b_7fe3_4c0d_52f8_u64.to_ne_bytes();
const NUMBERS: usize = 5;

/// As in `disk.c`.
pub mod kinds {
    #![allow(missing_docs)]
    pub const CREATE: u64 = 1;
    pub const WRITE: u64 = 2;
    pub const LENGTH: u64 = 3;
    pub const SYNC: u64 = 4;
    pub const SYNC_FAILED: u64 = 5;
    pub const SYNC_NAMES: u64 = 6;
    pub const FOLDER: u64 = 7;
    pub const REMOVE: u64 = 8;
    pub const RENAME: u64 = 9;
}

/// One thing that was done.
#[derive(Debug)]
pub struct Record<'l> {
    /// What: one of [`kinds`].
    pub kind: u64,
    /// The file, by the kernel's number.
    pub node: u64,
    /// Where, how long, or with which permissions.
    pub at: u64,
    /// The path.
    pub name: &'l OsStr,
    /// Octets, or the new path.
    pub data: &'l [u8],
}

/// Every whole record, in order.
pub fn records(log: &[u8]) -> Vec<Record<'_>> {
    let starts: Vec<usize> = log.windows(MAGIC.len()).enumerate().filter(|(_, window)| *window == MAGIC).map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([log.len()]);
    starts.iter().zip(ends).filter_map(|(start, end)| record(&log[start + MAGIC.len()..end])).collect()
}

fn record(octets: &[u8]) -> Option<Record<'_>> {
    let (head, rest) = octets.split_at_checked(8 * NUMBERS)?;
    let number = |n: usize| u64::from_ne_bytes(head[8 * n..8 * n + 8].try_into().unwrap());
    let name = usize::try_from(number(3)).unwrap();
    let whole = rest.len() as u64 == number(3) + number(4);
    whole.then(|| Record { kind: number(0), node: number(1), at: number(2), name: OsStr::from_bytes(&rest[..name]), data: &rest[name..] })
}

fn write_down(mut log: &File, record: &Record) -> io::Result<()> {
    let head = [record.kind, record.node, record.at, record.name.len() as u64, record.data.len() as u64];
    let head = head.map(u64::to_ne_bytes).concat();
    log.write_all(&[&MAGIC, &*head, record.name.as_bytes(), record.data].concat())
}

/// An MDA that leaves messages in a Maildir on the disk, and syncs.
#[derive(Clone, Debug)]
pub struct Mda {
    /// The folder that is the disk.
    pub state: PathBuf,
    /// Where records go.
    pub log: PathBuf,
    /// What is wrong with the disk.
    pub control: PathBuf,
}

impl Mda {
    /// Leaves a message; whether it could. Each step is written down before it is done, for the daemon may be quick to take it.
    pub fn deliver(&self, maildir: &Path, name: &str, message: &[u8]) -> io::Result<bool> {
        const PERM: u32 = 0o600;
        // With such troubles as 2 to 4 it could not write: it tells its MTA to come again.
        if fs::read(&self.control)?[0] > 1 {
            return Ok(false);
        }
        let (tmp, new) = (maildir.join("tmp").join(name), maildir.join("new").join(name));
        let mut file = File::options().write(true).create_new(true).mode(PERM).open(&tmp)?;
        file.write_all(message)?;
        let node = file.metadata()?.ino();
        let below = |path: &Path| path.strip_prefix(&self.state).unwrap().as_os_str().to_owned();
        let (tmp_name, new_name, nameless) = (below(&tmp), below(&new), OsStr::new(""));
        let log = File::options().append(true).open(&self.log)?;
        let write = |kind, node, at, name, data| write_down(&log, &Record { kind, node, at, name, data });
        write(kinds::CREATE, node, PERM.into(), &tmp_name, b"")?;
        write(kinds::WRITE, node, 0, nameless, message)?;
        write(kinds::SYNC, node, 0, nameless, b"")?;
        write(kinds::RENAME, 0, 0, &tmp_name, new_name.as_bytes())?;
        fs::rename(&tmp, &new)?;
        write(kinds::SYNC_NAMES, 0, 0, nameless, b"")?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_record_is_passed_over_and_what_follows_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = File::create(&path).unwrap();
        let record = |node| Record { kind: kinds::WRITE, node, at: 7, name: OsStr::new(""), data: b"some octets" };
        write_down(&log, &record(1)).unwrap();
        write_down(&log, &record(2)).unwrap();
        let whole = fs::read(&path).unwrap();
        let second = whole.len() / 2;
        for torn in 0..second {
            let log = [&whole[..torn], &whole[second..]].concat();
            let read = records(&log);
            assert_eq!(read.iter().map(|record| record.node).collect::<Vec<_>>(), [2], "{torn}");
            assert_eq!((read[0].at, read[0].data), (7, &b"some octets"[..]));
        }
        assert_eq!(records(&whole).len(), 2);
        assert_eq!(records(&whole[..whole.len() - 1]).len(), 1);
    }
}
