//! Tags and text, cut out of HTML one after the other; anything goes in, nothing fails.

use super::entity;

/// One piece of a document.
pub enum Token<'a> {
    /// Text between tags, entities not decoded.
    Text(&'a str),
    /// A start or end tag.
    Tag(Tag<'a>),
}

/// A tag.
pub struct Tag<'a> {
    /// Its name as written.
    pub name: &'a str,
    /// `</…>`.
    pub close: bool,
    attributes: &'a str,
}

/// Longest tag that is looked into; what is longer is passed over.
const TAG_BYTES: usize = 8_192;

/// The next piece and what comes after it.
pub fn next(html: &str) -> Option<(Token<'_>, &str)> {
    if html.is_empty() {
        return None;
    }
    let Some(rest) = html.strip_prefix('<') else {
        let end = html.find('<').unwrap_or(html.len());
        return Some((Token::Text(&html[..end]), &html[end..]));
    };
    if let Some(comment) = rest.strip_prefix("!--") {
        let end = comment.find("-->").map_or(comment.len(), |at| at + 3);
        return Some((Token::Text(""), &comment[end..]));
    }
    let Some(first) = rest.chars().next() else {
        return Some((Token::Text("<"), rest));
    };
    if matches!(first, '!' | '?') {
        let end = rest.find('>').map_or(rest.len(), |at| at + 1);
        return Some((Token::Text(""), &rest[end..]));
    }
    if !first.is_ascii_alphabetic() && first != '/' {
        return Some((Token::Text("<"), rest));
    }
    let end = tag_end(rest);
    let inner = rest[..end].trim_end_matches('>');
    let (close, inner) = match inner.strip_prefix('/') {
        Some(inner) => (true, inner),
        None => (false, inner),
    };
    let name_end = inner.find(|c: char| c.is_whitespace() || c == '/' || c == '>').unwrap_or(inner.len());
    let attributes = if inner.len() - name_end <= TAG_BYTES { &inner[name_end..] } else { "" };
    Some((Token::Tag(Tag { name: &inner[..name_end], close, attributes }), &rest[end..]))
}

/// The end of a tag: the first `>` outside quotes; a quote that is never closed does not swallow the document.
fn tag_end(rest: &str) -> usize {
    let mut quote = None;
    let mut first = None;
    for (at, byte) in rest.bytes().enumerate().take(TAG_BYTES) {
        match (byte, quote) {
            (b'>', None) => return at + 1,
            (b'>', Some(_)) => first = first.or(Some(at + 1)),
            (b'"' | b'\'', None) => {
                // Only after `=` does a quote open a value.
                let before = rest.as_bytes()[..at].iter().rev().find(|b| !b.is_ascii_whitespace());
                if before == Some(&b'=') {
                    quote = Some(byte);
                }
            }
            (byte, Some(open)) if byte == open => quote = None,
            _ => {}
        }
    }
    first.or_else(|| rest.find('>').map(|at| at + 1)).unwrap_or(rest.len())
}

/// Passes over the content of an element whose content is no text.
pub fn skip_raw<'a>(rest: &'a str, name: &str) -> &'a str {
    let bytes = rest.as_bytes();
    for at in memchr::memmem::find_iter(bytes, b"</") {
        let after = &bytes[at + 2..];
        if after.len() >= name.len() && after[..name.len()].eq_ignore_ascii_case(name.as_bytes()) {
            return &rest[at..];
        }
    }
    ""
}

impl Tag<'_> {
    /// Whether the tag has this name.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn is_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.is(name))
    }

    /// Elements whose content is not text.
    pub fn is_raw(&self) -> bool {
        self.is_any(&["style", "script", "title", "template", "noscript", "xml", "svg"])
    }

    /// Elements that stand on lines of their own.
    pub fn is_block(&self) -> bool {
        const BLOCKS: [&str; 31] = [
            "p",
            "div",
            "li",
            "ul",
            "ol",
            "tr",
            "table",
            "tbody",
            "blockquote",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "hr",
            "pre",
            "section",
            "article",
            "header",
            "footer",
            "center",
            "dl",
            "dt",
            "dd",
            "form",
            "address",
            "body",
            "html",
            "main",
            "includetail",
        ];
        self.is_any(&BLOCKS)
    }

    /// Elements without an end.
    pub fn is_void(&self) -> bool {
        self.is_any(&["br", "hr", "img", "wbr", "meta", "link", "input", "col", "base", "area"]) || self.attributes.ends_with('/')
    }

    /// An attribute's value, entities decoded.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let mut rest = self.attributes;
        for _ in 0..64 {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
            let end = rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len());
            if end == 0 && rest.is_empty() {
                return None;
            }
            let key = &rest[..end];
            let after = rest[end..].trim_start();
            let (value, tail) = match after.strip_prefix('=') {
                Some(value) => value_of(value.trim_start()),
                None => ("", after),
            };
            if key.eq_ignore_ascii_case(name) {
                return Some(entity::decode(value).into_owned());
            }
            rest = if tail.len() < rest.len() {
                tail
            } else {
                return None;
            };
        }
        None
    }
}

fn value_of(value: &str) -> (&str, &str) {
    if let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let inner = &value[1..];
        return match inner.find(quote) {
            Some(end) => (&inner[..end], &inner[end + 1..]),
            None => (inner, ""),
        };
    }
    let end = value.find(char::is_whitespace).unwrap_or(value.len());
    (&value[..end], &value[end..])
}
