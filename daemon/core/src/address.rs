//! Mail addresses and display names as checked types: what holds one of these can be put into a header or an SMTP
//! command as it is (RFC 5321 §4.1.2, RFC 5322 §3.4.1, RFC 6531 §3.3).

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// The longest local part, in octets (RFC 5321 §4.5.3.1.1).
pub const LOCAL_MAX: usize = 64;
/// The longest address, in octets: a path is 256 with its angle brackets (RFC 5321 §4.5.3.1.3).
pub const ADDRESS_MAX: usize = 254;
/// The longest display name that is taken, in characters.
pub const NAME_MAX: usize = 100;

/// Why a text is not an address or a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No `@`, or nothing on one side of it.
    #[error("must be local@domain")]
    Shape,
    /// Over 64 octets before the `@`, or over 254 in all.
    #[error("is too long (64 octets before the @, 254 in all)")]
    TooLong,
    /// A character that RFC 5321 allows only in quoted local parts, or nowhere.
    #[error("has a character that may not stand before the @ (quoted local parts are not taken)")]
    Local,
    /// The domain is not a dotted name of letters, digits and hyphens.
    #[error("has a domain that is not a name of letters, digits, hyphens and dots")]
    Domain,
    /// A control character or more than 100 characters in a display name.
    #[error("must be at most 100 characters, without control characters")]
    Name,
}

/// `local@domain`, checked: a dot-atom (UTF-8 allowed, RFC 6531) and a domain name, no comment, no quoting, no
/// control character, no white space. The domain is kept in lower case.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Mailbox(String);

impl Mailbox {
    /// Checks `text`.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::Shape)?;
        if local.is_empty() || domain.is_empty() {
            return Err(AddressError::Shape);
        }
        if local.len() > LOCAL_MAX || text.len() > ADDRESS_MAX {
            return Err(AddressError::TooLong);
        }
        if local.starts_with('.') || local.ends_with('.') || local.contains("..") || !local.chars().all(is_local) {
            return Err(AddressError::Local);
        }
        check_domain(domain)?;
        Ok(Self(format!("{local}@{}", domain.to_lowercase())))
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// What stands behind the `@`, in lower case.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The key under which limits count this address: lower case, without a `+tag`, and without what the large providers that are known to
    /// do so leave out of account (elsewhere a dot makes another mailbox). Never used for sending.
    pub fn limit_key(&self) -> String {
        let local = self.local().to_lowercase();
        let base = local.split_once('+').map_or(local.as_str(), |(base, _)| base);
        match self.domain() {
            "gmail.com" | "googlemail.com" => format!("{}@gmail.com", base.replace('.', "")),
            // Dots, hyphens and underscores don't count, and one mailbox has all of the names.
            "proton.me" | "protonmail.com" | "pm.me" => format!("{}@proton.me", base.replace(['.', '-', '_'], "")),
            // A hyphen is a dot.
            "yandex.ru" | "yandex.com" | "ya.ru" => format!("{}@yandex.ru", base.replace('-', ".")),
            // Disposable addresses: no name holds a hyphen of its own.
            domain if is_yahoo(domain) => format!("{}@{domain}", base.split_once('-').map_or(base, |(base, _)| base)),
            domain => format!("{base}@{domain}"),
        }
    }

    /// The key under which a bounce holds this address back. A bounced `ann+x@` says nothing of `ann@`: where `+` has no meaning it is
    /// another mailbox, or none, which anybody can name to a site to have `ann@` held.
    pub fn hold_key(&self) -> String {
        let tagged = self.local().contains('+') || (is_yahoo(self.domain()) && self.local().contains('-'));
        if tagged { self.as_str().to_lowercase() } else { self.limit_key() }
    }

    /// Whether two addresses name the same mailbox for all that a reply can tell: without regard to case.
    pub fn same_as(&self, other: &str) -> bool {
        self.0.to_lowercase() == other.to_lowercase()
    }
}

fn is_yahoo(domain: &str) -> bool {
    domain.starts_with("yahoo.") || matches!(domain, "ymail.com" | "rocketmail.com")
}

fn is_local(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' => true,
        c if c.is_ascii() => "!#$%&'*+-/=?^_`{|}~".contains(c),
        c => !c.is_control() && !c.is_whitespace() && !is_invisible(c),
    }
}

/// Characters that hide or reorder what a person sees: bidi controls, zero-width ones, line and paragraph separators.
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffd}')
}

/// Checks a domain name: labels of 1 to 63 octets, letters (Unicode allowed), digits and inner hyphens, at most 253 in
/// all, not all digits (RFC 1123 §2.1).
pub fn check_domain(domain: &str) -> Result<(), AddressError> {
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-' || (!c.is_ascii() && is_mark(c)))
    };
    let numeric = domain.rsplit('.').next().is_some_and(|last| last.chars().all(|c| c.is_ascii_digit()));
    if domain.len() > 253 || numeric || !domain.split('.').all(label_ok) {
        return Err(AddressError::Domain);
    }
    Ok(())
}

fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailbox({}…)", self.0.chars().next().unwrap_or(' '))
    }
}

impl<'de> Deserialize<'de> for Mailbox {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| serde::de::Error::custom(format!("`{text}` {error}")))
    }
}

/// A person's or a portal's name as it may stand in a header or a greeting: NFC, trimmed, no control or invisible
/// characters, at most 100 characters.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(transparent)]
pub struct DisplayName(String);

impl DisplayName {
    /// Checks `text`; the empty name is refused.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let name: String = text.trim().nfc().collect();
        let bad = |c: char| c.is_control() || is_invisible(c);
        if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(bad) {
            return Err(AddressError::Name);
        }
        Ok(Self(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DisplayName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_people_have() {
        for good in ["a@b.example", "First.Last+x@Sub.Example.ORG", "o'neil@example.ie", "jürgen@bücher.example", "x@localhost"] {
            assert!(Mailbox::parse(good).is_ok(), "{good}");
        }
        assert_eq!(Mailbox::parse("A@EXAMPLE.org").unwrap().as_str(), "A@example.org");
    }

    #[test]
    fn refuses_what_could_inject() {
        for bad in [
            "",
            "a",
            "@b",
            "a@",
            "a b@c.example",
            "a@b.example\r\nBcc: x@y",
            "x>\r\nRCPT TO:<evil@x",
            "a@b..example",
            ".a@b.example",
            "a@-b.example",
            "\"a b\"@c.example",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a\u{202e}@b.example",
            "a\0@b.example",
            "a,b@c.example",
            "<a@b.example>",
        ] {
            assert!(Mailbox::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Mailbox::parse(&format!("{}@b.example", "a".repeat(65))), Err(AddressError::TooLong));
    }

    #[test]
    fn limits_see_through_variants() {
        let key = |text| Mailbox::parse(text).unwrap().limit_key();
        assert_eq!(key("A.b.c+shop@googlemail.com"), key("abc@gmail.com"));
        assert_ne!(key("a.b@example.org"), key("ab@example.org"));
        assert_eq!(key("A_b.c-d+x@pm.me"), key("abcd@protonmail.com"));
        assert_eq!(key("ann-other@yandex.com"), key("ann.other@ya.ru"));
        assert_eq!(key("ann-shop@yahoo.co.uk"), key("ann@yahoo.co.uk"));
        assert_ne!(key("ann-shop@example.org"), key("ann@example.org"));
    }

    #[test]
    fn a_tagged_address_is_held_alone() {
        let held = |text| Mailbox::parse(text).unwrap().hold_key();
        assert_eq!(held("Ann+Nobody@Example.org"), "ann+nobody@example.org");
        assert_eq!(held("A.nn@gmail.com"), "ann@gmail.com");
    }

    #[test]
    fn names_hold_no_header() {
        assert!(DisplayName::parse("Zoë O'Hara").is_ok());
        assert!(DisplayName::parse("x\r\nBcc: y").is_err());
        assert!(DisplayName::parse("\u{202e}gnp.exe").is_err());
    }
}
