//! S/MIME messages that are one opaque block (RFC 8551 §3.5.2): the signed content is taken out of its CMS wrapping (RFC 5652 §5),
//! so that the words in it are read. Whether the signature is good is not asked: it proves nothing here.

/// What lies in the wrapping.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened {
    /// A signed MIME entity, header and all.
    Signed(Vec<u8>),
    /// Encrypted: nobody here can read it.
    Encrypted,
}

/// How deep values are followed.
const DEPTH: usize = 16;
/// Pieces of a constructed string (BER).
const PIECES: usize = 10_000;

/// `1.2.840.113549.1.7.`: the last arc tells what the content is.
const PKCS7: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];
/// `1.2.840.113549.1.9.16.1.23`: AuthEnvelopedData (RFC 5083).
const AUTH_ENVELOPED: [u8; 11] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x17];

/// Opens a `ContentInfo` in DER or BER; `None` if it is none, or holds something else.
pub fn open(bytes: &[u8]) -> Option<Opened> {
    let info = Value::first(bytes)?.inside(SEQUENCE)?;
    let (kind, rest) = Value::read(info, DEPTH)?;
    if kind.tag != OID {
        return None;
    }
    if kind.body == AUTH_ENVELOPED {
        return Some(Opened::Encrypted);
    }
    match (kind.body.strip_prefix(&PKCS7)?, Value::read(rest, DEPTH)) {
        ([3 | 6], _) => Some(Opened::Encrypted),
        ([2], Some((content, _))) => signed(content.inside(CONTEXT_0)?).map(Opened::Signed),
        _ => None,
    }
}

/// `SignedData`: version, digest algorithms, then what we want (RFC 5652 §5.1).
fn signed(bytes: &[u8]) -> Option<Vec<u8>> {
    let data = Value::first(bytes)?.inside(SEQUENCE)?;
    let (_version, rest) = Value::read(data, DEPTH)?;
    let (_algorithms, rest) = Value::read(rest, DEPTH)?;
    let encapsulated = Value::first(rest)?.inside(SEQUENCE)?;
    let (_kind, rest) = Value::read(encapsulated, DEPTH)?;
    let octets = Value::first(Value::first(rest)?.inside(CONTEXT_0)?)?;
    let mut out = Vec::new();
    let mut pieces = 0;
    octets.gather(DEPTH, &mut pieces, &mut out)?;
    Some(out)
}

const SEQUENCE: u8 = 0x30;
const OID: u8 = 0x06;
const CONTEXT_0: u8 = 0xa0;
const OCTETS: u8 = 0x04;
const CONSTRUCTED: u8 = 0x20;

/// One value (X.690 §8.1).
#[derive(Clone, Copy)]
struct Value<'a> {
    tag: u8,
    body: &'a [u8],
}

impl<'a> Value<'a> {
    fn first(bytes: &'a [u8]) -> Option<Self> {
        Self::read(bytes, DEPTH).map(|(value, _)| value)
    }

    /// The value at the start, and what follows it. A length may be left open and ended by two zeroes (BER).
    fn read(bytes: &'a [u8], depth: usize) -> Option<(Self, &'a [u8])> {
        let (&[tag, length], rest) = bytes.split_first_chunk::<2>()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        match length {
            0x80 => {
                let mut after = rest;
                let depth = depth.checked_sub(1)?;
                while !after.starts_with(&[0, 0]) {
                    after = Self::read(after, depth)?.1;
                }
                let body = &rest[..rest.len() - after.len()];
                Some((Self { tag, body }, &after[2..]))
            }
            0x81..=0x84 => {
                let (number, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
                let length = number.iter().fold(0usize, |sum, &byte| sum << 8 | usize::from(byte));
                // A message that was cut short still has words.
                let (body, rest) = rest.split_at(length.min(rest.len()));
                Some((Self { tag, body }, rest))
            }
            0..=0x7f => {
                let (body, rest) = rest.split_at(usize::from(length).min(rest.len()));
                Some((Self { tag, body }, rest))
            }
            _ => None,
        }
    }

    fn inside(self, tag: u8) -> Option<&'a [u8]> {
        (self.tag == tag).then_some(self.body)
    }

    /// The octets of a string, which BER may cut into pieces.
    fn gather(self, depth: usize, pieces: &mut usize, out: &mut Vec<u8>) -> Option<()> {
        *pieces += 1;
        if *pieces > PIECES || self.tag & !CONSTRUCTED != OCTETS {
            return None;
        }
        if self.tag & CONSTRUCTED == 0 {
            out.extend_from_slice(self.body);
            return Some(());
        }
        let depth = depth.checked_sub(1)?;
        let mut rest = self.body;
        while !rest.is_empty() {
            let (piece, after) = Self::read(rest, depth)?;
            piece.gather(depth, pieces, out)?;
            rest = after;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tlv(tag: u8, body: &[u8]) -> Vec<u8> {
        [&[tag, 0x82, (body.len() >> 8) as u8, body.len() as u8][..], body].concat()
    }

    fn open_ended(tag: u8, body: &[u8]) -> Vec<u8> {
        [&[tag, 0x80][..], body, &[0, 0]].concat()
    }

    fn oid(last: u8) -> Vec<u8> {
        tlv(OID, &[&PKCS7[..], &[last]].concat())
    }

    fn signed_with(octets: &[u8], wrap: impl Fn(u8, &[u8]) -> Vec<u8>) -> Vec<u8> {
        let encapsulated = wrap(SEQUENCE, &[oid(1), wrap(CONTEXT_0, octets)].concat());
        let data = wrap(SEQUENCE, &[tlv(2, &[1]), tlv(0x31, &[]), encapsulated, tlv(0x31, &[])].concat());
        wrap(SEQUENCE, &[oid(2), wrap(CONTEXT_0, &data)].concat())
    }

    #[test]
    fn signed_content_comes_out_of_der_and_ber() {
        let text = b"Content-Type: text/plain\r\n\r\nnot me";
        assert_eq!(open(&signed_with(&tlv(OCTETS, text), tlv)), Some(Opened::Signed(text.to_vec())));
        let pieces = [tlv(OCTETS, &text[..10]), open_ended(0x24, &tlv(OCTETS, &text[10..]))].concat();
        assert_eq!(open(&signed_with(&open_ended(0x24, &pieces), open_ended)), Some(Opened::Signed(text.to_vec())));
    }

    #[test]
    fn what_is_encrypted_or_broken_is_told() {
        assert_eq!(open(&tlv(SEQUENCE, &[oid(3), tlv(CONTEXT_0, b"x")].concat())), Some(Opened::Encrypted));
        for broken in [&b""[..], b"x", b"0\x80", &[0x30; 4000], &[0x24, 0x80].repeat(4000), &tlv(SEQUENCE, &oid(2))] {
            assert_eq!(open(broken), None);
        }
    }
}
