//! `[mailbox]`: where answers and bounces come in.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::environment::Environment;
use super::imap::{self, ImapSection};
use super::report::Report;
use super::secrets::SecretFiles;
use super::smtp::SmtpSection;
use super::types::{LmtpListen, MailboxSettings};
use super::values::{Domain, FromText, Octets, Size, Text, texts};

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct MailboxSection {
    maildirs: Vec<Spanned<Text<PathBuf>>>,
    lmtp: Vec<Spanned<Text<LmtpListen>>>,
    smtp: Option<SmtpSection>,
    imap: Vec<ImapSection>,
    authserv_ids: Vec<Spanned<Text<Domain>>>,
    max_size: Octets<65_536, 104_857_600>,
}

impl Default for MailboxSection {
    fn default() -> Self {
        Self {
            maildirs: Vec::new(),
            lmtp: Vec::new(),
            smtp: None,
            imap: Vec::new(),
            authserv_ids: Vec::new(),
            max_size: Text(Size(25 << 20)),
        }
    }
}

impl MailboxSection {
    pub(super) fn check(self, env: &Environment, secrets: &SecretFiles<'_>, report: &mut Report<'_>) -> MailboxSettings {
        refuse_twice(&self.maildirs, report);
        refuse_twice(&self.lmtp, report);
        MailboxSettings {
            maildirs: texts(self.maildirs),
            lmtp: texts(self.lmtp),
            smtp: self.smtp.and_then(|smtp| smtp.check(env, report)),
            imap: imap::check(self.imap, secrets, report),
            authserv_ids: texts(self.authserv_ids).into_iter().map(|domain| domain.0).collect(),
            max_size: self.max_size.0.0,
        }
    }
}

pub(super) fn refuse_twice<T: PartialEq>(list: &[Spanned<Text<T>>], report: &mut Report<'_>) {
    for (index, item) in list.iter().enumerate() {
        if list[..index].iter().any(|other| other.get_ref().0 == item.get_ref().0) {
            let at = report.path_at(&item.span());
            report.value(&at, "must not stand there twice");
        }
    }
}

/// `unix:/run/resetd/lmtp.sock` or `127.0.0.1:2424`: LMTP has no login, so it listens to this machine only.
impl FromText for LmtpListen {
    fn from_text(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return PathBuf::from_text(path).map(Self::Unix).map_err(|_| "must have an absolute path behind unix:".to_owned());
        }
        let address: SocketAddr = text.parse().map_err(|_| "must be unix:/PATH or a loopback address with a port, like 127.0.0.1:2424")?;
        if !address.ip().is_loopback() || address.port() == 0 {
            return Err("must be a port of a loopback address: whoever reaches it needs no login".to_owned());
        }
        Ok(Self::Tcp(address.ip(), address.port()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lmtp_listens_to_this_machine_only() {
        let read = LmtpListen::from_text;
        assert_eq!(read("unix:/run/resetd/lmtp.sock"), Ok(LmtpListen::Unix("/run/resetd/lmtp.sock".into())));
        assert!(read("127.0.0.1:2424").is_ok() && read("[::1]:2424").is_ok());
        for bad in
            ["0.0.0.0:24", "192.0.2.1:24", "[::]:24", "127.0.0.1", "127.0.0.1:0", "unix:lmtp.sock", "/run/lmtp.sock", "localhost:24", ""]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
