//! The configuration that is written: the reference with every key explained, and those keys set that were answered.

use std::path::{Path, PathBuf};

use super::questions::{Answers, Replies, Way};
use crate::ctl::dkim::Kept;

const REFERENCE: &str = include_str!("../../../../etc/resetd.toml");

/// Where mail servers on this machine hand mail on: the place of `resetd-lmtp.socket`.
pub(super) const LMTP: &str = "127.0.0.1:2424";

/// The reference's portal.
const SHOP: &str = "portal.shop";

/// What to set: table, key, value.
type Setting = (&'static str, &'static str, toml::Value);

/// The text. `secrets`: the files of the answers' secrets, in their order.
pub(super) fn filled(answers: &Answers, secrets: &[PathBuf], keys: &[Kept]) -> String {
    let settings = settings(answers, secrets);
    let mut text = String::with_capacity(REFERENCE.len() + 1024);
    let mut table = "";
    for line in REFERENCE.lines() {
        let bare = line.strip_prefix('#').unwrap_or(line);
        if bare.starts_with('[') {
            let name = bare.split_whitespace().next().unwrap_or_default();
            table = name.trim_matches(['[', ']']);
            if name == "[[sending.dkim]]" {
                keys.iter().for_each(|key| text.push_str(&signing(answers, key)));
            }
            let is_set = settings.iter().any(|(set, ..)| *set == table);
            let name = if table == SHOP { format!("[portal.{}]", answers.portal) } else { name.to_owned() };
            let line = if is_set { name } else { line.replace(SHOP, &format!("portal.{}", answers.portal)) };
            text.push_str(&line);
        } else {
            let key = bare.split([' ', '=']).next().unwrap_or_default();
            match settings.iter().find(|(set, name, _)| *set == table && *name == key && line.starts_with('#')) {
                Some((_, key, value)) => text.push_str(&format!("{key} = {value}")),
                None => text.push_str(line),
            }
        }
        text.push('\n');
    }
    text
}

fn settings(answers: &Answers, secrets: &[PathBuf]) -> Vec<Setting> {
    let mut secrets = answers.secrets.iter().zip(secrets);
    let mut secret = |name| secrets.find(|(secret, _)| secret.name == name).map(|(_, file)| path(file));
    let mut all: Vec<Setting> = vec![
        (SHOP, "title", answers.title.clone().into()),
        (SHOP, "sender", format!("no-reply@{}", answers.domain).into()),
        (SHOP, "reset_url", answers.page.clone().into()),
        (SHOP, "reply_to", reply_to(answers).into()),
        (SHOP, "support_address", answers.support.clone().into()),
    ];
    match &answers.way {
        Way::Direct => all.push(("sending.mx", "dane", true.into())),
        Way::Relay { host, port, user } => {
            all.push(("sending.relay", "host", host.clone().into()));
            all.extend(port.map(|port| ("sending.relay", "port", i64::from(port).into())));
            // A port of implicit TLS (RFC 8314) says how to talk to it.
            if *port == Some(465) {
                all.push(("sending.relay", "tls", "implicit".into()));
            }
            if let (Some(user), Some(file)) = (user, secret("relay.password")) {
                all.extend([("sending.relay.login", "user", user.clone().into()), ("sending.relay.login", "password_file", file)]);
            }
        }
    }
    match &answers.replies {
        Replies::Here if has_ipv6() => all.push(("mailbox.smtp", "listen", vec!["0.0.0.0:25", "[::]:25"].into())),
        Replies::Here => all.push(("mailbox.smtp", "listen", vec!["0.0.0.0:25"].into())),
        Replies::Lmtp => all.push(("mailbox", "lmtp", vec![LMTP].into())),
        Replies::Maildir(folder) => all.push(("mailbox", "maildirs", toml::Value::Array(vec![path(folder)]))),
        Replies::Imap { user, host } => {
            all.extend([("mailbox.imap", "host", host.clone().into()), ("mailbox.imap", "user", user.clone().into())]);
            all.extend(secret("imap.password").map(|file| ("mailbox.imap", "password_file", file)));
        }
    }
    all
}

/// Whether this machine speaks IPv6 at all.
fn has_ipv6() -> bool {
    Path::new("/proc/net/if_inet6").exists()
}

fn path(path: &Path) -> toml::Value {
    path.to_string_lossy().into_owned().into()
}

/// Answers to a mailbox come to its own address with the tag in it; all others to a domain of their own.
fn reply_to(answers: &Answers) -> String {
    match &answers.replies {
        Replies::Imap { user, .. } => {
            let (local, domain) = user.rsplit_once('@').unwrap_or((user, &answers.domain));
            format!("{local}+{{tag}}@{domain}")
        }
        _ => format!("reply+{{tag}}@{}", reply_domain(answers)),
    }
}

/// The domain whose MX record names us.
pub(super) fn reply_domain(answers: &Answers) -> String {
    format!("reply.{}", answers.domain)
}

fn signing(answers: &Answers, key: &Kept) -> String {
    let text = |text: &str| toml::Value::from(text);
    format!("[[sending.dkim]]\ndomain = {}\nselector = {}\nkey_file = {}\n\n", text(&answers.domain), text(&key.selector), path(&key.file))
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::super::questions::Secret;
    use super::*;
    use crate::config::{Environment, FixedAccounts, parse};

    fn answers(way: Way, replies: Replies) -> Answers {
        let secret = |name| Secret { name, text: Zeroizing::new("x\n".to_owned()) };
        Answers {
            portal: "store".into(),
            title: "Müller's \"Shop\" \\ Co".into(),
            domain: "shop.example".into(),
            page: "https://shop.example/reset?t={token}".into(),
            support: "help@shop.example".into(),
            way,
            replies,
            user: None,
            secrets: vec![secret("relay.password"), secret("imap.password")],
        }
    }

    #[test]
    fn what_is_written_is_a_right_configuration_with_every_key_explained() {
        let folder = tempfile::tempdir().unwrap();
        let secrets: Vec<PathBuf> = ["relay.password", "imap.password"].map(|name| folder.path().join(name)).into();
        for file in &secrets {
            std::fs::write(file, "x\n").unwrap();
            std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
        }
        let own_uid = nix::unistd::geteuid().as_raw();
        let relay = |port, user: Option<&str>| Way::Relay { host: "smtp.example.net".into(), port, user: user.map(Into::into) };
        let imap = || Replies::Imap { user: "answers@shop.example".into(), host: "imap.example.net".into() };
        for (way, replies) in [
            (Way::Direct, Replies::Here),
            (relay(None, None), Replies::Lmtp),
            (relay(Some(465), Some("shop")), imap()),
            (relay(Some(2525), None), Replies::Maildir("/srv/mail".into())),
        ] {
            let env = Environment {
                credentials_dir: None,
                host_name: "mail.shop.example".into(),
                own_uid,
                accounts: Box::new(FixedAccounts::default()),
            };
            let text = filled(&answers(way, replies), &secrets, &[]);
            let settings = parse(&text, Path::new("resetd.toml"), &env).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
            let portal = settings.portals.values().next().unwrap();
            assert_eq!((settings.portals.len(), portal.name.as_str()), (1, "store"));
            assert_eq!(text.lines().filter(|line| !line.is_empty()).count(), REFERENCE.lines().filter(|line| !line.is_empty()).count());
            assert!(!text.contains(SHOP));
        }
    }

    #[test]
    fn every_setting_has_its_place_in_the_reference() {
        let relay = Way::Relay { host: "h".into(), port: Some(465), user: Some("u".into()) };
        let all = answers(relay, Replies::Imap { user: "a@b.example".into(), host: "h".into() });
        let secrets = [PathBuf::from("/x"), PathBuf::from("/y")];
        let text = filled(&all, &secrets, &[]);
        for (_, key, value) in settings(&all, &secrets) {
            assert!(text.contains(&format!("\n{key} = {value}\n")), "{key}");
        }
    }
}
