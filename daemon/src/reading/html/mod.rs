//! HTML to lines of text, with the structure that mail programs give to quotes and signatures kept.
//!
//! A converter of our own: the words must come out as the person saw them (hidden text does not), line by line, and
//! each line must tell whether it lies in a quote. One pass, a bounded stack, no recursion.

mod entity;
mod role;
mod tag;

use resetd_core::inbound::typed::{Line, Origin};

#[cfg(test)]
pub use entity::decode as decode_entities;
pub use entity::reference;
use role::Role;
use tag::{Tag, Token};

/// How deep elements are followed; deeper ones are read as if they were not there.
const STACK: usize = 200;
/// Ends without a beginning that are looked for; a page with more is no mail program's.
const STRAYS: usize = 10_000;
/// Most lines made.
const LINES: usize = 20_000;

/// What is wanted of the conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// The words as seen: no link targets, nothing hidden.
    Words,
    /// Everything that can be read out of it: link targets, `alt` and `title` texts, hidden text.
    Everything,
}

/// Converts a document.
pub fn to_lines(html: &str, want: Want) -> Vec<Line> {
    let mut page = Page::new(want);
    let mut rest = html;
    while let Some((token, after)) = tag::next(rest) {
        rest = after;
        match token {
            Token::Text(text) => page.text(text),
            Token::Tag(tag) => {
                if !tag.close && tag.is_raw() {
                    rest = tag::skip_raw(rest, tag.name);
                    continue;
                }
                page.tag(&tag);
            }
        }
        if page.lines.len() >= LINES {
            break;
        }
    }
    page.finish()
}

struct Open<'a> {
    name: &'a str,
    role: Role,
    /// Roles of this element and of those around it.
    within: Within,
}

/// Which roles there are among open elements, so that nobody has to walk over them for each word.
#[derive(Debug, Clone, Copy, Default)]
struct Within {
    hidden: bool,
    original: bool,
    quote: bool,
    signature: bool,
}

impl Within {
    fn and(self, role: Role) -> Self {
        Self {
            hidden: self.hidden || role == Role::Hidden,
            original: self.original || role == Role::Original,
            quote: self.quote || role == Role::Quote,
            signature: self.signature || role == Role::Signature,
        }
    }
}

struct Page<'a> {
    want: Want,
    lines: Vec<Line>,
    current: String,
    /// The origin of the line being written: that of its first words.
    origin: Option<Origin>,
    /// A blank to be written before the next word.
    blank: bool,
    stack: Vec<Open<'a>>,
    /// Everything from here on is an original.
    cut: bool,
    /// Lines of the open quote containers: where they begin, and whether a real quote was seen inside.
    container: Option<(usize, bool)>,
    pre: usize,
    /// Ends that had no beginning.
    strays: usize,
    href: Option<String>,
}

impl<'a> Page<'a> {
    fn new(want: Want) -> Self {
        Self {
            want,
            lines: Vec::new(),
            current: String::new(),
            origin: None,
            blank: false,
            stack: Vec::new(),
            cut: false,
            container: None,
            pre: 0,
            strays: 0,
            href: None,
        }
    }

    fn within(&self) -> Within {
        self.stack.last().map(|open| open.within).unwrap_or_default()
    }

    fn origin_here(&self) -> Origin {
        match self.within() {
            within if self.cut || within.original => Origin::Original,
            within if within.quote => Origin::Quoted,
            within if within.signature => Origin::Signature,
            _ => Origin::Plain,
        }
    }

    fn text(&mut self, text: &str) {
        if self.want == Want::Words && self.within().hidden {
            return;
        }
        let decoded = entity::decode(text);
        if self.pre > 0 {
            let mut parts = decoded.split('\n');
            self.words(parts.next().unwrap_or(""), true);
            for part in parts {
                self.break_line();
                self.words(part, true);
            }
        } else {
            self.words(&decoded, false);
        }
    }

    fn words(&mut self, text: &str, keep: bool) {
        for c in text.chars() {
            let space = matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c');
            if space && !keep {
                self.blank = !self.current.is_empty();
                continue;
            }
            if self.blank {
                self.current.push(' ');
                self.blank = false;
            }
            if self.origin.is_none() && !c.is_whitespace() {
                self.origin = Some(self.origin_here());
            }
            self.current.push(if c == '\u{a0}' { ' ' } else { c });
        }
    }

    fn tag(&mut self, tag: &Tag<'a>) {
        if tag.close {
            self.close(tag);
            return;
        }
        match tag.name {
            n if n.eq_ignore_ascii_case("br") => return self.break_line(),
            n if n.eq_ignore_ascii_case("img") => return self.image(tag),
            n if n.eq_ignore_ascii_case("wbr") => return,
            _ => {}
        }
        if tag.is_block() {
            self.end_line();
        }
        if tag.is("p") && self.lines.last().is_some_and(|line| !line.text.is_empty()) && !self.loose_above() {
            self.push_line();
        }
        let role = role::of(tag);
        match role {
            Role::Cut => {
                self.end_line();
                self.cut = true;
            }
            Role::Container if self.container.is_none() => self.container = Some((self.lines.len(), false)),
            Role::Quote => {
                self.end_line();
                if let Some((_, seen)) = &mut self.container {
                    *seen |= tag.is("blockquote");
                }
            }
            _ => {}
        }
        if tag.is("a") && self.want == Want::Everything {
            self.href = tag.attribute("href");
        }
        if self.want == Want::Everything
            && let Some(title) = tag.attribute("title").filter(|title| !title.is_empty())
        {
            self.words(&format!(" {title} "), false);
        }
        if tag.is("pre") {
            self.pre += 1;
        }
        if tag.is("li") {
            self.words("- ", true);
        }
        if !tag.is_void() && self.stack.len() < STACK {
            self.stack.push(Open { name: tag.name, role, within: self.within().and(role) });
        }
    }

    fn close(&mut self, tag: &Tag<'a>) {
        if tag.is("a")
            && let Some(href) = self.href.take()
            && !href.is_empty()
            && self.current.trim_end() != href
        {
            self.words(&format!(" <{href}>"), false);
        }
        if tag.is_block() {
            self.end_line();
        } else if tag.is("td") || tag.is("th") {
            self.blank = !self.current.is_empty();
        }
        if tag.is("p") {
            self.push_blank();
        }
        if tag.is("pre") {
            self.pre = self.pre.saturating_sub(1);
        }
        // A page of ends without beginnings must not walk over all that is open for each of them.
        if self.strays > STRAYS {
            return;
        }
        let Some(at) = self.stack.iter().rposition(|open| open.name.eq_ignore_ascii_case(tag.name)) else {
            self.strays += 1;
            return;
        };
        let left = self.stack.split_off(at);
        if left.iter().any(|open| open.role == Role::Container) && !self.stack.iter().any(|open| open.role == Role::Container) {
            self.end_line();
            self.settle_container();
        }
    }

    /// A quote container without a marked quote inside is an original itself.
    fn settle_container(&mut self) {
        if let Some((start, false)) = self.container.take() {
            self.lines[start..].iter_mut().for_each(|line| line.origin = Origin::Original);
        }
    }

    fn image(&mut self, tag: &Tag<'a>) {
        let Some(alt) = tag.attribute("alt") else {
            return;
        };
        // Emoji come as images; other images' texts are not typed.
        if self.want == Want::Everything || (alt.chars().count() <= 2 && !alt.is_ascii()) {
            self.words(&alt, false);
        }
    }

    fn loose_above(&self) -> bool {
        self.lines.last().is_none_or(|line| line.text.is_empty())
    }

    fn push_blank(&mut self) {
        if !self.loose_above() {
            self.push_line();
        }
    }

    /// Ends the line if anything is on it.
    fn end_line(&mut self) {
        if !self.current.trim().is_empty() {
            self.push_line();
        }
        self.current.clear();
        self.blank = false;
    }

    fn break_line(&mut self) {
        self.push_line();
    }

    fn push_line(&mut self) {
        let text = std::mem::take(&mut self.current).trim_end().to_owned();
        let origin = self.origin.take().unwrap_or(if text.is_empty() { self.origin_here() } else { Origin::Plain });
        self.lines.push(Line { text, origin });
        self.blank = false;
    }

    fn finish(mut self) -> Vec<Line> {
        self.end_line();
        self.settle_container();
        self.lines
    }
}
