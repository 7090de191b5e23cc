//! How a command ends that is not done, in words that say the cure, and as an exit code.

use std::io;
use std::process::ExitCode;

use super::client::ClientError;
use super::screen::{Screen, clean};
use crate::wire::{Kind, Problem};

const REFUSED: u8 = 1;
const USAGE: u8 = 2;
const UNREACHABLE: u8 = 3;

/// Why a command is not done.
pub(super) enum Failure {
    /// The daemon says no.
    Problem(Box<Problem>),
    /// What was asked for can't be asked.
    Usage(String),
    /// Something here, or the connection, failed.
    Failed(String),
    /// The daemon can't be reached.
    Unreachable(String),
    /// Told already, or nobody is there to hear.
    Silent(u8),
}

impl Failure {
    /// Tells it and gives the exit code. With `--json`, programs read the problem where they would read the answer.
    pub(super) fn tell(self, screen: Screen, json: bool) -> ExitCode {
        let (code, text) = match self {
            Self::Problem(problem) => {
                if json {
                    println!("{}", serde_json::to_string(&problem).unwrap_or_default());
                }
                (if problem.kind == Kind::Invalid.urn() { USAGE } else { REFUSED }, sentence(&problem))
            }
            Self::Usage(text) => (USAGE, text),
            Self::Failed(text) => (REFUSED, text),
            Self::Unreachable(text) => (UNREACHABLE, text),
            Self::Silent(code) => return code.into(),
        };
        eprintln!("{} {text}", screen.on_stderr("resetctl:", "1;31"));
        code.into()
    }
}

fn sentence(problem: &Problem) -> String {
    let detail = clean(&problem.detail);
    match problem.reason {
        Some(reason) => format!("refused ({}): {detail}", reason.as_str()),
        None if problem.detail.is_empty() => clean(&problem.title),
        None => format!("{}: {detail}", clean(&problem.title).to_lowercase()),
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Unreachable { source, .. } => Self::Unreachable(format!("{error}\n{}", cure(source.kind()))),
            ClientError::Request(_) => Self::Usage(error.to_string()),
            ClientError::Broken(_) | ClientError::Shape(_) => Self::Failed(error.to_string()),
        }
    }
}

fn cure(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => {
            "  There is no socket. Is resetd running (`systemctl status resetd`)? If it listens elsewhere, say where with --socket or RESETD_SOCKET."
        }
        io::ErrorKind::PermissionDenied => {
            "  You may not connect. Are you in the socket's group (`ls -l` it, `id`)? After `usermod -aG GROUP NAME`, log in anew."
        }
        io::ErrorKind::ConnectionRefused => {
            "  Nobody listens there: resetd ended without tidying up. `systemctl restart resetd`, and `journalctl -u resetd` says why it ended."
        }
        _ => "  Is resetd running (`systemctl status resetd`)?",
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // `resetctl events | head`: whoever read has enough.
            io::ErrorKind::BrokenPipe => Self::Silent(0),
            _ => Self::Failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn the_unreachable_are_told_the_cure() {
        for (kind, word) in [
            (io::ErrorKind::NotFound, "running"),
            (io::ErrorKind::PermissionDenied, "group"),
            (io::ErrorKind::ConnectionRefused, "restart"),
        ] {
            let error = ClientError::Unreachable { socket: PathBuf::from("/run/x.sock"), source: kind.into() };
            let Failure::Unreachable(text) = error.into() else { panic!("{kind:?}") };
            assert!(text.contains("/run/x.sock") && text.contains(word), "{text}");
        }
    }
}
