//! The chain that the timeline's lines hang on, so that a line that is altered, missing or moved shows. Each link is a keyed
//! hash over the one before and the line; who has the database and not the key can neither make one nor make them anew.
//!
//! A line's detail goes in as a keyed digest of its own: the detail can be erased, and the link still be checked.

use ring::hmac;
use subtle::ConstantTimeEq;

use super::keyring::KeyRing;

/// What a line is hung on the chain by, and what the next one goes on from. Printed, it is a head to check against later.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Link(pub [u8; 16]);

/// What is left of a line's detail once that is erased. Keyed: nothing can be learnt from it by guessing.
pub type Digest = [u8; 16];

/// A line, as far as it is kept for as long as the chain.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its number.
    pub id: i64,
    /// When, in milliseconds.
    pub at: i64,
    /// Its name.
    pub kind: &'a str,
    /// The reset that it is about, by its row.
    pub reset: Option<i64>,
    /// Its portal.
    pub portal: Option<&'a str>,
}

impl Link {
    /// What the first line of all goes on from.
    pub const START: Self = Self([0; 16]);
}

impl KeyRing {
    /// The digest of a detail.
    pub fn digest(&self, detail: &str) -> Digest {
        digest(&self.first().audit, detail)
    }

    /// Whether this is the detail's digest, by any key.
    pub fn is_digest(&self, detail: &str, given: &Digest) -> bool {
        self.all().any(|keys| digest(&keys.audit, detail).ct_eq(given).into())
    }

    /// Hangs a line on the one before.
    pub fn link(&self, before: Link, entry: &Entry<'_>, digest: &Digest) -> Link {
        link(&self.first().audit, before, entry, digest)
    }

    /// Whether a line hangs on the one before by this link, by any key.
    pub fn is_link(&self, before: Link, entry: &Entry<'_>, digest: &Digest, given: Link) -> bool {
        self.all().any(|keys| link(&keys.audit, before, entry, digest).0.ct_eq(&given.0).into())
    }

    /// Vouches for an end of the chain (`head`, `floor`), so that it can't be cut shorter.
    pub fn vouch(&self, end: &str, id: i64, at: Link) -> [u8; 16] {
        vouch(&self.first().audit, end, id, at)
    }

    /// Whether an end was vouched for, by any key.
    pub fn is_vouched(&self, end: &str, id: i64, at: Link, given: &[u8]) -> bool {
        self.all().any(|keys| vouch(&keys.audit, end, id, at).ct_eq(given).into())
    }
}

fn digest(key: &hmac::Key, detail: &str) -> Digest {
    signed(key, &[b"detail", detail.as_bytes()])
}

fn link(key: &hmac::Key, before: Link, entry: &Entry<'_>, digest: &Digest) -> Link {
    let Entry { id, at, kind, reset, portal } = entry;
    let (is_about, reset) = ([u8::from(reset.is_some())], reset.unwrap_or_default().to_be_bytes());
    let (has_portal, portal) = ([u8::from(portal.is_some())], portal.unwrap_or_default().as_bytes());
    let (id, at) = (id.to_be_bytes(), at.to_be_bytes());
    Link(signed(key, &[b"link", &before.0, &id, &at, kind.as_bytes(), &is_about, &reset, &has_portal, portal, digest]))
}

fn vouch(key: &hmac::Key, end: &str, id: i64, at: Link) -> [u8; 16] {
    signed(key, &[b"end", end.as_bytes(), &id.to_be_bytes(), &at.0])
}

/// Each part with its length before it: where one ends and the next begins counts.
fn signed(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 16] {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut out = [0; 16];
    out.copy_from_slice(&context.sign().as_ref()[..16]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(fill: u8) -> KeyRing {
        KeyRing::parse(&KeyRing::first_file(&[fill; 32])).unwrap()
    }

    const ENTRY: Entry<'_> = Entry { id: 7, at: 1000, kind: "mail.sent", reset: Some(3), portal: Some("shop") };

    #[test]
    fn every_part_of_a_line_counts() {
        let (ring, digest) = (ring(1), ring(1).digest("{}"));
        let link = ring.link(Link::START, &ENTRY, &digest);
        assert!(ring.is_link(Link::START, &ENTRY, &digest, link));
        let bent = [
            Entry { id: 8, ..ENTRY },
            Entry { at: 1001, ..ENTRY },
            Entry { kind: "mail.sen", ..ENTRY },
            Entry { reset: None, ..ENTRY },
            Entry { reset: Some(4), ..ENTRY },
            Entry { portal: None, ..ENTRY },
            Entry { portal: Some("shop2"), ..ENTRY },
        ];
        for entry in bent {
            assert!(!ring.is_link(Link::START, &entry, &digest, link), "{entry:?}");
        }
        assert!(!ring.is_link(Link([1; 16]), &ENTRY, &digest, link), "another line before it");
        assert!(!ring.is_link(Link::START, &ENTRY, &ring.digest("{ }"), link), "another detail");
        // A missing number is not the number nought.
        let none = Entry { reset: None, portal: None, ..ENTRY };
        let nought = Entry { reset: Some(0), portal: Some(""), ..ENTRY };
        assert_ne!(ring.link(Link::START, &none, &digest), ring.link(Link::START, &nought, &digest));
    }

    #[test]
    fn without_the_key_nothing_can_be_made_or_guessed() {
        let (ours, theirs) = (ring(1), ring(2));
        let digest = theirs.digest("{}");
        assert!(!ours.is_digest("{}", &digest));
        assert!(!ours.is_link(Link::START, &ENTRY, &digest, theirs.link(Link::START, &ENTRY, &digest)));
        let end = theirs.vouch("head", 7, Link([9; 16]));
        assert!(!ours.is_vouched("head", 7, Link([9; 16]), &end) && theirs.is_vouched("head", 7, Link([9; 16]), &end));
        assert!(!theirs.is_vouched("floor", 7, Link([9; 16]), &end) && !theirs.is_vouched("head", 6, Link([9; 16]), &end));
        assert!(!theirs.is_vouched("head", 7, Link([9; 16]), b""));
    }

    #[test]
    fn an_old_key_goes_on_to_check() {
        let old = KeyRing::first_file(&[1; 32]);
        let both = KeyRing::parse(&KeyRing::rotated_file(&old, &[2; 32]).unwrap().0).unwrap();
        let digest = ring(1).digest("{}");
        assert!(both.is_digest("{}", &digest) && both.is_link(Link::START, &ENTRY, &digest, ring(1).link(Link::START, &ENTRY, &digest)));
    }
}
