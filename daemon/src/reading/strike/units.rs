//! A text as units: each a character as it may be read, with the place in the text that it was read from.
//!
//! One text can be read in several ways (percent-encoding, character references, quoted-printable, base64, link
//! wrappers). Each way is a layer: it makes new units out of old ones and keeps the places, so that whatever is found
//! in any reading can be struck out of the text itself.

/// A character and the bytes of the text that it stands for.
#[derive(Debug, Clone, Copy)]
pub struct Unit {
    /// The character, full-width forms and digits of other scripts made plain.
    pub c: char,
    /// Where its bytes begin.
    pub start: u32,
    /// Where they end.
    pub end: u32,
}

/// The text as it stands, what is invisible left out.
pub fn plain(text: &str) -> Vec<Unit> {
    let visible = text.char_indices().filter(|(_, c)| !is_invisible(*c));
    visible.map(|(at, c)| Unit { c: simple(c), start: at as u32, end: (at + c.len_utf8()) as u32 }).collect()
}

/// Percent-encoding undone (RFC 3986 §2.1).
pub fn percent(units: &[Unit]) -> Vec<Unit> {
    escaped(units, '%')
}

/// Quoted-printable undone: `=41`, and `=` at the end of a line.
pub fn quoted_printable(units: &[Unit]) -> Vec<Unit> {
    escaped(units, '=')
}

/// The link wrapper of Proofpoint, second version: `-3A` for a colon, `_` for a slash.
pub fn urldefense(units: &[Unit]) -> Vec<Unit> {
    let mut out = escaped(units, '-');
    out.iter_mut().filter(|unit| unit.c == '_').for_each(|unit| unit.c = '/');
    // An underscore that was written as `-5F` is one.
    for unit in &mut out {
        if unit.c == '/' && unit.end - unit.start == 3 {
            unit.c = '_';
        }
    }
    out
}

/// Character references undone.
pub fn entities(units: &[Unit]) -> Vec<Unit> {
    let mut out = Vec::with_capacity(units.len());
    let mut at = 0;
    while at < units.len() {
        let named = units.get(at + 1).is_some_and(|next| next.c == '#' || next.c.is_ascii_alphabetic());
        if units[at].c == '&' && named {
            let window: String = units[at..units.len().min(at + 34)].iter().map(|unit| unit.c).collect();
            if let Some((c, len)) = super::super::html::reference(&window) {
                let taken = window[..len].chars().count();
                if !is_invisible(c) {
                    out.push(Unit { c: simple(c), start: units[at].start, end: units[at + taken - 1].end });
                }
                at += taken;
                continue;
            }
        }
        out.push(units[at]);
        at += 1;
    }
    out
}

/// Tags left out: a text part may hold HTML as it stands.
pub fn untagged(units: &[Unit]) -> Vec<Unit> {
    let mut out = Vec::with_capacity(units.len());
    let mut at = 0;
    while at < units.len() {
        let opens = units[at].c == '<' && units.get(at + 1).is_some_and(|unit| unit.c.is_ascii_alphabetic() || "/!?".contains(unit.c));
        if opens && let Some(len) = units[at..units.len().min(at + 400)].iter().position(|unit| unit.c == '>') {
            at += len + 1;
            continue;
        }
        out.push(units[at]);
        at += 1;
    }
    out
}

/// Everything of the base64 alphabets, decoded from the `offset`th such character on, whatever stands between.
pub fn base64(units: &[Unit], offset: usize) -> Vec<Unit> {
    let sextets: Vec<(u32, Unit)> = units.iter().filter_map(|unit| sextet(unit.c).map(|value| (value, *unit))).skip(offset).collect();
    let mut out = Vec::with_capacity(sextets.len());
    for group in sextets.chunks(4) {
        let bits = group.iter().fold(0, |bits, (value, _)| bits << 6 | value) << (6 * (4 - group.len()));
        for byte in 0..group.len() * 6 / 8 {
            let value = (bits >> (16 - 8 * byte)) as u8;
            let c = if value.is_ascii() && value >= b' ' { char::from(value) } else { '\u{0}' };
            out.push(Unit { c, start: group[byte].1.start, end: group[byte + 1].1.end });
        }
    }
    out
}

/// An escape character and two hexadecimal digits; for `=` also a line end.
fn escaped(units: &[Unit], escape: char) -> Vec<Unit> {
    let mut out = Vec::with_capacity(units.len());
    let mut at = 0;
    while at < units.len() {
        let unit = units[at];
        if unit.c == escape {
            let digit = |i: usize| units.get(i).and_then(|unit| unit.c.to_digit(16));
            if let (Some(high), Some(low)) = (digit(at + 1), digit(at + 2)) {
                let c = char::from((high * 16 + low) as u8);
                let c = if c.is_ascii() { c } else { '\u{0}' };
                out.push(Unit { c, start: unit.start, end: units[at + 2].end });
                at += 3;
                continue;
            }
            if escape == '=' && units.get(at + 1).is_some_and(|next| matches!(next.c, '\r' | '\n')) {
                at += 2;
                continue;
            }
        }
        out.push(unit);
        at += 1;
    }
    out
}

fn sextet(c: char) -> Option<u32> {
    match c {
        'A'..='Z' => Some(c as u32 - 'A' as u32),
        'a'..='z' => Some(c as u32 - 'a' as u32 + 26),
        '0'..='9' => Some(c as u32 - '0' as u32 + 52),
        '+' | '-' => Some(62),
        '/' | '_' => Some(63),
        _ => None,
    }
}

/// Zero-width characters, soft hyphens, marks of direction, joiners, variation selectors, tags.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' | '\u{0300}'..='\u{036f}' | '\u{20d0}'..='\u{20ff}'
    )
}

/// The plain character for a full-width or mathematical form, or a digit of another script.
fn simple(c: char) -> char {
    if c.is_ascii() {
        return c;
    }
    let code = c as u32;
    let from = |base: u32, plain: char| char::from_u32(plain as u32 + (code - base)).unwrap_or(c);
    match code {
        0xff01..=0xff5e => from(0xff01, '!'),
        0x2460..=0x2468 => from(0x2460, '1'),
        0x2474..=0x247c => from(0x2474, '1'),
        0x2488..=0x2490 => from(0x2488, '1'),
        0x24f5..=0x24fd => from(0x24f5, '1'),
        0x2776..=0x277e => from(0x2776, '1'),
        0x2780..=0x2788 => from(0x2780, '1'),
        0x278a..=0x2792 => from(0x278a, '1'),
        0x24ea | 0x24ff | 0x1f10b | 0x1f10c | 0x3007 => '0',
        0x1f101..=0x1f10a => from(0x1f101, '0'),
        0x1fbf0..=0x1fbf9 => from(0x1fbf0, '0'),
        0x2070 => '0',
        0xb9 => '1',
        0xb2 | 0xb3 => from(0xb2, '2'),
        0x2074..=0x2079 => from(0x2074, '4'),
        0x2080..=0x2089 => from(0x2080, '0'),
        0x1d7ce..=0x1d7ff => char::from_digit((code - 0x1d7ce) % 10, 10).unwrap_or(c),
        0x1d400..=0x1d6a3 => mathematical(code),
        0x24b6..=0x24cf => from(0x24b6, 'A'),
        0x24d0..=0x24e9 => from(0x24d0, 'a'),
        0x2010..=0x2015 | 0x2212 | 0xfe58 | 0xfe63 => '-',
        _ => decimal(code).unwrap_or(c),
    }
}

/// Alphabets of 52 letters one after the other.
fn mathematical(code: u32) -> char {
    let letter = ((code - 0x1d400) % 52) as u8;
    char::from(if letter < 26 { b'A' + letter } else { b'a' + letter - 26 })
}

/// Decimal digits of other scripts stand in tens at these places (Unicode category Nd).
fn decimal(code: u32) -> Option<char> {
    const TENS: [u32; 36] = [
        0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20, 0x1040, 0x1090,
        0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50,
        0xabf0, 0x104a0,
    ];
    TENS.iter().find(|zero| (**zero..**zero + 10).contains(&code)).and_then(|zero| char::from_digit(code - zero, 10))
}
