//! DMARC (RFC 9989) of the author's domain: the record, what it asks for, and whether the portal's mails would pass. That is asked of a
//! message as the portal sends it, signed with its keys, and judged as a receiver judges it.

use resetd_core::time::Timestamp;

use super::finding::Findings;
use super::{Desk, ascii, is_direct};
use crate::authentication::receiver::{Demand, Dmarc, is_dmarc};
use crate::config::Portal;

const CHECK: &str = "DMARC";

pub(super) async fn examine(desk: &Desk<'_>, portal: &Portal, now: Timestamp, findings: &mut Findings) {
    let domain = ascii(portal.sender.address.domain());
    match desk.dns.texts(&format!("_dmarc.{domain}")).await {
        Ok(texts) if texts.iter().filter(|text| is_dmarc(text)).count() > 1 => {
            return findings.fail(CHECK, format!("_dmarc.{domain} has several DMARC records: receivers take none of them"), "leave one");
        }
        Ok(_) => {}
        Err(why) => return findings.unknown(CHECK, &format!("the DMARC record of {domain}"), &why),
    }
    let message = match super::test_mail::compose(desk.outfit, portal, portal.support_address.clone(), "0", now) {
        Ok(message) => message,
        Err(error) => return findings.fail(CHECK, error.to_string(), "look at the portal's sender and at [[sending.dkim]]"),
    };
    let bounces = ascii(portal.bounce_to.domain());
    match desk.receiver.dmarc(&message, &bounces).await {
        Dmarc::Unknown => findings.unknown(CHECK, &format!("whether mails from {domain} pass DMARC"), "DNS does not answer"),
        Dmarc::Nothing => findings.warn(
            CHECK,
            format!("{domain} has no DMARC record: anybody can send as {domain}, and large receivers ask senders for one"),
            format!("begin with: _dmarc.{domain}. IN TXT \"v=DMARC1; p=none; rua=mailto:postmaster@{domain}\""),
        ),
        Dmarc::Record { demand, spf_aligned, dkim_passes } => {
            let signed = desk.outfit.signers.covers(portal.sender.address.domain());
            judged(
                &Judged { domain: &domain, bounces: &bounces, demand, spf_aligned, dkim_passes, signed, direct: is_direct(desk) },
                findings,
            );
        }
    }
}

struct Judged<'a> {
    domain: &'a str,
    bounces: &'a str,
    demand: Demand,
    spf_aligned: bool,
    dkim_passes: bool,
    signed: bool,
    direct: bool,
}

fn judged(it: &Judged<'_>, findings: &mut Findings) {
    let (domain, bounces, demand) = (it.domain, it.bounces, it.demand.as_str());
    let by = match (it.spf_aligned, it.dkim_passes) {
        (true, true) => format!("by DKIM, and by SPF of {bounces}"),
        (false, true) => "by DKIM".to_owned(),
        (true, false) => format!("by SPF of {bounces}, if it passes"),
        (false, false) => {
            // What the relay adds is not seen here.
            let relay_signs = !it.signed && !it.direct;
            let found = format!(
                "{domain} asks for p={demand}, and nothing here is for it: SPF is for {bounces}, and no signature of ours verifies"
            );
            let aligned =
                format!("let bounce_to be an address at {domain} (or below it), or sign with a key of {domain} that is published");
            return match (relay_signs, it.demand) {
                (true, _) => {
                    findings.warn(CHECK, found, format!("{aligned}; if the relay signs for {domain}, all is well: --send-to shows it"))
                }
                (false, Demand::Nothing) => findings.warn(CHECK, found, aligned),
                (false, _) => findings.fail(CHECK, format!("{found}: receivers will do so with our mails"), aligned),
            };
        }
    };
    findings.ok(CHECK, format!("{domain} asks for p={demand}; our mails pass {by}"));
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn what_is_not_aligned_is_told_as_loudly_as_receivers_act() {
        let state = |demand, spf_aligned, dkim_passes, signed, direct| {
            let mut findings = Findings::default();
            let judged_of = Judged { domain: "a.example", bounces: "b.example", demand, spf_aligned, dkim_passes, signed, direct };
            judged(&judged_of, &mut findings);
            findings.0[0].state
        };
        for (demand, spf_aligned, dkim_passes, signed, direct, wanted) in [
            (Demand::Reject, true, false, false, true, State::Ok),
            (Demand::Reject, false, true, true, true, State::Ok),
            (Demand::Reject, false, false, true, true, State::Fail),
            (Demand::Quarantine, false, false, true, false, State::Fail),
            (Demand::Quarantine, false, false, false, false, State::Warn),
            (Demand::Quarantine, false, false, false, true, State::Fail),
            (Demand::Nothing, false, false, true, true, State::Warn),
        ] {
            assert_eq!(
                state(demand, spf_aligned, dkim_passes, signed, direct),
                wanted,
                "{demand:?} {spf_aligned} {dkim_passes} {signed} {direct}"
            );
        }
    }
}
