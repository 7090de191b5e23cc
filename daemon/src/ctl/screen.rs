//! What a person sees: colour only where it is wanted, and nothing from outside that could steer a terminal.

use std::io::{self, IsTerminal, Write};

use resetd_core::address::is_invisible;
use resetd_core::time::Timestamp;

use super::cli::Color;
use super::failure::Failure;

/// Where a command prints, and how.
#[derive(Clone, Copy)]
pub(super) struct Screen {
    out: bool,
    err: bool,
    /// Columns of the terminal; `None`: standard output is none.
    width: Option<usize>,
}

impl Screen {
    pub(super) fn new(color: Color) -> Self {
        let wanted = |terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && !dumb(),
        };
        let width = console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
        Self { out: wanted(io::stdout().is_terminal()), err: wanted(io::stderr().is_terminal()), width }
    }

    /// How many columns a line may have.
    pub(super) fn width(self) -> Option<usize> {
        self.width
    }

    /// Prints lines to standard output.
    pub(super) fn print(self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        Ok(out.flush()?)
    }

    /// `text` in an SGR style (ECMA-48), where standard output has colours.
    pub(super) fn style(self, text: &str, sgr: &str) -> String {
        paint(self.out, text, sgr)
    }

    /// The same for standard error.
    pub(super) fn on_stderr(self, text: &str, sgr: &str) -> String {
        paint(self.err, text, sgr)
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.style(text, "1")
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.style(text, "2")
    }
}

fn paint(on: bool, text: &str, sgr: &str) -> String {
    if on && !sgr.is_empty() && !text.is_empty() { format!("\x1b[{sgr}m{text}\x1b[0m") } else { text.to_owned() }
}

fn dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Text from outside, fit for a terminal: what could move its cursor, hide or reorder is left out. Lines and tabs stay.
pub(super) fn clean(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !(c.is_control() || is_invisible(*c))).collect()
}

/// The same on one line of at most `max` characters.
pub(super) fn one_line(text: &str, max: usize) -> String {
    let line = clean(text).split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

/// `2026-11-23 17:44:00` (UTC).
pub(super) fn when(at: Timestamp) -> String {
    at.to_string().get(..19).map_or_else(|| at.to_string(), |text| text.replace('T', " "))
}

/// How long between two times, in words: `5 s`, `3 min`, `2 h`, `4 days`.
pub(super) fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.since(from).as_secs();
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_steers_the_terminal() {
        assert_eq!(clean("a\x1b]0;pwned\x07\x1b[31mb\u{202e}c\nd\r"), "a]0;pwned[31mbc\nd");
        assert_eq!(one_line(" it  wasn't\n me \x1b[2J", 40), "it wasn't me [2J");
        assert_eq!(one_line("héllo wörld", 5), "héllo…");
    }

    #[test]
    fn colour_is_left_out_where_it_is_not_wanted() {
        let (plain, bright) = (Screen { out: false, err: false, width: None }, Screen { out: true, err: true, width: None });
        assert_eq!(plain.bold("x"), "x");
        assert_eq!(bright.bold("x"), "\x1b[1mx\x1b[0m");
    }

    #[test]
    fn times_are_short() {
        let at = Timestamp::from_millis(1_763_919_840_250);
        assert_eq!(when(at), "2025-11-23 17:44:00");
        assert_eq!(span(at, Timestamp::from_millis(at.as_millis() + 7_300_000)), "2 h");
        assert_eq!(span(at, at), "0 s");
    }
}
