//! The words of a response (RFC 9051 §9), flat: no recursion, so that no depth of parentheses can hurt. What encloses
//! what is counted by whoever reads them.

/// A piece of a response as it came over the wire.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Piece {
    /// Octets of a line, without the line end and without the `{n}` that announced a literal.
    Line(Vec<u8>),
    /// A literal.
    Literal(Vec<u8>),
}

/// A word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Token {
    Open,
    Close,
    /// `FETCH`, `17`, `\Seen`, `NIL`, `BODY[]<0>`.
    Atom(String),
    /// A quoted string or literal.
    Text(Vec<u8>),
}

impl Token {
    pub fn number(&self) -> Option<u32> {
        match self {
            Self::Atom(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub fn is(&self, word: &str) -> bool {
        matches!(self, Self::Atom(text) if text.eq_ignore_ascii_case(word))
    }

    /// An astring's octets.
    pub fn text(&self) -> Option<Vec<u8>> {
        match self {
            Self::Atom(text) => Some(text.clone().into_bytes()),
            Self::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

/// Takes the pieces apart; `None`: not IMAP.
pub(super) fn tokens(pieces: Vec<Piece>) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Line(line) => line_tokens(&line, &mut found)?,
            Piece::Literal(octets) => found.push(Token::Text(octets)),
        }
    }
    Some(found)
}

fn line_tokens(mut rest: &[u8], found: &mut Vec<Token>) -> Option<()> {
    while let Some((&first, tail)) = rest.split_first() {
        rest = match first {
            b' ' => tail,
            b'(' => {
                found.push(Token::Open);
                tail
            }
            b')' => {
                found.push(Token::Close);
                tail
            }
            b'"' => {
                let (text, tail) = quoted(tail)?;
                found.push(Token::Text(text));
                tail
            }
            _ => {
                let end = atom_end(rest)?;
                found.push(Token::Atom(String::from_utf8_lossy(&rest[..end]).into_owned()));
                &rest[end..]
            }
        };
    }
    Some(())
}

/// The string behind its first quote, and what follows the last.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut out = Vec::new();
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => return Some((out, &text[at + 1..])),
            b'\\' => {
                at += 1;
                out.push(*text.get(at)?);
            }
            octet => out.push(*octet),
        }
        at += 1;
    }
}

/// Blanks and parentheses inside brackets belong to the atom: `BODY[HEADER.FIELDS (FROM)]`.
fn atom_end(text: &[u8]) -> Option<usize> {
    let mut bracket = false;
    for (at, octet) in text.iter().enumerate() {
        match octet {
            b'[' => bracket = true,
            b']' => bracket = false,
            b' ' | b'(' | b')' | b'"' if !bracket => return Some(at),
            0..=31 | 127 => return None,
            _ => {}
        }
    }
    (!bracket).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Option<Vec<Token>> {
        tokens(vec![Piece::Line(text.as_bytes().to_vec())])
    }

    #[test]
    fn words_strings_and_parentheses() {
        let atom = |text: &str| Token::Atom(text.into());
        assert_eq!(
            line(r#"* LIST (\Junk \HasNoChildren) "/" "Sp\"am""#).unwrap(),
            [
                atom("*"),
                atom("LIST"),
                Token::Open,
                atom("\\Junk"),
                atom("\\HasNoChildren"),
                Token::Close,
                Token::Text(b"/".to_vec()),
                Token::Text(b"Sp\"am".to_vec())
            ]
        );
        assert_eq!(line("BODY[HEADER.FIELDS (FROM TO)]<0> NIL").unwrap(), [atom("BODY[HEADER.FIELDS (FROM TO)]<0>"), atom("NIL")]);
    }

    #[test]
    fn what_is_no_imap_is_said_to_be_none() {
        for bad in ["\"open", "BODY[open", "a\0b", "\"end\\"] {
            assert_eq!(line(bad), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_octets_make_it_panic(octets in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
            let _ = tokens(vec![Piece::Line(octets)]);
        }
    }
}
