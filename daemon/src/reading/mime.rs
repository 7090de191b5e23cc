//! The tree of parts (RFC 2045, RFC 2046), walked within [`limits`].
//!
//! mail-parser decodes fields, charsets and transfer encodings for us; the tree is walked here because its own nests
//! without a bound (a message of `message/rfc822` in `message/rfc822` overflows the stack when it is dropped) and
//! because broken reports need repairs of structure: a missing boundary, a missing end, a report type misspelt.

use std::borrow::Cow;

use memchr::memmem;

use super::header::{Headers, Media, trim_eol};
use super::{charset, limits, transfer};

/// One part and what lies in it.
#[derive(Debug)]
pub struct Part<'a> {
    /// Its header block.
    pub headers: Headers<'a>,
    /// Its `Content-Type`, `text/plain` if it has none (RFC 2045 §5.2).
    pub media: Media,
    /// `Content-Disposition: attachment`.
    pub attached: bool,
    /// What lies in it.
    pub body: Body<'a>,
}

/// What lies in a part.
#[derive(Debug)]
pub enum Body<'a> {
    /// Bytes, transfer encoding not yet undone.
    Leaf(&'a [u8]),
    /// Parts of a multipart.
    Many(Vec<Part<'a>>),
    /// An attached message.
    Message(Box<Part<'a>>),
    /// An attached message, or headers of one, that had to be decoded first.
    Decoded(Vec<u8>),
}

/// What the walk may still cost.
#[derive(Debug)]
pub struct Budget {
    parts: usize,
    scan: usize,
    text: usize,
    /// Whether anything was left unread.
    pub cut_short: bool,
}

impl Default for Budget {
    fn default() -> Self {
        Self { parts: limits::PARTS, scan: limits::SCAN_BYTES, text: limits::TEXT_BYTES, cut_short: false }
    }
}

/// The message with `\n` line ends, if it came with bare `\r` (old Macs, and what was copied through them).
pub fn with_line_ends(raw: &[u8]) -> Cow<'_, [u8]> {
    let head = &raw[..raw.len().min(limits::VALUE_BYTES)];
    if memchr::memchr(b'\n', head).is_some() || memchr::memchr(b'\r', head).is_none() {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(raw.iter().map(|&byte| if byte == b'\r' { b'\n' } else { byte }).collect())
}

/// Parses a message into its parts.
pub fn parse<'a>(raw: &'a [u8], budget: &mut Budget) -> Part<'a> {
    part(raw, "text/plain", 0, budget)
}

impl<'a> Part<'a> {
    /// The bytes of a leaf with the transfer encoding undone, as far as the budget goes.
    pub fn bytes(&self, budget: &mut Budget) -> Cow<'a, [u8]> {
        let Body::Leaf(raw) = self.body else {
            return Cow::Borrowed(&[]);
        };
        let encoding = self.headers.first("Content-Transfer-Encoding").map(|field| field.plain());
        // Base64 and quoted-printable need at least as many bytes as they give.
        let raw = if raw.len() > budget.text {
            budget.cut_short = true;
            &raw[..budget.text]
        } else {
            raw
        };
        let decoded = transfer::decode(raw, encoding.as_deref().unwrap_or(""));
        budget.text -= decoded.len().min(budget.text);
        decoded
    }

    /// The text of a leaf, line ends as `\n`.
    pub fn text(&self, budget: &mut Budget) -> String {
        let bytes = self.bytes(budget);
        let text = charset::decode(&bytes, self.media.charset.as_deref());
        if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
    }

    /// Size of the part as it stands in the message.
    pub fn raw_len(&self) -> usize {
        match &self.body {
            Body::Leaf(raw) => raw.len(),
            Body::Decoded(bytes) => bytes.len(),
            Body::Many(_) | Body::Message(_) => 0,
        }
    }
}

fn part<'a>(raw: &'a [u8], default: &str, depth: usize, budget: &mut Budget) -> Part<'a> {
    budget.parts = budget.parts.saturating_sub(1);
    let (headers, body) = Headers::split(raw);
    budget.cut_short |= headers.cut_short;
    let mut media = headers.first("Content-Type").map(Media::parse).unwrap_or_default();
    if !media.name.contains('/') {
        media.name = default.to_owned();
    }
    let disposition = headers.first("Content-Disposition").map(Media::parse).unwrap_or_default();
    media.file = disposition.file.or(media.file);
    let body = open(body, &media, &headers, depth, budget);
    // A multipart without a single boundary is a text that someone mislabelled.
    if matches!(body, Body::Leaf(_)) && media.name.starts_with("multipart/") && depth < limits::DEPTH {
        media.name = "text/plain".to_owned();
    }
    Part { headers, media, attached: disposition.name == "attachment", body }
}

/// Opens what a part holds, if the limits allow it.
fn open<'a>(body: &'a [u8], media: &Media, headers: &Headers<'a>, depth: usize, budget: &mut Budget) -> Body<'a> {
    if depth >= limits::DEPTH || budget.parts == 0 {
        budget.cut_short |= media.name.starts_with("multipart/") || is_message(&media.name);
        return Body::Leaf(body);
    }
    if media.name.starts_with("multipart/")
        && let Some(parts) = split(body, media, budget)
    {
        let default = if media.name == "multipart/digest" { "message/rfc822" } else { "text/plain" };
        let mut many = Vec::new();
        for raw in parts {
            if budget.parts == 0 {
                budget.cut_short = true;
                break;
            }
            many.push(part(raw, default, depth + 1, budget));
        }
        return Body::Many(many);
    }
    if is_message(&media.name) {
        let encoding = headers.first("Content-Transfer-Encoding").map(|field| field.plain()).unwrap_or_default();
        return match transfer::decode(&body[..body.len().min(budget.text)], &encoding) {
            Cow::Owned(bytes) => {
                budget.text -= bytes.len().min(budget.text);
                Body::Decoded(bytes)
            }
            Cow::Borrowed(_) => Body::Message(Box::new(part(skip_blank(body), "text/plain", depth + 1, budget))),
        };
    }
    Body::Leaf(body)
}

/// Whole messages and the headers of one, in the spellings met.
fn is_message(media: &str) -> bool {
    matches!(
        media,
        "message/rfc822"
            | "message/global"
            | "message/news"
            | "message/rfc822-headers"
            | "text/rfc822-headers"
            | "text/rfc822"
            | "message/global-headers"
            | "text/rfc822-header"
            | "message/rfc822-header"
    )
}

/// The bodies between the boundaries (RFC 2046 §5.1.1). A boundary that is missing or never met is looked for in the
/// body: many broken reports have it there. `None` if there is none.
fn split<'a>(body: &'a [u8], media: &Media, budget: &mut Budget) -> Option<Vec<&'a [u8]>> {
    if budget.scan < body.len() {
        budget.cut_short = true;
        return None;
    }
    budget.scan -= body.len();
    let given = media.boundary.as_deref().filter(|b| !b.is_empty() && b.len() < 300);
    let parts = given.map(|boundary| between(body, boundary.as_bytes())).unwrap_or_default();
    if !parts.is_empty() {
        return Some(parts);
    }
    let parts = between(body, found_boundary(body)?);
    (!parts.is_empty()).then_some(parts)
}

fn between<'a>(body: &'a [u8], boundary: &[u8]) -> Vec<&'a [u8]> {
    let mut delimiter = b"--".to_vec();
    delimiter.extend_from_slice(boundary);
    let mut parts = Vec::new();
    let mut start = None;
    let mut after = 0;
    for at in memmem::find_iter(body, &delimiter).take(limits::BOUNDARIES) {
        if at < after || (at > 0 && body[at - 1] != b'\n') {
            continue;
        }
        let rest = &body[at + delimiter.len()..];
        let closes = rest.starts_with(b"--");
        let blank = if closes { &rest[2..] } else { rest };
        let line = memchr::memchr(b'\n', blank).map_or(blank.len(), |i| i + 1);
        if line > 200 || !blank[..line].iter().all(u8::is_ascii_whitespace) {
            continue; // a longer boundary that starts with this one
        }
        if let Some(start) = start {
            parts.push(trim_eol(&body[start..at]));
        }
        if closes {
            return parts;
        }
        after = body.len() - blank.len() + line;
        start = Some(after);
        if parts.len() >= limits::PARTS {
            return parts;
        }
    }
    // The end is missing: the last part goes on to the end.
    parts.extend(start.map(|start| &body[start.min(body.len())..]));
    parts
}

/// A line `--…` that is followed by a `Content-…` field.
fn found_boundary(body: &[u8]) -> Option<&[u8]> {
    let head = &body[..body.len().min(64 * 1024)];
    let mut at = 0;
    while at < head.len() {
        let end = memchr::memchr(b'\n', &head[at..]).map_or(head.len(), |i| at + i + 1);
        let line = trim_eol(&head[at..end]);
        let next = &head[end..head.len().min(end + 8)];
        if line.len() > 6 && line.starts_with(b"--") && next.eq_ignore_ascii_case(b"content-") {
            return Some(&line[2..]);
        }
        at = end;
    }
    None
}

fn skip_blank(body: &[u8]) -> &[u8] {
    let blank = body.iter().take(16).take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    &body[blank..]
}
