//! Who is on the other end: the kernel's credentials and the `[[client]]` rules make a [`Caller`]. Looked up once for a
//! connection, and again when the rules change or the lookup is 30 s old.

use std::collections::HashMap;
use std::ffi::CString;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::unistd::{Gid, Uid, User, getgrouplist};
use tokio::net::unix::UCred;
use tokio::time::Instant;

use crate::app::Caller;
use crate::config::{Settings, Who};

/// How long what the user database said is believed.
const BELIEVED: Duration = Duration::from_secs(30);

/// The rules in force, and the groups of the users seen of late.
pub(super) struct Access {
    settings: Box<dyn Fn() -> Arc<Settings> + Send + Sync>,
    groups: Mutex<HashMap<u32, Groups>>,
}

/// When they were looked up, and the group ids.
type Groups = (Instant, Arc<[u32]>);

impl Access {
    pub(super) fn new(settings: impl Fn() -> Arc<Settings> + Send + Sync + 'static) -> Self {
        Self { settings: Box::new(settings), groups: Mutex::default() }
    }

    /// The caller at the other end; one without grants has no rule.
    pub(super) async fn caller(&self, peer: &Peer) -> Arc<Caller> {
        let settings = (self.settings)();
        if let Some(known) = peer.known(&settings) {
            return known;
        }
        let groups = match settings.clients.iter().any(|rule| matches!(rule.who, Who::Gid(_))) {
            true => self.groups(peer.uid, peer.gid).await,
            false => [].into(),
        };
        let is = |who: Who| match who {
            Who::Uid(uid) => uid == peer.uid,
            Who::Gid(gid) => gid == peer.gid || groups.contains(&gid),
        };
        let rules = settings.clients.iter().filter(|rule| is(rule.who));
        let grants = rules.map(|rule| (rule.role, rule.portals.clone())).collect();
        let caller = Arc::new(Caller { uid: peer.uid, grants });
        peer.learn(settings, caller.clone());
        caller
    }

    async fn groups(&self, uid: u32, gid: u32) -> Arc<[u32]> {
        let lock = || self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, groups)) = lock().get(&uid)
            && at.elapsed() < BELIEVED
        {
            return groups.clone();
        }
        // The user database may be a directory server: never on a runtime thread.
        let groups: Arc<[u32]> = tokio::task::spawn_blocking(move || look_up(uid, gid)).await.unwrap_or_default().into();
        let mut cache = lock();
        cache.retain(|_, (at, _)| at.elapsed() < BELIEVED);
        cache.insert(uid, (Instant::now(), groups.clone()));
        groups
    }
}

fn look_up(uid: u32, gid: u32) -> Vec<u32> {
    let user = match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user,
        Ok(None) => return Vec::new(),
        Err(error) => {
            tracing::warn!(event = "client.lookup_failed", uid, %error, "the user database does not answer: group rules do not count for this user");
            return Vec::new();
        }
    };
    let groups = CString::new(user.name).ok().and_then(|name| getgrouplist(&name, Gid::from_raw(gid)).ok());
    groups.unwrap_or_default().into_iter().map(Gid::as_raw).collect()
}

/// The process at the other end of one connection, and what is known of it.
pub(super) struct Peer {
    uid: u32,
    gid: u32,
    known: Mutex<Option<Known>>,
}

struct Known {
    settings: Arc<Settings>,
    since: Instant,
    caller: Arc<Caller>,
}

impl Peer {
    pub(super) fn new(credentials: &UCred) -> Self {
        Self { uid: credentials.uid(), gid: credentials.gid(), known: Mutex::default() }
    }

    fn known(&self, settings: &Arc<Settings>) -> Option<Arc<Caller>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let still = |known: &&Known| Arc::ptr_eq(&known.settings, settings) && known.since.elapsed() < BELIEVED;
        known.as_ref().filter(still).map(|known| known.caller.clone())
    }

    fn learn(&self, settings: Arc<Settings>, caller: Arc<Caller>) {
        let known = Known { settings, since: Instant::now(), caller };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::config::{ClientRule, Role};
    use crate::http::tests::settings;

    fn peer(uid: u32, gid: u32) -> Peer {
        Peer { uid, gid, known: Mutex::default() }
    }

    fn rule(who: Who, role: Role) -> ClientRule {
        ClientRule { who, role, portals: None }
    }

    fn access(rules: Vec<ClientRule>) -> Access {
        let settings = Arc::new(settings(rules));
        Access::new(move || settings.clone())
    }

    #[tokio::test]
    async fn rules_add_up_and_others_get_nothing() {
        let access = access(vec![rule(Who::Uid(7), Role::App), rule(Who::Gid(70), Role::Support), rule(Who::Uid(8), Role::Admin)]);
        let caller = access.caller(&peer(7, 70)).await;
        assert!(caller.has(Role::App) && caller.has(Role::Support) && !caller.has(Role::Admin));
        assert!(access.caller(&peer(4_000_000_001, 4_000_000_001)).await.grants.is_empty());
    }

    #[tokio::test]
    async fn groups_of_the_user_count() {
        // Root is in its own group on every system, whatever the peer's primary group says.
        let access = access(vec![rule(Who::Gid(0), Role::Admin)]);
        access.groups.lock().unwrap().insert(9, (Instant::now(), [5, 0].into()));
        assert!(access.caller(&peer(9, 5)).await.has(Role::Admin));
        assert!(!access.caller(&peer(4_000_000_001, 5)).await.has(Role::Admin));
    }

    #[tokio::test]
    async fn a_reload_changes_what_a_living_connection_may_do() {
        let before = Arc::new(settings(vec![rule(Who::Uid(7), Role::Admin)]));
        let after = Arc::new(settings(Vec::new()));
        let reloaded = Arc::new(AtomicBool::new(false));
        let seen = reloaded.clone();
        let access = Access::new(move || if seen.load(Ordering::SeqCst) { after.clone() } else { before.clone() });
        let peer = peer(7, 7);
        let first = access.caller(&peer).await;
        assert!(Arc::ptr_eq(&first, &access.caller(&peer).await), "looked up once");
        reloaded.store(true, Ordering::SeqCst);
        assert!(!access.caller(&peer).await.has(Role::Admin));
    }
}
