//! Failed logins: counted, never locked; at the portal's threshold a reset starts by itself.

use super::request::portal_for;
use super::vigil::Asked;
use super::{App, AppError, Caller, LoginCount, LoginOutcome};
use crate::store::{Accepted, LoginRule};

impl App {
    /// Counts a failure, or clears the count after a success.
    pub async fn login_outcome(&self, caller: &Caller, outcome: LoginOutcome) -> Result<LoginCount, AppError> {
        let outfit = self.outfit();
        let portal = portal_for(&outfit.settings, caller, &outcome.reset)?;
        if outcome.reset.account.is_none() {
            return Err(AppError::Invalid { field: "account", rule: "must name the account whose logins are counted".into() });
        }
        let rule = LoginRule {
            threshold: portal.login_failures.threshold,
            window: portal.login_failures.window,
            at_most_every: portal.login_failures.at_most_every,
        };
        let wording = portal.login_failures.wording.clone();
        let request = self.prepare(&outfit.settings, portal, outcome.reset, wording, "login_failures")?;
        if outcome.success {
            self.store.login_succeeded(request).await?;
            return Ok(LoginCount { failures: 0, threshold: rule.threshold, started: None });
        }
        let (seen, now) = (Asked::from(&request), request.created_at);
        let failed = self.store.login_failed(request, rule).await?;
        let started = failed.started.and_then(|accepted| match accepted {
            Accepted::New(id, met) => {
                self.vigil.asked(&seen, met, now);
                Some(id)
            }
            Accepted::Again(id) => Some(id),
            Accepted::KeyReused => None,
        });
        Ok(LoginCount { failures: failed.failures, threshold: rule.threshold, started })
    }
}
