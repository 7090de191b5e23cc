//! What stands on a disk, twice: as the running system sees it, and as it would be found after a power cut. Stricter than ext4 or
//! xfs where POSIX allows it: a file's `fsync` does not keep its name, only that of its folder does.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::Dice;

/// A disk tears a write into pieces of so many octets.
const SECTOR: usize = 512;
/// So many octets wait for a sync at most; then the oldest are written, as a kernel does.
const WAITING: usize = 64 << 20;

/// The root folder.
pub const ROOT: u64 = 1;

/// All files and folders.
pub struct Tree {
    nodes: BTreeMap<u64, Node>,
    last: u64,
    ticks: u64,
    /// Changes of names that no folder's sync has kept yet, in order; each is kept whole or not at all.
    journal: Vec<Vec<Naming>>,
}

/// A file or a folder.
#[derive(Clone, Debug)]
pub struct Node {
    /// What is in it.
    pub is: Is,
    /// Its permissions.
    pub perm: u16,
    /// When it was written, in ticks.
    pub written: u64,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Is {
    /// Names now, and after a power cut.
    Folder(BTreeMap<OsString, u64>, BTreeMap<OsString, u64>),
    /// Octets.
    File(File),
}

/// A file's octets.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// As they are read.
    pub now: Vec<u8>,
    safe: Vec<u8>,
    unsynced: Vec<Write>,
    waiting: usize,
}

#[derive(Clone, Debug)]
enum Write {
    At(usize, Vec<u8>),
    Length(usize),
}

/// A name in a folder that now means something else.
#[derive(Clone, Debug)]
struct Naming {
    folder: u64,
    name: OsString,
    means: Option<u64>,
}

impl Default for Tree {
    fn default() -> Self {
        let root = Node { is: Is::Folder(BTreeMap::new(), BTreeMap::new()), perm: 0o700, written: 0 };
        Self { nodes: BTreeMap::from([(ROOT, root)]), last: ROOT, ticks: 0, journal: Vec::new() }
    }
}

impl Tree {
    /// The node of this number.
    pub fn node(&self, number: u64) -> Option<&Node> {
        self.nodes.get(&number)
    }

    /// To change its permissions.
    pub fn node_mut(&mut self, number: u64) -> Option<&mut Node> {
        self.nodes.get_mut(&number)
    }

    /// What a name in a folder means.
    pub fn find(&self, folder: u64, name: &OsString) -> Option<u64> {
        self.names(folder)?.get(name).copied()
    }

    /// The names in a folder.
    pub fn names(&self, folder: u64) -> Option<&BTreeMap<OsString, u64>> {
        match &self.nodes.get(&folder)?.is {
            Is::Folder(now, _) => Some(now),
            Is::File(_) => None,
        }
    }

    /// Makes a file or a folder.
    pub fn make(&mut self, folder: u64, name: OsString, is: Is, perm: u16) -> u64 {
        self.last += 1;
        let written = self.tick();
        self.nodes.insert(self.last, Node { is, perm, written });
        self.name(vec![Naming { folder, name, means: Some(self.last) }]);
        self.last
    }

    /// Takes a name away.
    pub fn remove(&mut self, folder: u64, name: OsString) {
        self.name(vec![Naming { folder, name, means: None }]);
    }

    /// Moves a name; what bore the new one loses it.
    pub fn rename(&mut self, from: (u64, OsString), to: (u64, OsString)) {
        let means = self.find(from.0, &from.1);
        self.name(vec![Naming { folder: from.0, name: from.1, means: None }, Naming { folder: to.0, name: to.1, means }]);
    }

    fn name(&mut self, namings: Vec<Naming>) {
        for naming in &namings {
            if let Some(Node { is: Is::Folder(now, _), .. }) = self.nodes.get_mut(&naming.folder) {
                put(now, naming);
            }
        }
        self.journal.push(namings);
    }

    /// Writes into a file.
    pub fn write(&mut self, number: u64, at: usize, octets: &[u8]) {
        let written = self.tick();
        let Some(Node { is: Is::File(file), written: when, .. }) = self.nodes.get_mut(&number) else { return };
        *when = written;
        file.write(Write::At(at, octets.to_vec()));
    }

    /// Makes a file so long.
    pub fn set_length(&mut self, number: u64, length: usize) {
        let written = self.tick();
        let Some(Node { is: Is::File(file), written: when, .. }) = self.nodes.get_mut(&number) else { return };
        *when = written;
        file.write(Write::Length(length));
    }

    fn tick(&mut self) -> u64 {
        self.ticks += 1;
        self.ticks
    }

    /// `fsync` of a file.
    pub fn sync_file(&mut self, number: u64) {
        if let Some(Node { is: Is::File(file), .. }) = self.nodes.get_mut(&number) {
            file.sync();
        }
    }

    /// `fsync` of a file that failed: what waited is never written, and is read all the same, as on Linux.
    pub fn fail_to_sync(&mut self, number: u64) {
        if let Some(Node { is: Is::File(file), .. }) = self.nodes.get_mut(&number) {
            file.unsynced.clear();
            file.waiting = 0;
        }
    }

    /// `fsync` of a folder: the journal is kept up to here, other folders' names too.
    pub fn sync_names(&mut self) {
        for namings in std::mem::take(&mut self.journal) {
            self.keep(&namings);
        }
    }

    fn keep(&mut self, namings: &[Naming]) {
        for naming in namings {
            if let Some(Node { is: Is::Folder(_, safe), .. }) = self.nodes.get_mut(&naming.folder) {
                put(safe, naming);
            }
        }
    }

    /// The power is cut. What was synced is there; of the rest the dice keep nothing, or all, or torn pieces.
    pub fn cut(&mut self, dice: &mut Dice) {
        let kept = dice.below(self.journal.len() + 1);
        for namings in std::mem::take(&mut self.journal).into_iter().take(kept) {
            self.keep(&namings);
        }
        let luck = dice.below(3);
        for node in self.nodes.values_mut() {
            match &mut node.is {
                Is::Folder(now, safe) => now.clone_from(safe),
                Is::File(file) => file.cut(luck, dice),
            }
        }
    }
}

fn put(names: &mut BTreeMap<OsString, u64>, naming: &Naming) {
    match naming.means {
        Some(number) => names.insert(naming.name.clone(), number),
        None => names.remove(&naming.name),
    };
}

impl File {
    fn write(&mut self, write: Write) {
        apply(&mut self.now, &write);
        self.waiting += write.weight();
        self.unsynced.push(write);
        while self.waiting > WAITING {
            let oldest = self.unsynced.remove(0);
            self.waiting -= oldest.weight();
            apply(&mut self.safe, &oldest);
        }
    }

    fn sync(&mut self) {
        for write in self.unsynced.drain(..) {
            apply(&mut self.safe, &write);
        }
        self.waiting = 0;
    }

    fn cut(&mut self, luck: usize, dice: &mut Dice) {
        for write in self.unsynced.drain(..) {
            match (luck, write) {
                (0, _) => {}
                (1, write) => apply(&mut self.safe, &write),
                (_, Write::At(at, octets)) => {
                    for (n, sector) in octets.chunks(SECTOR).enumerate() {
                        if dice.below(2) == 0 {
                            apply(&mut self.safe, &Write::At(at + n * SECTOR, sector.to_vec()));
                        }
                    }
                }
                (_, length) if dice.below(2) == 0 => apply(&mut self.safe, &length),
                _ => {}
            }
        }
        self.waiting = 0;
        self.now.clone_from(&self.safe);
    }
}

impl Write {
    fn weight(&self) -> usize {
        match self {
            Self::At(_, octets) => octets.len() + 32,
            Self::Length(_) => 32,
        }
    }
}

fn apply(octets: &mut Vec<u8>, write: &Write) {
    match write {
        Write::Length(length) => octets.resize(*length, 0),
        Write::At(at, new) => {
            if octets.len() < at + new.len() {
                octets.resize(at + new.len(), 0);
            }
            octets[*at..at + new.len()].copy_from_slice(new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file() -> (Tree, u64) {
        let mut tree = Tree::default();
        let file = tree.make(ROOT, "f".into(), Is::File(File::default()), 0o600);
        (tree, file)
    }

    fn read(tree: &Tree) -> Option<Vec<u8>> {
        match &tree.node(tree.find(ROOT, &"f".into())?)?.is {
            Is::File(file) => Some(file.now.clone()),
            Is::Folder(..) => None,
        }
    }

    /// Every luck comes up within these seeds.
    const SEEDS: std::ops::Range<u64> = 0..64;

    #[test]
    fn what_was_synced_outlives_every_cut() {
        for seed in SEEDS {
            let (mut tree, file) = with_file();
            tree.write(file, 0, b"kept");
            tree.sync_file(file);
            tree.sync_names();
            tree.write(file, 4, b" perhaps");
            tree.cut(&mut Dice::new(seed));
            assert!(read(&tree).unwrap().starts_with(b"kept"), "{seed}");
        }
    }

    #[test]
    fn what_was_not_synced_is_lost_by_some() {
        let lost = |prepare: fn(&mut Tree, u64)| {
            SEEDS
                .filter(|seed| {
                    let (mut tree, file) = with_file();
                    tree.write(file, 0, b"kept?");
                    prepare(&mut tree, file);
                    tree.cut(&mut Dice::new(*seed));
                    read(&tree).is_none_or(|octets| octets != b"kept?")
                })
                .count()
        };
        assert!(lost(|_, _| {}) > 0);
        assert!(lost(|tree, file| tree.sync_file(file)) > 0, "the name was not synced");
        assert!(lost(|tree, _| tree.sync_names()) > 0, "the octets were not synced");
        assert!(
            lost(|tree, file| {
                tree.fail_to_sync(file);
                tree.sync_file(file);
                tree.sync_names();
            }) as u64
                == SEEDS.end,
            "a sync that failed is not made good by the next"
        );
        assert_eq!(
            lost(|tree, file| {
                tree.sync_file(file);
                tree.sync_names();
            }),
            0
        );
    }

    #[test]
    fn a_rename_is_whole_or_not_at_all() {
        for seed in SEEDS {
            let (mut tree, _) = with_file();
            tree.sync_names();
            tree.rename((ROOT, "f".into()), (ROOT, "g".into()));
            tree.cut(&mut Dice::new(seed));
            assert_eq!(tree.names(ROOT).unwrap().len(), 1, "{seed}");
        }
    }
}
