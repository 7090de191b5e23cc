//! One form for what is written in several ways.

use unicode_normalization::UnicodeNormalization;

/// Lower-case, no accents, blanks and apostrophes folded, Arabic letters that are mixed up made one.
pub(super) fn fold(text: &str) -> String {
    let letters = text.nfkd().filter(|&c| !is_accent(c)).nfc().flat_map(char::to_lowercase).filter(|&c| !is_accent(c)).map(|c| match c {
        'أ' | 'إ' | 'آ' | 'ٱ' => 'ا',
        'ى' | 'ی' => 'ي',
        'ة' | 'ۀ' => 'ه',
        'ک' => 'ك',
        'ı' => 'i',
        'ł' => 'l',
        'ø' => 'o',
        'đ' => 'd',
        'ς' => 'σ',
        '’' | 'ʼ' | '`' | '´' => '\'',
        '״' => '"',
        '\u{200c}' => ' ',
        other => other,
    });
    let whole: String = letters.collect();
    whole.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_accent(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036f}' | '\u{0591}'..='\u{05c7}' | '\u{0610}'..='\u{061a}' | '\u{064b}'..='\u{065f}' | '\u{0670}'
        | '\u{0640}' | '\u{093c}' | '\u{200b}' | '\u{200d}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{ad}' | '\u{feff}')
}
