//! PGP in the text itself (RFC 9580 §7): the words of a signed text without what is put around them; whether a text is encrypted.

const SIGNED: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END: &str = "-----END PGP SIGNATURE-----";
const ENCRYPTED: &str = "-----BEGIN PGP MESSAGE-----";

/// Whether an encrypted block stands in it that nobody quoted.
pub fn is_encrypted(text: &str) -> bool {
    text.lines().any(|line| line.trim_end() == ENCRYPTED)
}

/// The text without the frame of a signature: its header lines, the dashes that protect lines, the signature itself.
pub fn words(text: String) -> String {
    if !text.contains(SIGNED) {
        return text;
    }
    let (mut out, mut state) = (String::with_capacity(text.len()), State::Outside);
    for line in text.lines() {
        let bare = line.trim_end();
        state = match state {
            State::Outside if bare == SIGNED => State::Header,
            State::Header if bare.is_empty() => State::Signed,
            State::Header => State::Header,
            State::Signed if bare == SIGNATURE => State::Signature,
            State::Signature if bare == END => State::Outside,
            State::Signature => State::Signature,
            state => {
                let protected = if state == State::Signed { line.strip_prefix("- ").filter(|rest| rest.starts_with('-')) } else { None };
                out.push_str(protected.unwrap_or(line));
                out.push('\n');
                state
            }
        };
    }
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Outside,
    Header,
    Signed,
    Signature,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_goes_and_the_words_stay() {
        let text = format!("hi\n{SIGNED}\nHash: SHA512\n\nnot me\n- -- \n- fine\n{SIGNATURE}\nVersion: 1\n\nabc=\n{END}\nbye");
        assert_eq!(words(text), "hi\nnot me\n-- \n- fine\nbye\n");
        assert_eq!(words("not me".into()), "not me");
        assert_eq!(words(format!("{SIGNED}\n")), "");
    }

    #[test]
    fn an_encrypted_text_is_known() {
        assert!(is_encrypted(&format!("{ENCRYPTED}\n\nabc")));
        assert!(!is_encrypted(&format!("> {ENCRYPTED}")) && !is_encrypted("no"));
    }
}
