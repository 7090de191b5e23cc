//! The values of one mail, cleaned, and how each is written into a sentence or a template.

use std::fmt::Write;

use resetd_core::address::{Mailbox, is_invisible};
use resetd_core::secret::group_digits;
use resetd_core::time::Timestamp;
use zeroize::Zeroizing;

use super::values::{Brand, Values};

/// A value that a sentence may name. The secret is none of them: it stands in the templates only, so that no subject can
/// ever hold it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Portal,
    Company,
    Domain,
    Support,
    Who,
    Email,
    Account,
    Name,
    LinkMinutes,
    CodeMinutes,
    Count,
    Time,
    Ip,
    Reason,
    Severity,
    Verdict,
    Proof,
    Flag,
    Reset,
    State,
}

const PLACES: [(&str, Place); 20] = [
    ("portal", Place::Portal),
    ("company", Place::Company),
    ("domain", Place::Domain),
    ("support", Place::Support),
    ("who", Place::Who),
    ("email", Place::Email),
    ("account", Place::Account),
    ("name", Place::Name),
    ("link_minutes", Place::LinkMinutes),
    ("code_minutes", Place::CodeMinutes),
    ("count", Place::Count),
    ("time", Place::Time),
    ("ip", Place::Ip),
    ("reason", Place::Reason),
    ("severity", Place::Severity),
    ("verdict", Place::Verdict),
    ("proof", Place::Proof),
    ("flag", Place::Flag),
    ("reset", Place::Reset),
    ("state", Place::State),
];

impl Place {
    /// By its name.
    pub fn parse(name: &str) -> Option<Self> {
        PLACES.iter().find(|(known, _)| *known == name).map(|(_, place)| *place)
    }

    /// All names, for a message.
    pub fn names() -> String {
        PLACES.map(|(name, _)| name).join(", ")
    }

    /// Whether a plural can be chosen by it.
    pub fn is_number(self) -> bool {
        matches!(self, Self::LinkMinutes | Self::CodeMinutes | Self::Count)
    }
}

/// One mail's values, free of control and invisible characters.
pub(super) struct Fields {
    pub brand: Brand,
    email: String,
    account: Option<String>,
    name: Option<String>,
    pub link: Option<Zeroizing<String>>,
    pub code: Option<Zeroizing<String>>,
    link_minutes: Option<u32>,
    code_minutes: Option<u32>,
    count: Option<u32>,
    pub at: Option<Timestamp>,
    pub reply_to: Option<String>,
    facts: Vec<(Place, String)>,
    pub words: Vec<String>,
    pub revoked: bool,
}

impl Fields {
    /// Cleaned, and without a name or login that doesn't read like one: both may be chosen by whoever asks for the mail.
    pub fn new(values: &Values<'_>) -> Self {
        let mut fields = Self::as_given(values);
        fields.name = fields.name.filter(|name| reads_like_a_name(name));
        fields.account = fields.account.filter(|account| reads_like_a_login(account));
        fields
    }

    /// Cleaned only: for support, who need the account as the application calls it; and what the checks put into a
    /// wording to see whether it stays text.
    pub fn as_given(values: &Values<'_>) -> Self {
        let facts = &values.facts;
        let time = facts.at.and_then(|at| jiff::Timestamp::from_millisecond(at.as_millis()).ok());
        let time = time.map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string());
        let short = [
            (Place::Time, time.as_deref()),
            (Place::Ip, facts.ip),
            (Place::Reason, facts.reason),
            (Place::Severity, facts.severity),
            (Place::Verdict, facts.verdict),
            (Place::Proof, facts.proof),
            (Place::Flag, facts.flag),
            (Place::Reset, facts.reset),
            (Place::State, facts.state),
        ];
        Self {
            brand: values.brand.clone(),
            email: clean(values.email),
            account: values.account.map(clean).filter(|account| !account.is_empty()),
            name: values.name.map(clean).filter(|name| !name.is_empty()),
            link: values.link.map(|link| Zeroizing::new(clean(link))),
            code: values.code.map(|code| Zeroizing::new(code.chars().filter(char::is_ascii_digit).collect())),
            link_minutes: values.link_minutes.filter(|minutes| *minutes > 0),
            code_minutes: values.code_minutes.filter(|minutes| *minutes > 0),
            count: facts.count.filter(|count| *count > 0),
            at: facts.at,
            reply_to: values.reply_to.map(clean),
            facts: short.into_iter().filter_map(|(place, text)| Some((place, clean(text?)))).collect(),
            words: facts.words.map(|words| words.lines().map(clean_line).collect()).unwrap_or_default(),
            revoked: facts.revoked,
        }
    }

    /// `link`, `code`, `both` or `none`.
    pub fn method(&self) -> &'static str {
        match (&self.link, &self.code) {
            (Some(_), Some(_)) => "both",
            (Some(_), None) => "link",
            (None, Some(_)) => "code",
            (None, None) => "none",
        }
    }

    /// Whether it can be said how long the secret is good.
    pub fn expires(&self) -> bool {
        (self.link.is_some() && self.link_minutes.is_some()) || (self.code.is_some() && self.code_minutes.is_some())
    }

    /// The code in groups.
    pub fn code_grouped(&self) -> Option<Zeroizing<String>> {
        self.code.as_deref().map(|code| group_digits(code))
    }

    /// A number by its place.
    pub fn number(&self, place: Place) -> Option<u32> {
        match place {
            Place::LinkMinutes => self.link_minutes,
            Place::CodeMinutes => self.code_minutes,
            Place::Count => self.count,
            _ => None,
        }
    }

    /// A text by its place; `None` where it isn't known or is a number.
    pub fn text(&self, place: Place) -> Option<&str> {
        let brand = &self.brand.0;
        match place {
            Place::Portal => Some(&brand.title),
            Place::Company => Some(&brand.company),
            Place::Domain => Some(&brand.domain),
            Place::Support => Some(&brand.support),
            Place::Who => Some(self.account.as_deref().unwrap_or(&self.email)),
            Place::Email => Some(&self.email),
            Place::Account => self.account.as_deref(),
            Place::Name => self.name.as_deref(),
            Place::LinkMinutes | Place::CodeMinutes | Place::Count => None,
            fact => self.facts.iter().find(|(place, _)| *place == fact).map(|(_, text)| text.as_str()),
        }
    }

    /// Writes the value into a sentence; in HTML the person stands out. `isolated`: its direction must not turn the sentence's
    /// (UAX #9, isolates; within the tags, where no filter takes them for letters that a tag cuts off). `None` where it isn't known.
    pub fn write(&self, place: Place, html: bool, isolated: bool, out: &mut String) -> Option<()> {
        if let Some(number) = self.number(place) {
            return write!(out, "{number}").ok();
        }
        let text = self.text(place)?;
        let (open, close) = match place {
            _ if !html => ("", ""),
            Place::Who | Place::Email | Place::Account => ("<strong style=\"font-weight:600\">", "</strong>"),
            Place::Support => ("<span style=\"font-weight:600\">", "</span>"),
            _ => ("", ""),
        };
        let (first, last) = if isolated { ("\u{2068}", "\u{2069}") } else { ("", "") };
        out.push_str(open);
        out.push_str(first);
        if html {
            escape(text, out);
        } else {
            out.push_str(text);
        }
        out.push_str(last);
        out.push_str(close);
        Some(())
    }
}

/// Text as it may stand between tags or in a quoted attribute.
pub(super) fn escape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#39;",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

/// Without characters that control, hide or reorder; white space of any kind becomes a blank.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !c.is_control() && !is_invisible(*c)).collect()
}

/// A line that somebody typed. Joiners stay: Persian and Indic words and family emoji are written with them.
fn clean_line(text: &str) -> String {
    let joins = |c: char| matches!(c, '\u{200c}' | '\u{200d}');
    let blank = |c: char| if c.is_whitespace() { ' ' } else { c };
    text.chars().map(blank).filter(|c| joins(*c) || (!c.is_control() && !is_invisible(*c))).collect()
}

/// Whether a greeting may hold it. Forms for other people's addresses are misused to mail them "You won, see evil.example":
/// what could become a link, or is longer than names are, is left out, and the greeting does without.
fn reads_like_a_name(name: &str) -> bool {
    name.chars().count() <= 60
        && !name.contains(['/', '\\', '@', '<', '>', '{', '}', '[', ']', ':', '|', '$', '%', '=', '\u{ff20}'])
        && !has_domain(name)
}

/// Whether a person would know it as their login: an address, or a word with a letter in it that is neither a UUID nor
/// another long number, and no link.
fn reads_like_a_login(account: &str) -> bool {
    if Mailbox::parse(account).is_ok_and(|address| !address.local().contains('/')) {
        return true;
    }
    let hex = account.chars().filter(|c| c.is_ascii_hexdigit() || *c == '-').count();
    let number = hex == account.len() && (account.len() >= 16 || !account.chars().any(char::is_alphabetic));
    !number
        && account.chars().any(char::is_alphabetic)
        && !account.contains([' ', '@', '<', '>', '{', '}', '/', ':'])
        && account.chars().count() <= 64
        && !has_domain(account)
}

/// Whether mail programs may make a link of a part of it: a dot, then two or more letters in lower case. (`J.R.Tolkien`
/// has none.)
fn has_domain(text: &str) -> bool {
    let lower = text.to_lowercase();
    lower.contains("www.")
        || text.match_indices(['.', '\u{3002}']).any(|(at, dot)| {
            let mut after = text[at + dot.len()..].chars();
            let mut letter = || after.next().is_some_and(|c| c.is_alphabetic() && !c.is_uppercase());
            letter() && letter()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_none_are_left_out() {
        for good in ["Anna", "Zoë O'Hara", "J.R.R. Tolkien", "Dr. Weiß, Jürgen", "山田 太郎", "Nguyễn Văn A"] {
            assert!(reads_like_a_name(good), "{good}");
        }
        for bad in ["You won! evil.example", "http://x", "www.EVIL", "a@b.example", "<b>{{ 7*7 }}", &"x".repeat(61), "evil。example"] {
            assert!(!reads_like_a_name(bad), "{bad}");
        }
    }

    #[test]
    fn logins_are_shown_and_numbers_are_not() {
        for good in ["anna", "anna77", "anna@example.org", "ANNA-K", "anna_k"] {
            assert!(reads_like_a_login(good), "{good}");
        }
        for bad in ["4711", "018f6b1e-7a4c-7c3e-9d2f-1b2a3c4d5e6f", "5f3e9a0b1c2d3e4f", "evil.example", "http://x", "a b", "<b>"] {
            assert!(!reads_like_a_login(bad), "{bad}");
        }
    }

    #[test]
    fn nothing_hidden_comes_through() {
        assert_eq!(clean("a\r\nBcc: b\u{202e}c\0\u{200b}d"), "a  Bcc: bcd");
        assert_eq!(clean_line("می\u{200c}خواهم\u{202e}\t."), "می\u{200c}خواهم .");
    }
}
