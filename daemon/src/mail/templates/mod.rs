//! Wordings: loaded and compiled once, rendered for one mail at a time.
//!
//! A wording is a folder with `mail.html` and `mail.txt`, which hold structure; its sentences stand in
//! `locales/TAG.toml`. An administrator's folder for a portal has the same shape and is put over the built-in one, file by
//! file and sentence by sentence. What is broken in it never stops a mail: the built-in wording is used, and said.

mod check;
mod color;
mod context;
mod dates;
mod engine;
mod error;
mod export;
mod fields;
mod files;
mod gallery;
mod html;
#[cfg(test)]
mod languages;
mod locale;
mod looks;
mod plural;
mod preview;
mod rules;
mod set;
mod strings;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;

use resetd_core::ids::PortalName;
use resetd_core::inbound::OurWords;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::config::Logo;

pub use check::check;
pub use error::{LoadError, Problem, RenderError, Rule};
pub use export::{Changed, ExportError, diff, export};
pub use gallery::gallery;
pub use preview::{Sample, sample_brand, sample_look};
pub use values::{Brand, Facts, Look, Values};

use fields::Fields;
use files::Files;
use set::Set;

/// The longest link, in characters: what every mail client still makes a link of.
pub const LINK_MAX: usize = 200;
/// The wording that stands in where one that an administrator wrote fails and has no built-in namesake.
const STAND_IN: &str = "easy";

/// What a wording is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Carries a secret.
    Reset,
    /// Tells the person what happened.
    Notice,
    /// Answers the person's answer.
    Ack,
    /// To support.
    Alert,
}

impl Kind {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Notice => "notice",
            Self::Ack => "acknowledgement",
            Self::Alert => "alert",
        }
    }

    fn of(wording: &str) -> Self {
        match wording {
            "changed" => Self::Notice,
            "ack" => Self::Ack,
            "alert" => Self::Alert,
            _ => Self::Reset,
        }
    }
}

/// Who wrote a wording.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Part of the program.
    Builtin,
    /// The administrator.
    Override,
}

/// A wording in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WordingInfo {
    /// Its name in the configuration and the API.
    pub name: String,
    /// What it is for.
    pub kind: Kind,
    /// Who wrote what is used.
    pub source: Source,
    /// Languages it can be written in (BCP 47).
    pub locales: Vec<String>,
    /// Why the administrator's is not used.
    pub problem: Option<String>,
}

/// A mail's content. No `Debug`: it holds the secret.
pub struct Rendered {
    /// The language it is written in (BCP 47).
    pub locale: String,
    /// One line.
    pub subject: String,
    /// The plain part, lines ended by `\n`.
    pub text: Zeroizing<String>,
    /// The HTML part, lines ended by `\n`.
    pub html: Zeroizing<String>,
    /// The picture that the HTML part shows.
    pub picture: Option<Picture>,
}

/// A picture that a mail carries.
#[derive(Clone, Debug)]
pub struct Picture {
    /// `Content-ID:` without angle brackets.
    pub id: String,
    /// The octets and what they are.
    pub logo: Logo,
}

/// All wordings of all portals.
pub struct Library {
    builtin: Set,
    portals: BTreeMap<PortalName, Own>,
}

/// A portal's own.
struct Own {
    set: Set,
    written: Vec<String>,
    problems: Vec<Problem>,
}

impl Own {
    /// What keeps the administrator's version of a wording from being used.
    fn stopped(&self, wording: &str) -> Option<&Problem> {
        self.problems.iter().find(|problem| problem.rule.stops() && problem.wording.as_deref().is_none_or(|own| own == wording))
    }
}

impl Library {
    /// The wordings of the program alone.
    pub fn builtin() -> Result<Self, LoadError> {
        let (builtin, problems) = Set::build(&Files::builtin(), &Files::default());
        match problems.into_iter().next() {
            Some(problem) => Err(LoadError(problem)),
            None => Ok(Self { builtin, portals: BTreeMap::new() }),
        }
    }

    /// Every sentence that our mails are made of, so that reading knows them again in an answer.
    pub fn our_words(&self) -> OurWords {
        let own = self.portals.values().flat_map(|own| own.set.sentences());
        OurWords::new(self.builtin.sentences().chain(own))
    }

    /// The built-in ones and the administrator's. Each of the problems is for the log; none stops a mail.
    pub fn load(overrides: &[(PortalName, PathBuf)]) -> Result<(Self, Vec<Problem>), LoadError> {
        let mut library = Self::builtin()?;
        let mut all = Vec::new();
        for (portal, folder) in overrides {
            let own = check::load(folder).unwrap_or_else(|error| {
                let message = format!("can't be read: {error}");
                let problem = Problem { file: folder.clone(), line: None, rule: Rule::Files, message, wording: None };
                let (set, _) = Set::build(&Files::builtin(), &Files::default());
                Own { set, written: Vec::new(), problems: vec![problem] }
            });
            all.extend(own.problems.iter().cloned());
            library.portals.insert(portal.clone(), own);
        }
        Ok((library, all))
    }

    /// What a portal has (`None`: the built-in ones), by name.
    pub fn wordings(&self, portal: Option<&PortalName>) -> Vec<WordingInfo> {
        let own = portal.and_then(|portal| self.portals.get(portal));
        let set = own.map_or(&self.builtin, |own| &own.set);
        let info = |(name, wording): (&String, &set::Wording)| {
            let stopped = own.and_then(|own| own.stopped(name));
            let written = own.is_some_and(|own| own.written.contains(name));
            WordingInfo {
                name: name.clone(),
                kind: wording.kind,
                source: if written && stopped.is_none() { Source::Override } else { Source::Builtin },
                locales: wording.locales(),
                problem: stopped.map(ToString::to_string),
            }
        };
        set.wordings().iter().map(info).collect()
    }

    /// Whether a reset mail of a portal can have this wording: it is there, and made to carry a secret.
    pub fn has_for_reset(&self, portal: &PortalName, wording: &str) -> bool {
        Kind::of(wording) == Kind::Reset && self.has(portal, wording)
    }

    /// Whether a portal has this wording.
    pub fn has(&self, portal: &PortalName, wording: &str) -> bool {
        let own = self.portals.get(portal).is_some_and(|own| own.set.wordings().contains_key(wording));
        own || self.builtin.wordings().contains_key(wording)
    }

    /// One mail's content. The administrator's wording first; where that fails, the built-in one of the name, or else
    /// `easy`.
    pub fn render(&self, portal: &PortalName, wording: &str, locale: &str, values: &Values<'_>) -> Result<Rendered, RenderError> {
        let fields = || if Kind::of(wording) == Kind::Alert { Fields::as_given(values) } else { Fields::new(values) };
        let mut name = wording;
        if let Some(own) = self.portals.get(portal) {
            match own.stopped(wording) {
                None => match own.set.render(wording, locale, fields()) {
                    Ok(rendered) => return Ok(rendered),
                    Err(RenderError::Unknown(_)) => {}
                    Err(error) => tracing::warn!(event = "wording.failed", portal = %portal, wording, %error),
                },
                Some(problem) => tracing::debug!(event = "wording.stopped", portal = %portal, wording, %problem),
            }
            if own.set.wordings().contains_key(wording) && !self.builtin.wordings().contains_key(wording) {
                name = STAND_IN;
            }
        }
        self.builtin.render(name, locale, fields())
    }
}
