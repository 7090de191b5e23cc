//! Whether what is sent to the portal's reply and bounce addresses can arrive at all, and how it is protected on its way.

use super::finding::Findings;
use super::{Desk, ascii};
use crate::config::Portal;
use crate::mail::transport::dns::TakesMail;

pub(super) async fn examine(desk: &Desk<'_>, portal: &Portal, findings: &mut Findings) {
    let (replies, bounces) = (ascii(portal.reply_to.domain()), ascii(portal.bounce_to.domain()));
    domain(desk, "replies", &replies, findings).await;
    if bounces != replies {
        domain(desk, "bounces", &bounces, findings).await;
    }
    protection(desk, &replies, findings).await;
}

async fn domain(desk: &Desk<'_>, what: &str, domain: &str, findings: &mut Findings) {
    let cure = format!("publish an MX record of {domain} that leads to the mailbox which resetd reads");
    match desk.dns.takes_mail(domain).await {
        Ok(TakesMail::Servers(servers)) => {
            let first = servers.first().map_or("", String::as_str);
            match desk.dns.addresses(first).await {
                Ok(addresses) if addresses.is_empty() => {
                    findings.fail("way back", format!("{what} go to {domain}, and its server {first} has no address"), cure);
                }
                _ => findings.ok("way back", format!("{what} go to {domain}, which has MX records ({first})")),
            }
        }
        Ok(TakesMail::Itself) => findings.ok("way back", format!("{what} go to {domain}, which has an address and no MX record")),
        Ok(TakesMail::Refuses) => {
            findings.fail("way back", format!("{what} go to {domain}, which says that it takes no mail (null MX)"), cure)
        }
        Ok(TakesMail::Nothing) => {
            findings.fail("way back", format!("{what} go to {domain}, which has neither MX nor address records: they are lost"), cure);
        }
        Err(why) => findings.unknown("way back", &format!("where mail to {domain} goes"), &why),
    }
}

/// MTA-STS (RFC 8461) and TLS-RPT (RFC 8460). Both are for others to keep to, so neither is ever a fault of ours.
async fn protection(desk: &Desk<'_>, domain: &str, findings: &mut Findings) {
    let (policy_name, report_name) = (format!("_mta-sts.{domain}"), format!("_smtp._tls.{domain}"));
    let (policy, report) = tokio::join!(desk.dns.texts(&policy_name), desk.dns.texts(&report_name));
    let (Ok(policy), Ok(report)) = (policy, report) else { return };
    let starting = |texts: &[String], version: &str| texts.iter().filter(|text| text.starts_with(version)).count();
    let (policies, reports) = (starting(&policy, "v=STSv1"), starting(&report, "v=TLSRPTv1"));
    if policies > 1 || reports > 1 {
        findings.warn(
            "TLS inwards",
            format!("{domain} has several MTA-STS or TLS-RPT records: senders then take none"),
            format!("leave one at {policy_name} and one at {report_name}"),
        );
        return;
    }
    let has = |count: usize, name: &str| if count == 1 { format!("{name} is published") } else { format!("no {name} (optional)") };
    let found = format!("{domain}: {}, {}", has(policies, "MTA-STS"), has(reports, "TLS-RPT"));
    match (policies, reports) {
        (1, 0) => findings.warn(
            "TLS inwards",
            format!("{found}: nobody tells you when senders can't keep to the policy"),
            format!("{report_name}. IN TXT \"v=TLSRPTv1; rua=mailto:postmaster@{domain}\""),
        ),
        _ => findings.ok("TLS inwards", found),
    }
}
