//! What one mail costs from values to signed octets, in microseconds: `cargo run --release --example mail_speed`.
//! Prints the median and the 99th percentile of each step over 20,000 mails on one thread.

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use resetd::ambient::SystemEntropy;
use resetd::config::{DkimKey, Sender};
use resetd::mail::compose::{Auto, Head, compose};
use resetd::mail::dkim::{Algorithm, Signers, generate};
use resetd::mail::templates::{Library, Sample, sample_brand};
use resetd_core::address::{DisplayName, Mailbox};
use resetd_core::ids::PortalName;
use resetd_core::reset::Method;
use resetd_core::time::Timestamp;

const ROUNDS: usize = 20_000;

fn main() -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let library = Library::builtin()?;
    println!("all wordings compiled: {} µs", started.elapsed().as_micros());
    let portal = PortalName::parse("shop")?;
    let (brand, to) = (sample_brand(), Mailbox::parse("anna@mail.example")?);
    let from = Sender { name: DisplayName::parse("Example Shop")?, address: Mailbox::parse("no-reply@shop.example")? };
    let pem = generate("shop.example", "s1", Algorithm::Ed25519, &SystemEntropy::new())?.pem;
    let signers = Signers::new(&[DkimKey { domain: "shop.example".to_owned(), selector: "s1".to_owned(), pem }])?;
    let head = Head {
        from: &from,
        to: &to,
        to_name: None,
        reply_to: "reply+x@shop.example",
        message_id: "1@shop.example",
        date: Timestamp::from_millis(1_795_455_840_000),
        auto: Auto::Generated,
        feedback: "easy:shop:reset",
        valid_since: None,
        attachment: None,
    };
    for (wording, method) in [("easy", Method::Link), ("code", Method::Code), ("failed-logins", Method::Both)] {
        let values = Sample::new(&brand, method).values();
        let mut times: [Vec<u128>; 3] = Default::default();
        let mut size = 0;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let rendered = library.render(&portal, wording, "en", black_box(&values))?;
            times[0].push(start.elapsed().as_nanos());
            let message = compose(&head, &rendered)?;
            times[1].push(start.elapsed().as_nanos());
            size = signers.sign("shop.example", message)?.len();
            times[2].push(start.elapsed().as_nanos());
        }
        println!("{wording} ({size} octets signed)");
        for (name, times) in ["rendered", "… composed", "… signed, Ed25519"].into_iter().zip(&mut times) {
            times.sort_unstable();
            let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default() as f64 / 1000.0;
            println!("  {name:<20} p50 {:>7.1} µs   p99 {:>7.1} µs", at(50), at(99));
        }
    }
    Ok(())
}
