//! An SMTP reply and what it means for a mail (RFC 5321 §4.2, RFC 3463, RFC 2034).

use serde::{Deserialize, Serialize};

/// One reply, its lines joined by blanks. `enhanced` is read from the text, since libraries keep its parts in octets
/// and turn `5.7.509` into `5.7.255`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmtpReply {
    /// The three-digit code.
    pub code: u16,
    /// `class.subject.detail`, where the server gave one.
    pub enhanced: Option<String>,
    /// The text without code and enhanced code, at most 500 characters.
    pub text: String,
}

/// What a reply asks of the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// 2xx (and 3xx where a command waits for it).
    Done,
    /// 4xx: try again later.
    Later,
    /// 421: the server closes the connection; this says nothing about the mail.
    Closing,
    /// 5xx: never.
    Never,
}

impl SmtpReply {
    /// From a code and its text as received (several lines joined by `\n` or blanks).
    pub fn new(code: u16, text: &str) -> Self {
        let flat: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (enhanced, rest) = match flat.split_once(' ') {
            Some((first, rest)) if is_enhanced(first) => (Some(first.to_owned()), rest),
            _ if is_enhanced(&flat) => (Some(flat.clone()), ""),
            _ => (None, flat.as_str()),
        };
        let text = rest.chars().filter(|c| !c.is_control()).take(500).collect();
        Self { code, enhanced, text }
    }

    /// What the sender has to do.
    pub fn meaning(&self) -> Meaning {
        match self.code {
            200..=399 => Meaning::Done,
            421 => Meaning::Closing,
            400..=499 => Meaning::Later,
            _ => Meaning::Never,
        }
    }

    /// Whether it refuses for ever because nobody is there: an unknown or disabled mailbox, a domain without mail (RFC 3463 §3.2,
    /// RFC 7505). Any other refusal may be about us.
    pub fn says_nobody_there(&self) -> bool {
        let status = self.enhanced.as_deref().unwrap_or_default();
        self.meaning() == Meaning::Never && matches!(status, "5.1.1" | "5.1.2" | "5.1.3" | "5.1.6" | "5.1.10" | "5.2.1")
    }

    /// The id that the next hop gave the mail in its `250`, where it tells one: `250 Ok 0100…-000000` (Amazon SES),
    /// `250 2.0.0 Ok: queued as 4F2A…` (Postfix), `250 2.0.0 OK … <id@host> [Hostname=…]` (Exchange).
    pub fn next_hop_id(&self) -> Option<&str> {
        if self.meaning() != Meaning::Done {
            return None;
        }
        let text = self.text.as_str();
        let bracketed = text.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(id, _)| id);
        let queued = text.split_once("queued as ").map(|(_, id)| id);
        let after_ok = || text.get(..2).filter(|ok| ok.eq_ignore_ascii_case("ok")).map(|_| text[2..].trim_start_matches([':', ' ']));
        let id = bracketed.or(queued).or_else(after_ok)?.split([' ', ';', ')']).next()?.trim_matches(['<', '>', '.', ',']);
        // Digits alone are a time (`250 2.0.0 OK 1700000000 a1b2.3 - gsmtp`), the same for all mails of a second.
        let mixed = id.chars().any(|c| c.is_ascii_digit()) && id.chars().any(|c| c.is_ascii_alphabetic());
        (id.len() >= 8 && id.len() <= 200 && mixed).then_some(id)
    }
}

/// Characters before the `@` from which on a next hop's id is taken to be random. Queue ids of Postfix (10 to 20), Sendmail (14)
/// and Exim (16 or 23) are made of the time and a small number: whoever sends mail through the same relay can guess them. Those
/// of Amazon SES (60) and Outlook (about 40) can't be guessed.
const UNGUESSABLE: usize = 24;

/// Whether knowing this id of a next hop's shows that its mail was seen.
pub fn is_unguessable(id: &str) -> bool {
    id.split_once('@').map_or(id, |(local, _)| local).len() >= UNGUESSABLE
}

impl std::fmt::Display for SmtpReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:03}", self.code)?;
        if let Some(enhanced) = &self.enhanced {
            write!(f, " {enhanced}")?;
        }
        if !self.text.is_empty() {
            write!(f, " {}", self.text)?;
        }
        Ok(())
    }
}

fn is_enhanced(word: &str) -> bool {
    let mut parts = word.split('.');
    let class = parts.next().is_some_and(|part| matches!(part, "2" | "4" | "5"));
    let number = |part: Option<&str>| part.is_some_and(|p| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()));
    class && number(parts.next()) && number(parts.next()) && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_long_details() {
        let reply = SmtpReply::new(550, "5.7.509 Access denied,\n5.7.509 sending domain does not pass DMARC");
        assert_eq!(reply.enhanced.as_deref(), Some("5.7.509"));
        assert_eq!(reply.meaning(), Meaning::Never);
        assert_eq!(SmtpReply::new(250, "Ok").enhanced, None);
        assert_eq!(SmtpReply::new(421, "4.3.2 shutting down").meaning(), Meaning::Closing);
    }

    #[test]
    fn finds_the_next_hops_id() {
        let id = |text| SmtpReply::new(250, text).next_hop_id().map(str::to_owned);
        assert_eq!(id("2.0.0 Ok: queued as 4XyZ1234ab"), Some("4XyZ1234ab".into()));
        assert_eq!(id("Ok 0100018f5c-7d2e-000000"), Some("0100018f5c-7d2e-000000".into()));
        assert_eq!(id("2.6.0 <abc123@x.example> [InternalId=7] Queued mail for delivery"), Some("abc123@x.example".into()));
        assert_eq!(id("2.0.0 Ok"), None);
        assert_eq!(id("2.0.0 OK  1700000000 a1b2c3.3 - gsmtp"), None, "a time is no id");
    }

    #[test]
    fn queue_ids_can_be_guessed() {
        for id in ["4F2A1B3C4D", "4XyZ1234abzZ5c", "1rXyZa-000000004Qz-ABCD", "abc123@a-host-with-a-long-name.x.example"] {
            assert!(!is_unguessable(id), "{id}");
        }
        assert!(is_unguessable("0100018f5c7d2e00-5f3c1c1e-7a52-4d62-9d2b-000000000000-000000@eu-west-1.amazonses.com"));
        assert!(is_unguessable("AM0PR04MB12345C3D8A6E0F1B2C4D5E6F7A8B9@AM0PR04MB1234.eurprd04.prod.outlook.com"));
    }
}
