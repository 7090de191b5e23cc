//! SPF (RFC 7208) of the envelope sender's domain: is there one record, how does it end, and does it name who sends?

use super::finding::Findings;
use super::{Desk, Sources, ascii, is_direct};
use crate::authentication::receiver::{SpfEnd, SpfVerdict, is_spf, spf_end};
use crate::config::Portal;

const CHECK: &str = "SPF";

pub(super) async fn examine(desk: &Desk<'_>, portal: &Portal, sources: &Sources, findings: &mut Findings) {
    let domain = ascii(portal.bounce_to.domain());
    let texts = match desk.dns.texts(&domain).await {
        Ok(texts) => texts,
        Err(why) => return findings.unknown(CHECK, &format!("the SPF record of {domain}"), &why),
    };
    let records: Vec<&String> = texts.iter().filter(|text| is_spf(text)).collect();
    match records[..] {
        [] => findings.fail(
            CHECK,
            format!("{domain}, the envelope sender's domain, has no SPF record: receivers can't tell our mails from forged ones"),
            format!("publish one: {}", suggestion(&domain, sources)),
        ),
        [record] => one(desk, portal, &domain, record, sources, findings).await,
        _ => findings.fail(
            CHECK,
            format!("{domain} has {} SPF records: receivers take none of them (RFC 7208 §4.5)", records.len()),
            "put them together into one",
        ),
    }
}

async fn one(desk: &Desk<'_>, portal: &Portal, domain: &str, record: &str, sources: &Sources, findings: &mut Findings) {
    let Some(end) = spf_end(record) else {
        return findings.fail(
            CHECK,
            format!("the SPF record of {domain} can't be read: {record}"),
            "put it right; `redirect=` and `all` stand last",
        );
    };
    let before = findings.0.len();
    match end {
        SpfEnd::Everybody => findings.fail(
            CHECK,
            format!("the SPF record of {domain} lets everybody send: {record}"),
            "end it in -all, or in ~all while you are not sure of it",
        ),
        SpfEnd::Open => findings.warn(
            CHECK,
            format!("the SPF record of {domain} says nothing of others: {record}"),
            "end it in -all, or in ~all while you are not sure of it",
        ),
        SpfEnd::Fail | SpfEnd::SoftFail | SpfEnd::Redirect => {}
    }
    let mut covered = Vec::new();
    for address in sources.addresses() {
        let hello = hello(desk, portal);
        let verdict = desk.receiver.spf(*address, &hello, &format!("{}x@{domain}", portal.bounce_to.before)).await;
        let says = match verdict {
            SpfVerdict::Pass => {
                covered.push(address.to_string());
                continue;
            }
            SpfVerdict::Unknown => {
                findings.unknown(CHECK, &format!("what the SPF record of {domain} says of {address}"), "DNS does not answer");
                continue;
            }
            SpfVerdict::Broken => {
                findings.fail(
                    CHECK,
                    format!(
                        "the SPF record of {domain} fails at receivers (permerror), for it names something broken or too much: {record}"
                    ),
                    "ten look-ups are the most, and each include: must lead to a record (RFC 7208 §4.6.4)",
                );
                return;
            }
            SpfVerdict::Fail => "refuses",
            SpfVerdict::Neutral => "does not name",
        };
        let cure = format!("add {} to the record", mechanism(address));
        match sources {
            Sources::Configured(_) => {
                findings.fail(CHECK, format!("the SPF record of {domain} {says} {address}, which we send from: {record}"), cure)
            }
            Sources::OfName(_) => findings.warn(
                CHECK,
                format!("the SPF record of {domain} {says} {address}, the address of {hello}, which we seem to send from: {record}"),
                format!("{cure}, or set `source` in [sending.mx] to the address that mails come from"),
            ),
            Sources::OfRelay(_) | Sources::Unknown => findings.warn(
                CHECK,
                format!("the SPF record of {domain} {says} {address}, where the relay is reached (it may send from elsewhere): {record}"),
                "add what your relay's documentation tells you to: mostly an include:; --send-to shows what a receiver makes of it",
            ),
        }
    }
    if findings.0.len() > before {
        return;
    }
    let whom = match (&covered[..], is_direct(desk)) {
        ([], true) => "; whether it names our address is not known: set `source` in [sending.mx]".to_owned(),
        ([], false) => "; whether it names what the relay sends from can't be told from here".to_owned(),
        (covered, _) => format!("; it names {}", covered.join(", ")),
    };
    findings.ok(CHECK, format!("{domain}: {record}{whom}"));
}

fn hello(desk: &Desk<'_>, portal: &Portal) -> String {
    super::way::shown(desk, portal).and_then(|face| face.hello).unwrap_or_else(|| "localhost".to_owned())
}

fn mechanism(address: &std::net::IpAddr) -> String {
    if address.is_ipv4() { format!("ip4:{address}") } else { format!("ip6:{address}") }
}

fn suggestion(domain: &str, sources: &Sources) -> String {
    let whom = match sources {
        Sources::Configured(addresses) | Sources::OfName(addresses) => addresses.iter().map(mechanism).collect::<Vec<_>>().join(" "),
        Sources::OfRelay(_) | Sources::Unknown => "(what the relay's documentation names, mostly an include:)".to_owned(),
    };
    format!("{domain}. IN TXT \"v=spf1 {whom} -all\"")
}
