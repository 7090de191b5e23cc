//! What a person typed, out of the text of their reply: quotes, signatures and disclaimers are stripped.
//!
//! Stripping fails open: a line goes only where structure or an unmistakable wording says that it is not the writer's;
//! what goes in doubt is kept in `doubtful`, where the judge of verdicts still sees it.

mod attribution;
mod header_block;
mod line;
mod quote;
mod tail;

pub use line::{Line, Origin, Part};

use line::{Role, Sheet};

/// A reply's text, parted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parted {
    /// What the person typed.
    pub typed: String,
    /// What was stripped in doubt: signatures without the proper mark, disclaimers.
    pub doubtful: String,
    /// Whether a quoted original was found.
    pub quoted: bool,
    /// Every line and what it was taken for, for a person who asks why.
    pub lines: Vec<(Part, String)>,
}

impl Parted {
    /// Typed lines that stand between two quotes.
    pub fn between_quotes(&self) -> impl Iterator<Item = &str> {
        let quoted = |at: &usize| matches!(self.lines[*at].0, Part::Quote);
        let first = (0..self.lines.len()).find(quoted);
        let last = (0..self.lines.len()).rev().find(quoted);
        let inner = first.zip(last).map_or(&[][..], |(first, last)| &self.lines[first..last]);
        inner.iter().filter(|(part, _)| *part == Part::Typed).map(|(_, text)| text.trim())
    }
}

/// Whether a text says nothing: it is empty, or has only the line that a device adds.
pub fn says_nothing(text: &str) -> bool {
    tail::is_bare(text)
}

/// Longest text that is looked at, in lines. Nobody types more; the original of a mail program may be longer.
const MAX_LINES: usize = 6_000;

/// Parts the plain text of a reply.
pub fn part(text: &str) -> Parted {
    part_lines(text.lines().take(MAX_LINES).map(|line| Line { text: line.to_owned(), origin: Origin::Plain }).collect())
}

/// Parts a reply whose structure is known, as from HTML.
pub fn part_lines(mut lines: Vec<Line>) -> Parted {
    lines.truncate(MAX_LINES);
    let mut sheet = Sheet::new(lines);
    header_block::cut(&mut sheet);
    attribution::mark(&mut sheet);
    quote::settle(&mut sheet);
    tail::strip(&mut sheet);
    Parted {
        typed: sheet.collect(Role::Text),
        doubtful: sheet.collect(Role::Doubtful),
        quoted: sheet.roles.iter().any(|role| matches!(role, Role::Quote | Role::Original | Role::Attribution)),
        lines: sheet.into_parts(),
    }
}

#[cfg(test)]
mod tests;
