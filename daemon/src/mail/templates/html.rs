//! HTML read as tags and text: enough to judge a wording, which our own escaping keeps well-formed where it matters.

use std::borrow::Cow;

/// A piece of a page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Token<'a> {
    /// `<name attr="value">`; names in lower case. `ends`: written `<name/>`, which means something outside HTML alone (Outlook's
    /// `<o:AllowPNG/>`).
    Open { name: String, attributes: Vec<(String, String)>, ends: bool },
    /// `</name>`
    Close(String),
    /// What stands between, as written.
    Text(&'a str),
}

/// The tokens of a page. What stands in conditional comments (`<!--[if mso]>…`) is looked at, other comments are not.
pub(super) fn tokens(html: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        if at > 0 {
            out.push(Token::Text(&rest[..at]));
        }
        rest = &rest[at..];
        let length = if rest.starts_with("<!--") && !rest.starts_with("<!--[if") {
            rest.find("-->").map_or(rest.len(), |end| end + 3)
        } else if rest.starts_with("<!") {
            rest.find('>').map_or(rest.len(), |end| end + 1)
        } else {
            let length = tag_length(rest);
            out.extend(tag(&rest[..length]));
            length
        };
        rest = &rest[length.max(1)..];
    }
    if !rest.is_empty() {
        out.push(Token::Text(rest));
    }
    out
}

/// Up to the `>` that stands in no quotes.
fn tag_length(html: &str) -> usize {
    let mut quote = None;
    for (index, byte) in html.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return index + 1,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    html.len()
}

fn tag(text: &str) -> Option<Token<'static>> {
    let inner = text.trim_start_matches('<').trim_end_matches('>');
    let ends = inner.ends_with('/');
    let inner = inner.trim_end_matches('/');
    let is_name_end = |c: char| c.is_whitespace() || c == '/';
    let (closing, inner) = inner.strip_prefix('/').map_or((false, inner), |inner| (true, inner));
    let name = inner.split(is_name_end).next().unwrap_or_default().to_ascii_lowercase();
    if name.is_empty() || !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '?' || c == '!') {
        return None;
    }
    if closing {
        return Some(Token::Close(name));
    }
    Some(Token::Open { attributes: attributes(&inner[name.len()..]), name, ends })
}

fn attributes(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
    while !rest.is_empty() {
        let end = rest.find(|c: char| c.is_whitespace() || c == '=' || c == '/').unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let mut value = Cow::Borrowed("");
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            let (quoted, tail) = match after.chars().next() {
                Some(quote @ ('"' | '\'')) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
                _ => after.split_at(after.find(char::is_whitespace).unwrap_or(after.len())),
            };
            value = unescape(quoted);
            rest = tail;
        }
        if !name.is_empty() {
            found.push((name, value.into_owned()));
        } else if !rest.is_empty() {
            rest = &rest[rest.chars().next().map_or(1, char::len_utf8)..];
        }
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
    }
    found
}

/// The text that a person sees, one line per paragraph, cell or line break.
pub(super) fn visible_lines(html: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut hidden = None;
    for token in tokens(html) {
        match token {
            Token::Open { name, .. } if matches!(name.as_str(), "style" | "title" | "script" | "head") => hidden = Some(name),
            Token::Close(name) if hidden.as_deref() == Some(&name) => hidden = None,
            Token::Open { name, .. } | Token::Close(name) if is_block(&name) => lines.push(String::new()),
            Token::Text(text) if hidden.is_none() => {
                if let Some(line) = lines.last_mut() {
                    line.push_str(&unescape(text));
                }
            }
            _ => {}
        }
    }
    let squeeze = |line: String| line.split_whitespace().collect::<Vec<_>>().join(" ");
    lines.into_iter().map(squeeze).filter(|line| !line.is_empty()).collect()
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "td"
            | "th"
            | "tr"
            | "table"
            | "br"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "ul"
            | "ol"
            | "li"
            | "hr"
            | "blockquote"
            | "pre"
            | "center"
    )
}

fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest.find(';').filter(|end| *end <= 10).and_then(|end| Some((entity(&rest[1..end])?, end)));
        match entity {
            Some((c, end)) => {
                out.push(c);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn entity(name: &str) -> Option<char> {
    let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        "colon" => Some(':'),
        "Tab" | "NewLine" => Some(' '),
        _ => match name.strip_prefix('#')? {
            hex if hex.starts_with(['x', 'X']) => number(&hex[1..], 16),
            digits => number(digits, 10),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_tags_and_attributes() {
        let found = tokens("<p>a<A HREF=\"x?a=1&amp;b=2\" title='>' download>b</a><br/><!-- <img> -->");
        let open = |name: &str, attributes: &[(&str, &str)]| Token::Open {
            name: name.to_owned(),
            attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ends: name == "br",
        };
        assert_eq!(
            found,
            [
                open("p", &[]),
                Token::Text("a"),
                open("a", &[("href", "x?a=1&b=2"), ("title", ">"), ("download", "")]),
                Token::Text("b"),
                Token::Close("a".to_owned()),
                open("br", &[]),
            ]
        );
    }

    #[test]
    fn sees_what_hides_in_conditional_comments() {
        let found = tokens("<!--[if mso]><img src=x><![endif]-->");
        assert!(matches!(&found[0], Token::Open { name, .. } if name == "img"), "{found:?}");
    }

    #[test]
    fn broken_html_ends() {
        for html in
            ["<", "<>", "<a", "<a href", "<a href=", "<a href=\"", "<!--", "</", "<a =\"x\">", "<a ==b>", "&#x110000;<é =é>", "< b>"]
        {
            tokens(html);
            visible_lines(html);
        }
    }

    #[test]
    fn lines_are_as_seen() {
        assert_eq!(visible_lines("<style>x</style><p>a <b>b</b>\n c</p><td>d&nbsp;&#233;&lt;</td>"), ["a b c", "d é<"]);
    }
}
