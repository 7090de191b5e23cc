//! Which form of a sentence a number takes: the cardinal rules of CLDR 46 for whole numbers, for the languages that mails
//! are or will be written in.

/// A CLDR plural category.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Category {
    Zero,
    One,
    Two,
    Few,
    Many,
    Other,
}

impl Category {
    /// By its name in a strings file.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "zero" => Self::Zero,
            "one" => Self::One,
            "two" => Self::Two,
            "few" => Self::Few,
            "many" => Self::Many,
            "other" => Self::Other,
            _ => return None,
        })
    }
}

/// The category of `n` in a language. An unknown language has `one` for 1 and `other` for the rest.
pub(super) fn category(language: &str, n: u32) -> Category {
    use Category::{Few, Many, One, Other, Two, Zero};
    let (ten, hundred) = (n % 10, n % 100);
    let teen = (11..=14).contains(&hundred);
    match language.split('-').next().unwrap_or_default() {
        "id" | "ja" | "ko" | "lo" | "ms" | "my" | "th" | "vi" | "yo" | "zh" => Other,
        "am" | "bn" | "fa" | "fr" | "gu" | "hi" | "hy" | "kn" | "pt" | "zu" => {
            if n <= 1 {
                One
            } else {
                Other
            }
        }
        "be" | "bs" | "hr" | "ru" | "sr" | "uk" => match ten {
            1 if hundred != 11 => One,
            2..=4 if !teen => Few,
            _ if matches!(language.get(..2), Some("bs" | "hr" | "sr")) => Other,
            _ => Many,
        },
        "pl" => match ten {
            _ if n == 1 => One,
            2..=4 if !teen => Few,
            _ => Many,
        },
        "cs" | "sk" => match n {
            1 => One,
            2..=4 => Few,
            _ => Other,
        },
        "lt" => match ten {
            1 if hundred != 11 => One,
            2..=9 if !(11..=19).contains(&hundred) => Few,
            _ => Other,
        },
        "lv" => match ten {
            0 => Zero,
            _ if (11..=19).contains(&hundred) => Zero,
            1 => One,
            _ => Other,
        },
        "ro" => match hundred {
            _ if n == 1 => One,
            _ if n == 0 => Few,
            1..=19 => Few,
            _ => Other,
        },
        "sl" => match hundred {
            1 => One,
            2 => Two,
            3 | 4 => Few,
            _ => Other,
        },
        "he" => match n {
            1 => One,
            2 => Two,
            _ => Other,
        },
        "ar" => match (n, hundred) {
            (0, _) => Zero,
            (1, _) => One,
            (2, _) => Two,
            (_, 3..=10) => Few,
            (_, 11..=99) => Many,
            _ => Other,
        },
        "ga" => match n {
            1 => One,
            2 => Two,
            3..=6 => Few,
            7..=10 => Many,
            _ => Other,
        },
        "mk" | "is" => {
            if ten == 1 && hundred != 11 {
                One
            } else {
                Other
            }
        }
        _ => {
            if n == 1 {
                One
            } else {
                Other
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Category::*;
    use super::*;

    #[test]
    fn numbers_take_their_forms() {
        for (language, n, expected) in [
            ("en", 1, One),
            ("en", 30, Other),
            ("de-at", 1, One),
            ("ja", 1, Other),
            ("fr", 0, One),
            ("ru", 21, One),
            ("ru", 22, Few),
            ("ru", 12, Many),
            ("ru", 30, Many),
            ("sr", 30, Other),
            ("pl", 21, Many),
            ("pl", 22, Few),
            ("pl", 112, Many),
            ("cs", 3, Few),
            ("cs", 10, Other),
            ("lt", 21, One),
            ("lt", 30, Other),
            ("lt", 5, Few),
            ("lv", 30, Zero),
            ("lv", 21, One),
            ("ro", 10, Few),
            ("ro", 30, Other),
            ("sl", 102, Two),
            ("ar", 2, Two),
            ("ar", 30, Many),
            ("ar", 10, Few),
            ("ar", 100, Other),
            ("he", 2, Two),
            ("xx", 1, One),
        ] {
            assert_eq!(category(language, n), expected, "{language} {n}");
        }
    }
}
