//! A disk that can be made to fail. A small library (`disk.c`) stands between the daemon and the kernel, by `LD_PRELOAD`: it writes
//! down each change of the state folder, and makes calls fail or be slow. What it wrote down is walked through here at a power cut,
//! and what was not synced is lost. Nothing is mounted, and nobody needs to be root.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Dice;
use super::journal::{Mda, Record, kinds, records};
use super::tree::{self, Is, ROOT, Tree};

const SOURCE: &str = include_str!("disk.c");

/// What is wrong with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// Syncs are said to be done, and are not: what a missing `fsync` would come to.
    Deaf,
    /// EROFS.
    ReadOnly,
    /// ENOSPC.
    Full,
    /// EIO on every write and sync.
    Broken,
    /// A sync takes so long.
    Slow(Duration),
}

/// A folder, and what of it is on the disk for good.
pub struct Disk {
    library: PathBuf,
    mda: Mda,
    /// As of the last power cut.
    tree: Tree,
    /// The nodes of the tree by the numbers that the kernel gave them.
    numbers: HashMap<u64, u64>,
}

impl Disk {
    /// Of this folder; what is in it now is on the disk for good. Its own files go into another.
    pub fn of(state: &Path, own: &Path) -> Self {
        let (library, log, control) = (own.join("disk.so"), own.join("disk.log"), own.join("disk.control"));
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O2", "-x", "c", "-", "-o"]).arg(&library).arg("-ldl").stdin(Stdio::piped());
        let mut compiler = cc.spawn().expect("cc");
        compiler.stdin.take().unwrap().write_all(SOURCE.as_bytes()).unwrap();
        assert!(compiler.wait().unwrap().success());
        fs::write(&control, [0; 8]).unwrap();
        fs::write(&log, "").unwrap();
        let mda = Mda { state: state.to_owned(), log, control };
        let mut disk = Self { library, mda, tree: Tree::default(), numbers: HashMap::new() };
        disk.take_in(state, ROOT);
        disk
    }

    /// What a process has to have in its environment.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let Mda { state, log, control } = &self.mda;
        let paths = [("LD_PRELOAD", &self.library), ("RESETD_DISK", state), ("RESETD_DISK_LOG", log), ("RESETD_DISK_CONTROL", control)];
        paths.map(|(name, path)| (name, path.display().to_string())).to_vec()
    }

    /// Who leaves messages on it.
    pub fn mda(&self) -> Mda {
        self.mda.clone()
    }

    /// From now on.
    pub fn trouble(&self, trouble: Trouble) {
        let (mode, slow) = match trouble {
            Trouble::None => (0, 0),
            Trouble::Deaf => (1, 0),
            Trouble::ReadOnly => (2, 0),
            Trouble::Full => (3, 0),
            Trouble::Broken => (4, 0),
            Trouble::Slow(by) => (0, u32::try_from(by.as_millis()).unwrap()),
        };
        let control = OpenOptions::new().write(true).open(&self.mda.control).unwrap();
        control.write_all_at(&[u32::to_ne_bytes(mode), u32::to_ne_bytes(slow)].concat(), 0).unwrap();
    }

    /// The power is cut, and comes back. Nobody may have a file open.
    pub fn cut(&mut self, dice: &mut Dice) {
        self.walk();
        self.tree.cut(dice);
        self.lay_out();
    }

    /// Everything that was written down happens in the tree.
    fn walk(&mut self) {
        let log = fs::read(&self.mda.log).unwrap();
        records(&log).iter().for_each(|record| self.happen(record));
        fs::write(&self.mda.log, "").unwrap();
    }

    fn happen(&mut self, record: &Record) {
        let (at, number) = (usize::try_from(record.at).unwrap(), self.numbers.get(&record.node).copied());
        let known = || number.unwrap_or_else(|| panic!("a file that nobody made: {} of {}", record.kind, record.node));
        match record.kind {
            kinds::CREATE => {
                let (folder, name) = self.place(record.name);
                let number = self.tree.make(folder, name.to_owned(), Is::File(tree::File::default()), record.at as u16);
                self.numbers.insert(record.node, number);
            }
            kinds::WRITE => self.tree.write(known(), at, record.data),
            kinds::LENGTH => self.tree.set_length(known(), at),
            kinds::SYNC => self.tree.sync_file(known()),
            kinds::SYNC_FAILED => {
                // Where it is a folder's, nothing happens at all.
                if let Some(number) = number {
                    self.tree.fail_to_sync(number);
                }
            }
            kinds::SYNC_NAMES => self.tree.sync_names(),
            kinds::FOLDER => {
                let (folder, name) = self.place(record.name);
                self.tree.make(folder, name.to_owned(), Is::Folder(Default::default(), Default::default()), record.at as u16);
            }
            kinds::REMOVE => {
                let (folder, name) = self.place(record.name);
                self.tree.remove(folder, name.to_owned());
            }
            kinds::RENAME => {
                let ((from, old), (to, new)) = (self.place(record.name), self.place(OsStr::from_bytes(record.data)));
                self.tree.rename((from, old.to_owned()), (to, new.to_owned()));
            }
            kind => panic!("no record is of kind {kind}"),
        }
    }

    /// The folder that a path ends in, and the name in it.
    fn place<'p>(&self, path: &'p OsStr) -> (u64, &'p OsStr) {
        let path = Path::new(path);
        let folders = path.parent().unwrap().components();
        let folder = folders.fold(ROOT, |folder, name| self.tree.find(folder, &name.as_os_str().to_owned()).unwrap());
        (folder, path.file_name().unwrap())
    }

    /// Takes what is in a folder as synced.
    fn take_in(&mut self, path: &Path, folder: u64) {
        for entry in fs::read_dir(path).unwrap().map(Result::unwrap) {
            let meta = entry.metadata().unwrap();
            let perm = (meta.mode() & 0o7777) as u16;
            if meta.is_dir() {
                let inner = self.tree.make(folder, entry.file_name(), Is::Folder(Default::default(), Default::default()), perm);
                self.take_in(&entry.path(), inner);
            } else {
                let number = self.tree.make(folder, entry.file_name(), Is::File(tree::File::default()), perm);
                self.tree.write(number, 0, &fs::read(entry.path()).unwrap());
                self.tree.sync_file(number);
                self.numbers.insert(meta.ino(), number);
            }
        }
        self.tree.sync_names();
    }

    /// Puts into the folder what is in the tree, and nothing else.
    fn lay_out(&mut self) {
        for entry in fs::read_dir(&self.mda.state).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
        self.numbers.clear();
        lay_out(&self.tree, ROOT, &self.mda.state, &mut self.numbers);
    }

    /// Where the folder is not what the log makes of it, and how: something was done that was not written down.
    pub fn differs(&mut self) -> Vec<String> {
        self.walk();
        let mut wrong = Vec::new();
        compare(&self.tree, ROOT, &self.mda.state, &mut wrong);
        wrong
    }
}

fn lay_out(tree: &Tree, folder: u64, path: &Path, numbers: &mut HashMap<u64, u64>) {
    for (name, number) in tree.names(folder).unwrap() {
        let path = path.join(name);
        let node = tree.node(*number).unwrap();
        match &node.is {
            Is::Folder(..) => {
                fs::create_dir(&path).unwrap();
                lay_out(tree, *number, &path, numbers);
            }
            Is::File(file) => {
                fs::write(&path, &file.now).unwrap();
                numbers.insert(fs::metadata(&path).unwrap().ino(), *number);
            }
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(node.perm.into())).unwrap();
    }
}

fn compare(tree: &Tree, folder: u64, path: &Path, wrong: &mut Vec<String>) {
    let names = tree.names(folder).unwrap();
    for entry in fs::read_dir(path).unwrap().map(Result::unwrap) {
        let unknown = !names.contains_key(&entry.file_name()) && !entry.file_name().as_bytes().ends_with(b"-shm");
        wrong.extend(unknown.then(|| format!("{} is unknown", entry.path().display())));
    }
    for (name, number) in names {
        let path = path.join(name);
        match &tree.node(*number).unwrap().is {
            Is::Folder(..) if path.is_dir() => compare(tree, *number, &path, wrong),
            Is::File(file) if fs::read(&path).is_ok_and(|octets| octets == file.now) => {}
            _ => wrong.push(format!("{} is another", path.display())),
        }
    }
}
