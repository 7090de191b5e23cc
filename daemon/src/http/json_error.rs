//! What is wrong with a JSON body, as field and rule. serde says it in one sentence, made for developers and quoting what was
//! sent; a code sent as a number would stand in it. So the sentence is taken apart, and only what was expected is kept.

use serde::de::DeserializeOwned;

use super::problem::Refuse;
use crate::wire::{Kind, Problem};

/// Reads a request type. The path to a wrong field is only looked for when there is one: that costs a second reading.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refuse> {
    let first = bytes.iter().find(|octet| !octet.is_ascii_whitespace());
    if first == Some(&b'[') {
        // serde would take the fields of a struct from a list, by their order.
        return Err(Problem::invalid("body", "must be a JSON object").into());
    }
    serde_json::from_slice(bytes).map_err(|error| explain::<T>(bytes, error).into())
}

fn explain<T: DeserializeOwned>(bytes: &[u8], error: serde_json::Error) -> Problem {
    if !error.is_data() {
        let what = if bytes.is_empty() { "the body is empty".to_owned() } else { format!("the body is not JSON: {error}") };
        return Problem::new(Kind::Malformed, what);
    }
    let reader = &mut serde_json::Deserializer::from_slice(bytes);
    let Err(error) = serde_path_to_error::deserialize::<_, T>(reader) else {
        return Problem::new(Kind::Malformed, "the body has something behind the JSON value");
    };
    let parent = error.path().to_string();
    let sentence = error.inner().to_string();
    let sentence = sentence.rsplit_once(" at line ").map_or(sentence.as_str(), |(sentence, _)| sentence);
    field_and_rule(&parent, sentence)
}

fn field_and_rule(path: &str, sentence: &str) -> Problem {
    if let Some(name) = sentence.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return Problem::invalid(join(path, name), "is missing");
    }
    if let Some((name, known)) = sentence.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, ")) {
        let known = known.trim_start_matches("expected ").trim_start_matches("one of ").replace('`', "");
        return match repeatable(name) {
            Some(name) => Problem::invalid(join(path, name), format!("is not known here (known: {known})")),
            None => Problem::invalid("body", format!("has a field that is not known here (known: {known})")),
        };
    }
    if let Some(name) = sentence.strip_prefix("duplicate field `").and_then(|rest| rest.strip_suffix('`')) {
        return Problem::invalid(join(path, name), "stands twice");
    }
    let field = if path == "." { "body" } else { path };
    let expected = sentence.rsplit_once(", expected ").map(|(_, expected)| match expected {
        expected if expected.starts_with("struct ") || expected.starts_with("a map") => "a JSON object".to_owned(),
        expected => expected.replace('`', ""),
    });
    match expected {
        Some(expected) => Problem::invalid(field, format!("must be {expected}")),
        None => Problem::invalid(field, sentence),
    }
}

/// `parent.name`; the path may name the field already.
fn join(path: &str, name: &str) -> String {
    match path {
        "." => name.to_owned(),
        path if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
        path => format!("{path}.{name}"),
    }
}

/// A name that a client made up, where it may stand in an answer: one that could be a secret put in the wrong place may not.
pub(super) fn repeatable(name: &str) -> Option<&str> {
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    (name.len() <= 40 && digits < 6 && !name.chars().any(char::is_control)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{NewReset, Presented};

    fn wrong<T: DeserializeOwned>(body: &str) -> (Option<String>, String) {
        let Err(Refuse(problem)) = parse::<T>(body.as_bytes()) else { panic!("{body} was taken") };
        assert_eq!(problem.status, 400);
        (problem.field, problem.rule.unwrap_or(problem.detail))
    }

    fn field(name: &str, rule: &str) -> (Option<String>, String) {
        (Some(name.to_owned()), rule.to_owned())
    }

    #[test]
    fn field_and_rule_are_named() {
        let reset = wrong::<NewReset>;
        assert_eq!(reset(r#"{"portal":"a","email":"b"}"#), field("account", "is missing"));
        assert_eq!(reset(r#"{"portal":"a","account":null,"email":5}"#), field("email", "must be a string"));
        assert_eq!(reset(r#"{"portal":"a","account":[],"email":"b"}"#), field("account", "must be a string"));
        let method = reset(r#"{"portal":"a","account":null,"email":"b","method":"sms"}"#);
        assert_eq!(method, field("method", "must be one of link, code, both"));
        assert_eq!(reset(r#"{"portal":"a","account":null,"email":"b","client":{"ip":1}}"#), field("client.ip", "must be a string"));
        assert_eq!(reset(r#"{"portal":"a","account":null,"email":"b","client":7}"#), field("client", "must be a JSON object"));
        assert_eq!(reset(r#"{"portal":"a","portal":"b"}"#), field("portal", "stands twice"));
        assert_eq!(reset(r#"["shop","u-1","ann@example.org"]"#), field("body", "must be a JSON object"));
        assert_eq!(reset("7"), field("body", "must be a JSON object"));
    }

    #[test]
    fn unknown_fields_are_named_with_the_known_ones() {
        let (name, rule) = wrong::<NewReset>(r#"{"portal":"a","account":null,"email":"b","client":{"port":1}}"#);
        assert_eq!((name.as_deref(), rule.as_str()), (Some("client.port"), "is not known here (known: ip or user_agent)"));
        let (name, _) = wrong::<NewReset>(r#"{"portal":"a","account":null,"email":"b","mail":1}"#);
        assert_eq!(name.as_deref(), Some("mail"));
    }

    #[test]
    fn times_are_explained() {
        let (name, rule) = wrong::<NewReset>(r#"{"portal":"a","account":null,"email":"b","valid_since":"yesterday"}"#);
        assert_eq!(name.as_deref(), Some("valid_since"));
        assert!(rule.contains("RFC 3339"), "{rule}");
    }

    #[test]
    fn no_json_says_where_and_quotes_nothing() {
        for body in ["", "{", r#"{"token":"abc"#, r#"{"token":"abc"} x"#, "\u{feff}{}"] {
            let (name, detail) = wrong::<Presented>(body);
            assert_eq!(name, None, "{body}");
            assert!(!detail.contains("abc"), "{detail}");
        }
    }

    #[test]
    fn a_secret_sent_as_a_name_is_not_echoed() {
        for name in ["12345678", "1234-5678", "AQGiCeZkbdISjxLOJU9j8YbRuuuAXs06dl59qN1h5z1ZGpq40rfXfYCw7fyZ", "a\u{7}"] {
            let (field, rule) = wrong::<Presented>(&serde_json::json!({ name: 1 }).to_string());
            assert_eq!(field.as_deref(), Some("body"));
            assert!(!rule.contains(name), "{rule}");
        }
    }

    #[test]
    fn a_code_sent_as_a_number_is_not_echoed() {
        let (name, rule) = wrong::<Presented>(r#"{"portal":"a","account":"b","code":12345678}"#);
        assert_eq!((name.as_deref(), rule.as_str()), (Some("code"), "must be a string"));
    }
}
