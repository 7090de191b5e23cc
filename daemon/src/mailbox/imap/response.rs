//! What a server says, as far as we understand it (RFC 3501, RFC 9051); the rest is `Other` and let pass.

use super::token::{Piece, Token, tokens};

/// One response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Response {
    /// The end of a command.
    Done {
        tag: String,
        answer: Answer,
    },
    /// `+`: it waits for more.
    Continue,
    /// `* OK`, `* NO`, `* BAD`, `* BYE`, `* PREAUTH`.
    Status(Answer),
    /// What it can do.
    Capability(Capabilities),
    /// So many messages are in the folder.
    Exists(u32),
    /// One of them is there no longer.
    Expunge,
    /// The messages that a search found.
    Search(Vec<u32>),
    /// Something of a message.
    Fetch(Fetched),
    /// A folder.
    List(Listed),
    Other,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Status {
    Ok,
    No,
    Bad,
    Bye,
    PreAuth,
}

/// A status with its response code. The text is not kept: it may quote an address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Answer {
    pub status: Status,
    pub code: Option<Code>,
}

/// What stands in brackets (RFC 5530 and others).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Code {
    Capability(Capabilities),
    UidValidity(u32),
    UidNext(u32),
    /// In upper case: `AUTHENTICATIONFAILED`, `TRYCREATE`.
    Word(String),
}

impl Answer {
    pub fn word(&self) -> Option<&str> {
        match &self.code {
            Some(Code::Word(word)) => Some(word),
            _ => None,
        }
    }

    /// Refused for a reason that passes by itself (RFC 5530).
    pub fn is_passing(&self) -> bool {
        self.word().is_some_and(|word| ["UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "CONTACTADMIN", "OVERQUOTA"].contains(&word))
    }
}

/// Names of capabilities, in upper case.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Capabilities(Vec<String>);

impl Capabilities {
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|has| has == name)
    }

    /// Whether folder names stand in UTF-8 without more ado: only where a server does not know the older version.
    pub fn utf8_names(&self) -> bool {
        self.has("IMAP4REV2") && !self.has("IMAP4REV1")
    }

    fn read<'t>(words: impl Iterator<Item = &'t str>) -> Self {
        Self(words.map(str::to_ascii_uppercase).collect())
    }
}

/// Of one message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Fetched {
    pub uid: Option<u32>,
    pub size: Option<u64>,
    pub body: Option<Vec<u8>>,
}

/// Of one folder.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Listed {
    pub attributes: Vec<String>,
    pub name: Vec<u8>,
}

impl Response {
    /// Reads a whole response; `None`: not IMAP.
    pub fn read(pieces: Vec<Piece>) -> Option<Self> {
        let [Piece::Line(first), ..] = &pieces[..] else { return None };
        if first == b"+" || first.starts_with(b"+ ") {
            return Some(Self::Continue);
        }
        let (tag, rest) = word(first)?;
        if let Some(answer) = answer(rest) {
            return Some(if tag == "*" { Self::Status(answer) } else { Self::Done { tag: tag.to_owned(), answer } });
        }
        if tag != "*" {
            return None;
        }
        let mut tokens = tokens(pieces)?;
        match tokens.get_mut(1..)? {
            [name, rest @ ..] if name.is("CAPABILITY") => {
                let words = rest.iter().filter_map(|token| if let Token::Atom(text) = token { Some(text.as_str()) } else { None });
                Some(Self::Capability(Capabilities::read(words)))
            }
            [name, rest @ ..] if name.is("SEARCH") => {
                // CONDSTORE may put `(MODSEQ n)` behind the numbers.
                Some(Self::Search(rest.iter().map_while(Token::number).collect()))
            }
            [name, Token::Open, rest @ ..] if name.is("LIST") => Some(list(rest).map_or(Self::Other, Self::List)),
            [number, name] if name.is("EXISTS") => number.number().map(Self::Exists),
            [_, name] if name.is("EXPUNGE") => Some(Self::Expunge),
            [_, name, Token::Open, rest @ ..] if name.is("FETCH") => fetched(rest).map(Self::Fetch),
            _ => Some(Self::Other),
        }
    }

    /// Whether a line is a status or continuation, whose text may end in what looks like a literal and is none.
    pub fn is_text(line: &[u8]) -> bool {
        line.starts_with(b"+") || word(line).is_some_and(|(_, rest)| answer(rest).is_some())
    }
}

fn word(line: &[u8]) -> Option<(&str, &[u8])> {
    let end = line.iter().position(|octet| *octet == b' ')?;
    Some((std::str::from_utf8(&line[..end]).ok()?, &line[end + 1..]))
}

fn answer(rest: &[u8]) -> Option<Answer> {
    let end = rest.iter().position(|octet| *octet == b' ').unwrap_or(rest.len());
    let known = [("OK", Status::Ok), ("NO", Status::No), ("BAD", Status::Bad), ("BYE", Status::Bye), ("PREAUTH", Status::PreAuth)];
    let status = known.iter().find(|(name, _)| rest[..end].eq_ignore_ascii_case(name.as_bytes())).map(|(_, status)| *status)?;
    let code = rest.get(end + 1..).and_then(|text| text.strip_prefix(b"[")).and_then(|text| {
        let end = text.iter().position(|octet| *octet == b']')?;
        std::str::from_utf8(&text[..end]).ok().map(code)
    });
    Some(Answer { status, code })
}

fn code(text: &str) -> Code {
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let name = words.next().unwrap_or_default().to_ascii_uppercase();
    match name.as_str() {
        "CAPABILITY" => Code::Capability(Capabilities::read(words)),
        "UIDNEXT" => words.next().and_then(|number| number.parse().ok()).map_or(Code::Word(name), Code::UidNext),
        "UIDVALIDITY" => words.next().and_then(|number| number.parse().ok()).map_or(Code::Word(name), Code::UidValidity),
        _ => Code::Word(name),
    }
}

fn list(tokens: &[Token]) -> Option<Listed> {
    let close = tokens.iter().position(|token| *token == Token::Close)?;
    let attributes = tokens[..close].iter().filter_map(|token| if let Token::Atom(text) = token { Some(text.clone()) } else { None });
    // The hierarchy's delimiter stands between; behind the name there may be more.
    Some(Listed { attributes: attributes.collect(), name: tokens.get(close + 2)?.text()? })
}

/// Pairs of name and value up to the end of the list. A body is moved, not copied: it may be large.
fn fetched(tokens: &mut [Token]) -> Option<Fetched> {
    let mut found = Fetched::default();
    let mut at = 0;
    loop {
        let name = match tokens.get(at)? {
            Token::Close => return Some(found),
            Token::Atom(name) => name.to_ascii_uppercase(),
            _ => return None,
        };
        let end = end_of_value(tokens, at + 1)?;
        let value = tokens.get_mut(at + 1)?;
        match name.as_str() {
            "UID" => found.uid = Some(value.number()?),
            "RFC822.SIZE" => {
                let Token::Atom(text) = value else { return None };
                found.size = Some(text.parse().ok()?);
            }
            _ if name == "BODY[]" || name.starts_with("BODY[]<") => {
                found.body = match value {
                    Token::Text(octets) => Some(std::mem::take(octets)),
                    _ => None,
                }
            }
            _ => {}
        }
        at = end;
    }
}

/// The place behind a value, which may be a list of lists.
fn end_of_value(tokens: &[Token], at: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(index + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Response> {
        Response::read(vec![Piece::Line(text.as_bytes().to_vec())])
    }

    #[test]
    fn statuses_and_their_codes() {
        let Some(Response::Done { tag, answer }) = read("a1 NO [AUTHENTICATIONFAILED] no jo@example.org {5}") else { panic!() };
        assert_eq!((tag.as_str(), answer.status, answer.word()), ("a1", Status::No, Some("AUTHENTICATIONFAILED")));
        assert!(Response::is_text(b"a1 NO [X] no {5}") && !Response::is_text(b"* 1 FETCH (BODY[] {5}"));
        let Some(Response::Status(answer)) = read("* OK [UIDVALIDITY 3857529045] valid") else { panic!() };
        assert_eq!(answer.code, Some(Code::UidValidity(3_857_529_045)));
        let Some(Response::Status(Answer { code: Some(Code::Capability(can)), .. })) = read("* OK [CAPABILITY IMAP4rev1 idle] hi") else {
            panic!()
        };
        assert!(can.has("IDLE") && !can.has("MOVE") && !can.utf8_names());
        assert_eq!(read("+ idling"), Some(Response::Continue));
        assert_eq!(read("+"), Some(Response::Continue));
    }

    #[test]
    fn numbers_folders_and_messages() {
        assert_eq!(read("* 23 EXISTS"), Some(Response::Exists(23)));
        assert_eq!(read("* 3 EXPUNGE"), Some(Response::Expunge));
        assert_eq!(read("* SEARCH"), Some(Response::Search(vec![])));
        assert_eq!(read("* SEARCH 2 5 (MODSEQ 917162500)"), Some(Response::Search(vec![2, 5])));
        assert_eq!(read("* ESEARCH (TAG \"a1\") UID"), Some(Response::Other));
        let Some(Response::List(list)) = read(r#"* LIST (\Junk) "." Spam"#) else { panic!() };
        assert_eq!((list.attributes, list.name), (vec!["\\Junk".to_owned()], b"Spam".to_vec()));
        let pieces = vec![
            Piece::Line(b"* 1 FETCH (ENVELOPE ((NIL) \"x\" ((1 2))) UID 7 BODY[]<0>".to_vec()),
            Piece::Literal(b"From: x\r\n".to_vec()),
            Piece::Line(b" RFC822.SIZE 9 FLAGS (\\Seen))".to_vec()),
        ];
        let Some(Response::Fetch(fetched)) = Response::read(pieces) else { panic!() };
        assert_eq!(fetched, Fetched { uid: Some(7), size: Some(9), body: Some(b"From: x\r\n".to_vec()) });
        assert_eq!(read("* 1 FETCH (UID 7 BODY[] NIL)"), Some(Response::Fetch(Fetched { uid: Some(7), size: None, body: None })));
    }

    #[test]
    fn what_is_no_imap_is_said_to_be_none() {
        for bad in ["", "* ", "hello", "HTTP/1.1 200", "* 1 FETCH (UID x)", "* 1 FETCH (UID 7", "* 99999999999 EXISTS", "* 1 FETCH (UID)"] {
            assert!(!matches!(read(bad), Some(Response::Fetch(_) | Response::Exists(_) | Response::Done { .. })), "{bad}: {:?}", read(bad));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_it_panic(text in "(\\* |a1 )?[0-9]{0,3} ?(FETCH|SEARCH|LIST|OK|EXISTS)? ?[ -~]{0,80}") {
            let _ = read(&text);
        }
    }
}
