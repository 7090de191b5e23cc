//! What each fuzz target does with its bytes. Shared by the targets, which libFuzzer drives, and by the test that runs
//! their corpora (`daemon/tests/fuzz_corpora.rs`): what was found once stays found.

use std::path::Path;
use std::sync::Arc;

use resetd::config::{self, Environment};
use resetd::mailbox::smtp::{Dialect, Service, Terms, session};
use resetd::mailbox::{Arrival, Sink, StoreFailed};
use resetd::reading::{Envelope, Secrets, Trust, explain, read, strike};
use resetd::wire;
use resetd_core::address::Mailbox;
use resetd_core::answer;
use resetd_core::inbound::{OurWords, kind, typed};
use resetd_core::secret::{KeyRing, Tag};
use resetd_core::smtp_reply::SmtpReply;

/// A whole message: bytes to facts, kind, verdict, and the struck copy for support.
pub fn facts(raw: &[u8]) {
    let ids = ["mx.ours.example".to_owned()];
    let trust = Trust { authserv_ids: &ids };
    let envelope = Envelope { mail_from: Some(String::new()), rcpt_to: vec!["reply@ours.example".into()] };
    let mut found = read(raw, &envelope, &trust);
    assert_eq!(found, explain(raw, &envelope, &trust).facts, "reading twice gives the same");
    let judgement = answer::judge(&mut found, &OurWords::default());
    let _ = kind(&found);
    assert!((0.0..=1.0).contains(&judgement.confidence));
    let struck = strike(raw, &AllSecret).to_message();
    assert!(struck.len() < 4 * raw.len() + (1 << 20), "the struck copy grows without bound");
}

/// The text of an answer: what was typed is made of its lines, and stripping never takes all words of an unquoted text.
pub fn typed(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let parted = typed::part(&text);
    assert!(parted.typed.len() <= text.len(), "nothing is added");
    let lines: usize = parted.lines.iter().map(|(_, line)| line.len()).sum();
    assert!(lines <= text.len());
}

/// An address or id that may hold a signed tag: a forged one is never believed.
pub fn tag(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(ring) = KeyRing::parse(KEY) {
        assert!(Tag::find(&ring, &text).is_none(), "a tag was forged: {text}");
    }
}

/// An SMTP session (an LMTP one where the first octet is odd): whatever is said, it ends, and what it takes it takes whole.
pub fn smtp(bytes: &[u8]) {
    let Some((&first, said)) = bytes.split_first() else { return };
    let dialect = if first % 2 == 1 { Dialect::Lmtp } else { Dialect::Smtp };
    let terms = Terms { dialect, hostname: "mx.here.example".into(), max_size: 4096, starttls: false };
    let service = Service { terms, tls: None, connections: 1, per_address: 1 };
    let shelf = Arc::new(Shelf);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return };
    runtime.block_on(async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut ours, theirs) = tokio::io::duplex(1 << 20);
        let (_sender, stop) = tokio::sync::watch::channel(false);
        let served = tokio::spawn(session(theirs, None, shelf, service, stop));
        let _ = ours.write_all(said).await;
        let _ = ours.shutdown().await;
        let mut heard = Vec::new();
        let _ = ours.read_to_end(&mut heard).await;
        assert!(heard.starts_with(b"220 "), "no greeting");
        assert!(heard.ends_with(b"\r\n"), "a reply without its end");
        assert!(served.await.is_ok(), "the session panicked");
    });
}

/// A configuration file: whatever is in it, it is read, or its faults are told.
pub fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Err(errors) = config::parse(&text, Path::new("resetd.toml"), &Environment::of_process()) {
        assert!(!errors.to_string().is_empty(), "refused without a word");
    }
}

/// The body of a request, as each of the types that a client may send; what was read is written and read again the same.
pub fn json(bytes: &[u8]) {
    let _ = serde_json::from_slice::<wire::NewReset>(bytes);
    let _ = serde_json::from_slice::<wire::Presented>(bytes);
    let _ = serde_json::from_slice::<wire::LoginFailure>(bytes);
}

/// An address that was taken can go into a header and an SMTP command as it is.
pub fn address(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(mailbox) = Mailbox::parse(&text) {
        let taken = mailbox.as_str();
        let breaks_out = |c: char| c.is_control() || c.is_whitespace() || "<>,;".contains(c);
        assert!(taken.len() <= 254 && !taken.contains(breaks_out), "{taken:?}");
        assert_eq!(Mailbox::parse(taken).map(|again| again.as_str().to_owned()).ok().as_deref(), Some(taken), "taken once, not twice");
    }
}

/// A key file.
pub fn keys(bytes: &[u8]) {
    let _ = KeyRing::parse(&String::from_utf8_lossy(bytes));
}

/// What a next hop says: code and text.
pub fn reply(bytes: &[u8]) {
    let Some((head, text)) = bytes.split_first_chunk::<2>() else { return };
    let reply = SmtpReply::new(u16::from_be_bytes(*head), &String::from_utf8_lossy(text));
    let (_, _) = (reply.meaning(), reply.says_nobody_there());
    if let Some(id) = reply.next_hop_id() {
        assert!(!id.is_empty() && !id.contains(char::is_whitespace), "{id:?}");
    }
}

/// Takes everything for here.example.
struct Shelf;

impl Sink for Shelf {
    async fn store(&self, arrived: Arrival) -> Result<(), StoreFailed> {
        assert!(arrived.raw.len() <= 4096 && !arrived.rcpt_to.is_empty() && arrived.rcpt_to.len() <= 100);
        assert!(arrived.rcpt_to.iter().all(|to| to.ends_with("@here.example")));
        Ok(())
    }

    fn accepts(&self, rcpt: &str) -> bool {
        rcpt.ends_with("@here.example")
    }
}

/// A key that nobody else has: the bytes of a fuzzer can't know its signatures.
const KEY: &str = "1:cmVzZXRkIGZ1enppbmcga2V5LCBub3QgYSBzZWNyZXQ=\n";

/// Takes every candidate for a secret.
struct AllSecret;

impl Secrets for AllSecret {
    fn is_token(&self, _candidate: &str) -> bool {
        true
    }

    fn token_len(&self) -> usize {
        60
    }

    fn is_code(&self, _digits: &str) -> bool {
        true
    }

    fn is_link(&self, url: &str) -> bool {
        url.contains("portal.example")
    }
}
