//! Header fields: found here, decoded by mail-parser (RFC 5322, RFC 2047, RFC 2231), each within [`limits`].

use mail_parser::parsers::MessageStream;
use mail_parser::{Address, ContentType, HeaderValue};
use memchr::{memchr, memmem};

use super::{charset, limits};

/// Fields that say who wrote, to whom, and what; RFC 5322 §3.6 and RFC 2045 allow each of them once.
const SINGLE: [&str; 14] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Date",
    "Subject",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Disposition",
];

/// One header block: the fields in order, values as they stand in the message.
#[derive(Debug, Default, Clone)]
pub struct Headers<'a> {
    fields: Vec<Field<'a>>,
    /// Whether fields were skipped.
    pub cut_short: bool,
    /// Whether another reader may find other fields in the block, or find its end elsewhere: rubbish between fields, a
    /// folded line of blanks only, a lone CR, a limit that was met.
    pub disputable: bool,
}

/// One field.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// The name as written.
    pub name: &'a str,
    /// The value as written, folding included, without the last line end.
    pub raw: &'a [u8],
}

impl<'a> Headers<'a> {
    /// Parts `bytes` into fields and body. A block without any field is all body.
    pub fn split(bytes: &'a [u8]) -> (Self, &'a [u8]) {
        let mut headers = Self::default();
        let mut at = 0;
        while at < bytes.len() {
            let end = line_end(bytes, at);
            let line = trim_eol(&bytes[at..end]);
            if line.is_empty() {
                return (headers, &bytes[end..]);
            }
            if headers.fields.len() >= limits::HEADERS || at > limits::HEADER_BYTES {
                (headers.cut_short, headers.disputable) = (true, true);
                return (headers, after_blank_line(bytes, at));
            }
            headers.disputable |= memchr(b'\r', line).is_some();
            match field_name(line) {
                Some(name) => {
                    let (stop, disputable) = fold_end(bytes, end);
                    headers.disputable |= disputable;
                    let start = at + name.len();
                    let colon = memchr(b':', &bytes[start..stop]).map_or(stop, |i| start + i + 1);
                    headers.fields.push(Field { name: name.trim_end(), raw: trim_eol(&bytes[colon..stop]) });
                    at = stop;
                }
                // An mbox line, or rubbish between fields: skipped if the block goes on after it.
                None if is_mbox_line(line) || (!headers.fields.is_empty() && goes_on(bytes, end)) => {
                    headers.disputable |= at > 0;
                    at = end;
                }
                None => {
                    headers.disputable = true;
                    return (headers, &bytes[at..]);
                }
            }
        }
        (headers, &[])
    }

    /// The first field of this name.
    pub fn first(&self, name: &str) -> Option<Field<'a>> {
        self.fields.iter().copied().find(|field| field.is(name))
    }

    /// All fields of this name.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = Field<'a>> + 's {
        self.fields.iter().copied().filter(move |field| field.is(name))
    }

    /// The decoded text of the first field of this name, if it is not blank.
    pub fn text(&self, name: &str) -> Option<String> {
        self.first(name).map(Field::text).filter(|text| !text.is_empty())
    }

    /// The one author, if every reader finds the same: nothing about the block can be disputed, each of the fields that the
    /// words and their author are taken from is there once at most (RFC 5322 §3.6), and `From` holds one address that is
    /// written as one. A signature covers the last of two fields and leaves the first to whoever carries the mail.
    pub fn author(&self) -> Option<String> {
        let single = SINGLE.iter().all(|name| self.all(name).nth(1).is_none());
        let from = self.first("From").filter(|field| single && !self.disputable && field.raw.len() <= limits::VALUE_BYTES)?;
        match &from.mailboxes()[..] {
            [(_, Some(address))] => addr_spec(address),
            _ => None,
        }
    }

    /// Whether there is a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }
}

impl<'a> Field<'a> {
    /// Whether the field has this name, in any case.
    pub fn is(self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn bounded(self) -> Vec<u8> {
        let raw = &self.raw[..self.raw.len().min(limits::VALUE_BYTES)];
        let mut value: Vec<u8> = match std::str::from_utf8(raw) {
            Ok(_) => raw.to_vec(),
            Err(_) => charset::guess(raw).into_bytes(),
        };
        value.push(b'\n');
        value
    }

    /// The value unfolded and its encoded words decoded, on one line.
    pub fn text(self) -> String {
        let value = self.bounded();
        let text = match MessageStream::new(&value).parse_unstructured() {
            HeaderValue::Text(text) => one_line(&text),
            _ => return String::new(),
        };
        // ISO-2022-JP without encoded words: old Japanese mail systems do it.
        if text.contains("\u{1b}$") { charset::decode(text.as_bytes(), Some("iso-2022-jp")) } else { text }
    }

    /// The value as it stands, unfolded, not decoded.
    pub fn plain(self) -> String {
        one_line(&String::from_utf8_lossy(&self.raw[..self.raw.len().min(limits::VALUE_BYTES)]))
    }

    /// The addresses in the value: display name and addr-spec.
    pub fn addresses(self) -> Vec<(Option<String>, String)> {
        let mut found = Vec::new();
        for (name, address) in self.mailboxes() {
            match address.as_deref().and_then(addr_spec) {
                Some(address) => found.push((name, address)),
                None => found.extend(name.as_deref().and_then(addr_spec).map(|address| (None, address))),
            }
        }
        found
    }

    /// Display name and address of each entry, as they stand.
    fn mailboxes(self) -> Vec<(Option<String>, Option<String>)> {
        let value = self.bounded();
        let parsed = MessageStream::new(&value).parse_address();
        let HeaderValue::Address(parsed) = parsed else {
            return Vec::new();
        };
        let flat: Vec<_> = match parsed {
            Address::List(list) => list,
            Address::Group(groups) => groups.into_iter().flat_map(|group| group.addresses).collect(),
        };
        let entry = |entry: mail_parser::Addr| {
            let name = entry.name.map(|name| one_line(&name)).filter(|name| !name.is_empty());
            (name, entry.address.map(|address| address.into_owned()))
        };
        flat.into_iter().take(limits::ADDRESSES).map(entry).collect()
    }

    /// The ids in the value, without angle brackets, split on commas and blanks as Exchange and iOS do both.
    pub fn ids(self) -> Vec<String> {
        let value = self.plain();
        let parts = value.split(|c: char| c.is_whitespace() || matches!(c, ',' | '<' | '>' | ';' | '"'));
        parts.filter(|id| id.len() >= 3 && id.contains('@')).take(limits::ADDRESSES).map(str::to_owned).collect()
    }
}

/// A `Content-Type` or `Content-Disposition` as far as we need it.
#[derive(Debug, Default, Clone)]
pub struct Media {
    /// `type/subtype`, lower-case; for a disposition only the first word.
    pub name: String,
    /// `boundary`.
    pub boundary: Option<String>,
    /// `charset`.
    pub charset: Option<String>,
    /// `name` or `filename`.
    pub file: Option<String>,
    /// `report-type`.
    pub report: Option<String>,
    /// `method` of a calendar part.
    pub method: Option<String>,
    /// RFC 3676 `format=flowed`.
    pub flowed: bool,
    /// RFC 3676 `delsp=yes`.
    pub delsp: bool,
}

impl Media {
    /// Reads the field; what cannot be read stays empty.
    pub fn parse(field: Field) -> Self {
        let value = field.bounded();
        let HeaderValue::ContentType(parsed) = MessageStream::new(&value).parse_content_type() else {
            return Self::default();
        };
        let get = |name: &str| parsed.attribute(name).map(|value| value.trim().to_owned()).filter(|v| !v.is_empty());
        let says = |name: &str, value: &str| parsed.attribute(name).is_some_and(|v| v.eq_ignore_ascii_case(value));
        Self {
            name: media_name(&parsed),
            boundary: get("boundary"),
            charset: get("charset"),
            file: get("filename").or_else(|| get("name")).map(|name| decode_words(&name)),
            report: get("report-type").map(|value| value.to_ascii_lowercase()),
            method: get("method").map(|value| value.to_ascii_uppercase()),
            flowed: says("format", "flowed"),
            delsp: says("delsp", "yes"),
        }
    }
}

fn media_name(parsed: &ContentType) -> String {
    let main = parsed.ctype().trim();
    match parsed.subtype() {
        Some(sub) => format!("{main}/{}", sub.trim()).to_ascii_lowercase(),
        None => main.to_ascii_lowercase(),
    }
}

/// Decodes encoded words in a string (RFC 2047 in places where it is not allowed but used).
pub fn decode_words(value: &str) -> String {
    if !value.contains("=?") {
        return value.to_owned();
    }
    Field { name: "", raw: value.as_bytes() }.text()
}

/// An addr-spec out of a string that holds one: brackets, quotes, `mailto:` and an `rfc822;` prefix are taken off; the
/// domain is lower-cased. `None` if there is none or it has a blank or control character in it.
pub fn addr_spec(value: &str) -> Option<String> {
    let mut value = value.trim();
    if let (Some(open), Some(close)) = (value.rfind('<'), value.rfind('>'))
        && open < close
    {
        value = &value[open + 1..close];
    }
    for prefix in ["rfc822;", "utf-8;", "smtp;", "x400;", "system;", "mailto:", "smtp:"] {
        if let Some(head) = value.get(..prefix.len())
            && head.eq_ignore_ascii_case(prefix)
        {
            value = value[prefix.len()..].trim();
        }
    }
    let value = value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '\'' | ',' | ';' | ':' | '('));
    let (local, domain) = value.rsplit_once('@')?;
    let domain = domain.trim_end_matches(['.', ')']);
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '<' | '>' | ',');
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"') && !local.contains(['<', '>']);
    let fits = value.len() <= 320 && !local.is_empty() && !domain.is_empty();
    (fits && domain.chars().all(plain) && (quoted || local.chars().all(plain))).then(|| format!("{local}@{}", domain.to_lowercase()))
}

/// Blanks, folds and control characters become single spaces.
pub fn one_line(value: &str) -> String {
    let clean = |c: char| c.is_whitespace() || (c.is_control() && c != '\u{1b}');
    let words: Vec<&str> = value.split(clean).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Without the line end.
pub fn trim_eol(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |i| at + i + 1)
}

/// The name if the line starts a field: printable ASCII up to the colon (RFC 5322 §2.2), blanks before it let pass.
fn field_name(line: &[u8]) -> Option<&str> {
    let colon = memchr(b':', &line[..line.len().min(100)])?;
    let name = std::str::from_utf8(&line[..colon]).ok()?;
    let core = name.trim_end();
    let fits = !core.is_empty() && core.bytes().all(|b| b.is_ascii_graphic()) && !core.contains(['"', '<', '>', '(']);
    fits.then_some(name)
}

fn is_mbox_line(line: &[u8]) -> bool {
    line.starts_with(b"From ") || line.starts_with(b">From ")
}

/// Where the folded lines of a field that began before `at` end, and whether that can be disputed. A line of blanks only
/// ends the block if no field follows: RFC 5322 §4.2 lets it pass as folding, some mail systems do not.
fn fold_end(bytes: &[u8], mut at: usize) -> (usize, bool) {
    let far = at + limits::HEADER_BYTES;
    let mut disputable = false;
    while at < far && matches!(bytes.get(at), Some(b' ' | b'\t')) {
        let end = line_end(bytes, at);
        disputable |= memchr(b'\r', trim_eol(&bytes[at..end])).is_some();
        if bytes[at..end].iter().all(u8::is_ascii_whitespace) {
            disputable = true;
            if !goes_on(bytes, end) {
                break;
            }
        }
        at = end;
    }
    (at, disputable)
}

/// Whether a field starts in one of the next lines, before a blank one: what stands before it was meant as folding.
fn goes_on(bytes: &[u8], mut at: usize) -> bool {
    for _ in 0..8 {
        let end = line_end(bytes, at);
        let line = trim_eol(&bytes[at..end]);
        if line.iter().all(u8::is_ascii_whitespace) {
            return false;
        }
        if field_name(line).is_some() {
            return true;
        }
        at = end;
    }
    false
}

fn after_blank_line(bytes: &[u8], at: usize) -> &[u8] {
    let rest = &bytes[at..];
    let bare = memmem::find(rest, b"\n\n").map(|i| i + 2);
    let full = memmem::find(&rest[..bare.unwrap_or(rest.len())], b"\n\r\n").map(|i| i + 3);
    full.or(bare).map_or(&[], |end| &rest[end..])
}
