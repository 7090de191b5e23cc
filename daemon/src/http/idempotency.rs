//! `Idempotency-Key` and the digest of the body that it came with.

use axum::http::HeaderMap;
use ring::digest;

use super::problem::{Wrong, invalid};
use crate::app::Idempotency;

const HEADER: &str = "Idempotency-Key";

/// The key where one was sent; `bytes` is the body as received.
pub(super) fn of(headers: &HeaderMap, bytes: &[u8]) -> Result<Option<Idempotency>, Wrong> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(invalid(HEADER, "stands twice"));
    }
    let key = std::str::from_utf8(value.as_bytes()).ok();
    let key = key.filter(|key| (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()));
    let key = key.ok_or_else(|| invalid(HEADER, "must be 1 to 255 visible ASCII characters"))?;
    let mut body = [0; 32];
    body.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    Ok(Some(Idempotency { key: key.to_owned(), body }))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn with(values: &[&[u8]]) -> Result<Option<Idempotency>, Wrong> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("idempotency-key", HeaderValue::from_bytes(value).unwrap());
        }
        of(&headers, b"abc")
    }

    #[test]
    fn the_body_is_digested() {
        assert!(with(&[]).unwrap().is_none());
        let idempotency = with(&[b"k-1"]).unwrap().unwrap();
        assert_eq!(idempotency.key, "k-1");
        assert_eq!(data_encoding::HEXLOWER.encode(&idempotency.body[..4]), "ba7816bf");
    }

    #[test]
    fn bad_keys_are_refused() {
        for bad in [&b""[..], b"a b", b"\xc3\xa4", &[b'a'; 256]] {
            assert_eq!(with(&[bad]).unwrap_err().field.as_deref(), Some(HEADER), "{bad:?}");
        }
        assert!(with(&[b"a", b"b"]).is_err());
        assert!(with(&[&[b'a'; 255]]).is_ok());
    }
}
