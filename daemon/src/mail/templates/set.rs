//! Wordings compiled once: the built-in ones, or those of a portal whose administrator wrote some.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use minijinja::{Environment, ErrorKind, Template, Value};
use zeroize::Zeroizing;

use super::context::Context;
use super::engine::environment;
use super::error::{Problem, RenderError, Rule};
use super::fields::Fields;
use super::files::{BUILTIN_PATH, Files};
use super::locale;
use super::strings::Language;
use super::{Kind, Picture, Rendered};

/// All wordings of one source.
pub(super) struct Set {
    html: Environment<'static>,
    text: Environment<'static>,
    wordings: BTreeMap<String, Wording>,
    languages: BTreeMap<String, Arc<Language>>,
    /// Template name → file, for messages.
    paths: BTreeMap<String, PathBuf>,
}

/// One wording.
pub(super) struct Wording {
    pub kind: Kind,
    name: Arc<str>,
    html: String,
    text: String,
    /// Languages it can be written in, by their normalised tag; with [`familiar_of`] it where they tell the tones apart.
    pub languages: BTreeMap<String, Arc<Language>>,
}

impl Wording {
    /// The tags of its languages.
    pub fn locales(&self) -> Vec<String> {
        let formal = self.languages.iter().filter(|(tag, _)| !tag.ends_with(FAMILIAR_TAG));
        formal.map(|(_, language)| language.tag.clone()).collect()
    }
}

/// Behind the tag of a language's familiar tone. No request can name it: what stands behind an `@` is dropped there.
const FAMILIAR_TAG: &str = "@familiar";

fn familiar_of(tag: &str) -> String {
    format!("{tag}{FAMILIAR_TAG}")
}

/// The parts of a rendering that the checks look at.
pub(super) struct Parts {
    pub whole: Zeroizing<String>,
    pub body: Zeroizing<String>,
    pub not_you: String,
}

impl Set {
    /// Compiles `base` with `own` put over it. What is broken in `own` is told, and `base`'s used.
    pub fn build(base: &Files, own: &Files) -> (Self, Vec<Problem>) {
        let mut set = Self {
            html: environment(true),
            text: environment(false),
            wordings: BTreeMap::new(),
            languages: BTreeMap::new(),
            paths: BTreeMap::new(),
        };
        let mut problems = Vec::new();
        for files in [base, own] {
            set.add_languages(files, &mut problems);
            for (name, file) in &files.0 {
                let environment = match name.rsplit_once('.') {
                    Some((_, "html")) => &mut set.html,
                    Some((_, "txt")) => &mut set.text,
                    _ => continue,
                };
                match environment.add_template_owned(name.clone(), file.text.clone()) {
                    Ok(()) => drop(set.paths.insert(name.clone(), file.path.clone())),
                    Err(error) => problems.push(problem_of(&error, file.path.clone(), wording_of(name))),
                }
            }
        }
        for name in base.wordings().into_iter().chain(own.wordings()) {
            set.add_wording(&name, own, &mut problems);
        }
        (set, problems)
    }

    fn add_languages(&mut self, files: &Files, problems: &mut Vec<Problem>) {
        for (tag, file) in files.locales() {
            if !locale::is_tag(tag) {
                let message = "is not named after a language (BCP 47, like `en.toml` or `pt-BR.toml`)".to_owned();
                problems.push(Problem { file: file.path.clone(), line: None, rule: Rule::Strings, message, wording: None });
                continue;
            }
            let (language, mut found) = Language::parse(tag, &file.path, &file.text);
            problems.append(&mut found);
            let known = self.languages.entry(locale::normal(tag)).or_default();
            *known = Arc::new(known.overlaid(language));
            self.paths.insert(format!("locales/{}", locale::normal(tag)), file.path.clone());
        }
    }

    /// The sentences of all languages, as the texts between their places.
    pub fn sentences(&self) -> impl Iterator<Item = Vec<&str>> {
        self.languages.values().flat_map(|language| language.texts())
    }

    fn add_wording(&mut self, name: &str, own: &Files, problems: &mut Vec<Problem>) {
        let mut problem = |file: PathBuf, rule, message: String| {
            problems.push(Problem { file, line: None, rule, message, wording: Some(name.to_owned()) });
        };
        let (html, text) = (format!("{name}/mail.html"), format!("{name}/mail.txt"));
        for part in [&html, &text] {
            if !self.paths.contains_key(part) && !own.0.contains_key(part) {
                let sibling = own.0.values().find(|file| file.path.parent().is_some_and(|folder| folder.ends_with(name)));
                let folder = sibling.and_then(|file| file.path.parent()).map_or_else(|| PathBuf::from(name), PathBuf::from);
                problem(folder, Rule::BothParts, format!("lacks {}", part.rsplit('/').next().unwrap_or(part)));
            }
        }
        let reference = self.languages.get(locale::FALLBACK).map(|language| &**language);
        let mut languages = BTreeMap::new();
        for (tag, language) in &self.languages {
            let missing = language.missing(name, reference);
            if missing.is_empty() {
                languages.insert(tag.clone(), language.clone());
                languages.extend(language.familiar().map(|familiar| (familiar_of(tag), Arc::new(familiar))));
            } else if language.has_table(name) {
                let message = format!("is not used for `{name}`, it lacks {}", missing.join(", "));
                problem(self.path(&format!("locales/{tag}")), Rule::Incomplete, message);
            }
        }
        if languages.is_empty() {
            let file = self.path("locales/en");
            problem(file, Rule::Strings, format!("no language has a `subject` under [{name}]"));
        }
        let kind = Kind::of(name);
        self.wordings.insert(name.to_owned(), Wording { kind, name: name.into(), html, text, languages });
    }

    /// All wordings by name.
    pub fn wordings(&self) -> &BTreeMap<String, Wording> {
        &self.wordings
    }

    /// The file behind a part of a wording, for messages.
    pub fn path(&self, template: &str) -> PathBuf {
        self.paths.get(template).cloned().unwrap_or_else(|| PathBuf::from(template))
    }

    /// Whether an administrator wrote sentences of a language.
    pub fn is_written(&self, tag: &str) -> bool {
        !self.path(&format!("locales/{}", locale::normal(tag))).starts_with(BUILTIN_PATH)
    }

    /// One mail in the best language there is.
    pub fn render(&self, wording: &str, locale: &str, fields: Fields) -> Result<Rendered, RenderError> {
        let unknown = || RenderError::Unknown(wording.to_owned());
        let known = self.wordings.get(wording).ok_or_else(unknown)?;
        let familiar = |tag: &str| fields.brand.0.familiar.then(|| known.languages.get_key_value(&familiar_of(tag))).flatten();
        let has = |tag: &str| familiar(tag).or_else(|| known.languages.get_key_value(tag)).map(|(tag, _)| tag.as_str());
        let tag = locale::choose(locale, &fields.brand.0.locale, has);
        let tag = tag.or_else(|| known.languages.keys().next().map(String::as_str));
        let language = tag.and_then(|tag| known.languages.get(tag)).ok_or_else(unknown)?;
        let scene = Scene::new(known, language, Arc::new(fields))?;
        let text = part(&self.text, &known.text)?.render(scene.context(false)).map_err(render_error)?;
        let html = part(&self.html, &known.html)?.render(scene.context(true)).map_err(render_error)?;
        let brand = &scene.fields.brand.0;
        let shown = brand.logo_url.as_ref().filter(|url| html.contains(url.as_str())).zip(brand.logo.as_ref());
        let picture = shown.map(|(url, logo)| Picture { id: url.trim_start_matches("cid:").to_owned(), logo: logo.clone() });
        Ok(Rendered {
            picture,
            locale: language.tag.clone(),
            subject: scene.subject.to_string(),
            text: tidy(&Zeroizing::new(text)),
            html: Zeroizing::new(html),
        })
    }

    /// One part of one mail with its blocks, for the checks.
    pub fn dissect(
        &self,
        wording: &Wording,
        language: &Arc<Language>,
        fields: Arc<Fields>,
        html: bool,
    ) -> Result<(Arc<str>, Parts), Problem> {
        let name = if html { &wording.html } else { &wording.text };
        let environment = if html { &self.html } else { &self.text };
        let problem = |error: minijinja::Error| {
            let file = error.name().map_or_else(|| self.path(name), |name| self.path(name));
            problem_of(&error, file, Some(wording.name.to_string()))
        };
        let scene = Scene::new(wording, language, fields).map_err(|_| Problem {
            file: self.path(&format!("locales/{}", locale::normal(&language.tag))),
            line: None,
            rule: Rule::Strings,
            message: format!("[{}] subject names a value that is not known in every mail", wording.name),
            wording: Some(wording.name.to_string()),
        })?;
        let template = environment.get_template(name).map_err(problem)?;
        let mut rendered = template.render_captured(scene.context(html)).map_err(problem)?;
        let mut block = |name| match rendered.with_state_mut(|state| state.render_block(name)) {
            Err(error) if error.kind() == ErrorKind::UnknownBlock => Ok(String::new()),
            other => other.map_err(problem),
        };
        let (body, not_you) = (Zeroizing::new(block("body")?), block("not_you")?);
        let whole = Zeroizing::new(rendered.into_output());
        if html {
            return Ok((scene.subject, Parts { whole, body, not_you }));
        }
        Ok((scene.subject, Parts { whole: tidy(&whole), body: tidy(&body), not_you: tidy(&not_you).trim().to_owned() }))
    }

    /// The templates of a wording: its name and what it names, for the placeholder rule.
    pub fn variables(&self) -> Vec<(String, Vec<String>)> {
        let of = |(name, template): (&str, Template<'_, '_>)| {
            let mut names: Vec<_> = template.undeclared_variables(true).into_iter().collect();
            names.sort();
            (name.to_owned(), names)
        };
        self.html.templates().map(of).chain(self.text.templates().map(of)).collect()
    }
}

/// What both parts of one mail share.
struct Scene<'a> {
    language: &'a Arc<Language>,
    wording: &'a Wording,
    fields: Arc<Fields>,
    subject: Arc<str>,
}

impl<'a> Scene<'a> {
    fn new(wording: &'a Wording, language: &'a Arc<Language>, fields: Arc<Fields>) -> Result<Self, RenderError> {
        // The plain one where a value is not known.
        let say = |key| language.say(&wording.name, key, &fields, false);
        let subject = say("subject").or_else(|| say("subject_plain")).ok_or_else(|| RenderError::Template {
            file: format!("locales/{}.toml", language.tag),
            kind: format!("[{}] subject can't be written", wording.name),
        })?;
        Ok(Self { language, wording, fields, subject: subject.trim().into() })
    }

    fn context(&self, html: bool) -> Value {
        Value::from_object(Context {
            fields: self.fields.clone(),
            language: self.language.clone(),
            wording: self.wording.name.clone(),
            subject: self.subject.clone(),
            html,
        })
    }
}

fn part<'e>(environment: &'e Environment<'static>, name: &str) -> Result<Template<'e, 'e>, RenderError> {
    environment.get_template(name).map_err(render_error)
}

fn wording_of(template: &str) -> Option<String> {
    template.split_once('/').map(|(wording, _)| wording.to_owned())
}

fn render_error(error: minijinja::Error) -> RenderError {
    let line = error.line().map(|line| format!(":{line}")).unwrap_or_default();
    RenderError::Template { file: format!("{}{line}", error.name().unwrap_or("?")), kind: error.kind().to_string() }
}

/// What minijinja says, in an administrator's words.
fn problem_of(error: &minijinja::Error, file: PathBuf, wording: Option<String>) -> Problem {
    let rule = if error.kind() == ErrorKind::UndefinedError { Rule::Placeholders } else { Rule::Syntax };
    let message = match error.kind() {
        ErrorKind::UndefinedError => "prints a value or sentence that this mail may not have: ask for it with {% if … %} first".to_owned(),
        ErrorKind::OutOfFuel => "does too much work for one mail".to_owned(),
        ErrorKind::TemplateNotFound => format!("names a file that is not in the folder: {}", error.detail().unwrap_or_default()),
        kind => match error.detail() {
            Some(detail) => format!("{kind}: {detail}"),
            None => kind.to_string(),
        },
    };
    Problem { file, line: error.line(), rule, message, wording }
}

/// Text as a person would have set it: no blanks at line ends, at most one empty line between others, one line end at the end.
fn tidy(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut empty = true;
    for line in text.lines() {
        let line = line.trim_end();
        if line.is_empty() {
            if !empty {
                out.push('\n');
            }
            empty = true;
            continue;
        }
        out.push_str(line);
        out.push('\n');
        empty = false;
    }
    while out.ends_with("\n\n") {
        out.pop();
    }
    out
}
