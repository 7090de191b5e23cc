//! DKIM (RFC 6376): whether the public half of every key that signs the portal's mails is what is published.

use super::finding::Findings;
use super::{Desk, ascii, is_direct};
use crate::config::{DkimKey, Portal};
use crate::mail::dkim::{self, Fit};

const CHECK: &str = "DKIM";

pub(super) async fn examine(desk: &Desk<'_>, portal: &Portal, findings: &mut Findings) {
    let sender = portal.sender.address.domain();
    let keys: Vec<&DkimKey> = desk.outfit.settings.sending.dkim.iter().filter(|key| dkim::covers(&key.domain, sender)).collect();
    match (&keys[..], is_direct(desk)) {
        ([], true) => findings.warn(
            CHECK,
            format!("mails from {sender} go out unsigned: many receivers take them for junk or refuse them"),
            format!("`resetctl dkim generate --domain {} --selector NAME --out FILE`", ascii(sender)),
        ),
        ([], false) => findings.ok(CHECK, format!("mails from {sender} are not signed here: the relay has to do it")),
        (keys, _) => {
            for key in keys {
                one(desk, key, findings).await;
            }
        }
    }
}

async fn one(desk: &Desk<'_>, key: &DkimKey, findings: &mut Findings) {
    let ours = match dkim::publish(key) {
        Ok(ours) => ours,
        Err(error) => return findings.fail(CHECK, error.to_string(), "name a key that can be read under [[sending.dkim]]"),
    };
    let name = &ours.name;
    let texts = match desk.dns.texts(name).await {
        Ok(texts) => texts,
        Err(why) => return findings.unknown(CHECK, &format!("the key {name}"), &why),
    };
    let cure = format!("publish: {}", ours.zone_line());
    match texts.iter().map(|text| dkim::fit(text, &ours)).collect::<Vec<_>>()[..] {
        [] => findings.fail(CHECK, format!("{name} is not published: no receiver can verify our signature"), cure),
        [Fit::Same] => findings.ok(CHECK, format!("{name} is published and fits the key")),
        [Fit::Testing] => findings.warn(
            CHECK,
            format!("{name} fits the key, but says t=y: receivers treat our mails as if they were unsigned"),
            "take t=y out of the record",
        ),
        [Fit::Other] => findings.fail(CHECK, format!("{name} holds the public half of another key: every signature of ours fails"), cure),
        [Fit::Revoked] => findings.fail(CHECK, format!("{name} says that the key is revoked (p= is empty)"), cure),
        [Fit::Unusable] => findings.fail(CHECK, format!("{name} holds something that no receiver can verify with"), cure),
        _ => findings.fail(
            CHECK,
            format!("{name} has {} TXT records: receivers take any one of them", texts.len()),
            "leave the one of the key that is in use",
        ),
    }
}
