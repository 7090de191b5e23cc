//! Aligned text: tables, and lists of names and values.

use super::screen::Screen;

/// One cell: its text, and the style that it gets after it was measured.
pub(super) struct Cell(String, &'static str);

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self(text, "")
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self(text.to_owned(), "")
    }
}

/// A cell in a style.
pub(super) fn styled(text: impl Into<String>, sgr: &'static str) -> Cell {
    Cell(text.into(), sgr)
}

/// The last column is never cut below this.
const LAST_LEAST: usize = 20;

/// Rows under a head; the last column is not padded, and cut where the terminal ends.
pub(super) struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(super) fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|name| styled(*name, "2")).collect()] }
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    pub(super) fn render(&self, screen: Screen) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width_of = |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| width(&cell.0)).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width_of).collect();
        let before: usize = widths.iter().take(columns.saturating_sub(1)).map(|width| width + 2).sum();
        let room = screen.width().map_or(usize::MAX, |width| width.saturating_sub(before).max(LAST_LEAST));
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (index, cell) in row.iter().enumerate() {
                let shown = if index + 1 == row.len() { cut(&cell.0, room) } else { cell.0.clone() };
                line.push_str(&screen.style(&shown, cell.1));
                if index + 1 < row.len() {
                    line.push_str(&" ".repeat(widths[index] - width(&cell.0) + 2));
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn cut(text: &str, room: usize) -> String {
    match width(text) > room {
        true => text.chars().take(room.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// Names and values, one a line; a value of several lines is indented under itself.
pub(super) struct Sheet {
    lines: Vec<(&'static str, Cell)>,
}

impl Sheet {
    pub(super) fn new() -> Self {
        Self { lines: Vec::new() }
    }

    pub(super) fn line(&mut self, name: &'static str, value: impl Into<Cell>) -> &mut Self {
        self.lines.push((name, value.into()));
        self
    }

    /// A line only where there is a value.
    pub(super) fn maybe(&mut self, name: &'static str, value: Option<impl Into<Cell>>) -> &mut Self {
        if let Some(value) = value {
            self.line(name, value);
        }
        self
    }

    pub(super) fn render(&self, screen: Screen) -> String {
        let wide = self.lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let mut text = String::new();
        for (name, Cell(value, sgr)) in &self.lines {
            let name = screen.dim(&format!("{name:wide$}"));
            let mut parts = value.lines();
            text.push_str(&format!("{name}  {}\n", screen.style(parts.next().unwrap_or("—"), sgr)));
            for part in parts {
                text.push_str(&format!("{}{}\n", " ".repeat(wide + 2), screen.style(part, sgr)));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctl::cli::Color;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["ID", "STATE", "TEXT"]);
        table.row(["7".into(), styled("open", "31"), "it wasn't me".into()]);
        table.row(["12".into(), "résolu".into(), "".into()]);
        let text = table.render(Screen::new(Color::Never));
        assert_eq!(text, "ID  STATE   TEXT\n7   open    it wasn't me\n12  résolu\n");
    }

    #[test]
    fn values_of_several_lines_are_indented() {
        let mut sheet = Sheet::new();
        sheet.line("text", "one\ntwo").maybe("note", None::<String>).line("state", "open");
        assert_eq!(sheet.render(Screen::new(Color::Never)), "text   one\n       two\nstate  open\n");
    }
}
