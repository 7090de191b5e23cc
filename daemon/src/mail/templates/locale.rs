//! Which language a mail is in: BCP 47 tags, cut from the right (RFC 4647 §3.4), then the portal's, then English.

/// The language of last resort; every wording of ours has it.
pub const FALLBACK: &str = "en";

/// The first of the languages to try that `has` knows, in the spelling that it is kept under.
pub(super) fn choose<'k>(wanted: &str, portal: &str, has: impl Fn(&str) -> Option<&'k str>) -> Option<&'k str> {
    ranges(wanted).chain(ranges(portal)).chain(ranges(FALLBACK)).find_map(|tag| has(&tag).or_else(|| has(alias(&tag)?)))
}

/// What else a language is called, and what a language without its script or country most often means (CLDR's likely
/// subtags).
fn alias(tag: &str) -> Option<&'static str> {
    Some(match tag {
        "zh" | "zh-cn" | "zh-sg" | "zh-my" => "zh-hans",
        "zh-tw" | "zh-hk" | "zh-mo" => "zh-hant",
        "pt" => "pt-br",
        "pt-ao" | "pt-mz" | "pt-cv" | "pt-gw" | "pt-st" | "pt-tl" | "pt-ch" | "pt-lu" => "pt-pt",
        "no" | "nn" => "nb",
        "iw" => "he",
        "in" => "id",
        _ => return None,
    })
}

/// `de-AT-1996` → `de-at-1996`, `de-at`, `de`. A single letter or digit is never left at the end (RFC 4647 §3.4).
fn ranges(tag: &str) -> impl Iterator<Item = String> {
    let first = normal(tag);
    std::iter::successors(Some(first), |tag| {
        let (mut rest, _) = tag.rsplit_once('-')?;
        if let Some((head, last)) = rest.rsplit_once('-')
            && last.len() == 1
        {
            rest = head;
        }
        Some(rest.to_owned())
    })
}

/// Lower case, hyphens for underscores, nothing behind a `.` or `@` (`de_AT.UTF-8`).
pub(super) fn normal(tag: &str) -> String {
    let tag = tag.split(['.', '@']).next().unwrap_or_default();
    tag.trim().to_ascii_lowercase().replace('_', "-")
}

/// Whether text may be named that way in a `lang` attribute and a `Content-Language` header.
pub(super) fn is_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let language_ok = parts.next().is_some_and(|part| (2..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphabetic()));
    language_ok && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// `rtl` or `ltr`, by the language's usual script.
pub(super) fn direction(tag: &str) -> &'static str {
    match tag.split('-').next().unwrap_or_default() {
        "ar" | "arc" | "ckb" | "dv" | "fa" | "he" | "ps" | "sd" | "ug" | "ur" | "yi" => "rtl",
        _ => "ltr",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falls_back_step_by_step() {
        let known = ["en", "de", "pt-br", "zh-hant"];
        let pick = |wanted, portal| choose(wanted, portal, |tag| known.into_iter().find(|known| *known == tag));
        assert_eq!(pick("de-AT", "en"), Some("de"));
        assert_eq!(pick("de_CH.UTF-8", "en"), Some("de"));
        assert_eq!(pick("pt_BR", "en"), Some("pt-br"));
        assert_eq!(pick("zh-Hant-TW", "en"), Some("zh-hant"));
        assert_eq!(pick("fr", "de-DE"), Some("de"));
        assert_eq!(pick("fr", "it"), Some("en"));
        assert_eq!(pick("", ""), Some("en"));
        assert_eq!(pick("de-x-internal", "en"), Some("de"));
        assert_eq!(pick("zh-HK", "en"), Some("zh-hant"));
        assert_eq!(pick("pt", "en"), Some("pt-br"));
    }

    #[test]
    fn tags_are_plain() {
        assert!(is_tag("en") && is_tag("zh-Hant-TW") && is_tag("es-419"));
        for bad in ["", "e", "english", "en-", "en-\r\nX: y", "en us", "../en"] {
            assert!(!is_tag(bad), "{bad:?}");
        }
    }
}
