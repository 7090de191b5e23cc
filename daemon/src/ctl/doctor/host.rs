//! What can be seen without the daemon: folders, disk, mailboxes, and, where there is none, the relay's port.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use super::finding::Findings;
use crate::config::{LmtpListen, MailboxSettings, RelaySettings, StoreSettings, TransportSettings};

const GIB: u64 = 1 << 30;
/// Less free space than this is told.
const FREE_ENOUGH: u64 = GIB;
/// With less than this the database will soon fail.
const FREE_LEAST: u64 = 100 << 20;
const CONNECT: Duration = Duration::from_secs(5);

pub(super) fn state_dir(store: &StoreSettings, findings: &mut Findings) {
    let folder = &store.state_dir;
    let place = folder.display();
    match std::fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            findings.warn("state folder", format!("{place} is not there"), "it is made at the daemon's first start");
        }
        Err(error) => findings.fail("state folder", format!("{place}: {error}"), "run this as root, or as the daemon's user"),
        Ok(there) if !there.is_dir() => {
            findings.fail("state folder", format!("{place} is no folder"), "move it away, or name another under [store]")
        }
        Ok(there) if there.permissions().mode() & 0o077 != 0 => {
            let mode = there.permissions().mode() & 0o777;
            findings.fail(
                "state folder",
                format!("{place} has mode {mode:03o}: others can look at the root key"),
                format!("chmod 700 {place}"),
            );
        }
        Ok(there) => {
            findings.ok("state folder", format!("{place}, mode 700, owned by {}", owner(there.uid())));
            root_key(store, findings);
        }
    }
}

fn root_key(store: &StoreSettings, findings: &mut Findings) {
    let path = store.root_key.clone().unwrap_or_else(|| store.state_dir.join("root.key"));
    match std::fs::metadata(&path) {
        Ok(there) if there.permissions().mode() & 0o077 != 0 => {
            let mode = there.permissions().mode() & 0o777;
            findings.fail("root key", format!("{} has mode {mode:03o}", path.display()), format!("chmod 600 {}", path.display()));
        }
        Ok(_) => findings.ok("root key", format!("{}; is it in your backup, apart from the database?", path.display())),
        // At first start it is made, or systemd hands it in.
        Err(_) => {}
    }
}

fn owner(uid: u32) -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).ok().flatten();
    user.map_or_else(|| format!("user id {uid}"), |user| user.name)
}

pub(super) fn disk(folder: &Path, findings: &mut Findings) {
    // Before the first start the folder is not there, but its disk is.
    let Some(there) = folder.ancestors().find(|folder| folder.is_dir()) else { return };
    let Ok(numbers) = nix::sys::statvfs::statvfs(there) else { return };
    let free = numbers.blocks_available().saturating_mul(numbers.fragment_size());
    let text = format!("{:.1} GiB free at {}", free as f64 / GIB as f64, there.display());
    match free {
        0..FREE_LEAST => findings.fail("disk", text, "make room: nothing is accepted on a full disk"),
        FREE_LEAST..FREE_ENOUGH => findings.warn("disk", text, "make room"),
        _ => findings.ok("disk", text),
    }
}

pub(super) fn mailboxes(mailbox: &MailboxSettings, findings: &mut Findings) {
    for folder in &mailbox.maildirs {
        let missing: Vec<&str> = ["new", "cur", "tmp"].into_iter().filter(|part| !folder.join(part).is_dir()).collect();
        match missing.as_slice() {
            [] => findings.ok("mailbox", format!("maildir {}", folder.display())),
            _ => findings.fail(
                "mailbox",
                format!("maildir {} has no {} (or they can't be seen)", folder.display(), missing.join(", ")),
                "make it (`maildirmake`), and let the daemon's user write there",
            ),
        }
    }
    for listen in &mailbox.lmtp {
        let (place, answer) = match listen {
            LmtpListen::Unix(path) => (path.display().to_string(), std::os::unix::net::UnixStream::connect(path).map(drop)),
            LmtpListen::Tcp(ip, port) => (format!("{ip} port {port}"), TcpStream::connect_timeout(&(*ip, *port).into(), CONNECT).map(drop)),
        };
        match answer {
            Ok(()) => findings.ok("mailbox", format!("LMTP on {place} answers")),
            Err(error) => {
                findings.fail("mailbox", format!("LMTP on {place}: {error}"), "is resetd running, and may your mail server's user connect?")
            }
        }
    }
    for at in mailbox.smtp.iter().flat_map(|smtp| &smtp.listen) {
        let near = if at.ip().is_unspecified() { SocketAddr::new(loopback_of(at.ip()), at.port()) } else { *at };
        match TcpStream::connect_timeout(&near, CONNECT) {
            Ok(_) => findings.ok("mailbox", format!("SMTP on {at} answers")),
            Err(error) => findings.fail(
                "mailbox",
                format!("SMTP on {at}: {error}"),
                "is resetd running, and does systemd open the port for it? (`systemctl enable --now resetd-smtp.socket`)",
            ),
        }
    }
    if mailbox.smtp.as_ref().is_some_and(|smtp| smtp.tls.is_none()) {
        findings.warn("mailbox", "SMTP without TLS: answers come in clear".into(), "set certificate and key in [mailbox.smtp]");
    }
    if mailbox.maildirs.is_empty() && mailbox.lmtp.is_empty() && mailbox.smtp.is_none() && mailbox.imap.is_empty() {
        findings.warn(
            "mailbox",
            "none is configured: answers are read only through `resetctl inbound ingest`".into(),
            "configure [mailbox]",
        );
    }
}

fn loopback_of(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    }
}

/// Whether the relays' ports answer: all that can be said without the daemon.
pub(super) fn sending(transport: &TransportSettings, findings: &mut Findings) {
    match transport {
        TransportSettings::Relay(relays) => relays.iter().for_each(|one| relay(one, findings)),
        TransportSettings::Mx(_) => {}
        TransportSettings::Capture(_) => findings.warn(
            "sending",
            "mails are captured into a folder: nothing leaves this machine".into(),
            "configure [sending.relay] or [sending.mx] to send",
        ),
    }
}

fn relay(relay: &RelaySettings, findings: &mut Findings) {
    let place = format!("{} port {}", relay.host, relay.port);
    let tried = (relay.host.as_str(), relay.port).to_socket_addrs().and_then(|addresses| {
        let none = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        addresses.into_iter().map(|address| TcpStream::connect_timeout(&address, CONNECT).map(drop)).reduce(Result::or).unwrap_or(Err(none))
    });
    match tried {
        Ok(()) => findings.ok("sending", format!("relay {place} answers")),
        Err(error) => findings.fail(
            "sending",
            format!("relay {place}: {error}"),
            "is the name right, is the relay up, does a firewall stand between?",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::FindingState as State;

    fn store(state_dir: &Path) -> StoreSettings {
        let day = Duration::from_secs(86_400);
        StoreSettings { state_dir: state_dir.to_owned(), root_key: None, keep_personal: day, keep_events: day }
    }

    fn states(findings: &Findings) -> Vec<(&str, State)> {
        findings.0.iter().map(|one| (one.check.as_str(), one.state)).collect()
    }

    #[test]
    fn an_open_folder_or_key_is_told_with_the_cure() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("root.key"), "1:x").unwrap();
        let mode = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(folder.path(), 0o755);
        let mut findings = Findings::default();
        state_dir(&store(folder.path()), &mut findings);
        assert_eq!(states(&findings), [("state folder", State::Fail)]);
        assert!(findings.0[0].cure.as_ref().unwrap().starts_with("chmod 700"));
        mode(folder.path(), 0o700);
        mode(&folder.path().join("root.key"), 0o644);
        let mut findings = Findings::default();
        state_dir(&store(folder.path()), &mut findings);
        assert_eq!(states(&findings), [("state folder", State::Ok), ("root key", State::Fail)]);
    }

    #[test]
    fn half_a_maildir_is_told() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("new")).unwrap();
        let mut findings = Findings::default();
        mailboxes(&MailboxSettings { maildirs: vec![folder.path().to_owned()], ..MailboxSettings::default() }, &mut findings);
        assert_eq!(states(&findings), [("mailbox", State::Fail)]);
        assert!(findings.0[0].found.contains("no cur, tmp"), "{}", findings.0[0].found);
    }
}
