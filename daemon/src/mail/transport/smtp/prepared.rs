//! A mail made ready for any connection: addresses as SMTP carries them, and the message dotted.

use resetd_core::time::Timestamp;
use smtp_proto::{EXT_8BIT_MIME, EXT_CHUNKING, EXT_DSN, EXT_RRVS, EXT_SIZE, EXT_SMTP_UTF8, EhloResponse};

use zeroize::Zeroizing;

use super::body::{normal, stuffed};
use crate::mail::{Envelope, Outcome};

/// The longest ENVID (RFC 3461 §4.4).
const ENVID_MAX: usize = 100;

/// A mail ready for any connection.
pub(in crate::mail::transport) struct Prepared {
    from: Path,
    to: Path,
    valid_since: Option<String>,
    envelope_id: String,
    eight_bit: bool,
    utf8_header: bool,
    /// With CRLF ends.
    message: Zeroizing<Vec<u8>>,
}

/// How the message goes over the wire.
pub(super) enum Handing {
    /// `DATA`, then this, its final dot included.
    Data(Zeroizing<Vec<u8>>),
    /// This: `BDAT`, the size, and the message as it is (RFC 3030).
    Chunk(Zeroizing<Vec<u8>>),
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
        Ok(Self {
            from: Path::new(&envelope.from).ok_or_else(|| refused("the envelope sender can't be put into MAIL FROM"))?,
            to: Path::new(envelope.to.as_str()).ok_or_else(|| refused("the address can't be put into RCPT TO"))?,
            valid_since: envelope.valid_since.map(rfc7293),
            envelope_id: xtext(&envelope.envelope_id).filter(|id| id.len() <= ENVID_MAX).unwrap_or_default(),
            eight_bit: !message.is_ascii(),
            utf8_header: header.into_iter().any(|line| !line.is_ascii()),
            message: normal(message),
        })
    }

    /// The message for a server with these offers.
    pub(super) fn handing(&self, offers: &EhloResponse<String>) -> Handing {
        if !offers.has_capability(EXT_CHUNKING) {
            return Handing::Data(stuffed(&self.message));
        }
        let mut chunk = Zeroizing::new(Vec::with_capacity(self.message.len() + 32));
        chunk.extend_from_slice(format!("BDAT {} LAST\r\n", self.message.len()).as_bytes());
        chunk.extend_from_slice(&self.message);
        Handing::Chunk(chunk)
    }

    /// Both addresses as the server sees them.
    pub fn addresses(&self) -> [&str; 2] {
        [&self.from.text, &self.to.text]
    }

    /// The MAIL and RCPT commands for a server with these offers, or why it can't take this mail.
    pub(super) fn commands(&self, offers: &EhloResponse<String>) -> Result<(String, String), Outcome> {
        let offered = |extension| offers.has_capability(extension);
        if offered(EXT_SIZE) && offers.size > 0 && self.message.len() > offers.size {
            return Err(refused("the mail is larger than the server takes (SIZE)"));
        }
        if (self.from.needs_utf8 || self.to.needs_utf8) && !offered(EXT_SMTP_UTF8) {
            return Err(refused("the address has letters beyond ASCII before the @, and the server does not offer SMTPUTF8"));
        }
        let mut mail = format!("MAIL FROM:<{}>", self.from.text);
        if offered(EXT_SIZE) {
            mail.push_str(&format!(" SIZE={}", self.message.len()));
        }
        if offered(EXT_8BIT_MIME) && self.eight_bit {
            mail.push_str(" BODY=8BITMIME");
        }
        if offered(EXT_SMTP_UTF8) && (self.from.needs_utf8 || self.to.needs_utf8 || self.utf8_header) {
            mail.push_str(" SMTPUTF8");
        }
        let dsn = offered(EXT_DSN);
        if dsn {
            // Headers only: a bounce need not carry the secret back.
            mail.push_str(" RET=HDRS");
            if !self.envelope_id.is_empty() {
                mail.push_str(&format!(" ENVID={}", self.envelope_id));
            }
        }
        let mut rcpt = format!("RCPT TO:<{}>", self.to.text);
        if dsn {
            // A mail with the null path has nobody to tell (RFC 3461 §4.1, §5.2.1).
            rcpt.push_str(if self.from.text.is_empty() { " NOTIFY=NEVER" } else { " NOTIFY=FAILURE,DELAY" });
            if let Some(address) = xtext(&self.to.text) {
                rcpt.push_str(&format!(" ORCPT=rfc822;{address}"));
            }
        }
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

/// RFC 3461 §4: printable ASCII but `+` and `=`, which become `+2B` and `+3D`. `None`: it is not ASCII.
fn xtext(text: &str) -> Option<String> {
    let mut coded = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '+' | '=' => coded.push_str(&format!("+{:02X}", u32::from(c))),
            '!'..='~' => coded.push(c),
            _ => return None,
        }
    }
    Some(coded)
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
        Envelope {
            from: from.into(),
            to: Mailbox::parse(to).unwrap(),
            valid_since: Some(Timestamp::from_millis(1_396_566_061_250)),
            envelope_id: "p+x@shop.example".into(),
            face: Default::default(),
        }
    }

    #[test]
    fn parameters_only_where_offered() {
        let mail = Prepared::new(&envelope("b+x@shop.example", "jo@bücher.example"), "A: ü\r\n\r\nü\r\n".as_bytes()).unwrap();
        let none = mail.commands(&offers(EXT_PIPELINING, 0)).unwrap();
        assert_eq!(none, ("MAIL FROM:<b+x@shop.example>\r\n".into(), "RCPT TO:<jo@xn--bcher-kva.example>\r\n".into()));
        let all = mail.commands(&offers(EXT_SIZE | EXT_8BIT_MIME | EXT_SMTP_UTF8 | EXT_RRVS, 0)).unwrap();
        assert_eq!(all.0, "MAIL FROM:<b+x@shop.example> SIZE=13 BODY=8BITMIME SMTPUTF8\r\n");
        assert_eq!(all.1, "RCPT TO:<jo@xn--bcher-kva.example> RRVS=2014-04-03T23:01:01Z;C\r\n");
        let dsn = mail.commands(&offers(EXT_DSN, 0)).unwrap();
        assert_eq!(dsn.0, "MAIL FROM:<b+x@shop.example> RET=HDRS ENVID=p+2Bx@shop.example\r\n");
        assert_eq!(dsn.1, "RCPT TO:<jo@xn--bcher-kva.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;jo@xn--bcher-kva.example\r\n");
        let null = Prepared::new(&envelope("", "jo@b.example"), b"A: b\r\n\r\n").unwrap().commands(&offers(EXT_DSN, 0)).unwrap();
        assert!(null.1.contains(" NOTIFY=NEVER "), "{null:?}");
    }

    #[test]
    fn a_chunk_is_the_message_as_it_is() {
        let mail = Prepared::new(&envelope("a@b.example", "c@d.example"), b"A: b\n\n.x").unwrap();
        assert!(
            matches!(mail.handing(&offers(EXT_CHUNKING, 0)), Handing::Chunk(octets) if *octets == b"BDAT 12 LAST\r\nA: b\r\n\r\n.x\r\n")
        );
        assert!(matches!(mail.handing(&offers(0, 0)), Handing::Data(octets) if *octets == b"A: b\r\n\r\n..x\r\n.\r\n"));
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
