//! The mailbox that the `capture` transport writes into, and a mail as its reader sees it.

use std::path::PathBuf;

use mail_parser::{HeaderValue, Message, MessageParser};

/// A Maildir of everything that was mailed.
pub struct Outgoing {
    folder: PathBuf,
}

impl Outgoing {
    /// The Maildir at `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Every mail, in the order of sending within one run of the daemon.
    pub fn all(&self) -> Vec<Mail> {
        let Ok(entries) = std::fs::read_dir(self.folder.join("new")) else { return Vec::new() };
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| Mail::captured(&std::fs::read(path).unwrap())).collect()
    }

    /// Mails to an address.
    pub fn to(&self, address: &str) -> Vec<Mail> {
        self.all().into_iter().filter(|mail| mail.to == address).collect()
    }

    /// The one mail that carries the secret of a reset. Our Message-ID holds the reset's id in base32.
    #[track_caller]
    pub fn of_reset(&self, id: &str) -> Mail {
        let mut mails: Vec<Mail> = self.all().into_iter().filter(|mail| mail.is_about(id) && mail.has_secret()).collect();
        assert_eq!(mails.len(), 1, "mails with a secret of {id}");
        mails.remove(0)
    }
}

/// One mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Envelope sender; empty: the null path.
    pub from: String,
    /// Envelope recipient.
    pub to: String,
    /// The message as sent.
    pub raw: Vec<u8>,
}

impl Mail {
    /// As the capture Maildir holds it: `Return-Path` and `Delivered-To` before the message.
    pub fn captured(file: &[u8]) -> Self {
        let text = String::from_utf8_lossy(file);
        let mut lines = text.splitn(3, "\r\n");
        let mut envelope = |name: &str| lines.next().and_then(|line| line.strip_prefix(name)).unwrap().trim_matches(['<', '>']).to_owned();
        let (from, to) = (envelope("Return-Path: "), envelope("Delivered-To: "));
        let skip = file.windows(2).enumerate().filter(|(_, two)| *two == b"\r\n").nth(1).unwrap().0 + 2;
        Self { from, to, raw: file[skip..].to_vec() }
    }

    /// Parsed.
    pub fn parsed(&self) -> Message<'_> {
        MessageParser::default().parse(&self.raw).unwrap()
    }

    /// A header's raw text, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let parsed = self.parsed();
        parsed.header_raw(name.to_owned()).map(|value| value.replace("\r\n", "").trim().to_owned())
    }

    /// `Subject`
    pub fn subject(&self) -> String {
        self.parsed().subject().unwrap_or_default().to_owned()
    }

    /// The text part.
    pub fn text(&self) -> String {
        self.parsed().body_text(0).unwrap_or_default().into_owned()
    }

    /// The HTML part.
    pub fn html(&self) -> String {
        self.parsed().body_html(0).unwrap_or_default().into_owned()
    }

    /// The address in `Reply-To`.
    pub fn reply_to(&self) -> String {
        let parsed = self.parsed();
        let Some(address) = parsed.reply_to().and_then(|list| list.first()) else { return String::new() };
        address.address().unwrap_or_default().to_owned()
    }

    /// The address in `From`.
    pub fn sender(&self) -> String {
        let parsed = self.parsed();
        parsed.from().and_then(|list| list.first()).and_then(|address| address.address()).unwrap_or_default().to_owned()
    }

    /// `Message-ID` without its brackets.
    pub fn message_id(&self) -> String {
        self.parsed().message_id().unwrap_or_default().to_owned()
    }

    /// Whether our ids in it name this reset.
    pub fn is_about(&self, reset: &str) -> bool {
        let id = tag_of(reset);
        [self.message_id(), self.reply_to(), self.from.clone()].iter().any(|text| text.to_lowercase().contains(&id))
    }

    /// Whether there is a link or a code in it.
    pub fn has_secret(&self) -> bool {
        self.find_link().is_some() || self.find_code().is_some()
    }

    /// The link.
    #[track_caller]
    pub fn link(&self) -> String {
        self.find_link().unwrap_or_else(|| panic!("no link in {}", self.text()))
    }

    /// The token in the link.
    #[track_caller]
    pub fn token(&self) -> String {
        self.link().split_once("?t=").unwrap().1.to_owned()
    }

    /// The code's digits.
    #[track_caller]
    pub fn code(&self) -> String {
        self.find_code().unwrap_or_else(|| panic!("no code in {}", self.text()))
    }

    /// A line of the text that is nothing but the link.
    fn find_link(&self) -> Option<String> {
        self.text().lines().map(str::trim).find(|line| line.starts_with("https://") && line.contains("/reset?t=")).map(str::to_owned)
    }

    /// A line of the text that is nothing but digits, grouped.
    fn find_code(&self) -> Option<String> {
        let text = self.text();
        let line = text.lines().map(str::trim).find(|line| {
            line.chars().filter(char::is_ascii_digit).count() >= 6
                && line.chars().all(|c| c.is_ascii_digit() || c.is_whitespace() || c == '-')
        });
        line.map(|line| line.chars().filter(char::is_ascii_digit).collect())
    }

    /// The message that an alert carries, where it carries one.
    pub fn attached(&self) -> Option<Vec<u8>> {
        let parsed = self.parsed();
        let part = parsed.parts.iter().find(|part| {
            matches!(part.headers.iter().find(|header| header.name.as_str().eq_ignore_ascii_case("content-type")).map(|header| &header.value),
                Some(HeaderValue::ContentType(kind)) if kind.c_type == "message" && kind.c_subtype.as_deref() == Some("rfc822"))
        })?;
        Some(self.raw[usize::try_from(part.offset_body).unwrap()..usize::try_from(part.offset_end).unwrap()].to_vec())
    }
}

/// What stands behind the first letter of each tag that names this reset: its 16 octets in base32, of which 25 characters are
/// the id's alone.
pub fn tag_of(reset: &str) -> String {
    let bytes = data_encoding::HEXLOWER.decode(reset.replace('-', "").as_bytes()).unwrap();
    data_encoding::BASE32_NOPAD.encode(&bytes)[..25].to_lowercase()
}
