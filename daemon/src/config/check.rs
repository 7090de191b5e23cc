//! `resetctl config check FILE`.

use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::problem::ConfigErrors;
use super::types::{LmtpListen, MailboxSettings, RelaySettings, Settings, TransportSettings};

/// Where systemd puts the credentials of our unit while it runs.
const DAEMON_CREDENTIALS: &str = "/run/credentials/resetd.service";

/// Checks a file as the daemon would on this host: an exit code (0 good, 1 not) and what to print, without a line end.
pub fn config_check(path: &Path) -> (u8, String) {
    let mut env = Environment::of_process();
    // Credentials are handed to the daemon, not to an administrator's shell; root can see those of the running one.
    env.credentials_dir = env.credentials_dir.or_else(|| Some(DAEMON_CREDENTIALS.into()).filter(|folder: &PathBuf| folder.is_dir()));
    verdict(&super::load(path, &env))
}

/// `ok` and a line each for portals, sending and mailbox; or one line per problem.
pub fn verdict(outcome: &Result<Settings, ConfigErrors>) -> (u8, String) {
    match outcome {
        Ok(settings) => (0, summary(settings)),
        Err(errors) => (1, errors.to_string()),
    }
}

fn summary(settings: &Settings) -> String {
    let portals: Vec<String> = settings.portals.values().map(|portal| format!("{} ({})", portal.name, portal.title)).collect();
    let out = match &settings.sending.transport {
        TransportSettings::Relay(relays) => {
            let named = |relay: &RelaySettings| format!("relay {} port {}, {}", relay.host, relay.port, relay.tls.as_str());
            relays.iter().map(named).collect::<Vec<_>>().join("; then ")
        }
        TransportSettings::Mx(mx) => {
            let checks = [(mx.dane, "DANE"), (mx.mta_sts, "MTA-STS")].into_iter().filter(|(on, _)| *on).map(|(_, name)| name);
            let checks = checks.collect::<Vec<_>>().join(" and ");
            let checks = if checks.is_empty() { "TLS where offered".to_owned() } else { format!("TLS verified by {checks}") };
            format!("straight to each domain's servers, {checks}")
        }
        TransportSettings::Capture(folder) => format!("capture into {}: nothing leaves this machine", folder.display()),
    };
    let keys = settings.sending.dkim.len();
    let signed = if keys == 0 { String::new() } else { format!(", {keys} DKIM key{}", if keys == 1 { "" } else { "s" }) };
    format!("ok\nportals: {}\nsending: {out}{signed}\nmailbox: {}", portals.join(", "), mailbox_summary(&settings.mailbox))
}

fn mailbox_summary(mailbox: &MailboxSettings) -> String {
    let maildirs = mailbox.maildirs.iter().map(|folder| format!("maildir {}", folder.display()));
    let lmtp = mailbox.lmtp.iter().map(|listen| match listen {
        LmtpListen::Unix(path) => format!("LMTP on {}", path.display()),
        LmtpListen::Tcp(ip, port) => format!("LMTP on {}", std::net::SocketAddr::new(*ip, *port)),
    });
    let smtp = mailbox.smtp.iter().flat_map(|smtp| &smtp.listen).map(|at| format!("SMTP on {at}"));
    let imap = mailbox
        .imap
        .iter()
        .map(|account| format!("IMAP {} port {}, {} ({})", account.host, account.port, account.tls.as_str(), account.folders.join(", ")));
    let sources: Vec<String> = maildirs.chain(lmtp).chain(smtp).chain(imap).collect();
    if sources.is_empty() { "none: answers are read only through `resetctl inbound ingest`".to_owned() } else { sources.join(", ") }
}
