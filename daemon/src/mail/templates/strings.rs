//! The sentences of one language: `locales/TAG.toml`, one table per wording and `[common]` for what several share.
//!
//! A sentence is plain text with `{place}`s; a table of plural forms (`{ one = …, other = … }`) is chosen by the first
//! number among its places. A wording that asks for `lead` gets `lead`, or else `lead_link`, `lead_code` or `lead_both` by
//! the mail's method; first in its own table, then in `[common]`. `[familiar.WORDING]` holds what differs for people who are on
//! familiar terms, `[format]` how a date is written.

use std::collections::BTreeMap;
use std::path::Path;

use super::dates::Dates;
use super::error::{Problem, Rule};
use super::fields::{Fields, Place};
use super::plural::{Category, category};

/// The table that all wordings share.
pub(super) const COMMON: &str = "common";
/// The table of tables with what differs where people are on familiar terms.
pub(super) const FAMILIAR: &str = "familiar";
/// The table that says how a date is written.
pub(super) const FORMAT: &str = "format";
/// A sentence may not be longer than this, in octets.
const SENTENCE_MAX: usize = 1000;

/// One language.
#[derive(Clone, Debug, Default)]
pub(super) struct Language {
    /// BCP 47 as written in the file's name.
    pub tag: String,
    tables: Tables,
    familiar: Tables,
    dates: Option<Dates>,
}

type Tables = BTreeMap<String, BTreeMap<String, Sentence>>;

/// One sentence, or its plural forms.
#[derive(Clone, Debug)]
enum Sentence {
    Plain(Vec<Piece>),
    Plural { by: Place, forms: Vec<(Category, Vec<Piece>)> },
}

#[derive(Clone, Debug)]
enum Piece {
    Text(Box<str>),
    Value(Place),
}

impl Language {
    /// Reads a strings file; what can't be read of it is left out and told.
    pub fn parse(tag: &str, file: &Path, source: &str) -> (Self, Vec<Problem>) {
        let mut language = Self { tag: tag.to_owned(), ..Self::default() };
        let mut problems = Vec::new();
        let mut report = |line, rule, wording: Option<&str>, message: String| {
            problems.push(Problem { file: file.to_owned(), line, rule, message, wording: wording.map(str::to_owned) });
        };
        let document: toml::Table = match source.parse() {
            Ok(document) => document,
            Err(error) => {
                let line = error.span().map(|span| line_of(source, span.start));
                report(line, Rule::Syntax, None, error.message().to_owned());
                return (language, problems);
            }
        };
        for (table, entries) in &document {
            let Some(entries) = entries.as_table() else {
                report(None, Rule::Strings, None, format!("`{table}` stands outside a table: put it under [{COMMON}] or a wording"));
                continue;
            };
            match table.as_str() {
                FORMAT => match Dates::parse(entries) {
                    Ok(dates) => language.dates = Some(dates),
                    Err((key, message)) => {
                        report(find_line(source, table, key), Rule::Strings, None, format!("[{table}] {key}: {message}"));
                    }
                },
                FAMILIAR => {
                    for (inner, entries) in entries {
                        let path = format!("{FAMILIAR}.{inner}");
                        let Some(entries) = entries.as_table() else {
                            report(
                                None,
                                Rule::Strings,
                                None,
                                format!("`{path}` must be a table: [{FAMILIAR}.{COMMON}] or [{FAMILIAR}.WORDING]"),
                            );
                            continue;
                        };
                        take(&mut language.familiar, inner, &path, entries, source, &mut report);
                    }
                }
                _ => take(&mut language.tables, table, table, entries, source, &mut report),
            }
        }
        (language, problems)
    }

    /// With another file's sentences put over these. What an administrator wrote counts in both tones.
    pub fn overlaid(&self, other: Self) -> Self {
        let mut familiar = self.familiar.clone();
        for (table, entries) in &other.tables {
            if let Some(own) = familiar.get_mut(table) {
                own.retain(|key, _| !entries.contains_key(key));
            }
        }
        Self {
            tag: other.tag,
            tables: merged(self.tables.clone(), other.tables),
            familiar: merged(familiar, other.familiar),
            dates: other.dates.or_else(|| self.dates.clone()),
        }
    }

    /// The language among people on familiar terms, where it tells them apart.
    pub fn familiar(&self) -> Option<Self> {
        let differs = !self.familiar.is_empty();
        let tables = || merged(self.tables.clone(), self.familiar.clone());
        differs.then(|| Self { tag: self.tag.clone(), tables: tables(), familiar: Tables::new(), dates: self.dates.clone() })
    }

    /// When it happened, as the language writes it.
    pub fn time(&self, fields: &Fields) -> Option<String> {
        match &self.dates {
            Some(dates) => fields.at.map(|at| dates.say(at)),
            None => fields.text(Place::Time).map(str::to_owned),
        }
    }

    /// What it lacks to write a wording: its subject, and whatever `reference` has for it and for all wordings.
    pub fn missing(&self, wording: &str, reference: Option<&Self>) -> Vec<String> {
        let lacks = |table: &str, key: &str| self.tables.get(table).is_none_or(|own| !own.contains_key(key));
        let subject = lacks(wording, "subject").then(|| format!("[{wording}] subject"));
        let tables = [wording, COMMON].into_iter().filter_map(|table| Some((table, reference?.tables.get(table)?)));
        let wanted = tables.flat_map(|(table, keys)| keys.keys().map(move |key| (table, key.as_str())));
        let rest = wanted.filter(|(table, key)| (*table, *key) != (wording, "subject") && lacks(table, key));
        subject.into_iter().chain(rest.map(|(table, key)| format!("[{table}] {key}"))).collect()
    }

    /// Whether somebody began to write the wording in it.
    pub fn has_table(&self, wording: &str) -> bool {
        self.tables.contains_key(wording)
    }

    /// Whether any method finds this sentence.
    pub fn names(&self, wording: &str, key: &str) -> bool {
        ["", "_link", "_code", "_both"].into_iter().any(|suffix| self.find(wording, &format!("{key}{suffix}")).is_some())
    }

    fn find(&self, wording: &str, key: &str) -> Option<&Sentence> {
        let table = |name| self.tables.get(name).and_then(|table: &BTreeMap<String, Sentence>| table.get(key));
        table(wording).or_else(|| table(COMMON))
    }

    /// All its sentences, plural forms each by itself, as the texts between their places; an empty one stands for the end beside a place
    /// that begins or ends the sentence.
    pub fn texts(&self) -> impl Iterator<Item = Vec<&str>> {
        let tables = self.tables.values().chain(self.familiar.values());
        // The ready answer is not ours once it is sent: the person says it. What an answer was read as is said to support alone.
        let theirs = |key: &str| ["not_me_", "verdict_"].iter().any(|start| key.starts_with(start));
        let ours = tables.flatten().filter(move |(key, _)| !theirs(key)).map(|(_, sentence)| sentence);
        ours.flat_map(Sentence::forms).map(|pieces| {
            let last = pieces.len().saturating_sub(1);
            let texts = pieces.iter().enumerate().filter_map(|(at, piece)| match piece {
                Piece::Text(text) => Some(&**text),
                Piece::Value(_) => (at == 0 || at == last).then_some(""),
            });
            texts.collect()
        })
    }

    /// The sentence with its values put in by `put`; `None` where there is no such sentence or a value is missing.
    pub fn say(&self, wording: &str, key: &str, fields: &Fields, html: bool) -> Option<String> {
        let sentence = match self.find(wording, key) {
            Some(sentence) => sentence,
            None => self.find(wording, &format!("{key}_{}", fields.method()))?,
        };
        let pieces = match sentence {
            Sentence::Plain(pieces) => pieces,
            Sentence::Plural { by, forms } => {
                let wanted = category(&self.tag.to_ascii_lowercase(), fields.number(*by)?);
                let form = |category| forms.iter().find(|(own, _)| *own == category).map(|(_, pieces)| pieces);
                form(wanted).or_else(|| form(Category::Other))?
            }
        };
        let mut out = String::with_capacity(160);
        let isolates = super::locale::direction(&self.tag) == "rtl";
        for piece in pieces {
            match piece {
                Piece::Text(text) if html => super::fields::escape(text, &mut out),
                Piece::Text(text) => out.push_str(text),
                Piece::Value(Place::Time) => out.push_str(&self.time(fields)?),
                Piece::Value(place) => fields.write(*place, html, isolates, &mut out)?,
            }
        }
        Some(out)
    }
}

/// Reads one table; what can't be read of it is left out and told.
fn take(
    tables: &mut Tables,
    table: &str,
    path: &str,
    entries: &toml::Table,
    source: &str,
    report: &mut impl FnMut(Option<usize>, Rule, Option<&str>, String),
) {
    let wording = (table != COMMON).then_some(table);
    let known = tables.entry(table.to_owned()).or_default();
    for (key, value) in entries {
        match Sentence::parse(value) {
            Ok(sentence) => drop(known.insert(key.clone(), sentence)),
            Err((rule, message)) => report(find_line(source, path, key), rule, wording, format!("[{path}] {key}: {message}")),
        }
    }
}

fn merged(mut below: Tables, above: Tables) -> Tables {
    for (table, entries) in above {
        below.entry(table).or_default().extend(entries);
    }
    below
}

impl Sentence {
    /// It, or all its plural forms.
    fn forms(&self) -> Vec<&[Piece]> {
        match self {
            Self::Plain(pieces) => vec![pieces],
            Self::Plural { forms, .. } => forms.iter().map(|(_, pieces)| pieces.as_slice()).collect(),
        }
    }

    fn parse(value: &toml::Value) -> Result<Self, (Rule, String)> {
        match value {
            toml::Value::String(text) => pieces(text).map(Self::Plain),
            toml::Value::Table(forms) => Self::plural(forms),
            other => Err((Rule::Strings, format!("is {}, must be text or a table of plural forms", other.type_str()))),
        }
    }

    fn plural(table: &toml::Table) -> Result<Self, (Rule, String)> {
        let wrong = |message: &str| (Rule::Strings, message.to_owned());
        let mut forms = Vec::with_capacity(table.len());
        for (name, text) in table {
            let name = Category::parse(name).ok_or_else(|| wrong("plural forms are zero, one, two, few, many, other"))?;
            forms.push((name, pieces(text.as_str().ok_or_else(|| wrong("a plural form must be text"))?)?));
        }
        let other = forms.iter().find(|(name, _)| *name == Category::Other).ok_or_else(|| wrong("plural forms need `other`"))?;
        let number = other.1.iter().find_map(|piece| match piece {
            Piece::Value(place) if place.is_number() => Some(*place),
            _ => None,
        });
        let by = number.ok_or_else(|| wrong("the plural form `other` names no number"))?;
        Ok(Self::Plural { by, forms })
    }
}

/// Cuts `text {place} text`; `{{` and `}}` stand for the braces themselves.
fn pieces(text: &str) -> Result<Vec<Piece>, (Rule, String)> {
    if text.len() > SENTENCE_MAX || text.chars().any(char::is_control) {
        return Err((Rule::Strings, format!("must be one line of at most {SENTENCE_MAX} octets, without control characters")));
    }
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        plain.push_str(&rest[..at]);
        let tail = &rest[at..];
        if let Some(behind) = tail.strip_prefix("{{").or_else(|| tail.strip_prefix("}}")) {
            plain.push_str(&tail[..1]);
            rest = behind;
            continue;
        }
        let (name, behind) = tail
            .strip_prefix('{')
            .and_then(|tail| tail.split_once('}'))
            .ok_or_else(|| (Rule::Placeholders, "has a brace without its partner (write {{ or }} for a brace itself)".to_owned()))?;
        let place =
            Place::parse(name).ok_or_else(|| (Rule::Placeholders, format!("`{{{name}}}` is no value; known are {}", Place::names())))?;
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain).into()));
        }
        pieces.push(Piece::Value(place));
        rest = behind;
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain.into()));
    }
    Ok(pieces)
}

fn line_of(source: &str, offset: usize) -> usize {
    source.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

/// The line where a key of a table stands, as a person would look for it.
fn find_line(source: &str, table: &str, key: &str) -> Option<usize> {
    let mut inside = false;
    for (index, line) in source.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            inside = line.trim_matches(['[', ']', ' ']) == table;
        } else if inside && line.split_once('=').is_some_and(|(name, _)| name.trim().trim_matches('"') == key) {
            return Some(index + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(source: &str) -> Vec<(Option<usize>, Rule)> {
        Language::parse("en", Path::new("en.toml"), source).1.into_iter().map(|problem| (problem.line, problem.rule)).collect()
    }

    #[test]
    fn a_bad_file_is_told_by_line() {
        assert_eq!(problems("[easy]\nsubject = \"x\nlead = 1"), [(Some(2), Rule::Syntax)]);
        assert_eq!(problems("[easy]\nsubject = \"{nmae}\""), [(Some(2), Rule::Placeholders)]);
        assert_eq!(problems("[easy]\n\nlead = \"a } b\""), [(Some(3), Rule::Placeholders)]);
        assert_eq!(problems("[easy]\nlead = 1"), [(Some(2), Rule::Strings)]);
        assert_eq!(problems("lead = \"x\""), [(None, Rule::Strings)]);
        assert_eq!(problems("[easy]\nlead = { one = \"a\" }"), [(Some(2), Rule::Strings)]);
        assert_eq!(problems("[easy]\nlead = { other = \"no number\" }"), [(Some(2), Rule::Strings)]);
        assert_eq!(problems("[easy]\nlead = \"a\\nb\""), [(Some(2), Rule::Strings)]);
        assert_eq!(problems("[easy]\nlead = \"a {{b}} {name}\""), []);
    }

    #[test]
    fn no_sentence_can_hold_the_secret() {
        for place in ["link", "code", "code_digits"] {
            assert_eq!(problems(&format!("[easy]\nsubject = \"{{{place}}}\"")), [(Some(2), Rule::Placeholders)]);
        }
    }
}
