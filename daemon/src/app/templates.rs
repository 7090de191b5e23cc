//! The wordings, listed and shown with made-up values.

use super::{App, AppError, Caller, Preview, PreviewAsk, TemplateInfo};
use crate::config::Role;
use crate::mail::templates::{Sample, Source};

impl App {
    /// Every wording: the built-in ones, and each portal's own.
    pub fn templates(&self, caller: &Caller) -> Result<Vec<TemplateInfo>, AppError> {
        if caller.grants.is_empty() {
            return Err(AppError::Forbidden("the wordings are for configured clients".into()));
        }
        let outfit = self.outfit();
        let info = |portal: Option<&resetd_core::ids::PortalName>| {
            let portal = portal.cloned();
            outfit.library.wordings(portal.as_ref()).into_iter().map(move |wording| (portal.clone(), wording))
        };
        let own = outfit.settings.portals.keys().flat_map(|name| info(Some(name)));
        let own = own.filter(|(_, wording)| wording.source == Source::Override || wording.problem.is_some());
        let list = info(None).chain(own).map(|(portal, wording)| TemplateInfo {
            name: wording.name,
            kind: wording.kind.as_str(),
            portal,
            locales: wording.locales,
            problem: wording.problem,
        });
        Ok(list.collect())
    }

    /// A mail with made-up values, as the portal's people would get it.
    pub fn preview(&self, caller: &Caller, ask: PreviewAsk) -> Result<Preview, AppError> {
        let outfit = self.outfit();
        let portal = outfit.settings.portals.get(&ask.portal);
        let allowed = |name| [Role::App, Role::Support].iter().any(|role| caller.may(*role, name));
        let portal = portal.filter(|portal| allowed(&portal.name)).ok_or(AppError::NotFound("portal"))?;
        if !outfit.library.has(&portal.name, &ask.wording) {
            return Err(AppError::Invalid { field: "wording", rule: "must be one of the wordings that `GET /v1/templates` lists".into() });
        }
        let brand = outfit.brands.get(&portal.name).ok_or(AppError::NotFound("portal"))?;
        let sample = Sample::new(brand, ask.method.unwrap_or(portal.method));
        let locale = ask.locale.as_deref().unwrap_or(&portal.locale);
        let rendered = outfit.library.render(&portal.name, &ask.wording, locale, &sample.values());
        let rendered = rendered.map_err(|error| AppError::Conflict(format!("this wording can't be shown: {error}")))?;
        Ok(Preview { subject: rendered.subject.clone(), text: rendered.text.to_string(), html: brand.with_logo(&rendered.html) })
    }
}
