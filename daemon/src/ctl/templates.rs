//! `resetctl templates`

use std::path::{Path, PathBuf};

use clap::Subcommand;
use resetd_core::ids::PortalName;
use serde_json::json;

use super::errand::{Asked, Errand};
use super::failure::Failure;
use super::screen::{Screen, clean};
use super::table::{Table, styled};
use crate::config::{self, DEFAULT_PATH, Environment};
use crate::mail::templates::{self, Library, Problem, sample_brand};
use crate::wire::{List, Preview, Template};

#[derive(Subcommand)]
pub(super) enum TemplatesCommand {
    /// List the wordings of the daemon and of each portal
    #[command(after_help = "Example:\n  resetctl templates list")]
    List,
    /// Check folders of one's own wordings against the rules; needs no daemon
    #[command(
        after_help = "Examples:\n  resetctl templates check ./wordings\n  resetctl templates check              those that the configuration names"
    )]
    Check {
        /// Folders; without any, those that the configuration names
        folders: Vec<PathBuf>,
        /// The configuration
        #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
        config: PathBuf,
    },
    /// Show a wording with made-up values, or write all of them on one page
    ///
    /// With --gallery, every wording in every language goes onto one HTML page that opens without a network; needs no daemon.
    #[command(
        after_help = "Examples:\n  resetctl templates preview shop easy\n  resetctl templates preview --gallery wordings.html\n  resetctl templates preview --gallery wordings.html --folder /etc/resetd/templates/shop"
    )]
    Preview {
        /// The portal
        #[arg(required_unless_present = "gallery", conflicts_with = "gallery")]
        portal: Option<String>,
        /// The wording
        #[arg(required_unless_present = "gallery", conflicts_with = "gallery")]
        wording: Option<String>,
        /// Write the page here
        #[arg(long, value_name = "FILE")]
        gallery: Option<PathBuf>,
        /// With the wordings of this folder put over the built-in ones
        #[arg(long, requires = "gallery")]
        folder: Option<PathBuf>,
        /// The language
        #[arg(long)]
        locale: Option<String>,
        /// What the mail holds
        #[arg(long, value_parser = ["link", "code", "both"])]
        method: Option<String>,
        /// Print the HTML part instead of the text
        #[arg(long)]
        html: bool,
    },
    /// Copy a wording into a folder, to edit it; needs no daemon
    #[command(after_help = "Example:\n  resetctl templates export easy /etc/resetd/templates/shop --locale en --locale de")]
    Export {
        /// The wording
        wording: String,
        /// Where to
        folder: PathBuf,
        /// Its sentences in this language too; may be given several times
        #[arg(long = "locale", value_name = "TAG")]
        locales: Vec<String>,
    },
    /// Show how the files of a folder differ from the built-in ones, and which of those changed since they were copied; needs no daemon
    #[command(after_help = "Example:\n  resetctl templates diff /etc/resetd/templates/shop")]
    Diff {
        /// The folder
        folder: PathBuf,
    },
}

pub(super) async fn run(errand: &Errand, command: TemplatesCommand) -> Result<(), Failure> {
    match command {
        TemplatesCommand::Preview { portal: Some(portal), wording: Some(wording), locale, method, html, .. } => {
            let mut body = json!({ "portal": portal, "wording": wording });
            for (name, value) in [("locale", locale), ("method", method)] {
                if let Some(value) = value {
                    body[name] = value.into();
                }
            }
            let asked: Asked<Preview> = errand.ask("POST", "/v1/templates/preview", Some(&body)).await?;
            errand.show(&asked, |preview, screen| match html {
                true => preview.html.clone(),
                false => format!("{} {}\n\n{}", screen.dim("Subject:"), screen.bold(&clean(&preview.subject)), clean(&preview.text)),
            })
        }
        _ => {
            let asked = errand.get("/v1/templates").await?;
            errand.show(&asked, table)
        }
    }
}

fn table(list: &List<Template>, screen: Screen) -> String {
    let mut table = Table::new(&["WORDING", "KIND", "FROM", "LANGUAGES", ""]);
    for template in &list.items {
        table.row([
            template.name.clone().into(),
            template.kind.clone().into(),
            template.portal.as_ref().map_or_else(|| "resetd".to_owned(), |portal| format!("portal {portal}")).into(),
            template.locales.join(" ").into(),
            styled(template.problem.as_ref().map(|problem| format!("not used: {}", clean(problem))).unwrap_or_default(), "31"),
        ]);
    }
    table.render(screen)
}

/// Every wording in every language on one page.
pub(super) fn gallery(errand: &Errand, file: &Path, folder: Option<PathBuf>) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(error.to_string());
    let portal = PortalName::parse("shop").map_err(|error| failed(&error))?;
    let overrides: Vec<_> = folder.into_iter().map(|folder| (portal.clone(), folder)).collect();
    let (library, problems) = Library::load(&overrides).map_err(|error| failed(&error))?;
    problems.iter().for_each(|problem| errand.say(&clean(&problem.to_string())));
    let page = templates::gallery(&library, &portal, &sample_brand()).map_err(|error| failed(&error))?;
    std::fs::write(file, page).map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?;
    errand.say(&format!("{} is written: open it in a browser", file.display()));
    Ok(())
}

/// Copies a wording.
pub(super) fn export(errand: &Errand, wording: &str, folder: &Path, locales: &[String]) -> Result<(), Failure> {
    let written = templates::export(wording, locales, folder).map_err(|error| Failure::Failed(error.to_string()))?;
    if errand.json {
        return errand.screen.print(&json!({ "files": written }).to_string());
    }
    let list: String = written.iter().map(|file| format!("{}\n", file.display())).collect();
    errand.screen.print(&list)?;
    let folder = folder.display();
    errand.say(&format!(
        "Name the folder in the configuration: [portal.NAME] templates = \"{folder}\"; then `resetctl templates check {folder}`"
    ));
    Ok(())
}

/// How copies differ from the originals of today.
pub(super) fn diff(errand: &Errand, folder: &Path) -> Result<(), Failure> {
    let changed = templates::diff(folder).map_err(|error| Failure::Usage(format!("{}: {error}", folder.display())))?;
    if errand.json {
        let item = |one: &templates::Changed| json!({ "file": one.file, "original_changed": one.original_changed, "diff": one.diff });
        return errand.screen.print(&json!({ "items": changed.iter().map(item).collect::<Vec<_>>() }).to_string());
    }
    let screen = errand.screen;
    let mut text = String::new();
    for one in &changed {
        let state = match one.original_changed {
            Some(true) => screen.style("the built-in one has changed since it was copied", "33"),
            Some(false) => "the built-in one is as it was when it was copied".to_owned(),
            None => "it is not known when it was copied".to_owned(),
        };
        let same = if one.diff.is_empty() { ", and it says the same" } else { "" };
        text.push_str(&format!("{}: {state}{same}\n", one.file.display()));
        for line in one.diff.lines().map(clean) {
            let sgr = match line.chars().next() {
                Some('+') => "32",
                Some('-') => "31",
                _ => "",
            };
            text.push_str(&format!("{}\n", screen.style(&line, sgr)));
        }
    }
    if changed.is_empty() {
        text.push_str("nothing here is put over a built-in file\n");
    }
    screen.print(&text)
}

/// Holds folders of wordings against the rules.
pub(super) fn check(errand: &Errand, folders: Vec<PathBuf>, file: &Path) -> Result<(), Failure> {
    let folders = if folders.is_empty() { configured(file)? } else { folders };
    let mut bad = false;
    for folder in &folders {
        let problems = templates::check(folder).map_err(|error| Failure::Usage(format!("{}: {error}", folder.display())))?;
        bad |= problems.iter().any(|problem| problem.rule.stops());
        report(errand, folder, &problems)?;
    }
    if folders.is_empty() {
        errand.say(&format!("{}: no portal has wordings of its own", file.display()));
    }
    if bad { Err(Failure::Silent(1)) } else { Ok(()) }
}

fn report(errand: &Errand, folder: &Path, problems: &[Problem]) -> Result<(), Failure> {
    if errand.json {
        return errand.screen.print(&json!({ "folder": folder, "problems": problems }).to_string());
    }
    if problems.is_empty() {
        return errand.screen.print(&format!("{}: {}", folder.display(), errand.screen.style("ok", "32")));
    }
    let line = |problem: &Problem| {
        let (word, style) = if problem.rule.stops() { ("not used", "31") } else { ("used, but", "33") };
        format!("{}: {}\n", errand.screen.style(word, style), clean(&problem.to_string()))
    };
    errand.screen.print(&problems.iter().map(line).collect::<String>())
}

/// The folders that the portals of a configuration name.
pub(super) fn configured(file: &Path) -> Result<Vec<PathBuf>, Failure> {
    let settings = config::load(file, &Environment::of_process()).map_err(|errors| Failure::Failed(errors.to_string()))?;
    Ok(settings.portals.into_values().filter_map(|portal| portal.templates).collect())
}
