//! Asking for a reset. Whatever is known of the account, the answer and the work before it are the same (law 8).

use std::sync::Arc;
use std::time::Instant;

use resetd_core::ids::ResetId;
use resetd_core::limits::{Limits, subscriber};
use resetd_core::secret::Selector;

use super::vigil::Asked;
use super::{App, AppError, Caller, Idempotency, NewReset};
use crate::ambient::random;
use crate::config::{Portal, Role, Settings, Supersede};
use crate::store::{Accepted, Request};

impl App {
    /// Accepts a request: when this returns `Ok`, it is on disk (law 1). The caller is not told whether a mail goes out.
    pub async fn request(&self, caller: &Caller, new: NewReset, idempotency: Option<Idempotency>) -> Result<ResetId, AppError> {
        let begun = Instant::now();
        let outfit = self.outfit();
        let portal = portal_for(&outfit.settings, caller, &new)?;
        let wording = new.wording.clone().unwrap_or_else(|| portal.wording.clone());
        if !outfit.library.has_for_reset(&portal.name, &wording) {
            return Err(AppError::Invalid {
                field: "wording",
                rule: "must be one of the wordings of the kind `reset` that `GET /v1/templates` lists".into(),
            });
        }
        let mut request = self.prepare(&outfit.settings, portal, new, wording, "request")?;
        request.idempotency = idempotency.map(|idempotency| (caller.uid, idempotency.key, idempotency.body));
        // Made whatever comes of it, so that the answer takes the same time (law 8).
        let (seen, now) = (Asked::from(&request), request.created_at);
        let accepted = self.store.accept(request).await?;
        self.gauges.accept.took(begun.elapsed());
        match accepted {
            Accepted::New(id, met) => {
                self.vigil.asked(&seen, met, now);
                Ok(id)
            }
            Accepted::Again(id) => Ok(id),
            Accepted::KeyReused => Err(AppError::KeyReused),
        }
    }

    /// Gives a request its id, selector, times and limits.
    pub(super) fn prepare(
        &self,
        settings: &Settings,
        portal: &Portal,
        new: NewReset,
        wording: String,
        origin: &'static str,
    ) -> Result<Request, AppError> {
        let now = self.clock.now();
        let (id, selector) = random::<10>(&*self.entropy).zip(random::<10>(&*self.entropy)).ok_or_else(no_entropy)?;
        let method = new.method.unwrap_or(portal.method);
        Ok(Request {
            id: ResetId::new(now, id),
            selector: Selector::new(now, selector),
            key_id: self.ring().current(),
            portal: portal.name.clone(),
            account: new.account,
            email: new.email,
            name: new.name,
            locale: new.locale.unwrap_or_else(|| portal.locale.clone()),
            method,
            wording,
            ip: new.ip.map(subscriber),
            user_agent: new.user_agent,
            valid_since: new.valid_since,
            created_at: now,
            until: portal.lifetimes.expiry(now, None).link,
            useful_until: portal.lifetimes.useful_until(now, method),
            limits: Limits { relief: portal.lifetimes.link, ..settings.limits },
            portal_limit: portal.per_hour,
            newest_only: portal.supersede == Supersede::NewestOnly,
            idempotency: None,
            code_budget: self.code_budget(&portal.name),
            origin,
        })
    }
}

/// The portal of a request, if the caller may ask for it. An unknown portal and a forbidden one read alike.
pub(super) fn portal_for<'a>(settings: &'a Arc<Settings>, caller: &Caller, new: &NewReset) -> Result<&'a Portal, AppError> {
    let portal = settings.portals.get(&new.portal).filter(|portal| caller.may(Role::App, &portal.name));
    portal.ok_or_else(|| {
        AppError::Forbidden(format!(
            "it is no `app` client of a portal `{}` (see [[client]] and [portal.*] in the configuration)",
            new.portal
        ))
    })
}

pub(super) fn no_entropy() -> AppError {
    AppError::Unavailable("the system gives no randomness".into())
}
