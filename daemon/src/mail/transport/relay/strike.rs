//! What a relay says may quote the address or the link ("blocked URL …"), and goes to the timeline: both are struck out
//! (laws 2 and 8). Ids that the relay made up stay, since answers are tied to mails by them.

use resetd_core::smtp_reply::SmtpReply;

use crate::mail::Outcome;

/// Runs of this many characters of a token's alphabet that stand in the message too are struck.
const RUN_MIN: usize = 16;
/// Runs of this many digits that stand in the message too are struck.
const DIGITS_MIN: usize = 6;
const STRUCK: &str = "[struck]";

/// `outcome` without the mail's addresses and without anything secret that the message holds.
pub(super) fn strike(mut outcome: Outcome, addresses: &[&str], message: &[u8]) -> Outcome {
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
    if suspects.is_empty() {
        return;
    }
    let message = without_soft_breaks(message);
    for run in suspects.iter().filter(|run| contains(&message, run.as_bytes())) {
        reply.text = reply.text.replace(run.as_str(), STRUCK);
    }
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
    fn the_next_hops_id_stays() {
        let reply = SmtpReply::new(250, "Ok 0100018f5c7d2e00-abcdef01-2345-000000");
        let outcome = strike(Outcome::Accepted(Some(reply.clone())), &["", "jo@example.org"], b"A: b\r\n\r\n");
        assert_eq!(outcome, Outcome::Accepted(Some(reply)));
    }
}
