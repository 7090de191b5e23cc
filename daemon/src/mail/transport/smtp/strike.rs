//! What a server says may quote the address or the link ("blocked URL …"), and goes to the timeline: both are struck out
//! (laws 2 and 8). Ids that the server made up stay, since answers are tied to mails by them.

use data_encoding::BASE64_NOPAD;
use resetd_core::smtp_reply::SmtpReply;

use crate::mail::Outcome;

/// Runs of this many characters of a token's alphabet that stand in the message too are struck.
const RUN_MIN: usize = 16;
/// Runs of this many digits that stand in the message too are struck.
const DIGITS_MIN: usize = 6;
const STRUCK: &str = "[struck]";

/// `outcome` without the mail's addresses and without anything secret that the message holds.
pub(in crate::mail::transport) fn strike(mut outcome: Outcome, addresses: &[&str], message: &[u8]) -> Outcome {
    let reply = match &mut outcome {
        Outcome::Accepted(reply) | Outcome::Deferred { reply, .. } | Outcome::Refused { reply, .. } => reply,
    };
    if let Some(reply) = reply {
        strike_reply(reply, addresses, message);
    }
    outcome
}

fn strike_reply(reply: &mut SmtpReply, addresses: &[&str], message: &[u8]) {
    for address in addresses.iter().filter(|address| !address.is_empty()) {
        reply.text = without(&reply.text, address);
    }
    let is_token = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let runs = |text: &str, min: usize, of: &dyn Fn(char) -> bool| -> Vec<String> {
        text.split(|c| !of(c)).filter(|run| run.len() >= min).map(str::to_owned).collect()
    };
    let mut suspects = runs(&reply.text, RUN_MIN, &is_token);
    suspects.extend(runs(&reply.text, DIGITS_MIN, &|c| c.is_ascii_digit()));
    // As codes are shown: in groups.
    suspects.extend(grouped(&reply.text));
    if suspects.is_empty() {
        return;
    }
    let message = readings(message);
    let digits: Vec<u8> = message.iter().copied().filter(|octet| !is_gap(char::from(*octet))).collect();
    let said = |run: &str| {
        let bare: String = run.chars().filter(|c| !is_gap(*c)).collect();
        let number = bare.bytes().all(|octet| octet.is_ascii_digit());
        contains(&message, run.as_bytes()) || (number && contains(&digits, bare.as_bytes()))
    };
    for run in suspects.iter().filter(|run| said(run)) {
        reply.text = reply.text.replace(run.as_str(), STRUCK);
    }
}

/// Numbers of at least [`DIGITS_MIN`] digits that are written in groups.
fn grouped(text: &str) -> Vec<String> {
    let digits = |run: &&str| run.bytes().filter(u8::is_ascii_digit).count() >= DIGITS_MIN;
    let runs = text.split(|c: char| !c.is_ascii_digit() && !is_gap(c)).map(|run| run.trim_matches(is_gap));
    runs.filter(digits).filter(|run| run.contains(is_gap)).map(str::to_owned).collect()
}

/// What stands between the groups of a code.
fn is_gap(c: char) -> bool {
    matches!(c, ' ' | '-' | '.')
}

/// `text` with every `word` struck, whatever its case.
fn without(text: &str, word: &str) -> String {
    let (low_text, low_word) = (text.to_ascii_lowercase(), word.to_ascii_lowercase());
    let mut struck = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in low_text.match_indices(&low_word) {
        struck.push_str(&text[from..at]);
        struck.push_str(STRUCK);
        from = at + low_word.len();
    }
    struck.push_str(&text[from..]);
    struck
}

/// Quoted-printable breaks long lines anywhere (RFC 2045 §6.7).
fn without_soft_breaks(message: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.windows(3).position(|window| window == b"=\r\n") {
        whole.extend_from_slice(&rest[..at]);
        rest = &rest[at + 3..];
    }
    whole.extend_from_slice(rest);
    whole
}

/// The message as it stands, its soft breaks undone, and what its base64 says: our own mails in most scripts but Latin are
/// written so, and a server that scans them quotes what it decoded.
fn readings(message: &[u8]) -> Vec<u8> {
    let mut all = without_soft_breaks(message);
    let mut block = Vec::new();
    for line in message.split(|octet| *octet == b'\n').chain([&b""[..]]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let is_base64 = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'=');
        if !line.is_empty() && line.iter().all(is_base64) {
            block.extend(line.iter().filter(|octet| **octet != b'='));
            continue;
        }
        // Whole groups of four; a rest of one character says nothing.
        let whole = if block.len() % 4 == 1 { block.len() - 1 } else { block.len() };
        if let Ok(decoded) = BASE64_NOPAD.decode(&block[..whole]) {
            all.push(b'\n');
            all.extend_from_slice(&decoded);
        }
        block.clear();
    }
    all
}

fn contains(message: &[u8], run: &[u8]) -> bool {
    message.windows(run.len()).any(|window| window == run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_address_nor_secret_stays() {
        let addresses = ["b+tag@shop.example", "Jo@example.org"];
        let message = b"A: b\r\n\r\nhttps://shop.example/r?t=AAECAwQFBgcICQ=\r\noLDA0ODxAREhMUFRYX\r\nor 12345678\r\n";
        let said = "5.7.1 <jo@EXAMPLE.org> from b+tag@shop.example: URL https://shop.example/r?t=AAECAwQFBgcICQoLDA0ODxAREhMUFRYX code 12345678 blocked, id 0100018f5c7d2e00-abcd";
        let refused = Outcome::Refused { reply: Some(SmtpReply::new(550, said)), detail: String::new() };
        let Outcome::Refused { reply: Some(reply), .. } = strike(refused, &addresses, message) else { panic!() };
        assert_eq!(
            reply.text,
            "<[struck]> from [struck]: URL https://shop.example/r?t=[struck] code [struck] blocked, id 0100018f5c7d2e00-abcd"
        );
    }

    #[test]
    fn what_a_relay_decoded_does_not_stay() {
        let token = "AQGiCeZkbdISjxLOJU9j8YbRuuuAXs06dl59qN1h5z1ZGpq40rfXfYCw7fyZ";
        let text =
            format!("\u{43f}\u{435}\u{440}\u{435}\u{439}\u{434}\u{438}\u{442}\u{435}: https://shop.example/r?t={token}\r\n1234 5678\r\n");
        let base64 = data_encoding::BASE64.encode(text.as_bytes());
        let lines: Vec<&str> = base64.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let message = format!("A: b\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--=_x--\r\n", lines.join("\r\n"));
        for said in [
            format!("4.7.1 blocked https://shop.example/r?t={token}"),
            "4.7.1 spam: 1234 5678 (x)".into(),
            "4.7.1 spam: 1234-5678".into(),
            "4.7.1 12345678".into(),
        ] {
            let refused = Outcome::Deferred { reply: Some(SmtpReply::new(450, &said)), detail: String::new() };
            let Outcome::Deferred { reply: Some(reply), .. } = strike(refused, &[], message.as_bytes()) else { panic!() };
            assert!(reply.text.contains(STRUCK) && !reply.text.contains(token) && !reply.text.contains("5678"), "{}", reply.text);
        }
        // Numbers that are not in the mail stay.
        let other = SmtpReply::new(450, "4.2.0 wait 300 600 seconds");
        assert_eq!(
            strike(Outcome::Deferred { reply: Some(other.clone()), detail: String::new() }, &[], message.as_bytes()),
            Outcome::Deferred { reply: Some(other), detail: String::new() }
        );
    }

    #[test]
    fn the_next_hops_id_stays() {
        let reply = SmtpReply::new(250, "Ok 0100018f5c7d2e00-abcdef01-2345-000000");
        let outcome = strike(Outcome::Accepted(Some(reply.clone())), &["", "jo@example.org"], b"A: b\r\n\r\n");
        assert_eq!(outcome, Outcome::Accepted(Some(reply)));
    }
}
