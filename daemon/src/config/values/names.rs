//! Names: of hosts and domains, users, languages, wordings, colours, credentials.

use std::net::IpAddr;

use resetd_core::address::{DisplayName, check_domain};
use resetd_core::ids::PortalName;
use resetd_core::reset::Method;

use super::text::{FromText, one_of};
use crate::config::types::{Role, Supersede, TlsMode, Tone};

/// A user's or group's name on this host.
pub(in crate::config) type Account = Name<32>;
/// A credential's name (systemd: a plain file name).
pub(in crate::config) type Credential = Name<255>;

/// A name without slash, blank or control character, at most `MAX` octets, not starting with a dot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::config) struct Name<const MAX: usize>(pub(in crate::config) String);

impl<const MAX: usize> FromText for Name<MAX> {
    fn from_text(text: &str) -> Result<Self, String> {
        let good = |c: char| c.is_ascii_alphanumeric() || "-_.@$".contains(c);
        if text.is_empty() || text.len() > MAX || text.starts_with(['.', '-']) || !text.chars().all(good) {
            return Err(format!("must be a name of at most {MAX} letters, digits and -_.@$"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The user of an SMTP login.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::config) struct User(pub(in crate::config) String);

impl FromText for User {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > 255 || text.chars().any(char::is_control) {
            return Err("must be 1 to 255 octets, without control characters".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

/// A domain name in ASCII, in lower case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::config) struct Domain(pub(in crate::config) String);

impl FromText for Domain {
    fn from_text(text: &str) -> Result<Self, String> {
        if !text.is_ascii() || check_domain(text).is_err() {
            return Err("must be a domain name in ASCII, like shop.example".to_owned());
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

/// A host: a domain name or an IP address (IPv6 without brackets).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::config) struct Host(pub(in crate::config) String);

impl FromText for Host {
    fn from_text(text: &str) -> Result<Self, String> {
        let name = Domain::from_text(text).map(|domain| domain.0);
        let address = || text.parse::<IpAddr>().map(|ip| ip.to_string());
        name.or_else(|_| address()).map(Self).map_err(|_| "must be a host name or an IP address, without a port".to_owned())
    }
}

/// A DKIM selector: one or more labels (RFC 6376 §3.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::config) struct DkimSelector(pub(in crate::config) String);

impl FromText for DkimSelector {
    fn from_text(text: &str) -> Result<Self, String> {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        };
        if text.len() > 120 || !text.split('.').all(label) {
            return Err("must be a selector of letters, digits, hyphens and dots, like mail2026".to_owned());
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

/// A language tag (RFC 5646 §2.1), in the case that §2.1.1 recommends: `pt-BR`, `zh-Hant`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::config) struct Locale(pub(in crate::config) String);

impl FromText for Locale {
    fn from_text(text: &str) -> Result<Self, String> {
        let mut subtags = text.split('-');
        let language = subtags.next().filter(|tag| (2..=8).contains(&tag.len()) && tag.chars().all(|c| c.is_ascii_alphabetic()));
        let well_formed = |tag: &str| (1..=8).contains(&tag.len()) && tag.chars().all(|c| c.is_ascii_alphanumeric());
        // A singleton (`x`, `u`) introduces something: it can't stand at the end.
        let ends_well = text.rsplit('-').next().is_some_and(|last| last.len() > 1);
        match language {
            Some(language) if text.len() <= 35 && ends_well && subtags.clone().all(well_formed) => {
                Ok(Self(std::iter::once(language.to_ascii_lowercase()).chain(subtags.map(recommended_case)).collect::<Vec<_>>().join("-")))
            }
            _ => Err("must be a BCP 47 language tag, like en, pt-BR or zh-Hant".to_owned()),
        }
    }
}

fn recommended_case(subtag: &str) -> String {
    let lower = subtag.to_ascii_lowercase();
    match (lower.len(), lower.split_at(1.min(lower.len()))) {
        (2, _) => lower.to_ascii_uppercase(),
        (4, (first, rest)) if first.chars().all(|c| c.is_ascii_alphabetic()) => format!("{}{rest}", first.to_ascii_uppercase()),
        _ => lower,
    }
}

/// A wording's name: the folder's under `templates/`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::config) struct WordingName(pub(in crate::config) String);

impl FromText for WordingName {
    fn from_text(text: &str) -> Result<Self, String> {
        let chars_ok = text.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'));
        if text.len() > 40 || !chars_ok || !text.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err("must be a wording's name: 1 to 40 of a-z, 0-9 and -, starting with a letter".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

/// What an account is called in logs and metrics.
pub(in crate::config) type MailboxName = Name<64>;

/// A folder's name on an IMAP server, or the attribute of its special use (RFC 6154): `\Junk`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::config) struct FolderName(pub(in crate::config) String);

impl FromText for FolderName {
    fn from_text(text: &str) -> Result<Self, String> {
        let good = !text.is_empty() && text.len() <= 255 && !text.contains(['*', '%']) && !text.chars().any(char::is_control);
        let attribute = text.strip_prefix('\\').is_none_or(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()));
        if !good || !attribute {
            return Err("must be a folder's name of at most 255 octets, without * and %, or a special use like \\Junk".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

/// A word of a command: it goes to the program as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::config) struct Word(pub(in crate::config) String);

impl FromText for Word {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.len() > 4096 || text.contains('\0') {
            return Err("must be at most 4096 octets, without NUL".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

/// `#rrggbb`, in lower case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::config) struct Color(pub(in crate::config) String);

impl FromText for Color {
    fn from_text(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.chars().all(|c| c.is_ascii_hexdigit()));
        digits.map(|digits| Self(format!("#{}", digits.to_ascii_lowercase()))).ok_or_else(|| "must be a colour like #1a56db".to_owned())
    }
}

impl FromText for DisplayName {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|_| "must be 1 to 100 characters, without control or invisible ones".to_owned())
    }
}

impl FromText for PortalName {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| error.to_string())
    }
}

impl FromText for Method {
    fn from_text(text: &str) -> Result<Self, String> {
        one_of(text, &[("link", Self::Link), ("code", Self::Code), ("both", Self::Both)])
    }
}

impl FromText for Tone {
    fn from_text(text: &str) -> Result<Self, String> {
        one_of(text, &[("formal", Self::Formal), ("familiar", Self::Familiar)])
    }
}

impl FromText for Supersede {
    fn from_text(text: &str) -> Result<Self, String> {
        one_of(text, &[("keep_three", Self::KeepThree), ("newest_only", Self::NewestOnly)])
    }
}

impl FromText for Role {
    fn from_text(text: &str) -> Result<Self, String> {
        one_of(text, &[("app", Self::App), ("support", Self::Support), ("admin", Self::Admin)])
    }
}

impl FromText for TlsMode {
    fn from_text(text: &str) -> Result<Self, String> {
        one_of(text, &[("implicit", Self::Implicit), ("starttls", Self::StartTls), ("none", Self::None)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_are_tags_in_their_recommended_case() {
        let read = |text| Locale::from_text(text).map(|locale| locale.0);
        for (given, kept) in
            [("EN", "en"), ("pt-br", "pt-BR"), ("ZH-hant-tw", "zh-Hant-TW"), ("de-CH-1996", "de-CH-1996"), ("es-419", "es-419")]
        {
            assert_eq!(read(given).as_deref(), Ok(kept));
        }
        for bad in ["", "e", "en_GB", "en-", "-en", "english language", "en-x", "12", "en--GB", "en-toolongtag", "../../etc"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_files_stay_in_their_folder() {
        for bad in ["", "../root.key", "a/b", ".hidden", "a b", "-x"] {
            assert!(Credential::from_text(bad).is_err(), "{bad}");
            assert!(WordingName::from_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn colours_hosts_and_selectors() {
        assert_eq!(Color::from_text("#1A56DB").map(|c| c.0).as_deref(), Ok("#1a56db"));
        for bad in ["red", "#fff", "#12345g", "1a56db", "#1a56db;background:url(x)"] {
            assert!(Color::from_text(bad).is_err(), "{bad}");
        }
        assert_eq!(Host::from_text("::1").map(|h| h.0).as_deref(), Ok("::1"));
        for bad in ["", "smtp.example:587", "[::1]", "a b", "smtp://x", "bücher.example"] {
            assert!(Host::from_text(bad).is_err(), "{bad}");
        }
        assert!(DkimSelector::from_text("s1._x").is_ok());
        assert!(DkimSelector::from_text("a..b").is_err());
    }
}
