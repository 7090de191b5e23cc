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
use super::html::visible_lines;
use super::locale;
use super::looks::looks;
use super::preview::{Sample, sample_logo, sample_look};
use super::rules::{anchor_texts, of_resets, secrets, skeleton, structure, wrong_subject};
use super::set::{Parts, Set, Wording};
use super::strings::{COMMON, Language};
use super::values::{Brand, Facts, Look, Values};
use super::{Kind, Own};
use crate::config::Logo;

const HTML_MAX: usize = 20 * 1024;
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
    problems.extend(inspect(&set, touched(&files).as_ref()));
    Ok(Own { set, written: files.wordings(), problems: problems.into_iter().collect() })
}

/// The wordings that a folder changes; `None`: all, for it changes what they share.
fn touched(files: &Files) -> Option<BTreeSet<String>> {
    let mut names: BTreeSet<String> = files.wordings().into_iter().collect();
    for (_, file) in files.locales() {
        // One that can't be read is told elsewhere, and changes nothing.
        names.extend(file.text.parse::<toml::Table>().unwrap_or_default().keys().cloned());
    }
    let shares_a_file = files.0.keys().any(|name| !name.contains('/'));
    (!shares_a_file && !names.contains(COMMON)).then_some(names)
}

/// Every rule for every wording (or those of `only`), language, method and set of known values.
pub(super) fn inspect(set: &Set, only: Option<&BTreeSet<String>>) -> BTreeSet<Problem> {
    let mut problems = BTreeSet::new();
    for (name, wording) in set.wordings().iter().filter(|(name, _)| only.is_none_or(|only| only.contains(*name))) {
        for language in wording.languages.values() {
            let subject = Subject { set, name, wording, language, logo: sample_logo() };
            subject.sentences(&mut problems);
            // A mail without a secret is the same for every method.
            for case in cases().filter(|case| wording.kind == Kind::Reset || case.method == Method::Link) {
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
    logo: Logo,
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
        // Both heads: with the portal's title, and with a logo in its place.
        let logo = (case.named && case.timed).then_some(&self.logo);
        let brand = Brand::new(&Look { logo, ..sample_look() });
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
        // Where values may take effect is a matter of templates, and of sentences that an administrator wrote.
        if self.language.tag == locale::FALLBACK || self.set.is_written(&self.language.tag) {
            self.injection(&values, found);
        }
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
            structure(&parts.whole, values.link, values.brand.0.logo_url.as_deref(), &mut tell);
            looks(&parts.whole, &mut tell);
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
