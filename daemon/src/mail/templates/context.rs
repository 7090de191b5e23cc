//! What the template engine sees: names that are looked up when a template asks for them. `t.lead` is the sentence `lead`
//! of the mail's language.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::Object;

use super::fields::{Fields, Place};
use super::locale;
use super::strings::Language;

/// What templates may name beside the [`Place`]s.
const EXTRA: [&str; 17] = [
    "t",
    "lang",
    "dir",
    "subject",
    "link",
    "code",
    "code_digits",
    "expires",
    "method",
    "words",
    "revoked",
    "not_me_link",
    "logo",
    "button_color",
    "button_text_color",
    "accent_color",
    "accent_dark_color",
];

/// Whether a template may name this variable.
pub(super) fn is_known(variable: &str) -> bool {
    EXTRA.contains(&variable) || Place::parse(variable).is_some()
}

/// The variables of one part of one mail.
pub(super) struct Context {
    pub fields: Arc<Fields>,
    pub language: Arc<Language>,
    pub wording: Arc<str>,
    pub subject: Arc<str>,
    pub html: bool,
}

/// `t`
struct Sentences(Arc<Context>);

impl Context {
    /// A `mailto:` that opens a ready answer (RFC 6068).
    fn not_me_link(&self) -> Option<String> {
        let say = |key| self.language.say(&self.wording, key, &self.fields, false);
        let (to, subject, body) = (self.fields.reply_to.as_ref()?, say("not_me_subject")?, say("not_me_body")?);
        Some(format!("mailto:{to}?subject={}&body={}", percent(&subject), percent(&body)))
    }

    fn extra(self: &Arc<Self>, name: &str) -> Option<Value> {
        let fields = &self.fields;
        let colors = &fields.brand.0.colors;
        Some(match name {
            "t" => Value::from_object(Sentences(self.clone())),
            "lang" => Value::from(self.language.tag.as_str()),
            "dir" => Value::from(locale::direction(&self.language.tag)),
            "subject" => Value::from(self.subject.clone()),
            "link" => Value::from(fields.link.as_ref().map(|link| link.as_str())),
            "code" => Value::from(fields.code_grouped().as_ref().map(|code| code.as_str())),
            "code_digits" => Value::from(fields.code.as_ref().map(|code| code.as_str())),
            "expires" => Value::from(fields.expires()),
            "method" => Value::from(fields.method()),
            "words" => Value::from(fields.words.clone()),
            "revoked" => Value::from(fields.revoked),
            "not_me_link" => Value::from(self.not_me_link()),
            "logo" => Value::from(fields.brand.0.logo_url.as_deref()),
            "button_color" => Value::from(colors.button.as_str()),
            "button_text_color" => Value::from(colors.button_text.as_str()),
            "accent_color" => Value::from(colors.accent.as_str()),
            "accent_dark_color" => Value::from(colors.accent_dark.as_str()),
            _ => return None,
        })
    }
}

impl Object for Context {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    /// A value that is not known in this mail is `none`: `{% if name %}` asks for it.
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let Some(place) = Place::parse(key) else { return self.extra(key) };
        if place == Place::Time {
            return Some(Value::from(self.language.time(&self.fields)));
        }
        Some(match self.fields.number(place) {
            Some(number) => Value::from(number),
            None => Value::from(self.fields.text(place)),
        })
    }
}

impl Object for Sentences {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let Context { fields, language, wording, html, .. } = &*self.0;
        let sentence = language.say(wording, key, fields, *html)?;
        Some(if *html { Value::from_safe_string(sentence) } else { Value::from(sentence) })
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Context(…)")
    }
}

impl fmt::Debug for Sentences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sentences(…)")
    }
}

/// Everything but letters and digits of ASCII and `-._~` as `%XX` (RFC 3986 §2.1).
fn percent(text: &str) -> String {
    let mut coded = String::with_capacity(text.len() * 3);
    for octet in text.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => coded.push(char::from(octet)),
            octet => coded.push_str(&format!("%{octet:02X}")),
        }
    }
    coded
}
