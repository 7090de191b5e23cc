//! Single rules, each held against one part of one rendering. What is broken goes to `tell`.

use resetd_core::secret::group_digits;

use super::error::Rule;
use super::html::{Token, tokens, visible_lines};
use super::values::Values;

const SUBJECT_MAX: usize = 78;
/// The person of the sample values.
const ADDRESS: &str = "anna.kovacs@mail.example";

/// What is wrong with a subject.
pub(super) fn wrong_subject(subject: &str, values: &Values<'_>) -> Option<String> {
    let length = subject.chars().count();
    let squeezed: String = subject.chars().filter(|c| !c.is_whitespace()).collect();
    if subject.is_empty() || length > SUBJECT_MAX || subject.chars().any(char::is_control) {
        return Some(format!("the subject must be one line of 1 to {SUBJECT_MAX} characters, is {length}"));
    }
    let holds = |secret: Option<&str>| secret.is_some_and(|secret| squeezed.contains(secret));
    (holds(values.code) || holds(values.link)).then(|| "the subject holds the secret".to_owned())
}

/// One link and one code, each where the method has it; no other address of the web anywhere.
pub(super) fn secrets(shown: &[String], values: &Values<'_>, html: bool, tell: &mut impl FnMut(Rule, String)) {
    let wanted_link = usize::from(values.link.is_some());
    let urls: Vec<&str> = shown.iter().flat_map(|line| line.split_whitespace()).filter(|word| word.contains("://")).collect();
    if urls.iter().any(|url| Some(*url) != values.link) {
        tell(Rule::Secret, "shows another web address than the link, or the link with something attached to it".to_owned());
    }
    if urls.len() != wanted_link {
        tell(Rule::Secret, format!("shows the link {} times as text, must show it {wanted_link} times", urls.len()));
    }
    if let Some(link) = values.link
        && !shown.iter().any(|line| line == link)
    {
        tell(Rule::LinkLine, "the link must stand alone on a line".to_owned());
    }
    let grouped = values.code.map(|code| group_digits(code).to_string());
    let wanted = usize::from(values.code.is_some());
    let count = |needle: &str| shown.iter().map(|line| line.matches(needle).count()).sum::<usize>();
    let codes = grouped.as_deref().map_or(0, count);
    if codes != wanted {
        tell(Rule::Secret, format!("shows the code {codes} times, must show it {wanted} times"));
    }
    if let Some(code) = values.code.filter(|_| !html)
        && shown.last() != Some(&format!("@{} #{code}", values.brand.0.domain))
    {
        tell(Rule::Secret, "the last line must be `@{{ domain }} #{{ code_digits }}` where there is a code".to_owned());
    }
}

/// Three or four lines, the person, and the time that is left.
pub(super) fn of_resets(body: &[String], anchors: &[String], values: &Values<'_>, tell: &mut impl FnMut(Rule, String)) {
    let grouped = values.code.map(|code| group_digits(code).to_string());
    let is_secret = |line: &str| Some(line) == values.link || Some(line) == grouped.as_deref() || anchors.iter().any(|text| text == line);
    let lines = body.iter().filter(|line| !line.is_empty() && !is_secret(line)).count();
    if !(3..=4).contains(&lines) && values.link_minutes.or(values.code_minutes).is_some() {
        tell(Rule::BodyLines, format!("block `body` has {lines} lines beside link and code, must have 3 or 4"));
    }
    let all = body.join("\n");
    if !all.contains(ADDRESS) {
        tell(Rule::Address, "must name the person's address or login ({{ who }}, {{ email }} or {{ account }})".to_owned());
    }
    let says = |minutes: u32| all.split(|c: char| !c.is_ascii_digit()).any(|word| word == minutes.to_string());
    for (minutes, what) in [(values.link_minutes, "link"), (values.code_minutes, "code")] {
        if minutes.is_some_and(|minutes| !says(minutes)) {
            tell(Rule::Expiry, format!("must say how long the {what} is good ({{{{ {what}_minutes }}}})"));
        }
    }
}

/// The texts of links, which are no lines of their own.
pub(super) fn anchor_texts(html: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut inside: Option<String> = None;
    for token in tokens(html) {
        match (token, &mut inside) {
            (Token::Open { name, .. }, _) if name == "a" => inside = Some(String::new()),
            (Token::Close(name), Some(text)) if name == "a" => {
                texts.extend(visible_lines(text));
                inside = None;
            }
            (Token::Text(more), Some(text)) => text.push_str(more),
            _ => {}
        }
    }
    texts
}

/// Nothing from elsewhere, nothing active, no link but the one.
pub(super) fn structure(html: &str, link: Option<&str>, logo: Option<&str>, tell: &mut impl FnMut(Rule, String)) {
    let mut links = 0;
    let mut in_style = false;
    for token in tokens(html) {
        match token {
            Token::Open { name, attributes, .. } => {
                in_style = name == "style";
                if is_active(&name) {
                    tell(Rule::Active, format!("<{name}> has no place in a mail"));
                }
                for (attribute, value) in &attributes {
                    links += usize::from(attribute == "href" && Some(value.as_str()) == link);
                    if attribute != "src" || Some(value.as_str()) != logo {
                        judge(&name, attribute, value, link, tell);
                    }
                }
            }
            Token::Close(_) => in_style = false,
            Token::Text(text) if in_style && loads(text) => tell(Rule::Remote, "the style sheet loads something".to_owned()),
            Token::Text(_) => {}
        }
    }
    let wanted = usize::from(link.is_some());
    if links != wanted {
        tell(Rule::Secret, format!("has {links} links to the reset page, must have {wanted}"));
    }
}

fn judge(tag: &str, attribute: &str, value: &str, link: Option<&str>, tell: &mut impl FnMut(Rule, String)) {
    let value = value.trim();
    match attribute {
        "href" if value.starts_with("mailto:") || Some(value) == link => {}
        "href" => tell(Rule::Secret, format!("<{tag}> leads elsewhere than to the reset page")),
        "src" | "srcset" | "background" | "poster" | "data" | "action" | "formaction" | "xlink:href"
            if !value.starts_with("data:image/") =>
        {
            tell(Rule::Remote, format!("<{tag} {attribute}> loads something from elsewhere"));
        }
        "style" if loads(value) => tell(Rule::Remote, format!("<{tag} style> loads something")),
        "http-equiv" if value.eq_ignore_ascii_case("refresh") => tell(Rule::Active, "<meta> leads elsewhere by itself".to_owned()),
        event if event.starts_with("on") => tell(Rule::Active, format!("<{tag} {event}> is a script")),
        _ => {}
    }
}

fn loads(css: &str) -> bool {
    let css = css.to_ascii_lowercase();
    css.contains("url(") || css.contains("@import") || css.contains("image-set(") || css.contains("expression(") || css.contains('\\')
}

fn is_active(name: &str) -> bool {
    matches!(
        name,
        "script"
            | "form"
            | "input"
            | "button"
            | "select"
            | "textarea"
            | "iframe"
            | "frame"
            | "frameset"
            | "object"
            | "embed"
            | "applet"
            | "link"
            | "base"
            | "svg"
            | "math"
            | "video"
            | "audio"
            | "source"
    )
}

/// Names of tags and attributes in their order.
pub(super) fn skeleton(html: &str) -> Vec<String> {
    let of = |token| match token {
        Token::Open { name, attributes, .. } => {
            let names: Vec<String> = attributes.into_iter().map(|(name, _)| name).collect();
            Some(format!("{name} {}", names.join(" ")))
        }
        Token::Close(name) => Some(format!("/{name}")),
        Token::Text(_) => None,
    };
    tokens(html).into_iter().filter_map(of).collect()
}
