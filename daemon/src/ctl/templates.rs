//! `resetctl templates`

use std::path::{Path, PathBuf};

use serde_json::json;

use super::cli::TemplatesCommand;
use super::errand::{Asked, Errand};
use super::failure::Failure;
use super::screen::{Screen, clean};
use super::table::{Table, styled};
use crate::config::{self, Environment};
use crate::mail::templates::{self, Problem};
use crate::wire::{List, Preview, Template};

pub(super) async fn run(errand: &Errand, command: TemplatesCommand) -> Result<(), Failure> {
    match command {
        TemplatesCommand::Preview { portal, wording, locale, method, html } => {
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
