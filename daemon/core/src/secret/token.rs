//! The token in a link and the code that is typed. Both are derived anew for each attempt and each check, from a
//! random selector that the store keeps and a key that the store does not have.

use data_encoding::BASE64URL_NOPAD;
use ring::hmac;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::keyring::{KeyId, KeyRing};
use crate::time::Timestamp;

const SELECTOR: usize = 16;
const MAC: usize = 28;
/// How many characters a token has: key id ‖ selector ‖ MAC in base64url without padding.
pub const TOKEN_CHARS: usize = 60;

/// The random part that names a reset's secret in the store: 6 octets of time, so that the index stays warm, then 80
/// random bits. It opens nothing without the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Selector([u8; SELECTOR]);

impl Selector {
    /// From the time and ten random octets.
    pub fn new(now: Timestamp, entropy: [u8; 10]) -> Self {
        let mut bytes = [0; SELECTOR];
        bytes[..6].copy_from_slice(&now.as_millis().to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&entropy);
        Self(bytes)
    }

    /// As the store keeps it.
    pub fn as_bytes(&self) -> &[u8; SELECTOR] {
        &self.0
    }

    /// From the store.
    pub fn from_bytes(bytes: [u8; SELECTOR]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Selector(…)")
    }
}

/// The secret in a link: 224 bits that can't be guessed, 60 URL-safe characters. No `Display`: [`Token::reveal`] is called
/// where a mail is rendered, and nowhere else.
pub struct Token(Zeroizing<String>);

impl Token {
    /// The token of a selector; `None` when its key is gone.
    pub fn derive(ring: &KeyRing, key: KeyId, selector: &Selector) -> Option<Self> {
        let keys = ring.get(key)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(1 + SELECTOR + MAC));
        bytes.push(keys.id);
        bytes.extend_from_slice(&selector.0);
        bytes.extend_from_slice(&mac(&keys.token, selector)[..MAC]);
        Some(Self(Zeroizing::new(BASE64URL_NOPAD.encode(&bytes))))
    }

    /// The selector of a text that is a token of ours, compared in constant time. Needs no store: a forged one costs an
    /// HMAC and nothing else.
    pub fn check(ring: &KeyRing, text: &str) -> Option<Selector> {
        if text.len() != TOKEN_CHARS {
            return None;
        }
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?);
        let (key, rest) = bytes.split_first()?;
        let (selector, given) = rest.split_at_checked(SELECTOR)?;
        let selector = Selector(selector.try_into().ok()?);
        let expected = mac(&ring.get(*key)?.token, &selector);
        bool::from(expected[..MAC].ct_eq(given)).then_some(selector)
    }

    /// The characters, to be put into a link.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

fn mac(key: &hmac::Key, selector: &Selector) -> Zeroizing<[u8; 32]> {
    let mut context = hmac::Context::with_key(key);
    context.update(b"reset link\0");
    context.update(&selector.0);
    let mut out = Zeroizing::new([0; 32]);
    out.copy_from_slice(context.sign().as_ref());
    out
}

/// How many digits a code has: 6 to 12.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CodeLength(u8);

impl CodeLength {
    /// Checks the number of digits.
    pub const fn new(digits: u8) -> Option<Self> {
        if digits >= 6 && digits <= 12 { Some(Self(digits)) } else { None }
    }

    /// The number of digits.
    pub const fn digits(self) -> u8 {
        self.0
    }
}

impl Default for CodeLength {
    fn default() -> Self {
        Self(8)
    }
}

/// The secret that is typed: digits only.
pub struct Code(Zeroizing<String>);

impl Code {
    /// The code of a selector; `None` when its key is gone.
    pub fn derive(ring: &KeyRing, key: KeyId, selector: &Selector, length: CodeLength) -> Option<Self> {
        let keys = ring.get(key)?;
        let mut context = hmac::Context::with_key(&keys.code);
        context.update(b"reset code\0");
        context.update(&[length.0]);
        context.update(&selector.0);
        let digest = context.sign();
        let mut head = Zeroizing::new([0; 16]);
        head.copy_from_slice(&digest.as_ref()[..16]);
        // 128 bits over at most 10^12: the bias is below 2^-88.
        let value = u128::from_be_bytes(*head) % 10u128.pow(u32::from(length.0));
        Some(Self(Zeroizing::new(format!("{value:0width$}", width = usize::from(length.0)))))
    }

    /// Whether what a person typed is this code: blanks and hyphens don't count, digits of any script do. Constant time.
    pub fn matches(&self, typed: &str) -> bool {
        let digits = Zeroizing::new(normalise(typed));
        self.0.as_bytes().ct_eq(digits.as_bytes()).into()
    }

    /// The digits in groups, as [`group_digits`] makes them.
    pub fn reveal_grouped(&self) -> Zeroizing<String> {
        group_digits(&self.0)
    }

    /// The digits alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(…)")
    }
}

/// Digits in groups of four (eight, twelve), else of three, else of up to four: `1234 5678`.
pub fn group_digits(digits: &str) -> Zeroizing<String> {
    let size = if digits.len().is_multiple_of(4) {
        4
    } else if digits.len().is_multiple_of(3) {
        3
    } else {
        4
    };
    let mut out = Zeroizing::new(String::with_capacity(digits.len() * 2));
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && index.is_multiple_of(size) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// ASCII digits of a typed code; a character that is neither digit nor separator stays, so that it never matches.
fn normalise(typed: &str) -> String {
    // Made at its full length, so that no piece is left behind where it grew.
    let mut digits = String::with_capacity(typed.len());
    let kept = typed
        .chars()
        .filter(|c| !(c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')))
        .map(ascii_digit);
    digits.extend(kept);
    digits
}

fn ascii_digit(c: char) -> char {
    // The decimal digits of the scripts that people's keyboards produce.
    const ZEROS: [u32; 8] = [0x660, 0x6f0, 0x966, 0x9e6, 0xa66, 0xe50, 0xff10, 0x1040];
    let code = u32::from(c);
    ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&code)).and_then(|zero| char::from_digit(code - zero, 10)).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> KeyRing {
        KeyRing::parse(&KeyRing::first_file(&[7; 32])).unwrap()
    }

    fn selector(fill: u8) -> Selector {
        Selector::new(Timestamp::from_millis(1_700_000_000_000), [fill; 10])
    }

    #[test]
    fn a_token_names_its_selector_and_no_other() {
        let ring = ring();
        let token = Token::derive(&ring, 1, &selector(1)).unwrap();
        assert_eq!(token.reveal().len(), TOKEN_CHARS);
        assert_eq!(Token::check(&ring, token.reveal()), Some(selector(1)));
        for index in 0..TOKEN_CHARS {
            let mut bent = token.reveal().to_owned().into_bytes();
            bent[index] = if bent[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(Token::check(&ring, std::str::from_utf8(&bent).unwrap()), None, "character {index}");
        }
        let other = KeyRing::parse(&KeyRing::first_file(&[8; 32])).unwrap();
        assert_eq!(Token::check(&other, token.reveal()), None);
        assert_eq!(Token::check(&ring, ""), None);
    }

    #[test]
    fn codes_are_typed_in_many_ways() {
        let code = Code::derive(&ring(), 1, &selector(2), CodeLength::default()).unwrap();
        let digits = code.reveal().to_owned();
        assert_eq!(digits.len(), 8);
        assert!(code.matches(&digits));
        assert!(code.matches(&code.reveal_grouped()));
        assert!(code.matches(&format!(" {}-{} ", &digits[..4], &digits[4..])));
        let arabic: String = digits.chars().map(|c| char::from_u32(0x660 + c.to_digit(10).unwrap()).unwrap()).collect();
        assert!(code.matches(&arabic));
        assert!(!code.matches(&format!("{digits}x")));
        assert!(!code.matches(""));
    }

    #[test]
    fn nothing_prints_a_secret() {
        let ring = ring();
        let token = Token::derive(&ring, 1, &selector(1)).unwrap();
        assert_eq!(format!("{token:?} {:?}", selector(1)), "Token(…) Selector(…)");
    }

    #[test]
    fn code_lengths_are_bounded() {
        assert!(CodeLength::new(5).is_none() && CodeLength::new(13).is_none());
        let code = Code::derive(&ring(), 1, &selector(2), CodeLength::new(6).unwrap()).unwrap();
        assert_eq!(code.reveal_grouped().len(), 7);
    }
}
