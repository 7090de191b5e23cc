//! Names of folders and other strings on their way to the server.

use data_encoding::BASE64_NOPAD;

/// A folder's name as the server calls it: modified UTF-7 (RFC 3501 §5.1.3), or UTF-8 where that is all it knows.
pub(super) fn on_the_wire(name: &str, utf8: bool) -> String {
    if utf8 {
        return name.to_owned();
    }
    let mut out = String::new();
    let mut others: Vec<u16> = Vec::new();
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            shift(&mut others, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            others.extend(c.encode_utf16(&mut [0; 2]).iter());
        }
    }
    shift(&mut others, &mut out);
    out
}

fn shift(others: &mut Vec<u16>, out: &mut String) {
    if !others.is_empty() {
        let octets: Vec<u8> = others.drain(..).flat_map(u16::to_be_bytes).collect();
        out.push('&');
        out.push_str(&BASE64_NOPAD.encode(&octets).replace('/', ","));
        out.push('-');
    }
}

/// A quoted string (RFC 3501 §9); `None` for what only a literal can hold.
pub(super) fn quoted(text: &str) -> Option<String> {
    let fits = !text.bytes().any(|octet| matches!(octet, 0 | b'\r' | b'\n'));
    fits.then(|| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// Numbers as a set: 3, 4, 5, 9 → `3:5,9`. They must be in order.
pub(super) fn set(numbers: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let run = |(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}:{last}") };
    runs.iter().map(run).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_in_modified_utf7() {
        // The example of RFC 3501, and its ampersand.
        assert_eq!(on_the_wire("~peter/mail/台北/日本語", false), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
        assert_eq!(on_the_wire("Gelöscht & weg", false), "Gel&APY-scht &- weg");
        assert_eq!(on_the_wire("Entwürfe", true), "Entwürfe");
    }

    #[test]
    fn strings_and_sets() {
        assert_eq!(quoted(r#"a "b" \c"#).as_deref(), Some(r#""a \"b\" \\c""#));
        assert_eq!(quoted("a\r\nb LOGOUT"), None);
        assert_eq!(set(&[3, 4, 5, 9, u32::MAX]), "3:5,9,4294967295");
        assert_eq!(set(&[]), "");
    }
}
