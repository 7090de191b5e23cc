//! The transport and the LMTP listener against programs that others wrote: Postfix's smtp-sink and smtp-source, swaks,
//! Python's smtplib. Run with `cargo test -p resetd --test real_peers -- --ignored` where they are installed (Debian:
//! postfix, swaks, python3).

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use resetd::config::{DnsSettings, LmtpListen, RelaySettings, Sending, TlsMode, TransportSettings};
use resetd::mail::transport::Transport;
use resetd::mail::{Envelope, Outcome};
use resetd::mailbox::{Arrival, Sink, StoreFailed, smtp};
use resetd_core::address::Mailbox;
use tokio::sync::watch;
use tokio::task::JoinHandle;

const MESSAGE: &[u8] = b"From: shop@shop.example\r\nTo: jo@example.org\r\nSubject: dots\r\n\r\n.\r\n..\r\n.hidden\r\nend\r\n";

struct SmtpSink {
    process: Child,
    port: u16,
    dumps: tempfile::TempDir,
}

impl SmtpSink {
    /// Starts one with these options and waits until it listens.
    async fn start(options: &[&str]) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dumps = tempfile::tempdir().unwrap();
        let user = if nix::unistd::geteuid().is_root() { vec!["-u", "root"] } else { vec![] };
        let process = Command::new("smtp-sink")
            .args(user)
            .args(options)
            .args(["-d", "mail.", &format!("127.0.0.1:{port}"), "100"])
            .current_dir(dumps.path())
            .env("PATH", path_with_sbin())
            .spawn()
            .expect("smtp-sink (Debian package postfix)");
        let sink = Self { process, port, dumps };
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        sink
    }

    fn transport(&self, connections: usize) -> Transport {
        let relay = RelaySettings {
            host: "127.0.0.1".into(),
            port: self.port,
            tls: TlsMode::None,
            ca: None,
            identity: None,
            login: None,
            hello: "localhost".into(),
            timeout: Duration::from_secs(10),
            idle: Duration::from_secs(30),
        };
        Transport::new(
            &Sending {
                transport: TransportSettings::Relay(vec![relay]),
                connections,
                per_destination: connections,
                rate: None,
                mails_per_connection: 1000,
                dkim: Vec::new(),
                hold_bounced: Duration::ZERO,
            },
            &DnsSettings::default(),
        )
        .unwrap()
    }

    /// The messages it took, as they came in.
    fn messages(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.dumps.path()).unwrap();
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn path_with_sbin() -> String {
    format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default())
}

fn envelope() -> Envelope {
    Envelope {
        from: "b+tag@shop.example".into(),
        to: Mailbox::parse("jo@example.org").unwrap(),
        valid_since: None,
        envelope_id: "r@shop.example".into(),
        face: Default::default(),
    }
}

#[tokio::test]
#[ignore = "needs smtp-sink"]
async fn smtp_sink_takes_each_mail_once_and_whole() {
    for options in [&[] as &[&str], &["-p"], &["-E", "-8", "-N"]] {
        let sink = SmtpSink::start(options).await;
        let transport = sink.transport(4);
        let envelope = envelope();
        let outcomes = futures_util::future::join_all((0..60).map(|_| transport.send(&envelope, MESSAGE))).await;
        transport.close().await;
        assert!(outcomes.iter().all(|sent| matches!(sent.outcome, Outcome::Accepted(Some(_)))), "{options:?}: {outcomes:?}");
        let messages = sink.messages();
        assert_eq!(messages.len(), 60, "{options:?}");
        for message in messages {
            assert!(message.ends_with("Subject: dots\n\n.\n..\n.hidden\nend\n\n"), "{message:?}");
            assert!(message.contains("X-Mail-Args: <b+tag@shop.example>"), "{message}");
        }
    }
}

#[tokio::test]
#[ignore = "needs smtp-sink"]
async fn smtp_sink_in_a_bad_mood() {
    let hard = ["-B", "550 5.1.1 no", "-f"];
    let (soft, goodbye, drops) = (["-r"], ["-Q"], ["-q"]);
    let cases: [(&[&str], &str, &str, bool); 12] = [
        (&hard, "RCPT", "refused", false),
        (&hard, "MAIL", "deferred", false),
        (&hard, "DATA", "refused", false),
        (&hard, ".", "refused", false),
        (&hard, "CONNECT", "deferred", false),
        (&soft, "RCPT", "deferred", false),
        (&soft, ".", "deferred", false),
        (&goodbye, "RCPT", "deferred", false),
        (&goodbye, ".", "deferred", false),
        (&drops, "EHLO", "deferred", false),
        (&drops, "DATA", "deferred", false),
        (&drops, ".", "deferred", true),
    ];
    for (mood, command, wanted, doubt) in cases {
        let options = [mood, &[command]].concat();
        let sink = SmtpSink::start(&options).await;
        let transport = sink.transport(1);
        let (got, detail) = match transport.send(&envelope(), MESSAGE).await.outcome {
            Outcome::Accepted(_) => ("accepted", String::new()),
            Outcome::Deferred { detail, .. } => ("deferred", detail),
            Outcome::Refused { detail, .. } => ("refused", detail),
        };
        assert_eq!((got, detail.contains("may be doubled")), (wanted, doubt), "{options:?}: {detail}");
        transport.close().await;
    }
}

#[derive(Default)]
struct Shelf(Mutex<Vec<Arrival>>);

impl Sink for Shelf {
    async fn store(&self, arrived: Arrival) -> Result<(), StoreFailed> {
        self.0.lock().unwrap().push(arrived);
        Ok(())
    }

    fn accepts(&self, rcpt: &str) -> bool {
        rcpt.ends_with("@here.example")
    }
}

struct Served {
    shelf: Arc<Shelf>,
    socket: PathBuf,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Served {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("lmtp.sock");
        let listener = smtp::Listener::bind(&LmtpListen::Unix(socket.clone())).await.unwrap();
        let shelf = Arc::new(Shelf::default());
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(smtp::serve(listener, shelf.clone(), smtp::Service::lmtp(10_000), stopped));
        Self { shelf, socket, stop, server, _folder: folder }
    }

    async fn end(self) -> Vec<Arrival> {
        self.stop.send_replace(true);
        self.server.await.unwrap();
        std::mem::take(&mut self.shelf.0.lock().unwrap())
    }
}

/// Runs a client; its exit status, and what it printed.
async fn run(program: &str, arguments: &[&str]) -> (bool, String) {
    let mut command = tokio::process::Command::new(program);
    let output = command.args(arguments).env("PATH", path_with_sbin()).stdin(Stdio::null()).output().await.expect(program);
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs swaks"]
async fn swaks_delivers() {
    let served = Served::start().await;
    let to = "r+tag@here.example,x@elsewhere.example";
    let socket = text(&served.socket).to_owned();
    let arguments = ["--protocol", "LMTP", "--socket", &socket, "--from", "jo@example.org", "--to", to, "--body", ".dots\n..too"];
    let (_, printed) = run("swaks", &arguments).await;
    assert!(printed.contains("250 2.0.0 stored") && printed.contains("550 5.1.1"), "{printed}");
    let arrived = served.end().await;
    assert_eq!(arrived[0].rcpt_to, ["r+tag@here.example"]);
    assert!(String::from_utf8_lossy(&arrived[0].raw).contains("\r\n.dots\r\n..too\r\n"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs python3"]
async fn smtplib_delivers() {
    const CLIENT: &str = r#"
import smtplib, sys
with smtplib.LMTP(sys.argv[1]) as peer:
    peer.sendmail("jo@example.org", ["a@here.example"], b"A: b\r\n\r\n.\r\nend\r\n", ["BODY=8BITMIME"])
    try:
        peer.sendmail("jo@example.org", ["a@here.example"], b"x" * 20000)
    except smtplib.SMTPResponseException as refused:
        print(refused.smtp_code)
    try:
        peer.sendmail("jo@example.org", ["a@elsewhere.example"], b"A: b\r\n")
    except smtplib.SMTPRecipientsRefused as refused:
        print(refused.recipients["a@elsewhere.example"][0])
    peer.sendmail("", ["a@here.example"], b"C: d\r\n")
"#;
    let served = Served::start().await;
    let (well, printed) = run("python3", &["-c", CLIENT, text(&served.socket)]).await;
    assert!(well && printed.split_whitespace().eq(["552", "550"]), "{printed}");
    let arrived = served.end().await;
    assert_eq!(arrived.len(), 2);
    assert_eq!(arrived[0].raw, b"A: b\r\n\r\n.\r\nend\r\n");
    assert_eq!(arrived[1].mail_from.as_deref(), Some(""));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs smtp-source"]
async fn smtp_source_delivers_many_at_once() {
    let served = Served::start().await;
    let at = format!("unix:{}", text(&served.socket));
    let (well, printed) = run("smtp-source", &["-L", "-d", "-m", "500", "-s", "20", "-l", "3000", "-t", "r@here.example", &at]).await;
    assert!(well, "{printed}");
    assert_eq!(served.end().await.len(), 500);
}
