//! A mail made ready for any connection: addresses as SMTP carries them, and the message dotted.

use resetd_core::time::Timestamp;
use smtp_proto::{EXT_8BIT_MIME, EXT_RRVS, EXT_SIZE, EXT_SMTP_UTF8, EhloResponse};

use super::body::stuffed;
use crate::mail::{Envelope, Outcome};

/// A mail ready for any connection.
pub(super) struct Prepared {
    from: Path,
    to: Path,
    valid_since: Option<String>,
    eight_bit: bool,
    utf8_header: bool,
    size: usize,
    /// The message with its final dot.
    pub body: Vec<u8>,
}

/// A mailbox in a command: local part as it is, domain in ASCII.
struct Path {
    text: String,
    needs_utf8: bool,
}

impl Prepared {
    /// Checks the envelope once more: what gets past here is written to the peer as it is.
    pub fn new(envelope: &Envelope, message: &[u8]) -> Result<Self, Outcome> {
        let header = message.split(|&octet| octet == b'\n').take_while(|line| !matches!(line, [] | [b'\r']));
        let body = stuffed(message);
        Ok(Self {
            from: Path::new(&envelope.from).ok_or_else(|| refused("the envelope sender can't be put into MAIL FROM"))?,
            to: Path::new(envelope.to.as_str()).ok_or_else(|| refused("the address can't be put into RCPT TO"))?,
            valid_since: envelope.valid_since.map(rfc7293),
            eight_bit: !message.is_ascii(),
            utf8_header: header.into_iter().any(|line| !line.is_ascii()),
            // RFC 1870 §5: counted with CRLF ends; the dots and the final one are ours to leave out, and too many are harmless.
            size: body.len() - 3,
            body,
        })
    }

    /// Both addresses as the relay sees them.
    pub fn addresses(&self) -> [&str; 2] {
        [&self.from.text, &self.to.text]
    }

    /// The MAIL and RCPT commands for a relay with these offers, or why it can't take this mail.
    pub fn commands(&self, offers: &EhloResponse<String>) -> Result<(String, String), Outcome> {
        let offered = |extension| offers.has_capability(extension);
        if offered(EXT_SIZE) && offers.size > 0 && self.size > offers.size {
            return Err(refused("the mail is larger than the relay takes (SIZE)"));
        }
        if (self.from.needs_utf8 || self.to.needs_utf8) && !offered(EXT_SMTP_UTF8) {
            return Err(refused("the address has letters beyond ASCII before the @, and the relay does not offer SMTPUTF8"));
        }
        let mut mail = format!("MAIL FROM:<{}>", self.from.text);
        if offered(EXT_SIZE) {
            mail.push_str(&format!(" SIZE={}", self.size));
        }
        if offered(EXT_8BIT_MIME) && self.eight_bit {
            mail.push_str(" BODY=8BITMIME");
        }
        if offered(EXT_SMTP_UTF8) && (self.from.needs_utf8 || self.to.needs_utf8 || self.utf8_header) {
            mail.push_str(" SMTPUTF8");
        }
        let mut rcpt = format!("RCPT TO:<{}>", self.to.text);
        if let Some(since) = self.valid_since.as_ref().filter(|_| offered(EXT_RRVS)) {
            rcpt.push_str(&format!(" RRVS={since};C"));
        }
        Ok((mail + "\r\n", rcpt + "\r\n"))
    }
}

impl Path {
    fn new(address: &str) -> Option<Self> {
        if address.is_empty() {
            return Some(Self { text: String::new(), needs_utf8: false });
        }
        let (local, domain) = address.rsplit_once('@')?;
        let safe = |c: char| !c.is_control() && !c.is_whitespace() && !matches!(c, '<' | '>' | '\\' | '"');
        if local.is_empty() || domain.is_empty() || !address.chars().all(safe) {
            return None;
        }
        let domain = if domain.is_ascii() { domain.to_owned() } else { idna::domain_to_ascii(domain).ok()? };
        Some(Self { text: format!("{local}@{domain}"), needs_utf8: !local.is_ascii() })
    }
}

/// RFC 7293 §3.1: `RRVS=` takes an RFC 3339 date-time; whole seconds are all that is known.
fn rfc7293(since: Timestamp) -> String {
    Timestamp::from_millis(since.as_seconds() * 1000).to_string().replace(".000Z", "Z")
}

fn refused(detail: &str) -> Outcome {
    Outcome::Refused { reply: None, detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use resetd_core::address::Mailbox;
    use smtp_proto::EXT_PIPELINING;

    use super::*;

    fn offers(capabilities: u32, size: usize) -> EhloResponse<String> {
        EhloResponse { capabilities, size, ..EhloResponse::new(String::new()) }
    }

    fn envelope(from: &str, to: &str) -> Envelope {
        Envelope { from: from.into(), to: Mailbox::parse(to).unwrap(), valid_since: Some(Timestamp::from_millis(1_396_566_061_250)) }
    }

    #[test]
    fn parameters_only_where_offered() {
        let mail = Prepared::new(&envelope("b+x@shop.example", "jo@bücher.example"), "A: ü\r\n\r\nü\r\n".as_bytes()).unwrap();
        let none = mail.commands(&offers(EXT_PIPELINING, 0)).unwrap();
        assert_eq!(none, ("MAIL FROM:<b+x@shop.example>\r\n".into(), "RCPT TO:<jo@xn--bcher-kva.example>\r\n".into()));
        let all = mail.commands(&offers(EXT_SIZE | EXT_8BIT_MIME | EXT_SMTP_UTF8 | EXT_RRVS, 0)).unwrap();
        assert_eq!(all.0, "MAIL FROM:<b+x@shop.example> SIZE=13 BODY=8BITMIME SMTPUTF8\r\n");
        assert_eq!(all.1, "RCPT TO:<jo@xn--bcher-kva.example> RRVS=2014-04-03T23:01:01Z;C\r\n");
    }

    #[test]
    fn refuses_what_the_relay_cant_take() {
        let local = Prepared::new(&envelope("", "jürgen@example.org"), b"A: b\r\n\r\n").unwrap();
        assert!(matches!(local.commands(&offers(0, 0)), Err(Outcome::Refused { detail, .. }) if detail.contains("SMTPUTF8")));
        assert!(local.commands(&offers(EXT_SMTP_UTF8, 0)).unwrap().0.starts_with("MAIL FROM:<> SMTPUTF8"));
        assert!(
            matches!(local.commands(&offers(EXT_SIZE | EXT_SMTP_UTF8, 7)), Err(Outcome::Refused { detail, .. }) if detail.contains("SIZE"))
        );
        assert!(local.commands(&offers(EXT_SIZE | EXT_SMTP_UTF8, 8)).is_ok());
    }

    #[test]
    fn senders_cant_inject() {
        for bad in ["x>\r\nRCPT TO:<evil@x", "a b@c", "a@b> SIZE=1", "a@", "@b", "a\0@b"] {
            assert!(Prepared::new(&envelope(bad, "a@b.example"), b"").is_err(), "{bad:?}");
        }
    }
}
