//! Why a mailbox can't be read now, in words that say the cure. What a server wrote is not repeated: it may hold an
//! address.

use std::io::ErrorKind;

/// Where in the dialogue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Connect,
    Tls,
    Greeting,
    Capability,
    StartTls,
    Login,
    List,
    Select,
    Search,
    Fetch,
    Mark,
    Idle,
}

impl Step {
    fn words(self) -> &'static str {
        match self {
            Self::Connect => "connecting",
            Self::Tls => "TLS",
            Self::Greeting => "the greeting",
            Self::Capability => "CAPABILITY",
            Self::StartTls => "STARTTLS",
            Self::Login => "the login",
            Self::List => "LIST",
            Self::Select => "SELECT",
            Self::Search => "SEARCH",
            Self::Fetch => "FETCH",
            Self::Mark => "marking what was read",
            Self::Idle => "IDLE",
        }
    }
}

/// A visit that ended too early.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("{}: took too long", .0.words())]
    Timeout(Step),
    #[error("{}: {}", .0.words(), .1)]
    Io(Step, ErrorKind),
    #[error("its name is not known: is mailbox.imap.host right?")]
    Name,
    #[error("it has no loopback address, and without TLS no other is used: set mailbox.imap.tls")]
    NotLoopback,
    #[error("{}: the server ended the connection (BYE)", .0.words())]
    Bye(Step),
    #[error("{}: what came is not IMAP; is mailbox.imap.port right, and does mailbox.imap.tls fit it?", .0.words())]
    Garbled(Step),
    #[error("{}: the server sends more than it may", .0.words())]
    TooMuch(Step),
    #[error("{}: the server said no{}", .0.words(), Code(.1))]
    No(Step, Option<String>),
    #[error(
        "its certificate is not trusted ({0}): does it hold the name in mailbox.imap.host, and is its authority in mailbox.imap.ca or among the system's?"
    )]
    Certificate(String),
    #[error("TLS failed ({0}): is mailbox.imap.port right, and does mailbox.imap.tls fit it?")]
    Handshake(String),
    #[error("it does not offer STARTTLS: set mailbox.imap.tls = \"implicit\", or have it switched on")]
    NoStartTls,
    #[error("it spoke before TLS began: somebody between may have put words into its mouth; nothing was sent")]
    Injected,
    #[error(
        "it offers no login that fits: LOGIN is disabled, and it has neither AUTH=PLAIN nor what mailbox.imap.token_command needs, AUTH=XOAUTH2"
    )]
    NoLogin,
    #[error("the login was refused{}: are mailbox.imap.user and the password right?", Code(.0))]
    WrongPassword(Option<String>),
    #[error("the token was refused{}: does mailbox.imap.token_command give one for this user, with the right to read mail by IMAP?", Code(.0))]
    WrongToken(Option<String>),
    /// What another folder of the account was told a moment ago.
    #[error("{0}")]
    Refused(String),
    #[error("mailbox.imap.token_command {0}")]
    Token(&'static str),
    #[error("there is no such folder, or it may not be opened{}: see mailbox.imap.folders", Code(.0))]
    NoFolder(Option<String>),
    #[error("the server has no folder for {0}: name it in mailbox.imap.folders as it is called there")]
    NoSpecial(String),
    #[error(
        "the server says that its message numbers do not last (UIDNOTSTICKY), so that nothing could be found again: use another way in"
    )]
    NotSticky,
    #[error("what came can't be stored now; see the lines before this one")]
    Store,
}

/// ` [AUTHENTICATIONFAILED]`
struct Code<'c>(&'c Option<String>);

impl std::fmt::Display for Code<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            // A code is a word of a few letters; more than that is not repeated.
            Some(code) if code.len() <= 32 && code.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-') => write!(f, " [{code}]"),
            _ => Ok(()),
        }
    }
}

impl Trouble {
    /// Needs a person's hand: said at once, and not tried again every few seconds.
    pub fn lasts(&self) -> bool {
        matches!(
            self,
            Self::NotLoopback
                | Self::Certificate(_)
                | Self::NoStartTls
                | Self::Injected
                | Self::NoLogin
                | Self::WrongPassword(_)
                | Self::WrongToken(_)
                | Self::Refused(_)
                | Self::NoFolder(_)
                | Self::NoSpecial(_)
                | Self::NotSticky
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_told_and_nothing_longer() {
        let told = Trouble::WrongPassword(Some("AUTHENTICATIONFAILED".into())).to_string();
        assert!(told.starts_with("the login was refused [AUTHENTICATIONFAILED]: "), "{told}");
        let told = Trouble::WrongPassword(Some("jo@example.org".into())).to_string();
        assert!(told.starts_with("the login was refused: "), "{told}");
    }
}
