//! The rules of wordings, held against renderings with sample values. The built-in wordings keep them too (a test), and an
//! administrator's are held against them by `resetctl templates check` and whenever they are loaded.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use resetd_core::reset::Method;

use super::context::is_known;
use super::error::{Problem, Rule};
use super::fields::Fields;
use super::files::Files;
use super::html::{Token, tokens, visible_lines};
use super::preview::{Sample, sample_brand};
use super::set::{Parts, Set, Wording};
use super::strings::Language;
use super::values::{Facts, Values};
use super::{Kind, Own};

const SUBJECT_MAX: usize = 78;
const HTML_MAX: usize = 20 * 1024;
const ADDRESS: &str = "anna.kovacs@mail.example";
/// Minutes that no wording says by itself.
const LINK_MINUTES: u32 = 37;
const CODE_MINUTES: u32 = 13;

/// Holds the wordings of a folder against the rules.
///
/// # Errors
/// The folder can't be read.
pub fn check(path: &Path) -> io::Result<Vec<Problem>> {
    load(path).map(|own| own.problems)
}

/// The wordings of a folder over the built-in ones, and what is wrong with them.
pub(super) fn load(folder: &Path) -> io::Result<Own> {
    let (files, problems) = Files::read(folder)?;
    let mut problems: BTreeSet<Problem> = problems.into_iter().collect();
    let (set, found) = Set::build(&Files::builtin(), &files);
    problems.extend(found);
    problems.extend(inspect(&set));
    Ok(Own { set, written: files.wordings(), problems: problems.into_iter().collect() })
}

/// Every rule for every wording, language, method and set of known values.
pub(super) fn inspect(set: &Set) -> BTreeSet<Problem> {
    let mut problems = BTreeSet::new();
    for (name, wording) in set.wordings() {
        for language in wording.languages.values() {
            let subject = Subject { set, name, wording, language };
            subject.sentences(&mut problems);
            for case in cases() {
                subject.case(&case, &mut problems);
            }
        }
    }
    for (template, variables) in set.variables() {
        for variable in variables.iter().map(|name| name.split('.').next().unwrap_or(name)).filter(|name| !is_known(name)) {
            let message = format!("`{variable}` is no value");
            let wording = template.split_once('/').map(|(wording, _)| wording.to_owned());
            problems.insert(Problem { file: set.path(&template), line: None, rule: Rule::Placeholders, message, wording });
        }
    }
    problems
}

/// A mail that a wording must be right for.
struct Case {
    method: Method,
    named: bool,
    timed: bool,
}

fn cases() -> impl Iterator<Item = Case> {
    let methods = [Method::Link, Method::Code, Method::Both];
    methods
        .into_iter()
        .flat_map(|method| [(true, true), (true, false), (false, true), (false, false)].map(|(named, timed)| Case { method, named, timed }))
}

/// A wording in a language.
struct Subject<'a> {
    set: &'a Set,
    name: &'a str,
    wording: &'a Wording,
    language: &'a Arc<Language>,
}

type Found = BTreeSet<Problem>;

impl Subject<'_> {
    fn problem(&self, file: &str, rule: Rule, message: String) -> Problem {
        let line = None;
        Problem { file: self.set.path(file), line, rule, message, wording: Some(self.name.to_owned()) }
    }

    /// Sentences that the wording's own templates name, on whatever branch.
    fn sentences(&self, found: &mut Found) {
        for (template, variables) in self.set.variables() {
            if template.split_once('/').is_none_or(|(wording, _)| wording != self.name) {
                continue;
            }
            for key in variables.iter().filter_map(|name| name.strip_prefix("t.")).filter(|key| !self.language.names(self.name, key)) {
                let message =
                    format!("`t.{key}`: there is no such sentence under [{}] or [common] in language {}", self.name, self.language.tag);
                found.insert(self.problem(&template, Rule::Strings, message));
            }
        }
    }

    fn case(&self, case: &Case, found: &mut Found) {
        let brand = sample_brand();
        let mut values = Sample { brand: &brand, method: case.method, named: case.named, timed: case.timed }.values();
        values.link_minutes = values.link_minutes.map(|_| LINK_MINUTES);
        values.code_minutes = values.code_minutes.map(|_| CODE_MINUTES);
        if self.wording.kind != Kind::Reset {
            values = Values { link: None, code: None, link_minutes: None, code_minutes: None, ..values };
            if !case.timed {
                values.facts = Facts { revoked: case.named, ..Facts::default() };
            }
        }
        for html in [false, true] {
            match self.set.dissect(self.wording, self.language, Arc::new(Fields::as_given(&values)), html) {
                Ok((subject, parts)) => self.part(&values, html, &subject, &parts, found),
                Err(problem) => drop(found.insert(problem)),
            }
        }
        self.injection(&values, found);
    }

    fn part(&self, values: &Values<'_>, html: bool, subject: &str, parts: &Parts, found: &mut Found) {
        let file = format!("{}/mail.{}", self.name, if html { "html" } else { "txt" });
        let mut tell = |rule, message: String| {
            found.insert(self.problem(&file, rule, message));
        };
        let lines = |part: &str| if html { visible_lines(part) } else { part.lines().map(|line| line.trim().to_owned()).collect() };
        let body = lines(&parts.body);
        if let Some(message) = wrong_subject(subject, values) {
            tell(Rule::Subject, message);
        }
        if html {
            structure(&parts.whole, values.link, &mut tell);
            if parts.whole.len() > HTML_MAX {
                tell(Rule::Size, format!("makes {} octets, must be at most {HTML_MAX}", parts.whole.len()));
            }
        }
        secrets(&lines(&parts.whole), values, html, &mut tell);
        if matches!(self.wording.kind, Kind::Reset | Kind::Notice) {
            let sentence = lines(&parts.not_you).join(" ");
            let shown = lines(&parts.whole).join(" ");
            if sentence.chars().filter(|c| c.is_alphabetic()).count() < 5 || !shown.contains(&sentence) {
                let message = "lacks {% block not_you %} with the sentence for whoever did not ask: ignore this mail, or answer it";
                tell(Rule::NotYou, message.to_owned());
            }
        }
        if self.wording.kind == Kind::Reset {
            let anchors = if html { anchor_texts(&parts.body) } else { Vec::new() };
            of_resets(&body, &anchors, values, &mut tell);
        }
    }

    /// What callers send must stay text: with markup in every value the page must keep the tags that it has without.
    fn injection(&self, values: &Values<'_>, found: &mut Found) {
        const HOSTILE: &str = "</title></style><b onclick=alert(1) x='\"> {{ 7*7 }} {% raw %} <!-- ";
        let facts = Facts {
            ip: values.facts.ip.map(|_| HOSTILE),
            words: values.facts.words.map(|_| HOSTILE),
            reason: values.facts.reason.map(|_| HOSTILE),
            ..values.facts
        };
        let hostile = Values { name: values.name.map(|_| HOSTILE), account: Some(HOSTILE), email: HOSTILE, facts, ..*values };
        let tame = Facts {
            words: values.facts.words.map(|_| "x"),
            ip: values.facts.ip.map(|_| "x"),
            reason: values.facts.reason.map(|_| "x"),
            ..facts
        };
        let tame = Values { name: values.name.map(|_| "x"), account: Some("x"), email: "x", facts: tame, ..*values };
        let shape = |values| {
            let fields = Arc::new(Fields::as_given(values));
            self.set.dissect(self.wording, self.language, fields, true).map(|(_, parts)| skeleton(&parts.whole))
        };
        if let (Ok(hostile), Ok(tame)) = (shape(&hostile), shape(&tame))
            && hostile != tame
        {
            let message = "puts a value where markup in it takes effect: values may stand between tags and in quoted attributes";
            found.insert(self.problem(&format!("{}/mail.html", self.name), Rule::Injection, message.to_owned()));
        }
    }
}

fn wrong_subject(subject: &str, values: &Values<'_>) -> Option<String> {
    let length = subject.chars().count();
    let squeezed: String = subject.chars().filter(|c| !c.is_whitespace()).collect();
    if subject.is_empty() || length > SUBJECT_MAX || subject.chars().any(char::is_control) {
        return Some(format!("the subject must be one line of 1 to {SUBJECT_MAX} characters, is {length}"));
    }
    let holds = |secret: Option<&str>| secret.is_some_and(|secret| squeezed.contains(secret));
    (holds(values.code) || holds(values.link)).then(|| "the subject holds the secret".to_owned())
}

/// One link and one code, each where the method has it; no other address of the web anywhere.
fn secrets(shown: &[String], values: &Values<'_>, html: bool, tell: &mut impl FnMut(Rule, String)) {
    let wanted_link = usize::from(values.link.is_some());
    let urls: Vec<&str> = shown.iter().flat_map(|line| line.split_whitespace()).filter(|word| word.contains("://")).collect();
    if urls.iter().any(|url| Some(*url) != values.link) {
        tell(Rule::Secret, "shows another web address than the link, or the link with something attached to it".to_owned());
    }
    if urls.len() != wanted_link {
        tell(Rule::Secret, format!("shows the link {} times as text, must show it {wanted_link} times", urls.len()));
    }
    if let Some(link) = values.link
        && !shown.iter().any(|line| line == link)
    {
        tell(Rule::LinkLine, "the link must stand alone on a line".to_owned());
    }
    let grouped = values.code.map(|code| resetd_core::secret::group_digits(code).to_string());
    let wanted = usize::from(values.code.is_some());
    let count = |needle: &str| shown.iter().map(|line| line.matches(needle).count()).sum::<usize>();
    let codes = grouped.as_deref().map_or(0, count);
    if codes != wanted {
        tell(Rule::Secret, format!("shows the code {codes} times, must show it {wanted} times"));
    }
    if let Some(code) = values.code.filter(|_| !html)
        && shown.last() != Some(&format!("@{} #{code}", values.brand.0.domain))
    {
        tell(Rule::Secret, "the last line must be `@{{ domain }} #{{ code_digits }}` where there is a code".to_owned());
    }
}

/// Three or four lines, the person, and the time that is left.
fn of_resets(body: &[String], anchors: &[String], values: &Values<'_>, tell: &mut impl FnMut(Rule, String)) {
    let grouped = values.code.map(|code| resetd_core::secret::group_digits(code).to_string());
    let is_secret = |line: &str| Some(line) == values.link || Some(line) == grouped.as_deref() || anchors.iter().any(|text| text == line);
    let lines = body.iter().filter(|line| !line.is_empty() && !is_secret(line)).count();
    if !(3..=4).contains(&lines) && values.link_minutes.or(values.code_minutes).is_some() {
        tell(Rule::BodyLines, format!("block `body` has {lines} lines beside link and code, must have 3 or 4"));
    }
    let all = body.join("\n");
    if !all.contains(ADDRESS) {
        tell(Rule::Address, "must name the person's address or login ({{ who }}, {{ email }} or {{ account }})".to_owned());
    }
    let says = |minutes: u32| all.split(|c: char| !c.is_ascii_digit()).any(|word| word == minutes.to_string());
    for (minutes, what) in [(values.link_minutes, "link"), (values.code_minutes, "code")] {
        if minutes.is_some_and(|minutes| !says(minutes)) {
            tell(Rule::Expiry, format!("must say how long the {what} is good ({{{{ {what}_minutes }}}})"));
        }
    }
}

/// The texts of links, which are no lines of their own.
fn anchor_texts(html: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut inside: Option<String> = None;
    for token in tokens(html) {
        match (token, &mut inside) {
            (Token::Open { name, .. }, _) if name == "a" => inside = Some(String::new()),
            (Token::Close(name), Some(text)) if name == "a" => {
                texts.extend(visible_lines(text));
                inside = None;
            }
            (Token::Text(more), Some(text)) => text.push_str(more),
            _ => {}
        }
    }
    texts
}

/// Nothing from elsewhere, nothing active, no link but the one.
fn structure(html: &str, link: Option<&str>, tell: &mut impl FnMut(Rule, String)) {
    let mut links = 0;
    let mut in_style = false;
    for token in tokens(html) {
        match token {
            Token::Open { name, attributes } => {
                in_style = name == "style";
                if is_active(&name) {
                    tell(Rule::Active, format!("<{name}> has no place in a mail"));
                }
                for (attribute, value) in &attributes {
                    links += usize::from(attribute == "href" && Some(value.as_str()) == link);
                    judge(&name, attribute, value, link, tell);
                }
            }
            Token::Close(_) => in_style = false,
            Token::Text(text) if in_style && loads(text) => tell(Rule::Remote, "the style sheet loads something".to_owned()),
            Token::Text(_) => {}
        }
    }
    let wanted = usize::from(link.is_some());
    if links != wanted {
        tell(Rule::Secret, format!("has {links} links to the reset page, must have {wanted}"));
    }
}

fn judge(tag: &str, attribute: &str, value: &str, link: Option<&str>, tell: &mut impl FnMut(Rule, String)) {
    let value = value.trim();
    match attribute {
        "href" if value.starts_with("mailto:") || Some(value) == link => {}
        "href" => tell(Rule::Secret, format!("<{tag}> leads elsewhere than to the reset page")),
        "src" | "srcset" | "background" | "poster" | "data" | "action" | "formaction" | "xlink:href"
            if !value.starts_with("data:image/") =>
        {
            tell(Rule::Remote, format!("<{tag} {attribute}> loads something from elsewhere"));
        }
        "style" if loads(value) => tell(Rule::Remote, format!("<{tag} style> loads something")),
        "http-equiv" if value.eq_ignore_ascii_case("refresh") => tell(Rule::Active, "<meta> leads elsewhere by itself".to_owned()),
        event if event.starts_with("on") => tell(Rule::Active, format!("<{tag} {event}> is a script")),
        _ => {}
    }
}

fn loads(css: &str) -> bool {
    let css = css.to_ascii_lowercase();
    css.contains("url(") || css.contains("@import") || css.contains("image-set(") || css.contains("expression(") || css.contains('\\')
}

fn is_active(name: &str) -> bool {
    matches!(
        name,
        "script"
            | "form"
            | "input"
            | "button"
            | "select"
            | "textarea"
            | "iframe"
            | "frame"
            | "frameset"
            | "object"
            | "embed"
            | "applet"
            | "link"
            | "base"
            | "svg"
            | "math"
            | "video"
            | "audio"
            | "source"
    )
}

/// Names of tags and attributes in their order.
fn skeleton(html: &str) -> Vec<String> {
    let of = |token| match token {
        Token::Open { name, attributes } => {
            let names: Vec<String> = attributes.into_iter().map(|(name, _)| name).collect();
            Some(format!("{name} {}", names.join(" ")))
        }
        Token::Close(name) => Some(format!("/{name}")),
        Token::Text(_) => None,
    };
    tokens(html).into_iter().filter_map(of).collect()
}
