//! The file's text with an index of its keys: from a place in the text to a key and back, so that every message can name
//! line, key and what stands there.

use std::ops::Range;

use resetd_core::address::is_invisible;
use toml::de::{DeTable, DeValue};

/// The longest value that a message repeats, in characters.
const SHOWN: usize = 120;

/// One key, or one item of a list.
#[derive(Debug)]
pub(super) struct Entry {
    /// `portal.shop.title`; items of lists are numbered: `client[0].user`.
    path: String,
    key: Option<Range<usize>>,
    value: Range<usize>,
    is_table: bool,
}

impl Entry {
    /// The key's path, with numbers of items: what [`Source::find`] takes.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Whether its value is what stands there.
    pub(super) fn stands_at(&self, span: &Range<usize>) -> bool {
        self.value == *span
    }
}

/// Where in an entry a place in the text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Key,
    Value,
}

/// The file.
pub(super) struct Source<'t> {
    text: &'t str,
    entries: Vec<Entry>,
}

impl<'t> Source<'t> {
    pub(super) fn new(text: &'t str, root: &DeTable<'_>) -> Self {
        let mut entries = Vec::new();
        index_table(root, "", &mut entries);
        Self { text, entries }
    }

    /// The entry of this path.
    pub(super) fn find(&self, path: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.path == path)
    }

    /// The innermost entry that a place in the text belongs to.
    pub(super) fn at(&self, span: &Range<usize>) -> Option<(&Entry, Part)> {
        if let Some(entry) = self.entries.iter().find(|entry| entry.key.as_ref() == Some(span)) {
            return Some((entry, Part::Key));
        }
        let around = self.entries.iter().filter(|entry| entry.value.start <= span.start && span.end <= entry.value.end);
        // A list of tables has the same span as its first table: `rev` lets the inner one win.
        around.rev().min_by_key(|entry| entry.value.len()).map(|entry| (entry, Part::Value))
    }

    /// The line, from 1, on which the path stands, or else the nearest table above it that stands in the file.
    pub(super) fn line_of(&self, path: &str) -> Option<usize> {
        let mut path = path;
        loop {
            if let Some(entry) = self.find(path) {
                return Some(self.line(entry.key.as_ref().unwrap_or(&entry.value).start));
            }
            path = path.rfind(['.', '[']).map(|end| &path[..end])?;
        }
    }

    /// The line, from 1, of an offset.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
    }

    /// A path as a message names it, with what stands there: `portal.shop.color = "red"`. Tables are not repeated.
    pub(super) fn show(&self, path: &str) -> String {
        let value = self.find(path).filter(|entry| !entry.is_table).and_then(|entry| self.text.get(entry.value.clone()));
        match value {
            Some(value) => format!("{} = {}", plain_path(path), on_one_line(value)),
            None => plain_path(path),
        }
    }
}

/// A path without the numbers of items: the line tells which. A key can hold anything when it is quoted; a message can't.
pub(super) fn plain_path(path: &str) -> String {
    let mut parts = path.split('[');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(']') {
            Some((number, rest)) if number.chars().all(|c| c.is_ascii_digit()) => plain.push_str(rest),
            _ => plain.extend(["[", part]),
        }
    }
    on_one_line(&plain)
}

fn on_one_line(text: &str) -> String {
    let shown = |c: char| if c.is_control() || is_invisible(c) { c.escape_unicode().to_string() } else { c.to_string() };
    let clean: String = text.chars().take(SHOWN).map(shown).collect();
    if text.chars().count() > SHOWN { format!("{clean}…") } else { clean }
}

fn index_table(table: &DeTable<'_>, above: &str, entries: &mut Vec<Entry>) {
    for (key, value) in table {
        let dot = if above.is_empty() { "" } else { "." };
        let path = format!("{above}{dot}{}", key.get_ref());
        let is_table = value.get_ref().is_table() || value.get_ref().is_array();
        entries.push(Entry { path: path.clone(), key: Some(key.span()), value: value.span(), is_table });
        index_value(value.get_ref(), &path, entries);
    }
}

fn index_value(value: &DeValue<'_>, path: &str, entries: &mut Vec<Entry>) {
    match value {
        DeValue::Table(table) => index_table(table, path, entries),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}[{index}]");
                let is_table = item.get_ref().is_table() || item.get_ref().is_array();
                entries.push(Entry { path: path.clone(), key: None, value: item.span(), is_table });
                index_value(item.get_ref(), &path, entries);
            }
        }
        _ => {}
    }
}
