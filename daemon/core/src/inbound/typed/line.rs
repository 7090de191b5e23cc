//! Lines of a reply and the role that each is found to play.

/// Where a line comes from, as far as structure tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Unknown: the wording decides.
    Plain,
    /// Inside an element that quotes.
    Quoted,
    /// Inside or below an element that a mail program puts around an original.
    Original,
    /// Inside an element that a mail program puts around a signature.
    Signature,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its text.
    pub text: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// What a line was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The person typed it.
    Typed,
    /// Nothing stands on it.
    Blank,
    /// Quoted, or part of an original that follows whole.
    Quote,
    /// Introduces a quote.
    Attribution,
    /// A signature or a device line.
    Signature,
    /// Stripped in doubt: the judge of verdicts sees it.
    Doubtful,
}

impl Part {
    /// Its name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Typed => "typed",
            Self::Blank => "blank",
            Self::Quote => "quote",
            Self::Attribution => "attribution",
            Self::Signature => "signature",
            Self::Doubtful => "doubtful",
        }
    }
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Typed, until shown otherwise.
    Text,
    Blank,
    Quote,
    /// Introduces a quote.
    Attribution,
    /// Belongs to an original that follows whole.
    Original,
    /// Signature or device line that is surely one.
    Gone,
    /// Stripped in doubt.
    Doubtful,
}

/// All lines with their roles.
#[derive(Debug)]
pub(super) struct Sheet {
    pub lines: Vec<Line>,
    /// Each line folded for comparison: trimmed, lower-case, no invisible characters.
    pub folded: Vec<String>,
    pub roles: Vec<Role>,
}

impl Sheet {
    pub fn new(lines: Vec<Line>) -> Self {
        let folded: Vec<String> = lines.iter().map(|line| fold(&line.text)).collect();
        // Mutt and Horde may be set to quote with bars; one line with a bar is a table, or taste.
        let bars = folded.iter().filter(|folded| is_barred(folded)).count() >= BARS;
        let role = |(line, folded): (&Line, &String)| match line.origin {
            Origin::Quoted => Role::Quote,
            Origin::Original => Role::Original,
            Origin::Signature => Role::Gone,
            Origin::Plain if folded.is_empty() => Role::Blank,
            Origin::Plain if is_marked(folded) || (bars && is_barred(folded)) => Role::Quote,
            Origin::Plain => Role::Text,
        };
        let roles = lines.iter().zip(&folded).map(role).collect();
        Self { lines, folded, roles }
    }

    /// The next line after `at` that is not blank.
    pub fn next_filled(&self, at: usize) -> Option<usize> {
        (at + 1..self.roles.len()).find(|&i| self.roles[i] != Role::Blank && !self.folded[i].is_empty())
    }

    /// Whether a line typed by the person stands before `at`.
    pub fn text_before(&self, at: usize) -> bool {
        self.roles[..at].contains(&Role::Text)
    }

    /// Whether a line typed by the person stands at or after `at`.
    pub fn text_from(&self, at: usize) -> bool {
        self.roles[at.min(self.roles.len())..].contains(&Role::Text)
    }

    /// Gives every line from `at` on this role.
    pub fn set_from(&mut self, at: usize, role: Role) {
        self.roles[at..].fill(role);
    }

    /// The lines as they came, each with what it was taken for.
    pub fn into_parts(self) -> Vec<(Part, String)> {
        let part = |role| match role {
            Role::Text => Part::Typed,
            Role::Blank => Part::Blank,
            Role::Quote | Role::Original => Part::Quote,
            Role::Attribution => Part::Attribution,
            Role::Gone => Part::Signature,
            Role::Doubtful => Part::Doubtful,
        };
        self.roles.into_iter().map(part).zip(self.lines.into_iter().map(|line| line.text)).collect()
    }

    /// The lines of one role, blanks between them kept (three at most), trimmed.
    pub fn collect(&self, role: Role) -> String {
        let mut out = String::new();
        let mut blanks = 0;
        let mut gap = false;
        for (line, &is) in self.lines.iter().zip(&self.roles) {
            if is == role {
                if !out.is_empty() {
                    let empty = if gap { 1 } else { blanks.min(3) };
                    out.push_str(&"\n".repeat(1 + empty));
                }
                let text = line.text.trim_end();
                out.push_str(if out.is_empty() { text.trim_start() } else { text });
                (blanks, gap) = (0, false);
            } else if is == Role::Blank {
                blanks += 1;
            } else {
                gap = true;
            }
        }
        out.chars().filter(|c| !is_invisible(*c)).collect()
    }
}

/// Trimmed, lower-case, without marks of direction and zero-width characters, emphasis asterisks taken off the ends.
pub(super) fn fold(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !is_invisible(*c)).map(|c| if c == '\u{a0}' { ' ' } else { c }).collect();
    clean.trim().to_lowercase()
}

/// Zero-width characters and marks of direction. U+200C and U+200D stay: Persian, Hindi and emoji are spelt with them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
}

/// So many lines with a bar at their beginning are a quote.
const BARS: usize = 3;

fn is_barred(folded: &str) -> bool {
    folded == "|" || folded.starts_with("| ")
}

fn is_marked(folded: &str) -> bool {
    folded.starts_with('>') || folded.starts_with('＞')
}
