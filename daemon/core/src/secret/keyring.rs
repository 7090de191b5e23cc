//! The root key and what is derived from it by HKDF-SHA256 (RFC 5869), one sub-key for each purpose. Every root key has an
//! id of one octet, so that it can be rotated while mails made with the old one are still out.

use data_encoding::BASE64;
use ring::{aead, hkdf, hmac};
use zeroize::Zeroizing;

/// Which root key something was made with.
pub type KeyId = u8;

/// The key file can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A line is not `ID:BASE64` with an id of 1–255 and 32 octets.
    #[error("line {0} must be ID:KEY, where ID is 1 to 255 and KEY is 32 bytes in base64")]
    Line(usize),
    /// Two lines have the same id.
    #[error("line {0} has an id that stands above already")]
    Twice(usize),
    /// No line at all.
    #[error("holds no key")]
    Empty,
    /// All 255 ids are taken.
    #[error("has a line for every id there is: remove keys that nothing needs any more")]
    Full,
}

/// Sealed bytes could not be opened: altered, or made with a key that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed bytes do not open: they were altered, or their key is gone")]
pub struct SealError;

/// The keys in force: the first makes, all of them check.
pub struct KeyRing {
    keys: Vec<Keys>,
}

pub(super) struct Keys {
    pub(super) id: KeyId,
    pub(super) token: hmac::Key,
    pub(super) code: hmac::Key,
    pub(super) tag: hmac::Key,
    pub(super) pseudonym: hmac::Key,
    pub(super) audit: hmac::Key,
    seal: aead::LessSafeKey,
}

const NONCE: usize = aead::NONCE_LEN;

impl KeyRing {
    /// The key file of a first start: one line from 32 random bytes.
    pub fn first_file(entropy: &[u8; 32]) -> Zeroizing<String> {
        Zeroizing::new(format!("1:{}\n", BASE64.encode(entropy)))
    }

    /// Reads a key file: lines of `ID:BASE64`, the first being the one in use; empty lines and `#` lines are passed over.
    pub fn parse(file: &str) -> Result<Self, KeyError> {
        let mut keys: Vec<Keys> = Vec::new();
        for (index, line) in file.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (id, root) = parse_line(line).ok_or(KeyError::Line(index + 1))?;
            if keys.iter().any(|known| known.id == id) {
                return Err(KeyError::Twice(index + 1));
            }
            keys.push(Keys::derive(id, &root).ok_or(KeyError::Line(index + 1))?);
        }
        if keys.is_empty() { Err(KeyError::Empty) } else { Ok(Self { keys }) }
    }

    /// A key file with a new key on top: it makes from then on, and all that stood there goes on to check. Gives the new key's id too.
    pub fn rotated_file(file: &str, entropy: &[u8; 32]) -> Result<(Zeroizing<String>, KeyId), KeyError> {
        let ring = Self::parse(file)?;
        // Counted up from the newest, so that an id is not met again soon after its key was dropped.
        let after = (1..=u8::MAX).map(|step| ring.current().checked_add(step).unwrap_or_else(|| step - (u8::MAX - ring.current())));
        let id = after.into_iter().find(|id| *id != 0 && !ring.has(*id)).ok_or(KeyError::Full)?;
        let key = Zeroizing::new(BASE64.encode(entropy));
        // Made at its full length: a string that grows leaves pieces of the keys behind in memory.
        let mut text = Zeroizing::new(String::with_capacity(file.len() + key.len() + 8));
        for part in [id.to_string().as_str(), ":", key.as_str(), "\n", file] {
            text.push_str(part);
        }
        Ok((text, id))
    }

    /// Every key's id, the one in use first.
    pub fn ids(&self) -> Vec<KeyId> {
        self.keys.iter().map(|keys| keys.id).collect()
    }

    /// The id of the key that new secrets are made with.
    pub fn current(&self) -> KeyId {
        self.keys[0].id
    }

    /// Whether the key with this id is still there.
    pub fn has(&self, id: KeyId) -> bool {
        self.get(id).is_some()
    }

    pub(super) fn first(&self) -> &Keys {
        &self.keys[0]
    }

    pub(super) fn get(&self, id: KeyId) -> Option<&Keys> {
        self.keys.iter().find(|keys| keys.id == id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Keys> {
        self.keys.iter()
    }

    /// Seals bytes for rest (ChaCha20-Poly1305, RFC 8439): key id ‖ nonce ‖ ciphertext. `context` is bound in and must be the
    /// same on opening.
    pub fn seal(&self, plain: &[u8], context: &[u8], nonce: [u8; NONCE]) -> Result<Vec<u8>, SealError> {
        let keys = self.first();
        let mut sealed = Vec::with_capacity(1 + NONCE + plain.len() + 16);
        sealed.extend_from_slice(plain);
        let nonce_value = aead::Nonce::assume_unique_for_key(nonce);
        keys.seal.seal_in_place_append_tag(nonce_value, aead::Aad::from(context), &mut sealed).map_err(|_| SealError)?;
        sealed.splice(0..0, std::iter::once(keys.id).chain(nonce));
        Ok(sealed)
    }

    /// Which key sealed bytes were made with.
    pub fn sealed_with(sealed: &[u8]) -> Option<KeyId> {
        sealed.first().copied()
    }

    /// Opens what [`KeyRing::seal`] made.
    pub fn open(&self, sealed: &[u8], context: &[u8]) -> Result<Vec<u8>, SealError> {
        let (id, rest) = sealed.split_first().ok_or(SealError)?;
        let (nonce, cipher) = rest.split_at_checked(NONCE).ok_or(SealError)?;
        let keys = self.get(*id).ok_or(SealError)?;
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError)?;
        let mut buffer = cipher.to_vec();
        let plain = keys.seal.open_in_place(nonce, aead::Aad::from(context), &mut buffer).map_err(|_| SealError)?;
        let length = plain.len();
        buffer.truncate(length);
        Ok(buffer)
    }

    /// What tells each key from another without giving it away: its id and a keyed hash.
    pub fn fingerprints(&self) -> Vec<(KeyId, [u8; 12])> {
        self.keys.iter().map(|keys| (keys.id, first_12(hmac::sign(&keys.pseudonym, b"fingerprint").as_ref()))).collect()
    }

    /// A keyed hash of personal data: equal inputs can be told to be equal, nothing else can be learnt without the key.
    /// 12 octets.
    pub fn pseudonym(&self, text: &str) -> [u8; 12] {
        self.pseudonym_of(&[text.as_bytes()])
    }

    /// The same of several parts; where one ends and the next begins counts.
    pub fn pseudonym_of(&self, parts: &[&[u8]]) -> [u8; 12] {
        pseudonym(self.first(), parts)
    }

    /// What [`KeyRing::pseudonym_of`] gives, and gave while an older key was in use: the newest first.
    pub fn pseudonyms_of(&self, parts: &[&[u8]]) -> Vec<[u8; 12]> {
        self.keys.iter().map(|keys| pseudonym(keys, parts)).collect()
    }
}

fn pseudonym(keys: &Keys, parts: &[&[u8]]) -> [u8; 12] {
    let mut context = hmac::Context::with_key(&keys.pseudonym);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    first_12(context.sign().as_ref())
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|keys| keys.id)).finish()
    }
}

fn first_12(digest: &[u8]) -> [u8; 12] {
    let mut out = [0; 12];
    out.copy_from_slice(&digest[..12]);
    out
}

fn parse_line(line: &str) -> Option<(KeyId, Zeroizing<[u8; 32]>)> {
    let (id, key) = line.split_once(':')?;
    let id = id.trim().parse().ok().filter(|id| *id != 0)?;
    let bytes = Zeroizing::new(BASE64.decode(key.trim().as_bytes()).ok()?);
    let root = <[u8; 32]>::try_from(bytes.as_slice()).ok()?;
    Some((id, Zeroizing::new(root)))
}

impl Keys {
    fn derive(id: KeyId, root: &[u8; 32]) -> Option<Self> {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"resetd").extract(root);
        let expand = |purpose: &'static str| -> Option<Zeroizing<[u8; 32]>> {
            let mut out = Zeroizing::new([0u8; 32]);
            prk.expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256).ok()?.fill(&mut *out).ok()?;
            Some(out)
        };
        let mac = |purpose| expand(purpose).map(|key| hmac::Key::new(hmac::HMAC_SHA256, &*key));
        let seal = aead::UnboundKey::new(&aead::CHACHA20_POLY1305, &*expand("seal")?).ok()?;
        Some(Self {
            id,
            token: mac("token")?,
            code: mac("code")?,
            tag: mac("tag")?,
            pseudonym: mac("pseudonym")?,
            audit: mac("audit")?,
            seal: aead::LessSafeKey::new(seal),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(id: u8, fill: u8) -> String {
        format!("{id}:{}", BASE64.encode(&[fill; 32]))
    }

    #[test]
    fn reads_key_files() {
        let file = format!("# current\n{}\n\n{}\n", ring(2, 2), ring(1, 1));
        let keys = KeyRing::parse(&file).unwrap();
        assert_eq!(keys.current(), 2);
        assert!(keys.has(1) && !keys.has(3));
        assert_eq!(KeyRing::parse("").unwrap_err(), KeyError::Empty);
        assert_eq!(KeyRing::parse("1:AAAA").unwrap_err(), KeyError::Line(1));
        assert_eq!(KeyRing::parse(&format!("{}\n{}", ring(1, 1), ring(1, 2))).unwrap_err(), KeyError::Twice(2));
    }

    #[test]
    fn a_seal_holds_until_its_key_is_gone() {
        let old = KeyRing::parse(&ring(1, 1)).unwrap();
        let sealed = old.seal(b"the link", b"in-7", [3; 12]).unwrap();
        assert!(!sealed.windows(8).any(|w| w == b"the link"));
        let both = KeyRing::parse(&format!("{}\n{}", ring(2, 2), ring(1, 1))).unwrap();
        assert_eq!(both.open(&sealed, b"in-7").unwrap(), b"the link");
        assert_eq!(both.open(&sealed, b"in-8"), Err(SealError));
        assert_eq!(KeyRing::parse(&ring(2, 2)).unwrap().open(&sealed, b"in-7"), Err(SealError));
        let mut bent = sealed.clone();
        bent[20] ^= 1;
        assert_eq!(old.open(&bent, b"in-7"), Err(SealError));
        assert_eq!(old.open(&sealed[..9], b"in-7"), Err(SealError));
    }

    #[test]
    fn a_rotation_adds_a_key_on_top_and_keeps_the_old() {
        let old = KeyRing::first_file(&[1; 32]);
        let (new, id) = KeyRing::rotated_file(&old, &[2; 32]).unwrap();
        assert_eq!((id, KeyRing::parse(&new).unwrap().ids()), (2, vec![2, 1]));
        assert!(new.ends_with(old.as_str()));
        // Past the last id it begins again, over those that are taken.
        let (new, id) = KeyRing::rotated_file(&format!("{}\n{}", ring(255, 3), ring(1, 1)), &[4; 32]).unwrap();
        assert_eq!((id, KeyRing::parse(&new).unwrap().current()), (2, 2));
        let all: String = (1..=255).map(|id| ring(id, id) + "\n").collect();
        assert_eq!(KeyRing::rotated_file(&all, &[4; 32]).unwrap_err(), KeyError::Full);
        assert_eq!(KeyRing::rotated_file("", &[4; 32]).unwrap_err(), KeyError::Empty);
    }

    #[test]
    fn pseudonyms_of_an_older_key_are_known_again() {
        let (old, both) = (KeyRing::parse(&ring(1, 1)).unwrap(), KeyRing::parse(&format!("{}\n{}", ring(2, 2), ring(1, 1))).unwrap());
        assert_ne!(both.pseudonym("ann"), old.pseudonym("ann"));
        assert_eq!(both.pseudonyms_of(&[b"ann"]), [both.pseudonym("ann"), old.pseudonym("ann")]);
    }

    #[test]
    fn debug_shows_ids_only() {
        assert_eq!(format!("{:?}", KeyRing::parse(&ring(1, 1)).unwrap()), "[1]");
    }
}
