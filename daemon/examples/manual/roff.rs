//! Just enough of man(7).

use std::fmt::Write as _;

/// A page under construction.
pub struct Page(String);

impl Page {
    /// Begins one: its name, section and line for whatis(1).
    pub fn new(name: &str, section: u8, about: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let title = name.to_uppercase();
        Self(format!(".TH {title} {section} \"\" \"resetd {version}\" \"resetd\"\n.SH NAME\n{} \\- {}\n", text(name), text(about)))
    }

    /// A section.
    pub fn section(&mut self, title: &str) {
        self.add(&format!(".SH {}", text(&title.to_uppercase())));
    }

    /// A section within one.
    pub fn subsection(&mut self, title: &str) {
        self.add(&format!(".SS {}", text(title)));
    }

    /// A paragraph.
    pub fn paragraph(&mut self, words: &str) {
        // The first paragraph behind a heading needs no macro.
        let heads = self.0.lines().last().is_some_and(|line| line.starts_with(".S"));
        self.add(&format!("{}{}", if heads { "" } else { ".PP\n" }, text(words)));
    }

    /// Something with what it means.
    pub fn item(&mut self, tags: &[&str], words: &str) {
        for (at, tag) in tags.iter().enumerate() {
            self.add(&format!("{}\n\\fB{}\\fR", if at == 0 { ".TP" } else { ".TQ" }, text(tag)));
        }
        self.add(&text(words));
    }

    /// As it is written.
    pub fn example(&mut self, lines: &str) {
        self.add(&format!(".PP\n.nf\n.RS 4\n{}\n.RE\n.fi", text(lines)));
    }

    fn add(&mut self, lines: &str) {
        let _ = writeln!(self.0, "{}", lines.trim_end());
    }

    /// The page.
    pub fn end(self) -> String {
        self.0
    }
}

/// Words, with what roff would take for its own made plain.
fn text(words: &str) -> String {
    let plain = words.replace('\\', "\\e").replace('-', "\\-").replace('`', "\\(ga").replace('\'', "\\(aq").replace('…', "...");
    let guard = |line: &str| if line.starts_with('.') { format!("\\&{line}") } else { line.to_owned() };
    plain.lines().map(guard).collect::<Vec<_>>().join("\n")
}
