//! TOML → the sections, by serde. Serde stops at the first thing that does not fit; so that an administrator sees all of
//! them at once, the offending entry is noted, taken out, and the rest is read again.

use std::ops::Range;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problem;
use super::report::Report;
use super::source::{Entry, Part, Source};

/// How much alike an unknown key and a known one must be to be suggested (Jaro-Winkler, 0 to 1): `reset_ulr` is 0.98
/// from `reset_url`, `password` 0.92 from `password_file`, `pop3` far from all.
const ALIKE: f64 = 0.8;

/// The file as TOML sees it, or its syntax errors.
pub(super) fn parse_toml(text: &str) -> Result<Spanned<DeTable<'_>>, Vec<Problem>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(table);
    }
    let line = |span: Range<usize>| text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1;
    let mut problems: Vec<Problem> = Vec::new();
    for error in errors {
        let line = error.span().map(line);
        // One slip makes the parser stumble several times over the same line.
        if problems.iter().all(|known| known.line != line) {
            let key = line.map_or(String::new(), |line| key_on(text, line));
            problems.push(Problem { line, text: format!("{key}is not TOML: {}", error.message().replace('\n', ", ")) });
        }
    }
    Err(problems)
}

/// What stands before the `=` of a line that is not TOML, to name it. What stands behind may be a secret in a wrong place.
fn key_on(text: &str, line: usize) -> String {
    let line = text.lines().nth(line - 1).unwrap_or_default();
    line.split_once('=').map_or(String::new(), |(key, _)| format!("{}: ", key.trim()))
}

/// Reads a `T` out of the table. What does not fit is reported and left at its default.
pub(super) fn read<'t, T>(table: &Spanned<DeTable<'t>>, source: &Source<'t>, report: &mut Report<'_>) -> T
where
    T: Deserialize<'t> + Default,
{
    let mut table = table.clone();
    loop {
        let error = match T::deserialize(table.clone().into_deserializer()) {
            Ok(value) => return value,
            Err(error) => error,
        };
        let found = error.span().and_then(|span| source.at(&span));
        let Some((entry, part)) = found else {
            report.at_line(None, error.message().to_owned());
            return T::default();
        };
        explain(entry, part, error.message(), report);
        if !take_out(table.get_mut(), entry, "") {
            return T::default();
        }
    }
}

fn explain(entry: &Entry, part: Part, message: &str, report: &mut Report<'_>) {
    match part {
        Part::Key => report.key(entry.path(), &unknown_key(entry.path(), message)),
        Part::Value => report.value(entry.path(), &must_be(message)),
    }
}

/// Serde says "unknown field `x`, expected one of `a`, `b`"; what it calls a field is a key to an administrator.
fn unknown_key(path: &str, message: &str) -> String {
    let key = path.rsplit('.').next().unwrap_or(path);
    let known: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
    let score = |candidate: &str| strsim::jaro_winkler(key, candidate);
    let nearest = known.iter().copied().max_by(|a, b| score(a).total_cmp(&score(b)));
    match nearest {
        Some(nearest) if score(nearest) >= ALIKE => format!("no such key; did you mean `{nearest}`?"),
        _ => format!("no such key; known here: {}", known.join(", ")),
    }
}

/// Our own types say "must be …" themselves; serde says "invalid type: integer `5`, expected a text".
fn must_be(message: &str) -> String {
    let expected = match message.split_once(", expected ") {
        Some((_, "a boolean")) => "true or false",
        Some((_, "a sequence")) => "a list: [\"…\", \"…\"]",
        Some((_, "a map")) => "a table",
        Some((_, expected)) => expected,
        None => return message.to_owned(),
    };
    format!("must be {expected}")
}

/// Removes the entry from the table; whether it was there.
fn take_out(table: &mut DeTable<'_>, entry: &Entry, above: &str) -> bool {
    let mut found = None;
    for (key, value) in table.iter_mut() {
        let dot = if above.is_empty() { "" } else { "." };
        let path = format!("{above}{dot}{}", key.get_ref());
        if path == entry.path() {
            found = Some(key.clone());
            break;
        }
        if take_out_of_value(value.get_mut(), entry, &path) {
            return true;
        }
    }
    found.is_some_and(|key| table.remove(&key).is_some())
}

fn take_out_of_value(value: &mut DeValue<'_>, entry: &Entry, path: &str) -> bool {
    match value {
        DeValue::Table(table) => take_out(table, entry, path),
        DeValue::Array(items) => {
            let item = |index: usize| format!("{path}[{index}]");
            // By its place in the text, since the numbers of those behind it change when one is taken out; tables of a list have
            // none of their own, and go by number.
            let is_item =
                entry.path().strip_prefix(path).is_some_and(|rest| rest.starts_with('[') && rest.find(']') == Some(rest.len() - 1));
            let by_place = items.iter().position(|item| is_item && entry.stands_at(&item.span()) && !item.get_ref().is_table());
            if let Some(gone) = by_place.or_else(|| (0..items.len()).find(|index| item(*index) == entry.path())) {
                let kept = items.iter().enumerate().filter(|(index, _)| *index != gone).map(|(_, item)| item.clone());
                *items = kept.collect();
                return true;
            }
            (0..items.len()).any(|index| items.get_mut(index).is_some_and(|value| take_out_of_value(value.get_mut(), entry, &item(index))))
        }
        _ => false,
    }
}
