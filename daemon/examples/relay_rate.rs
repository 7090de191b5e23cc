//! How fast one transport hands mails to a relay on loopback.
//!
//! ```text
//! smtp-sink -u nobody 127.0.0.1:2525 1000 &
//! cargo run --release -p resetd --example relay_rate -- 2525 [mails] [connections]
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use resetd::config::{RelaySettings, Sending, TlsMode, TransportSettings};
use resetd::mail::transport::Transport;
use resetd::mail::{Envelope, Outcome};
use resetd_core::address::Mailbox;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().ok_or("which port?")?.parse()?;
    let mails: usize = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let connections: usize = arguments.next().map_or(Ok(10), |text| text.parse())?;
    let transport = Arc::new(Transport::new(&sending(port, connections))?);
    let envelope = Arc::new(Envelope { from: "b+tag@shop.example".into(), to: Mailbox::parse("jo@example.org")?, valid_since: None });
    let message: Arc<[u8]> = message().into();

    let left = Arc::new(AtomicUsize::new(mails));
    let begun = Instant::now();
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            let (transport, envelope, message, left) = (transport.clone(), envelope.clone(), message.clone(), left.clone());
            tokio::spawn(async move {
                let mut times = Vec::new();
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                    times.push(timed(&transport, &envelope, &message).await);
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for worker in workers {
        times.extend(worker.await?);
    }
    let rate = mails as f64 / begun.elapsed().as_secs_f64();
    report(&format!("{connections} connections, {} octets: {rate:.0} mails/s", message.len()), times);

    let mut alone = Vec::new();
    for _ in 0..2000 {
        alone.push(timed(&transport, &envelope, &message).await);
    }
    report("one after the other", alone);
    transport.close().await;
    Ok(())
}

async fn timed(transport: &Transport, envelope: &Envelope, message: &[u8]) -> Duration {
    let begun = Instant::now();
    let outcome = transport.send(envelope, message).await;
    assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
    begun.elapsed()
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[(times.len() as f64 * share) as usize];
    println!("{what}; p50 {:?}, p99 {:?}", at(0.5), at(0.99));
}

fn message() -> Vec<u8> {
    let mut message = b"From: shop@shop.example\r\nTo: jo@example.org\r\nSubject: x\r\n\r\n".to_vec();
    while message.len() < 2048 {
        message.extend_from_slice(b"a line of text as mails have them, of common length\r\n");
    }
    message
}

fn sending(port: u16, connections: usize) -> Sending {
    let relay = RelaySettings {
        host: "127.0.0.1".into(),
        port,
        tls: TlsMode::None,
        ca: None,
        login: None,
        hello: "localhost".into(),
        timeout: Duration::from_secs(10),
        idle: Duration::from_secs(30),
    };
    Sending { transport: TransportSettings::Relay(relay), connections, dkim: Vec::new(), hold_bounced: Duration::ZERO }
}
