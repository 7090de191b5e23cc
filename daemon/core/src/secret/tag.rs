//! The signed tags in our Reply-To, envelope sender and Message-ID: what comes back to one of them was written by
//! somebody who saw the mail (DESIGN §5, §6).

use data_encoding::{BASE32_NOPAD, Encoding};
use ring::hmac;
use subtle::ConstantTimeEq;

use super::keyring::KeyRing;
use crate::ids::ResetId;

const MAC: usize = 10;

/// What a tag was made for; it is part of what is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Purpose {
    /// Reply-To of a mail to the person.
    Reply,
    /// Envelope sender (VERP) of a mail to the person.
    Bounce,
    /// Message-ID of the reset mail.
    ResetMail,
    /// Message-ID of the notice after the change.
    Notice,
    /// Message-ID of an acknowledgement.
    Acknowledgement,
    /// Message-ID of an alert to support.
    Alert,
}

impl Purpose {
    const ALL: [Self; 6] = [Self::Reply, Self::Bounce, Self::ResetMail, Self::Notice, Self::Acknowledgement, Self::Alert];

    fn letter(self) -> char {
        match self {
            Self::Reply => 'r',
            Self::Bounce => 'b',
            Self::ResetMail => 'm',
            Self::Notice => 'n',
            Self::Acknowledgement => 'k',
            Self::Alert => 'a',
        }
    }
}

/// A tag that was checked: which reset, and for what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tag {
    /// The purpose that is signed in it.
    pub purpose: Purpose,
    /// The reset that it names.
    pub reset: ResetId,
}

/// How many characters a tag has: a letter and 26 octets in base32.
const TAG_CHARS: usize = 43;

impl Tag {
    /// The tag's 43 characters, `a-z2-7` only: it survives any change of case.
    pub fn sign(&self, ring: &KeyRing) -> String {
        let mut bytes = self.reset.as_bytes().to_vec();
        bytes.extend_from_slice(&mac(&ring.first().tag, self.purpose, self.reset));
        format!("{}{}", self.purpose.letter(), BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
    }

    /// Reads a tag, in any case, and checks its signature against every key of the ring, in constant time.
    pub fn check(ring: &KeyRing, text: &str) -> Option<Self> {
        if text.len() != TAG_CHARS || !text.is_ascii() {
            return None;
        }
        let (letter, body) = text.split_at(1);
        let letter = letter.to_ascii_lowercase();
        let purpose = Purpose::ALL.into_iter().find(|p| letter.starts_with(p.letter()))?;
        let encoding: &Encoding = &BASE32_NOPAD;
        let bytes = encoding.decode(body.to_ascii_uppercase().as_bytes()).ok()?;
        let (id, given) = bytes.split_at_checked(16)?;
        let reset = ResetId::from_bytes(id.try_into().ok()?);
        let good = ring.all().any(|keys| bool::from(mac(&keys.tag, purpose, reset).ct_eq(given)));
        good.then_some(Self { purpose, reset })
    }

    /// Finds a tag of ours in the local part of an address (`reply+TAG@…`), or at the start of a Message-ID (`TAG.…@…`).
    pub fn find(ring: &KeyRing, address: &str) -> Option<Self> {
        let local = address.trim().trim_start_matches('<').rsplit_once('@').map_or(address, |(local, _)| local);
        local.split(['+', '-', '.', '=']).find_map(|part| Self::check(ring, part))
    }
}

fn mac(key: &hmac::Key, purpose: Purpose, reset: ResetId) -> [u8; MAC] {
    let mut context = hmac::Context::with_key(key);
    context.update(b"tag\0");
    context.update(&[purpose.letter() as u8]);
    context.update(reset.as_bytes());
    let mut out = [0; MAC];
    out.copy_from_slice(&context.sign().as_ref()[..MAC]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn a_tag_survives_case_and_nothing_else() {
        let ring = KeyRing::parse(&KeyRing::first_file(&[7; 32])).unwrap();
        let tag = Tag { purpose: Purpose::Reply, reset: ResetId::new(Timestamp::from_millis(5), [1; 10]) };
        let text = tag.sign(&ring);
        assert_eq!(text.len(), TAG_CHARS);
        assert_eq!(Tag::check(&ring, &text.to_uppercase()), Some(tag));
        assert_eq!(Tag::find(&ring, &format!("<Reply+{text}@mail.example>")), Some(tag));
        let other_purpose = format!("b{}", &text[1..]);
        assert_eq!(Tag::check(&ring, &other_purpose), None);
        let mut forged = text.into_bytes();
        forged[30] = if forged[30] == b'a' { b'b' } else { b'a' };
        assert_eq!(Tag::check(&ring, std::str::from_utf8(&forged).unwrap()), None);
    }

    #[test]
    fn the_local_part_fits() {
        assert!("reply+".len() + TAG_CHARS <= 64);
    }
}
