//! Scripted clients against a served listener.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{Notify, watch};

use super::*;
use crate::config::LmtpListen;
use crate::mailbox::{Arrival, StoreFailed};

#[derive(Default)]
struct Shelf {
    stored: Mutex<Vec<Arrival>>,
    failing: AtomicBool,
    /// Storing waits for this where `slow`.
    go: Notify,
    slow: AtomicBool,
    begun: Notify,
}

impl Sink for Shelf {
    async fn store(&self, arrived: Arrival) -> Result<(), StoreFailed> {
        self.begun.notify_one();
        if self.slow.load(Ordering::Relaxed) {
            self.go.notified().await;
        }
        if self.failing.load(Ordering::Relaxed) {
            return Err(StoreFailed);
        }
        self.stored.lock().unwrap().push(arrived);
        Ok(())
    }

    fn accepts(&self, rcpt: &str) -> bool {
        rcpt.ends_with("@here.example")
    }
}

struct Client {
    stream: DuplexStream,
    _stop: watch::Sender<bool>,
}

/// A client of one connection to `shelf`.
fn client(shelf: &Arc<Shelf>) -> Client {
    let (ours, theirs) = tokio::io::duplex(1 << 12);
    let (sender, stop) = watch::channel(false);
    let shelf = shelf.clone();
    tokio::spawn(async move { connection::serve(theirs, &*shelf, 2000, stop).await });
    Client { stream: ours, _stop: sender }
}

impl Client {
    /// Says all of it in pieces of `piece` octets and QUIT at the end; gives the replies' codes.
    async fn talk(self, text: &str, piece: usize) -> Vec<String> {
        let octets = [text.as_bytes(), b"QUIT\r\n"].concat();
        self.say(octets.chunks(piece)).await
    }

    /// Says these pieces and hangs up.
    async fn say(self, pieces: impl Iterator<Item = &[u8]>) -> Vec<String> {
        let (mut read, mut write) = tokio::io::split(self.stream);
        let say = async {
            for part in pieces {
                if write.write_all(part).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            let _ = write.shutdown().await;
        };
        let mut heard = String::new();
        let ((), heard_all) = tokio::join!(say, read.read_to_string(&mut heard));
        heard_all.unwrap();
        heard.lines().filter(|line| line.as_bytes().get(3) == Some(&b' ')).map(|line| line[..3].to_owned()).collect()
    }
}

const OPEN: &str = "LHLO mta.example\r\nMAIL FROM:<jo@example.org>\r\nRCPT TO:<r+tag@here.example>\r\n";

#[tokio::test]
async fn a_message_is_taken_once_and_answered_for_each_recipient() {
    let text = format!("{OPEN}RCPT TO:<x@elsewhere.example>\r\nRCPT TO:<b@here.example>\r\nDATA\r\nA: b\r\n\r\n..x\r\n.\r\n");
    let whole = text.len() + 10;
    for piece in [1, 2, 3, 7, whole] {
        let shelf = Arc::new(Shelf::default());
        let codes = client(&shelf).talk(&text, piece).await;
        assert_eq!(codes, ["220", "250", "250", "250", "550", "250", "354", "250", "250", "221"]);
        let stored = shelf.stored.lock().unwrap();
        let wanted = Arrival {
            raw: b"A: b\r\n\r\n.x\r\n".to_vec(),
            mail_from: Some("jo@example.org".into()),
            rcpt_to: vec!["r+tag@here.example".into(), "b@here.example".into()],
            source: "lmtp",
            truncated_from: None,
        };
        assert_eq!(*stored, [wanted]);
    }
}

#[tokio::test]
async fn nothing_is_acknowledged_that_was_not_stored() {
    let shelf = Arc::new(Shelf::default());
    shelf.failing.store(true, Ordering::Relaxed);
    let codes = client(&shelf).talk(&format!("{OPEN}DATA\r\nA: b\r\n.\r\n"), 100).await;
    assert_eq!(codes, ["220", "250", "250", "250", "354", "451", "221"]);
}

#[tokio::test]
async fn too_large_is_told_and_the_next_is_taken() {
    let shelf = Arc::new(Shelf::default());
    let large = format!("A: b\r\n\r\n{}", "a line of forty characters, or so it is\r\n".repeat(60));
    let next = "MAIL FROM:<>\r\nRCPT TO:<r@here.example>\r\nDATA\r\nC: d\r\n.\r\n";
    let codes = client(&shelf).talk(&format!("{OPEN}DATA\r\n{large}.\r\n{next}"), 100).await;
    assert_eq!(codes, ["220", "250", "250", "250", "354", "552", "250", "250", "354", "250", "221"]);
    assert_eq!(shelf.stored.lock().unwrap()[0].mail_from.as_deref(), Some(""));
}

#[tokio::test]
async fn nothing_is_smuggled() {
    for end in ["\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r\n.\r", "\r.\r\n", "\r\n\0.\r\n"] {
        let shelf = Arc::new(Shelf::default());
        let inner = format!("{end}MAIL FROM:<evil@x.example>\r\nRCPT TO:<r@here.example>\r\nDATA\r\nevil");
        let codes = client(&shelf).talk(&format!("{OPEN}DATA\r\nA: b\r\n{inner}\r\n.\r\n"), 64).await;
        assert_eq!(codes, ["220", "250", "250", "250", "354", "250", "221"], "{end:?}");
        let stored = shelf.stored.lock().unwrap();
        assert_eq!(stored.len(), 1);
        assert!(String::from_utf8_lossy(&stored[0].raw).ends_with("evil\r\n"), "{end:?}");
    }
}

#[tokio::test]
async fn long_lines_are_bounded() {
    let shelf = Arc::new(Shelf::default());
    let long = format!("NOOP {}\r\n", "x".repeat(1 << 20));
    let codes = client(&shelf).talk(&format!("{long}{OPEN}DATA\r\nA: b\r\n.\r\n"), 3000).await;
    assert_eq!(codes, ["220", "500", "250", "250", "250", "354", "250", "221"]);
}

#[tokio::test]
async fn what_breaks_off_is_not_stored() {
    let shelf = Arc::new(Shelf::default());
    let mut client = client(&shelf);
    client.stream.write_all(format!("{OPEN}DATA\r\nA: b\r\n\r\nhalf").as_bytes()).await.unwrap();
    client.stream.shutdown().await.unwrap();
    let mut heard = String::new();
    client.stream.read_to_string(&mut heard).await.unwrap();
    assert!(heard.ends_with("354 go on, end with a dot\r\n"), "{heard}");
    assert!(shelf.stored.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_mute_peer_is_hung_up_on() {
    for said in ["", "LHLO x\r\n", &format!("{OPEN}DATA\r\nhalf")] {
        let shelf = Arc::new(Shelf::default());
        let mut client = client(&shelf);
        client.stream.write_all(said.as_bytes()).await.unwrap();
        let mut heard = String::new();
        client.stream.read_to_string(&mut heard).await.unwrap();
        assert!(shelf.stored.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_stop_finishes_what_is_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lmtp.sock");
    let shelf = Arc::new(Shelf { slow: true.into(), ..Shelf::default() });
    let (sender, stop) = watch::channel(false);
    let listener = Listener::bind(&LmtpListen::Unix(path.clone())).await.unwrap();
    let server = tokio::spawn(serve(listener, shelf.clone(), 2000, stop));
    let mut idle = tokio::net::UnixStream::connect(&path).await.unwrap();
    let mut busy = tokio::net::UnixStream::connect(&path).await.unwrap();
    busy.write_all(format!("{OPEN}DATA\r\nA: b\r\n.\r\n").as_bytes()).await.unwrap();
    shelf.begun.notified().await;
    sender.send(true).unwrap();
    let mut heard = String::new();
    idle.read_to_string(&mut heard).await.unwrap();
    assert!(heard.contains("421 4.3.2"), "{heard}");
    shelf.go.notify_one();
    heard.clear();
    busy.read_to_string(&mut heard).await.unwrap();
    assert!(heard.contains("250 2.0.0 stored") && heard.contains("421 4.3.2"), "{heard}");
    server.await.unwrap();
    assert!(!path.exists());
}

/// Runs one client that says `pieces`; gives the codes and the messages.
fn session(pieces: &[&[u8]]) -> (Vec<String>, Vec<Vec<u8>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let shelf = Arc::new(Shelf::default());
        let codes = client(&shelf).say(pieces.iter().copied()).await;
        let stored = shelf.stored.lock().unwrap().iter().map(|arrived| arrived.raw.clone()).collect();
        (codes, stored)
    })
}

fn cut<'a>(octets: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (octets.len() + 1)).chain([0, octets.len()]).collect();
    cuts.sort_unstable();
    cuts.windows(2).map(|cut| &octets[cut[0]..cut[1]]).collect()
}

proptest! {
    #[test]
    fn chunks_make_no_difference(
        body in "[a.\r\n]{0,40}", garbage in "[A-Z <>:@=\r\n]{0,30}", cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let text = format!("{OPEN}DATA\r\n{body}\r\n.\r\n{garbage}\r\nRSET\r\n{OPEN}DATA\r\n.{body}\r\n.\r\nQUIT\r\n");
        prop_assert_eq!(session(&cut(text.as_bytes(), &cuts)), session(&[text.as_bytes()]));
    }

    #[test]
    fn no_input_breaks_it(
        lines in prop::collection::vec(prop_oneof![
            Just("LHLO x".to_owned()), Just("MAIL FROM:<a@b>".to_owned()), Just("RCPT TO:<r@here.example>".to_owned()),
            Just("DATA".to_owned()), Just(".".to_owned()), "(MAIL FROM:|RCPT TO:|LHLO |VRFY )?<?\\PC{0,20}>?( [A-Z]{1,8}=\\PC{0,9})?", "[\\x00-\\x7f]{0,30}",
        ], 0..20),
        raw in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let text = lines.join("\r\n");
        let (codes, _) = session(&[text.as_bytes(), &raw]);
        prop_assert_eq!(&codes[0], "220");
    }
}
