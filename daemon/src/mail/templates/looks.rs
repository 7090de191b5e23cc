//! Rules of what a page looks like: tags that close, pictures with words beside them, text that can be read on its ground.
//! Only what a tag itself says is looked at (`style`, `bgcolor`, `color`), which is what most mail clients go by.

use super::color::contrast_of;
use super::error::Rule;
use super::html::{Token, tokens};

const CONTRAST_MIN: f64 = 4.5;

/// A tag that is open.
struct Open {
    name: String,
    color: Option<String>,
    ground: Option<String>,
    hidden: bool,
}

/// What is wrong with a page's looks.
pub(super) fn looks(html: &str, tell: &mut impl FnMut(Rule, String)) {
    let mut open: Vec<Open> = Vec::new();
    for token in tokens(html) {
        match token {
            Token::Open { name, attributes, ends } => {
                let value = |wanted: &str| attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
                if name == "img" && value("alt").is_none() {
                    tell(
                        Rule::Alt,
                        "<img> lacks alt=\"…\": the words for whoever doesn't see the picture (empty for decoration)".to_owned(),
                    );
                }
                if is_void(&name) || name.starts_with(['!', '?']) || (ends && name.contains(':')) {
                    continue;
                }
                let style = value("style").unwrap_or_default();
                let hidden = matches!(name.as_str(), "head" | "style" | "title" | "script") || property(style, "display") == Some("none");
                let color = property(style, "color").or_else(|| value("color")).map(str::to_owned);
                let ground = property(style, "background-color").or_else(|| property(style, "background"));
                let ground = ground.or_else(|| value("bgcolor")).map(str::to_owned);
                open.push(Open { name, color, ground, hidden });
            }
            Token::Close(name) => match open.iter().rposition(|tag| tag.name == name) {
                // HTML lets these end by themselves.
                Some(at) => {
                    if let Some(left) = open[at + 1..].iter().find(|tag| !ends_by_itself(&tag.name)) {
                        tell(Rule::Markup, format!("<{}> is not closed before </{name}>", left.name));
                    }
                    open.truncate(at);
                }
                None if is_void(&name) => {}
                None => tell(Rule::Markup, format!("</{name}> closes what is not open")),
            },
            Token::Text(text) => readable(text, &open, tell),
        }
    }
    if let Some(left) = open.iter().find(|tag| !ends_by_itself(&tag.name)) {
        tell(Rule::Markup, format!("<{}> is never closed", left.name));
    }
}

fn readable(text: &str, open: &[Open], tell: &mut impl FnMut(Rule, String)) {
    if !text.contains(|c: char| c.is_alphanumeric()) || open.iter().any(|tag| tag.hidden) {
        return;
    }
    let color = open.iter().rev().find_map(|tag| tag.color.as_deref()).unwrap_or("#000000");
    let ground = open.iter().rev().find_map(|tag| tag.ground.as_deref()).unwrap_or("#ffffff");
    // A name or function that is not understood is not judged.
    if let Some(contrast) = contrast_of(color, ground).filter(|contrast| *contrast < CONTRAST_MIN) {
        tell(
            Rule::Contrast,
            format!("text in {color} on {ground} has a contrast of {contrast:.1} to 1, must have at least {CONTRAST_MIN}"),
        );
    }
}

/// A property of a `style` attribute.
fn property<'a>(style: &'a str, name: &str) -> Option<&'a str> {
    let found =
        style.split(';').filter_map(|declaration| declaration.split_once(':')).rfind(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim().trim_end_matches("!important").trim_end())
}

fn is_void(name: &str) -> bool {
    matches!(name, "area" | "br" | "col" | "hr" | "img" | "meta" | "wbr")
}

fn ends_by_itself(name: &str) -> bool {
    matches!(name, "p" | "li" | "td" | "th" | "tr" | "tbody" | "thead" | "html" | "body" | "head")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(html: &str) -> Vec<(Rule, String)> {
        let mut told = Vec::new();
        looks(html, &mut |rule, message| told.push((rule, message)));
        told
    }

    #[test]
    fn sees_what_cannot_be_read() {
        for bad in [
            "<p style=\"color:#aaaaaa\">x</p>",
            "<td bgcolor=\"#000000\"><b>x</b></td>",
            "<div style='background:#fff'><p style='COLOR: white'>x</p></div>",
            "<p style=\"color:#777\">x</p>",
        ] {
            let told = told(bad);
            assert!(matches!(&told[..], [(Rule::Contrast, _)]), "{bad} {told:?}");
        }
        for good in [
            "<p style=\"color:#767676\">x</p>",
            "<td bgcolor=\"#000000\"><b style=\"color:#fff\">x</b></td>",
            "<div style='display:none;color:#fff'>x</div>",
            "<p style=\"color:var(--x)\">x</p>",
            "<p style=\"background:#fff;color:white\"> \n</p>",
        ] {
            assert_eq!(told(good), [], "{good}");
        }
    }

    #[test]
    fn sees_tags_that_do_not_close() {
        for bad in ["<div><b>x</div>", "<b>x", "x</b>", "<table><tr><td><a href='x'>x</td></tr></table>", "<o:x><o:y></o:x>", "<b/>x"] {
            assert!(told(bad).iter().any(|(rule, _)| *rule == Rule::Markup), "{bad}");
        }
        for good in [
            "<!doctype html><html><body><p>a<p>b<br>c</body></html>",
            "<!--[if mso]><td><![endif]-->x<!--[if mso]></td><![endif]-->",
            "<o:x><o:y/></o:x>",
        ] {
            assert_eq!(told(good), [], "{good}");
        }
    }

    #[test]
    fn wants_words_for_pictures() {
        assert!(matches!(&told("<img src='data:image/png,x'>")[..], [(Rule::Alt, _)]));
        assert_eq!(told("<img alt='' src='data:image/png,x'>"), []);
    }
}
