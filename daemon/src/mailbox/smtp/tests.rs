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
        rcpt.ends_with("@here.example") || rcpt == "postmaster"
    }
}

struct Client {
    stream: DuplexStream,
    _stop: watch::Sender<bool>,
}

/// A client of one LMTP connection to `shelf`.
fn client(shelf: &Arc<Shelf>) -> Client {
    client_of(shelf, Service::lmtp(2000))
}

fn smtp_service(tls: Option<TlsFiles>) -> Service {
    let terms = Terms { dialect: Dialect::Smtp, hostname: "mx.here.example".into(), max_size: 2000, starttls: tls.is_some() };
    Service { terms, tls, connections: 4, per_address: 2 }
}

fn client_of(shelf: &Arc<Shelf>, service: Service) -> Client {
    let (ours, theirs) = tokio::io::duplex(1 << 12);
    let (sender, stop) = watch::channel(false);
    let shelf = shelf.clone();
    tokio::spawn(async move { super::session(theirs, None, shelf, service, stop).await });
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
            peer: None,
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

#[tokio::test(start_paused = true)]
async fn a_peer_that_trickles_is_hung_up_on() {
    for opening in ["DATA\r\nA: b\r\n", "BDAT 1500 LAST\r\nA: b\r\n"] {
        let mut client = client(&Arc::new(Shelf::default()));
        client.stream.write_all(format!("{OPEN}{opening}").as_bytes()).await.unwrap();
        let begun = tokio::time::Instant::now();
        while client.stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_secs(20)).await;
        }
        assert!(begun.elapsed().as_secs() <= 320, "an octet now and then holds no place: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_stop_finishes_what_is_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lmtp.sock");
    let shelf = Arc::new(Shelf { slow: true.into(), ..Shelf::default() });
    let (sender, stop) = watch::channel(false);
    let listener = Listener::bind(&LmtpListen::Unix(path.clone())).await.unwrap();
    let server = tokio::spawn(serve(listener, shelf.clone(), Service::lmtp(2000), stop));
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

const SMTP_OPEN: &str = "EHLO mx.example\r\nMAIL FROM:<jo@example.org>\r\nRCPT TO:<r+tag@here.example>\r\n";

async fn smtp(text: &str, piece: usize) -> (Vec<String>, Vec<Arrival>) {
    let shelf = Arc::new(Shelf::default());
    let codes = client_of(&shelf, smtp_service(None)).talk(text, piece).await;
    let stored = shelf.stored.lock().unwrap().clone();
    (codes, stored)
}

#[tokio::test]
async fn smtp_takes_a_message_with_one_reply_for_all_recipients() {
    let text = format!("{SMTP_OPEN}RCPT TO:<b@here.example>\r\nDATA\r\nA: b\r\n\r\n..x\r\n.\r\n");
    for piece in [1, 5, 1000] {
        let (codes, stored) = smtp(&text, piece).await;
        assert_eq!(codes, ["220", "250", "250", "250", "250", "354", "250", "221"]);
        assert_eq!((stored[0].source, stored[0].raw.as_slice()), ("smtp", b"A: b\r\n\r\n.x\r\n".as_slice()));
    }
}

#[tokio::test]
async fn the_postmaster_needs_no_domain() {
    let open = "EHLO mx.example\r\nMAIL FROM:<jo@example.org>\r\nRCPT TO:<Postmaster>\r\nRCPT TO:<jo>\r\n";
    let (codes, stored) = smtp(&format!("{open}DATA\r\nA: b\r\n\r\nx\r\n.\r\n"), 1000).await;
    assert_eq!(codes, ["220", "250", "250", "250", "501", "354", "250", "221"]);
    assert_eq!(stored[0].rcpt_to, ["postmaster"]);
}

#[tokio::test]
async fn a_message_comes_in_chunks() {
    let chunks = "BDAT 6\r\nA: b\r\nBDAT 9 LAST\r\n\r\n.\r\nQUITMAIL FROM:<>\r\nRCPT TO:<b@here.example>\r\nBDAT 0 LAST\r\n";
    for piece in [1, 4, 1000] {
        let (codes, stored) = smtp(&format!("{SMTP_OPEN}{chunks}"), piece).await;
        assert_eq!(codes, ["220", "250", "250", "250", "250", "250", "250", "250", "250", "221"]);
        assert_eq!(stored[0].raw, b"A: b\r\n\r\n.\r\nQUIT");
        assert_eq!(stored[1].raw, b"");
    }
    // LMTP takes them too, with a reply for each recipient.
    let shelf = Arc::new(Shelf::default());
    let codes = client(&shelf).talk(&format!("{OPEN}RCPT TO:<b@here.example>\r\nBDAT 3 LAST\r\na\r\n"), 7).await;
    assert_eq!(codes, ["220", "250", "250", "250", "250", "250", "250", "221"]);
}

#[tokio::test]
async fn refused_chunks_are_read_over_and_never_taken_for_commands() {
    let (codes, stored) = smtp("EHLO x\r\nBDAT 13 LAST\r\nMAIL FROM:<\r\nNOOP\r\n", 3).await;
    assert_eq!(codes, ["220", "250", "503", "250", "221"]);
    assert!(stored.is_empty());
    let large = "x".repeat(2001);
    let (codes, stored) = smtp(&format!("{SMTP_OPEN}BDAT 2001 LAST\r\n{large}NOOP\r\n"), 500).await;
    assert_eq!(codes, ["220", "250", "250", "250", "552", "250", "221"]);
    assert!(stored.is_empty());
    // A chunk that would take for ever to read over ends the session.
    let (codes, _) = smtp(&format!("{SMTP_OPEN}BDAT 999999999\r\nNOOP\r\n"), 500).await;
    assert_eq!(codes, ["220", "250", "250", "250", "552"]);
}

#[tokio::test]
async fn nothing_is_smuggled_past_a_lone_cr_or_lf() {
    let second = "MAIL FROM:<evil@example.org>\r\nRCPT TO:<r@here.example>\r\nDATA\r\nspoofed\r\n.\r\n";
    for end in ["\n.\n", "\n.\r\n", "\r.\r\n", "\r\n.\n", "\r\n.\r", "\r.\r", "\n.\r"] {
        let (codes, stored) = smtp(&format!("{SMTP_OPEN}DATA\r\nA: b\r\n\r\nx{end}{second}"), 10).await;
        assert_eq!(codes, ["220", "250", "250", "250", "354", "550"], "{end:?}");
        assert!(stored.is_empty(), "{end:?}");
    }
    let (codes, _) = smtp("EHLO x\nMAIL FROM:<>\r\n", 100).await;
    assert_eq!(codes, ["220", "521"]);
}

#[tokio::test]
async fn what_does_not_fit_into_the_room_comes_again() {
    let shelf = Arc::new(Shelf::default());
    let mut service = smtp_service(None);
    service.terms.max_size = 400_000;
    let shared = shared(shelf.clone(), service, Seats::new(4, 4));
    let mut all = room::Held::default();
    assert!(shared.room.grow(&mut all, 1_600_000), "another message holds all of it");
    let body = "a line of forty characters, or so it is\r\n".repeat(5000);
    let (mut ours, theirs) = tokio::io::duplex(1 << 20);
    let (_sender, stop) = watch::channel(false);
    let text = format!("{SMTP_OPEN}DATA\r\n{body}.\r\nQUIT\r\n");
    let mut heard = String::new();
    let say = async {
        ours.write_all(text.as_bytes()).await.unwrap();
        ours.read_to_string(&mut heard).await.unwrap();
    };
    tokio::join!(say, connection::serve(theirs, None, &shared, stop));
    assert!(heard.contains("452 4.3.1"), "{heard}");
    assert!(shelf.stored.lock().unwrap().is_empty());
}

/// A certificate for mx.here.example in a folder.
fn certificate() -> (tempfile::TempDir, TlsFiles, rustls::pki_types::CertificateDer<'static>) {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["mx.here.example".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let files = TlsFiles::open(&certificate, &key).unwrap();
    (folder, files, made.cert.der().clone())
}

#[tokio::test]
async fn starttls_forgets_what_was_said_in_clear() {
    let (_folder, files, root) = certificate();
    let shelf = Arc::new(Shelf::default());
    let Client { mut stream, _stop } = client_of(&shelf, smtp_service(Some(files)));
    let mut heard = vec![0; 4096];
    stream.write_all(b"EHLO x\r\nMAIL FROM:<>\r\n").await.unwrap();
    let mut text = String::new();
    while !text.contains("250 2.1.0") {
        let length = stream.read(&mut heard).await.unwrap();
        text.push_str(std::str::from_utf8(&heard[..length]).unwrap());
    }
    assert!(text.contains("250-STARTTLS"), "{text}");
    stream.write_all(b"STARTTLS\r\n").await.unwrap();
    let length = stream.read(&mut heard).await.unwrap();
    assert!(heard[..length].starts_with(b"220"));

    let mut roots = rustls::RootCertStore::empty();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()));
    let mut secured = connector.connect("mx.here.example".try_into().unwrap(), stream).await.unwrap();
    let text =
        "RCPT TO:<r@here.example>\r\nEHLO x\r\nSTARTTLS\r\nMAIL FROM:<>\r\nRCPT TO:<r@here.example>\r\nDATA\r\nA: b\r\n.\r\nQUIT\r\n";
    secured.write_all(text.as_bytes()).await.unwrap();
    let mut heard = String::new();
    secured.read_to_string(&mut heard).await.unwrap();
    assert!(!heard.contains("STARTTLS"), "{heard}");
    let codes: Vec<&str> = heard.lines().filter(|line| line.as_bytes().get(3) == Some(&b' ')).map(|line| &line[..3]).collect();
    assert_eq!(codes, ["503", "250", "503", "250", "250", "354", "250", "221"]);
    assert_eq!(shelf.stored.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn commands_behind_starttls_end_the_session() {
    let (_folder, files, _) = certificate();
    let shelf = Arc::new(Shelf::default());
    let text = format!("EHLO x\r\nSTARTTLS\r\n{SMTP_OPEN}");
    let codes = client_of(&shelf, smtp_service(Some(files))).talk(&text, 1000).await;
    assert_eq!(codes, ["220", "250", "554"]);
}

#[test]
fn a_renewed_certificate_is_taken_and_a_broken_one_is_not() {
    let (folder, files, _) = certificate();
    let chain = |files: &TlsFiles| Arc::as_ptr(files.acceptor().unwrap().config());
    let before = chain(&files);
    assert_eq!(before, chain(&files));
    let later = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(60);
    let touch = |name: &str, text: &str, later| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::File::options().write(true).open(path).unwrap().set_modified(later).unwrap();
    };
    touch("cert.pem", "broken", later);
    assert_eq!(before, chain(&files));
    let made = rcgen::generate_simple_self_signed(["mx.here.example".to_owned()]).unwrap();
    touch("key.pem", &made.signing_key.serialize_pem(), later);
    touch("cert.pem", &made.cert.pem(), later + Duration::from_secs(1));
    assert_ne!(before, chain(&files));
}

#[tokio::test]
async fn one_address_gets_its_share_of_connections_only() {
    let listener = Listener::bind_smtp("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let at = listener.local_addr().unwrap();
    let (sender, stop) = watch::channel(false);
    let server = tokio::spawn(serve(listener, Arc::new(Shelf::default()), smtp_service(None), stop));
    let mut open = Vec::new();
    for wanted in ["220", "220", "421"] {
        let mut stream = tokio::net::TcpStream::connect(at).await.unwrap();
        let mut code = [0; 3];
        stream.read_exact(&mut code).await.unwrap();
        assert_eq!(std::str::from_utf8(&code).unwrap(), wanted);
        open.push(stream);
    }
    sender.send(true).unwrap();
    server.await.unwrap();
}

proptest! {
    #[test]
    fn whatever_is_said_in_smtp_chunks_make_no_difference(
        parts in prop::collection::vec(prop::sample::select(&[
            "EHLO x\r\n", "MAIL FROM:<a@b>\r\n", "RCPT TO:<r@here.example>\r\n", "DATA\r\n", ".\r\n", "x\r\n", "BDAT 4\r\n",
            "BDAT 3 LAST\r\n", "abc", "RSET\r\n", "\n", "\r",
        ][..]), 0..14),
        cut in 1usize..40,
    ) {
        let all = [parts.concat().as_bytes(), b"\r\n.\r\nQUIT\r\n"].concat();
        let run = |pieces: Vec<&[u8]>| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let shelf = Arc::new(Shelf::default());
                let codes = client_of(&shelf, smtp_service(None)).say(pieces.into_iter()).await;
                let raw: Vec<Vec<u8>> = shelf.stored.lock().unwrap().iter().map(|arrival| arrival.raw.clone()).collect();
                (codes, raw)
            })
        };
        prop_assert_eq!(run(all.chunks(cut).collect()), run(vec![&all]));
    }
}

#[tokio::test(start_paused = true)]
async fn who_came_while_there_was_room_and_says_nothing_goes_when_there_is_none() {
    let full = Arc::new(AtomicBool::new(false));
    let crowded = Arc::clone(&full);
    let (sink, terms) = (Arc::new(Shelf::default()), Service::lmtp(2000).terms);
    let crowded = Box::new(move || crowded.load(Ordering::Relaxed));
    let shared = connection::Shared { sink, terms, tls: None, room: Room::new(2000), crowded };
    let (_ours, theirs) = tokio::io::duplex(1 << 12);
    let (_sender, stop) = watch::channel(false);
    let serving = tokio::spawn(async move { connection::serve(theirs, None, &shared, stop).await });
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!serving.is_finished(), "there is room: it has five minutes");
    full.store(true, Ordering::Relaxed);
    let since = tokio::time::Instant::now();
    serving.await.unwrap();
    assert!(since.elapsed() <= Duration::from_secs(15), "{:?}", since.elapsed());
}
