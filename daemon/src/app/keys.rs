//! Root keys: which there are and what needs them, and a new one while mails made with the old are still out.

use std::io;
use std::path::Path;
use std::sync::Arc;

use resetd_core::secret::{KeyId, KeyRing};
use zeroize::Zeroizing;

use super::watch::admin;
use super::{App, AppError, Caller, keyfile};
use crate::ambient::random;
use crate::store::KeyNeeds;

/// A root key, without the key.
#[derive(Clone, Debug)]
pub struct RootKey {
    /// Its id.
    pub id: KeyId,
    /// New secrets are made with it.
    pub is_current: bool,
    /// It stands in the key file.
    pub is_here: bool,
    /// What still needs it.
    pub needs: KeyNeeds,
}

impl App {
    /// Every key that is here or was used.
    pub async fn keys(&self, caller: &Caller) -> Result<Vec<RootKey>, AppError> {
        admin(caller, "root keys are")?;
        self.list_keys().await
    }

    /// Makes a new key and puts it in use; the others go on to check. Mails that are out stay good.
    pub async fn rotate_key(&self, caller: &Caller) -> Result<Vec<RootKey>, AppError> {
        admin(caller, "root keys are")?;
        let _alone = self.rotating.lock().await;
        let none = || AppError::Unavailable("the system gives no randomness to make a key of".into());
        let root = Zeroizing::new(random::<32>(&*self.entropy).ok_or_else(none)?);
        let nonce = random::<8>(&*self.entropy).ok_or_else(none)?;
        let (path, ring) = (self.settings().store.key_file(), self.ring());
        let write = move || add_key(&path, &ring, &root, nonce);
        let (ring, id) = tokio::task::spawn_blocking(write).await.map_err(|_| AppError::Internal("the key's writer ended".into()))??;
        let print = ring.fingerprints().into_iter().find(|(has, _)| *has == id).map(|(_, print)| print.to_vec()).unwrap_or_default();
        // On disk before the first secret is made with it, and so is the word that the database knows it.
        self.store.key_rotated(id, print, caller.uid, self.clock.now()).await?;
        self.ring.store(Arc::new(ring));
        self.list_keys().await
    }

    async fn list_keys(&self) -> Result<Vec<RootKey>, AppError> {
        let (ring, now) = (self.ring(), self.clock.now());
        let mut ids = ring.ids();
        ids.extend(self.store.known_keys().await?.into_iter().map(|(id, _)| id).filter(|id| !ring.has(*id)));
        let mut keys = Vec::new();
        for id in ids {
            let needs = self.store.key_needs(id, now).await?;
            keys.push(RootKey { id, is_current: id == ring.current(), is_here: ring.has(id), needs });
        }
        Ok(keys)
    }
}

fn add_key(path: &Path, ring: &KeyRing, root: &[u8; 32], nonce: [u8; 8]) -> Result<(KeyRing, KeyId), AppError> {
    let text = read(path).map_err(|error| AppError::Unavailable(format!("{}: {error}", path.display())))?;
    let there = KeyRing::parse(&text).map_err(|error| AppError::Conflict(format!("{}: {error}", path.display())))?;
    if there.fingerprints() != ring.fingerprints() {
        let text = format!("{} holds other keys than those in use: restart resetd first, which puts them in use", path.display());
        return Err(AppError::Conflict(text));
    }
    let (text, id) = KeyRing::rotated_file(&text, root).map_err(|error| AppError::Conflict(format!("{}: {error}", path.display())))?;
    let ring = KeyRing::parse(&text).map_err(|error| AppError::Internal(error.to_string()))?;
    keyfile::write(path, &text, nonce).map_err(|error| not_ours(path, &error))?;
    Ok((ring, id))
}

fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    std::fs::read_to_string(path).map(Zeroizing::new)
}

/// A key from root's hands is rotated by root.
fn not_ours(path: &Path, error: &io::Error) -> AppError {
    match error.kind() {
        io::ErrorKind::StorageFull => AppError::Unavailable("the disk is full".into()),
        _ => AppError::Conflict(format!(
            "{} is not the daemon's to write ({error}): run `resetctl keys rotate --file FILE` as root on the file that the key or the \
             credential comes from, then restart resetd",
            path.display()
        )),
    }
}
