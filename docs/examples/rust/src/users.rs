//! Your users: a database, rather than this.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Mutex;

use ring::pbkdf2::{self, PBKDF2_HMAC_SHA256};
use ring::rand::{SecureRandom, SystemRandom};

const ROUNDS: NonZeroU32 = NonZeroU32::new(600_000).unwrap();

#[derive(Clone, Default)]
pub struct User {
    pub id: String,
    pub email: String,
    pub name: String,
    salt: [u8; 16],
    hash: [u8; 32],
}

#[derive(Default)]
pub struct Users(Mutex<HashMap<String, User>>);

impl Users {
    pub fn add(&self, id: &str, email: &str, name: &str, password: &str) {
        let user = User { id: id.into(), email: email.into(), name: name.into(), ..User::default() };
        self.0.lock().unwrap().insert(id.into(), user);
        self.set_password(id, password);
    }

    pub fn by_email(&self, email: &str) -> Option<User> {
        self.0.lock().unwrap().values().find(|user| user.email.eq_ignore_ascii_case(email)).cloned()
    }

    pub fn set_password(&self, id: &str, password: &str) {
        let (mut salt, mut hash) = ([0; 16], [0; 32]);
        SystemRandom::new().fill(&mut salt).expect("the system gives randomness");
        pbkdf2::derive(PBKDF2_HMAC_SHA256, ROUNDS, &salt, password.as_bytes(), &mut hash);
        // And end every session of the user here: whoever had got in is out.
        if let Some(user) = self.0.lock().unwrap().get_mut(id) {
            (user.salt, user.hash) = (salt, hash);
        }
    }
}

/// Takes the same time for a user that does not exist.
pub fn may_enter(user: Option<&User>, password: &str) -> bool {
    let nobody = User::default();
    let one = user.unwrap_or(&nobody);
    pbkdf2::verify(PBKDF2_HMAC_SHA256, ROUNDS, &one.salt, password.as_bytes(), &one.hash).is_ok() && user.is_some()
}
