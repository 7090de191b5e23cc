//! What a reload can't change while the daemon runs.

use super::types::Settings;

/// The keys that differ between the two and only count after a restart: sockets are bound and the database is opened
/// once. A reload keeps the old values of these and takes the new ones of all others.
pub fn diff_needs_restart(old: &Settings, new: &Settings) -> Vec<&'static str> {
    let differs = [
        ("server.socket", old.server.socket != new.server.socket),
        ("server.max_connections", old.server.max_connections != new.server.max_connections),
        ("store.state_dir", old.store.state_dir != new.store.state_dir),
        ("store.root_key_file", old.store.root_key != new.store.root_key),
        ("mailbox.maildirs", old.mailbox.maildirs != new.mailbox.maildirs),
        ("mailbox.lmtp", old.mailbox.lmtp != new.mailbox.lmtp),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}
