//! The person at the other end: takes mail out of the captured mailbox and answers it, as a mail client would.

use std::fs;
use std::path::Path;

use zeroize::Zeroizing;

use super::Failure;
use crate::reading::{self, Secrets};

/// A captured mail.
pub struct Letter {
    /// `Subject:`
    pub subject: String,
    /// `To:`
    pub to: String,
    /// `From:`
    pub from: String,
    reply_to: String,
    message_id: String,
    /// The text part.
    pub text: Zeroizing<String>,
}

/// A person's answer, ready to be delivered.
pub struct Reply {
    /// What was typed.
    pub words: String,
    message: Zeroizing<String>,
}

impl Letter {
    /// The newest captured mail to an address.
    pub fn newest(maildir: &Path, address: &str) -> Result<Option<Self>, Failure> {
        let mut files: Vec<_> = fs::read_dir(maildir.join("new"))?.collect::<Result<_, _>>()?;
        files.sort_by_key(|file| file.metadata().and_then(|meta| meta.modified()).ok());
        for file in files.iter().rev() {
            let raw = Zeroizing::new(fs::read(file.path())?);
            let letter = Self::read(&raw);
            if letter.to.contains(address) {
                return Ok(Some(letter));
            }
        }
        Ok(None)
    }

    fn read(raw: &[u8]) -> Self {
        // Nothing is struck here: this is the person's own mailbox.
        let shown = reading::strike(raw, &Nothing);
        let found = |name: &str| shown.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let header = |name: &str| found(name).map(|(_, value)| value.clone()).unwrap_or_default();
        Self {
            subject: header("Subject"),
            to: header("To"),
            from: header("From"),
            reply_to: header("Reply-To"),
            message_id: header("Message-ID"),
            text: Zeroizing::new(shown.text),
        }
    }

    /// The token in its link.
    pub fn token(&self) -> Result<Zeroizing<String>, Failure> {
        let (_, rest) = self.text.split_once("?token=").ok_or("the mail has no link")?;
        let token = rest.split(char::is_whitespace).next().unwrap_or_default();
        Ok(Zeroizing::new(token.to_owned()))
    }

    /// An answer to it, above the quoted mail, to the address that it asks to be answered to.
    pub fn answered_by(&self, from: &str, words: &str) -> Reply {
        let quoted: String = self.text.lines().map(|line| format!("> {line}\r\n")).collect();
        let typed = words.replace('\n', "\r\n");
        let message = format!(
            "Return-Path: <{from}>\r\nFrom: {from}\r\nTo: {to}\r\nSubject: Re: {subject}\r\nMessage-ID: <demo-1@example.org>\r\n\
             In-Reply-To: {id}\r\nReferences: {id}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n{typed}\r\n\r\nOn Monday, Demo Shop wrote:\r\n{quoted}",
            to = self.reply_to,
            subject = self.subject,
            id = self.message_id,
        );
        Reply { words: words.to_owned(), message: Zeroizing::new(message) }
    }
}

impl Reply {
    /// Delivers it into a Maildir, the way every mail server does: written to `tmp`, then moved to `new`.
    pub fn drop_into(&self, maildir: &Path) -> Result<(), Failure> {
        let name = "1.answer.demo";
        fs::write(maildir.join("tmp").join(name), self.message.as_bytes())?;
        fs::rename(maildir.join("tmp").join(name), maildir.join("new").join(name))?;
        Ok(())
    }
}

/// Knows no secret.
struct Nothing;

impl Secrets for Nothing {
    fn is_token(&self, _: &str) -> bool {
        false
    }

    fn token_len(&self) -> usize {
        60
    }

    fn is_code(&self, _: &str) -> bool {
        false
    }

    fn is_link(&self, _: &str) -> bool {
        false
    }
}
