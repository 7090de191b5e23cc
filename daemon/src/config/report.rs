//! Collects problems while a file is read and checked.

use std::ops::Range;

use super::problem::Problem;
use super::source::{Source, plain_path};

/// The problems so far.
pub(super) struct Report<'s> {
    source: &'s Source<'s>,
    problems: Vec<Problem>,
    /// Paths that were complained about: what is missing because it was bad is not called missing as well.
    named: Vec<String>,
}

impl<'s> Report<'s> {
    pub(super) fn new(source: &'s Source<'s>) -> Self {
        Self { source, problems: Vec::new(), named: Vec::new() }
    }

    /// The value at `path` is bad: `path = value: text`.
    pub(super) fn value(&mut self, path: &str, text: &str) {
        let shown = self.source.show(path);
        self.note(path, format!("{shown}: {text}"));
    }

    /// The key at `path` is bad, or what stands there may not be repeated: `path: text`.
    pub(super) fn key(&mut self, path: &str, text: &str) {
        self.note(path, format!("{}: {text}", plain_path(path)));
    }

    /// Something that needs no key.
    pub(super) fn at_line(&mut self, line: Option<usize>, text: String) {
        self.problems.push(Problem { line, text });
    }

    /// What stands at `path`; reported as missing where nothing does, unless something bad did.
    pub(super) fn required<T>(&mut self, path: &str, value: Option<T>, must_be: &str) -> Option<T> {
        if value.is_none() && !self.complained(path) {
            self.key(path, &format!("is missing: must be {must_be}"));
        }
        value
    }

    /// Whether `path` or something below it was complained about.
    pub(super) fn complained(&self, path: &str) -> bool {
        self.named.iter().any(|named| named.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '['])))
    }

    /// Whether the file has this key.
    pub(super) fn stands(&self, path: &str) -> bool {
        self.source.find(path).is_some()
    }

    /// The path of what stands at a place in the text.
    pub(super) fn path_at(&self, span: &Range<usize>) -> String {
        self.source.at(span).map(|(entry, _)| entry.path().to_owned()).unwrap_or_default()
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    fn note(&mut self, path: &str, text: String) {
        self.problems.push(Problem { line: self.source.line_of(path), text });
        self.named.push(path.to_owned());
    }
}
