//! What a reload can't change while the daemon runs.

use super::types::{Settings, SmtpSettings};

/// The keys that differ between the two and only count after a restart: sockets are bound and the database is opened
/// once. A reload keeps the old values of these and takes the new ones of all others.
pub fn diff_needs_restart(old: &Settings, new: &Settings) -> Vec<&'static str> {
    let differs = [
        ("server.socket", old.server.socket != new.server.socket),
        ("server.max_connections", old.server.max_connections != new.server.max_connections),
        ("store.state_dir", old.store.state_dir != new.store.state_dir),
        ("store.root_key_file", old.store.root_key != new.store.root_key),
        ("sending.connections", old.sending.connections != new.sending.connections),
        ("mailbox.max_size", old.mailbox.max_size != new.mailbox.max_size),
        ("mailbox.maildirs", old.mailbox.maildirs != new.mailbox.maildirs),
        ("mailbox.smtp", listens(old) != listens(new)),
        ("mailbox.lmtp", old.mailbox.lmtp != new.mailbox.lmtp),
        ("mailbox.imap", old.mailbox.imap != new.mailbox.imap),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}

/// What the SMTP listener was opened with. Whose seals are believed counts at once.
fn listens(settings: &Settings) -> Option<SmtpSettings> {
    settings.mailbox.smtp.clone().map(|smtp| SmtpSettings { arc_sealers: Vec::new(), ..smtp })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Environment, FixedAccounts, parse};

    const OLD: &str = "
        [portal.shop]
        title = 'Example Shop'
        sender = 'no-reply@shop.example'
        reset_url = 'https://shop.example/{token}'
        reply_to = 'reply+{tag}@shop.example'
        support_address = 'help@shop.example'
        [sending.relay]
        host = 'smtp.example.net'
    ";

    fn settings(more: &str) -> Settings {
        let accounts = Box::new(FixedAccounts::default());
        let env = Environment { credentials_dir: None, host_name: "host.example".to_owned(), own_uid: 1, accounts };
        parse(&format!("{OLD}{more}"), Path::new("resetd.toml"), &env).unwrap()
    }

    #[test]
    fn what_was_opened_once_takes_a_restart() {
        let new = settings("[server]\nsocket = '/run/x.sock'\n[store]\nstate_dir = '/srv/x'\n[mailbox]\nlmtp = ['127.0.0.1:24']");
        assert_eq!(diff_needs_restart(&settings(""), &new), ["server.socket", "store.state_dir", "mailbox.lmtp"]);
    }

    #[test]
    fn the_rest_does_not() {
        let new = settings("[limits]\nper_account = 9\nper_address = 9");
        assert_ne!(settings(""), new);
        assert_eq!(diff_needs_restart(&settings(""), &new), Vec::<&str>::new());
    }
}
