//! What can be wrong with a wording, said to the administrator who wrote it.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// The rules that a wording must keep. `resetctl templates check` names them as [`Rule::as_str`] says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Files are plain ones of bounded size, inside the folder.
    Files,
    /// `mail.html` and `mail.txt` are both there.
    BothParts,
    /// The template language is written right, and a rendering ends.
    Syntax,
    /// Every value that is named exists.
    Placeholders,
    /// Every sentence that is named stands in the strings of the language.
    Strings,
    /// One line, at most 78 characters, no secret.
    Subject,
    /// Block `not_you` says what to do if it wasn't you.
    NotYou,
    /// Block `body` has three or four lines beside greeting, link and code.
    BodyLines,
    /// The person's address or login is named.
    Address,
    /// How long the secret is good is said where it is known.
    Expiry,
    /// One link and one code, each where the method has it and nowhere else.
    Secret,
    /// The link stands alone on a line of the text.
    LinkLine,
    /// Nothing is loaded from elsewhere.
    Remote,
    /// No script, form, frame, event handler.
    Active,
    /// What a caller sends stays text.
    Injection,
    /// HTML of at most 20 KB.
    Size,
    /// Tags that are opened are closed.
    Markup,
    /// Pictures have words beside them.
    Alt,
    /// Text can be read on its ground.
    Contrast,
    /// A language has every sentence that English has.
    Incomplete,
}

impl Rule {
    /// The name in lists and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::BothParts => "both-parts",
            Self::Syntax => "syntax",
            Self::Placeholders => "placeholders",
            Self::Strings => "strings",
            Self::Subject => "subject",
            Self::NotYou => "not-you",
            Self::BodyLines => "body-lines",
            Self::Address => "address",
            Self::Expiry => "expiry",
            Self::Secret => "secret",
            Self::LinkLine => "link-line",
            Self::Remote => "remote",
            Self::Active => "active",
            Self::Injection => "injection",
            Self::Size => "size",
            Self::Markup => "markup",
            Self::Alt => "alt",
            Self::Contrast => "contrast",
            Self::Incomplete => "incomplete",
        }
    }

    /// Whether the daemon uses the built-in wording rather than one that breaks this rule. A wording that is a line too
    /// long is still the administrator's; one without its link, or that lets a caller write HTML, is not used.
    pub fn stops(self) -> bool {
        !matches!(
            self,
            Self::BodyLines | Self::Size | Self::Address | Self::Expiry | Self::Markup | Self::Alt | Self::Contrast | Self::Incomplete
        )
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that is wrong with a wording.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Problem {
    /// The file, or the folder where a file is missing; `builtin/…` for one of ours.
    pub file: PathBuf,
    /// The line in it, from 1, where one is known.
    pub line: Option<usize>,
    /// Which rule.
    pub rule: Rule,
    /// What was found and what must be.
    pub message: String,
    /// The wording it is about; `None`: all of the folder's.
    #[serde(skip)]
    pub(super) wording: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}: {}", self.rule, self.message)
    }
}

/// The wordings that are part of the program can't be read: a mistake in the build.
#[derive(Debug, thiserror::Error)]
#[error("a built-in wording is broken: {0}")]
pub struct LoadError(pub Problem);

/// A mail can't be rendered. Never holds a value of the mail.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// Nobody wrote it.
    #[error("there is no wording `{0}`")]
    Unknown(String),
    /// A template failed.
    #[error("{file}: {kind}")]
    Template {
        /// Template and line.
        file: String,
        /// What minijinja says of it, without any value.
        kind: String,
    },
}
