//! What a configuration depends on beside its own text: the host's users and groups, its name, and the folder in which
//! systemd puts credentials. Comes in as a value, so that tests need no host of their own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use nix::unistd::{Group, User};

/// The host, as far as a configuration depends on it.
pub struct Environment {
    /// `$CREDENTIALS_DIRECTORY`, where systemd puts what `LoadCredential=` names.
    pub credentials_dir: Option<PathBuf>,
    /// The host's name: the default of what EHLO says.
    pub host_name: String,
    /// The uid that the process runs as.
    pub own_uid: u32,
    /// Names of users and groups to their numbers.
    pub accounts: Box<dyn Accounts>,
}

impl Environment {
    /// This process's.
    pub fn of_process() -> Self {
        let host_name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        Self {
            credentials_dir: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            host_name: host_name.unwrap_or_else(|| "localhost".to_owned()),
            own_uid: nix::unistd::geteuid().as_raw(),
            accounts: Box::new(HostAccounts),
        }
    }
}

/// Numbers of users and groups by name; `None` where there is none of that name, or it can't be looked up.
pub trait Accounts: Send + Sync {
    /// A user's uid.
    fn uid(&self, user: &str) -> Option<u32>;
    /// A group's gid.
    fn gid(&self, group: &str) -> Option<u32>;
}

/// The host's own, by `getpwnam` and `getgrnam`.
pub struct HostAccounts;

impl Accounts for HostAccounts {
    fn uid(&self, user: &str) -> Option<u32> {
        User::from_name(user).ok().flatten().map(|user| user.uid.as_raw())
    }

    fn gid(&self, group: &str) -> Option<u32> {
        Group::from_name(group).ok().flatten().map(|group| group.gid.as_raw())
    }
}

/// Just these: for tests.
#[derive(Clone, Debug, Default)]
pub struct FixedAccounts {
    /// Users.
    pub users: BTreeMap<String, u32>,
    /// Groups.
    pub groups: BTreeMap<String, u32>,
}

impl Accounts for FixedAccounts {
    fn uid(&self, user: &str) -> Option<u32> {
        self.users.get(user).copied()
    }

    fn gid(&self, group: &str) -> Option<u32> {
        self.groups.get(group).copied()
    }
}
