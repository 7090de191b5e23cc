//! Bytes to text: what the label says, what the bytes say when the label lies, and never a failure.

use mail_parser::decoders::charsets::map::charset_decoder;

/// Decodes `bytes` by the label. UTF-8 that is valid is UTF-8 whatever a Western label says; what cannot be decoded is
/// guessed.
pub fn decode(bytes: &[u8], label: Option<&str>) -> String {
    let label = label.unwrap_or("").trim().to_ascii_lowercase().replace('_', "-");
    if let Some(text) = by_mark(bytes) {
        return text;
    }
    match label.as_str() {
        "hz-gb-2312" | "hz" => return shifted(bytes, b"~{", b"~}", "gb18030"),
        "iso-2022-kr" | "csiso2022kr" => return shifted(bytes, b"\x0e", b"\x0f", "euc-kr"),
        "utf-7" | "utf7" | "unicode-1-1-utf-7" => return by_label(&ended(bytes), "utf-7").unwrap_or_default(),
        "iso-2022-cn" => return shifted(bytes, b"\x0e", b"\x0f", "gb18030"),
        _ => {}
    }
    if escapes_to_japanese(bytes) {
        return by_label(bytes, "iso-2022-jp").unwrap_or_default();
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && (says_nothing(&label) || !text.is_ascii())
        && !is_wide(&label)
    {
        return text.to_owned();
    }
    if says_nothing(&label) {
        return guessed(bytes, if is_western(&label) { WESTERN_HEAD_START } else { 0 });
    }
    by_label(bytes, &label).unwrap_or_else(|| guess(bytes))
}

/// Decodes bytes of unknown charset: UTF-8 if it is, else the legacy charset whose reading looks most like words.
pub fn guess(bytes: &[u8]) -> String {
    guessed(bytes, 0)
}

fn guessed(bytes: &[u8], western: i64) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let sample = &bytes[..bytes.len().min(4_096)];
    // A few broken bytes in what is otherwise UTF-8 (a cut character, a pasted byte) stay UTF-8.
    let lossy = String::from_utf8_lossy(sample);
    let broken = lossy.chars().filter(|&c| c == '\u{fffd}').count();
    let good = lossy.chars().filter(|&c| !c.is_ascii() && c != '\u{fffd}').count();
    if good > broken * 4 {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let mut best = ("windows-1252", i64::MIN);
    for label in ["windows-1252", "shift-jis", "euc-jp", "gb18030", "big5", "euc-kr", "windows-1251", "koi8-r"] {
        let head_start = if label == "windows-1252" { western } else { 0 };
        let score = by_label(sample, label).map_or(i64::MIN, |text| likeness(&text, label) + head_start);
        if score > best.1 {
            best = (label, score);
        }
    }
    by_label(bytes, best.0).unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned())
}

fn by_label(bytes: &[u8], label: &str) -> Option<String> {
    let label = match label {
        "cp932" | "windows-31j" | "ms932" | "x-sjis" | "ms-kanji" | "shift-jis" => "shift_jis",
        "euc-jp" | "x-euc-jp" | "eucjp" => "euc-jp",
        "iso-2022-jp-1" | "iso-2022-jp-2" | "iso-2022-jp-3" | "iso-2022-jp-ms" | "cp50220" | "cp50221" => "iso-2022-jp",
        "ks-c-5601-1987" | "ks-c-5601" | "cp949" | "uhc" | "ms949" | "windows-949" => "euc-kr",
        "cp936" | "ms936" | "windows-936" | "x-gbk" | "gb2312" | "gbk" => "gb18030",
        "cp950" | "ms950" | "big-5" => "big5",
        "iso-8859-8-i" | "iso-8859-8-e" | "iso-8859-8" | "logical" => "windows-1255",
        "iso-8859-9" => "windows-1254",
        "tis-620" | "iso-8859-11" | "cp874" => "windows-874",
        other => other,
    };
    charset_decoder(label.as_bytes()).map(|decode| decode(bytes))
}

fn by_mark(bytes: &[u8]) -> Option<String> {
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return Some(String::from_utf8_lossy(rest).into_owned());
    }
    let wide = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    if wide { by_label(bytes, "utf-16") } else { None }
}

fn escapes_to_japanese(bytes: &[u8]) -> bool {
    bytes.is_ascii() && [&b"\x1b$B"[..], b"\x1b$@", b"\x1b(I"].iter().any(|esc| memchr::memmem::find(bytes, esc).is_some())
}

/// Labels that are put on anything.
fn says_nothing(label: &str) -> bool {
    matches!(
        label,
        "" | "us-ascii"
            | "ascii"
            | "utf-8"
            | "utf8"
            | "unknown"
            | "unknown-8bit"
            | "x-unknown"
            | "default"
            | "binary"
            | "iso-8859-1"
            | "latin1"
            | "windows-1252"
            | "ansi-x3.4-1968"
            | "_autodetect_all"
            | "x-user-defined"
    )
}

fn is_wide(label: &str) -> bool {
    label.starts_with("utf-16") || label.starts_with("utf-32")
}

/// What a label is worth that is put on anything, but mostly on what it names: a letter or two.
const WESTERN_HEAD_START: i64 = 2;

fn is_western(label: &str) -> bool {
    matches!(label, "iso-8859-1" | "latin1" | "windows-1252")
}

/// UTF-7 as the decoder wants it: a `-` behind every shifted run, where any character outside of the alphabet ends one, and a plus
/// as a run too (RFC 2152 §2, rule 2).
fn ended(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 8);
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        out.push(byte);
        rest = tail;
        if byte == b'+' {
            let run = tail.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')).count();
            let (shifted, behind) = tail.split_at(run);
            out.extend_from_slice(if run == 0 { b"ACs" } else { shifted });
            out.push(b'-');
            rest = behind.strip_prefix(b"-").unwrap_or(behind);
        }
    }
    out
}

/// Seven-bit codes that shift into a double-byte set: the high bit is set between the shifts (RFC 1843, RFC 1557).
fn shifted(bytes: &[u8], into: &[u8], out: &[u8], label: &str) -> String {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut high = false;
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(into) {
            (high, rest) = (true, after);
        } else if let Some(after) = rest.strip_prefix(out) {
            (high, rest) = (false, after);
        } else if let Some(after) = rest.strip_prefix(b"\x1b$)C").or_else(|| rest.strip_prefix(b"\x1b$)A")) {
            rest = after;
        } else {
            high &= byte != b'\n';
            plain.push(if high && byte > b' ' { byte | 0x80 } else { byte });
            rest = tail;
        }
    }
    by_label(&plain, label).unwrap_or_default()
}

/// How much a reading looks like words of the languages that its charset is for.
fn likeness(text: &str, label: &str) -> i64 {
    let mut score = 0;
    let mut before = ' ';
    for c in text.chars() {
        score += match (c, label) {
            ('\u{fffd}' | '\u{80}'..='\u{9f}', _) => -20,
            // Letters of two scripts in one word: "pдivдд" is Finnish read as Russian, "B僡o" German read as Chinese.
            (c, _) if c.is_ascii_alphabetic() && is_foreign(before) => -4,
            (c, _) if before.is_ascii_alphabetic() && is_foreign(c) => -4,
            (c, _) if c.is_ascii() => 0,
            ('\u{3040}'..='\u{30ff}', "shift-jis" | "euc-jp") => 6,
            ('\u{4e00}'..='\u{9fff}' | '\u{3000}'..='\u{303f}' | '\u{ff01}'..='\u{ff5e}', "shift-jis" | "euc-jp" | "gb18030" | "big5") => 2,
            ('\u{ac00}'..='\u{d7a3}', "euc-kr") => 5,
            ('\u{0430}'..='\u{044f}', "windows-1251" | "koi8-r") => 2,
            // Capitals inside a word are what the wrong Cyrillic charset gives.
            ('\u{0410}'..='\u{042f}', "windows-1251" | "koi8-r") if before.is_lowercase() => -3,
            ('\u{0410}'..='\u{042f}', "windows-1251" | "koi8-r") => 1,
            // In Western text a letter with a diacritic stands alone between plain ones, or twice ("pää").
            ('\u{c0}'..='\u{ff}', "windows-1252") if before.is_ascii() => 2,
            ('\u{c0}'..='\u{ff}', "windows-1252") if before == c => 1,
            ('\u{c0}'..='\u{ff}', "windows-1252") => -2,
            ('\u{ff61}'..='\u{ff9f}', _) => -2,
            _ => -1,
        };
        before = c;
    }
    score
}

/// A letter of a script that no word shares with Latin letters.
fn is_foreign(c: char) -> bool {
    matches!(c, '\u{0400}'..='\u{04ff}' | '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{ff61}'..='\u{ff9f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str, charset: &str) -> Vec<u8> {
        let table: &[(char, u8)] = match charset {
            "windows-1252" => &[
                ('ä', 0xe4),
                ('ö', 0xf6),
                ('ü', 0xfc),
                ('é', 0xe9),
                ('í', 0xed),
                ('á', 0xe1),
                ('ã', 0xe3),
                ('ç', 0xe7),
                ('Ä', 0xc4),
                ('ó', 0xf3),
                ('ú', 0xfa),
            ],
            _ => &[],
        };
        let octet = |c: char| match (c, charset) {
            ('а'..='я', "windows-1251") => u8::try_from(u32::from(c) - 0x430 + 0xe0).unwrap(),
            ('А'..='Я', "windows-1251") => u8::try_from(u32::from(c) - 0x410 + 0xc0).unwrap(),
            (c, _) if c.is_ascii() => u8::try_from(c).unwrap(),
            (c, _) => table.iter().find(|(letter, _)| *letter == c).unwrap().1,
        };
        text.chars().map(octet).collect()
    }

    /// The examples of RFC 2152 §4.
    #[test]
    fn a_run_of_utf_7_ends_at_any_other_character() {
        for (bytes, text) in [("A+ImIDkQ.", "A≢Α."), ("Hi Mom -+Jjo--!", "Hi Mom -☺-!"), ("Hi Mom +Jjo!", "Hi Mom ☺!"), ("1 +- 1", "1 + 1")]
        {
            assert_eq!(decode(bytes.as_bytes(), Some("UTF-7")), text, "{bytes}");
        }
    }

    /// Western mail is Western mail, however many of its letters have dots; what is not is still found out.
    #[test]
    fn a_western_label_is_believed_of_western_words() {
        for text in [
            "KUKA SIELLÄ SÄÄTÄÄ",
            "jäädyttäkää tili hetimiten kiitos",
            "joo mää sen tein eilen",
            "onks tää aito vai joku huijaus?",
            "Sí la pedí yo pero la página se queda en blanco también",
            "Ich bin nicht im Büro. In dringenden Fällen ist das unmöglich.",
            "TRANQUEM Já ESSA CONTA",
            "até a data do meu batismo, só pode ser ela, não há número",
        ] {
            assert_eq!(decode(&encoded(text, "windows-1252"), Some("iso-8859-1")), text);
            assert_eq!(decode(&encoded(text, "windows-1252"), None), text, "without a label");
        }
        for text in ["Это был не я, заблокируйте все", "Не я", "это не я! мой iPhone украли"] {
            assert_eq!(decode(&encoded(text, "windows-1251"), Some("iso-8859-1")), text);
        }
    }
}
