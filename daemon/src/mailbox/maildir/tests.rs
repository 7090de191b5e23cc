//! A watched Maildir and a sink that can be told to fail.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch as stop_channel;
use tokio::task::JoinHandle;

use super::*;
use crate::mailbox::StoreFailed;

struct Shelf {
    /// Told of each message, before it is stored or refused.
    told: tokio::sync::mpsc::UnboundedSender<Arrival>,
    /// Refuses messages that contain "poison".
    strict: AtomicBool,
    stored: Mutex<Vec<String>>,
}

impl Sink for Shelf {
    async fn store(&self, arrived: Arrival) -> Result<(), StoreFailed> {
        let text = String::from_utf8_lossy(&arrived.raw).into_owned();
        let refuse = self.strict.load(Ordering::Relaxed) && text.contains("poison");
        if !refuse {
            self.stored.lock().unwrap().push(text);
        }
        self.told.send(arrived).unwrap();
        if refuse { Err(StoreFailed) } else { Ok(()) }
    }

    fn accepts(&self, _: &str) -> bool {
        true
    }
}

struct Scene {
    folder: tempfile::TempDir,
    shelf: Arc<Shelf>,
    told: tokio::sync::mpsc::UnboundedReceiver<Arrival>,
    stop: stop_channel::Sender<bool>,
    running: Option<JoinHandle<()>>,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["tmp", "new", "cur"] {
            fs::create_dir(folder.path().join(part)).unwrap();
        }
        let (sender, told) = tokio::sync::mpsc::unbounded_channel();
        let shelf = Shelf { told: sender, strict: AtomicBool::new(true), stored: Mutex::default() };
        Self { folder, shelf: Arc::new(shelf), told, stop: stop_channel::channel(false).0, running: None }
    }

    fn watcher(&self) -> Watcher<Shelf> {
        let folder = Folder::new(self.path().to_owned(), 1000);
        Watcher { folder, sink: self.shelf.clone(), failing: HashMap::new(), unmoved: HashSet::new() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn deliver(&self, name: &str, text: &str) {
        let tmp = self.path().join("tmp").join(name);
        fs::write(&tmp, text).unwrap();
        fs::rename(tmp, self.path().join("new").join(name)).unwrap();
    }

    fn start(&mut self, max_size: usize) {
        let watching = watch(self.path().to_owned(), self.shelf.clone(), max_size, self.stop.subscribe());
        self.running = Some(tokio::spawn(watching));
    }

    async fn stop(&mut self) {
        self.stop.send_replace(true);
        self.running.take().unwrap().await.unwrap();
        self.stop.send_replace(false);
    }

    async fn next(&mut self) -> Arrival {
        self.told.recv().await.unwrap()
    }

    fn names(&self, part: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path().join(part)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn touch(path: &Path, second: u64) {
    let at = std::time::UNIX_EPOCH + Duration::from_secs(second);
    fs::File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
}

#[tokio::test]
async fn stored_then_moved() {
    let mut scene = Scene::new();
    scene.deliver("1.M2.host", "before the start");
    scene.start(1000);
    let first = scene.next().await;
    assert_eq!((first.raw.as_slice(), first.source, first.truncated_from), (b"before the start".as_slice(), "maildir", None));
    scene.deliver("2.M3.host:2,", "told by inotify");
    assert_eq!(scene.next().await.raw, b"told by inotify");
    scene.stop().await;
    assert_eq!(scene.names("new"), Vec::<String>::new());
    assert_eq!(scene.names("cur"), ["1.M2.host:2,S", "2.M3.host:2,S"]);
}

#[tokio::test]
async fn oldest_first() {
    let mut scene = Scene::new();
    for (name, second) in [("c", 100), ("a", 300), ("b", 200)] {
        scene.deliver(name, name);
        touch(&scene.path().join("new").join(name), second);
    }
    let folder = Folder::new(scene.path().to_owned(), 10);
    let names: Vec<_> = folder.list().await.unwrap().into_iter().map(|found| found.name).collect();
    assert_eq!(names, ["c", "b", "a"]);
    scene.start(10);
    for _ in 0..3 {
        scene.next().await;
    }
    scene.stop().await;
    assert_eq!(scene.names("cur").len(), 3);
}

#[tokio::test]
async fn too_large_keeps_the_beginning() {
    let mut scene = Scene::new();
    scene.deliver("large", "Subject: x\r\n\r\nbody that goes on");
    scene.start(14);
    let arrived = scene.next().await;
    assert_eq!((arrived.raw.as_slice(), arrived.truncated_from), (b"Subject: x\r\n\r\n".as_slice(), Some(31)));
    scene.stop().await;
    assert_eq!(scene.names("cur"), ["large:2,S"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_holds_up_nobody() {
    let scene = Scene::new();
    scene.deliver("1", "poison");
    touch(&scene.path().join("new/1"), 1);
    for name in ["2", "3"] {
        scene.deliver(name, "good");
    }
    let (mut watcher, mut stop) = (scene.watcher(), scene.stop.subscribe());
    assert_eq!(watcher.sweep(&mut stop).await.unwrap(), Some(FIRST_RETRY));
    assert_eq!(scene.names("new"), ["1"], "not acknowledged");
    scene.shelf.strict.store(false, Ordering::Relaxed);
    assert_eq!(watcher.sweep(&mut stop).await.unwrap(), Some(FIRST_RETRY), "not before its time");
    tokio::time::advance(FIRST_RETRY).await;
    assert_eq!(watcher.sweep(&mut stop).await.unwrap(), None);
    assert_eq!(*scene.shelf.stored.lock().unwrap(), ["good", "good", "poison"]);
    assert_eq!(scene.names("cur").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn retries_by_themselves_and_ever_less_often() {
    let mut scene = Scene::new();
    scene.deliver("1", "poison");
    scene.start(1000);
    let begun = Instant::now();
    for _ in 0..12 {
        scene.next().await;
    }
    // 1 + 2 + … + 256 s, then 300 s each; inotify has nothing to tell.
    assert_eq!(begun.elapsed().as_secs(), 511 + 2 * 300);
    scene.shelf.strict.store(false, Ordering::Relaxed);
    scene.next().await;
    scene.stop().await;
    assert_eq!(scene.names("cur"), ["1:2,S"]);
}

#[tokio::test]
async fn a_restart_offers_the_same_message_again() {
    let mut scene = Scene::new();
    scene.deliver("1", "poison");
    for _ in 0..2 {
        scene.start(1000);
        assert_eq!(scene.next().await.raw, b"poison");
        scene.stop().await;
    }
}

/// Where `cur` can't be made, the message stays in `new`; it is stored all the same, and once.
#[tokio::test(start_paused = true)]
async fn what_cant_be_moved_is_stored_once() {
    let mut scene = Scene::new();
    fs::remove_dir(scene.path().join("cur")).unwrap();
    fs::write(scene.path().join("cur"), "a file").unwrap();
    scene.deliver("1", "good");
    let (mut watcher, mut stop) = (scene.watcher(), scene.stop.subscribe());
    for _ in 0..5 {
        assert!(watcher.sweep(&mut stop).await.unwrap().is_some());
        tokio::time::advance(LONGEST_RETRY).await;
    }
    scene.next().await;
    assert_eq!(scene.shelf.stored.lock().unwrap().len(), 1);
    fs::remove_file(scene.path().join("cur")).unwrap();
    assert_eq!(watcher.sweep(&mut stop).await.unwrap(), None);
    assert_eq!((scene.names("cur"), scene.shelf.stored.lock().unwrap().len()), (vec!["1:2,S".to_owned()], 1));
}

#[tokio::test]
async fn no_link_pipe_or_folder_is_read() {
    let scene = Scene::new();
    symlink("/etc/passwd", scene.path().join("new/link")).unwrap();
    fs::create_dir(scene.path().join("new/folder")).unwrap();
    nix::unistd::mkfifo(&scene.path().join("new/pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::write(scene.path().join("new/.hidden"), "x").unwrap();
    let folder = Folder::new(scene.path().to_owned(), 1000);
    assert_eq!(folder.list().await.unwrap(), []);
    for name in ["link", "pipe"] {
        assert!(folder::open(&scene.path().join("new").join(name)).is_err(), "{name}");
    }
}

#[tokio::test]
async fn vanished_files_are_nobodys_loss() {
    let scene = Scene::new();
    scene.deliver("1", "good");
    let folder = Folder::new(scene.path().to_owned(), 1000);
    let found = folder.list().await.unwrap().remove(0);
    fs::remove_file(scene.path().join("new/1")).unwrap();
    assert_eq!(folder.read(&found).await.unwrap(), None);
    assert!(folder.acknowledge(&found).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_missing_folder_is_waited_for() {
    let mut scene = Scene::new();
    for part in ["new", "cur"] {
        fs::remove_dir(scene.path().join(part)).unwrap();
    }
    assert!(scene.watcher().events().is_none());
    scene.start(1000);
    tokio::time::sleep(MISSING).await;
    fs::create_dir(scene.path().join("new")).unwrap();
    scene.deliver("1", "good");
    assert_eq!(scene.next().await.raw, b"good");
    scene.stop().await;
    assert_eq!(scene.names("cur"), ["1:2,S"]);
}
