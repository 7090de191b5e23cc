//! A secret comes back: inspected as often as scanners like, redeemed at most once (law 5). Guesses are counted by account, by client
//! and by portal; what they lock is codes, never links, so that nobody can keep a person out by guessing for him.

use std::time::Duration;

use resetd_core::limits::{Limit, subscriber};
use resetd_core::reset::Refusal;
use resetd_core::secret::{Code, Token};
use resetd_core::time::Timestamp;

use super::{App, AppError, Caller, Good, Presented, Presenting};
use crate::config::{Portal, Role};
use crate::store::{CodeBudget, Guesser, Means, ResetRow};

/// Wrong codes that an account is let pass within a hard cap.
const WRONG_CODES: u32 = 5;

/// A presented secret that names a reset, or the reason why none does.
enum Found {
    Reset(Box<ResetRow>, Means),
    WrongCode,
    Locked(Limit),
    Refused(Refusal),
}

impl App {
    /// Whether a secret is good. Consumes nothing, counts nothing against the link; a wrong code counts, since it is a guess.
    pub async fn inspect(&self, caller: &Caller, presented: Presenting) -> Result<Good, AppError> {
        let now = self.clock.now();
        let (row, means) = self.watched(self.found(caller, &presented, now).await)?;
        if let Some(refusal) = means.refusal(&row, now) {
            self.gauges.refused(means, refusal);
            return Err(AppError::Refused(refusal));
        }
        if row.inspected_at.is_none() {
            self.store.inspected(row.clone(), now).await?;
        }
        Ok(good(&row, means))
    }

    /// Redeems a secret: of all who try, one gets `Ok`, and that is on disk.
    pub async fn redeem(&self, caller: &Caller, presented: Presenting) -> Result<Good, AppError> {
        let now = self.clock.now();
        let (row, means) = self.watched(self.found(caller, &presented, now).await)?;
        let budget = self.code_budget(&row.portal);
        match self.store.redeem(row.clone(), means, budget, now).await? {
            Ok(()) => Ok(good(&row, means)),
            Err(refusal) => {
                self.gauges.refused(means, refusal);
                self.store.refused(row, refusal, now).await?;
                Err(AppError::Refused(refusal))
            }
        }
    }

    /// Counts what was refused before it named a reset.
    fn watched<T>(&self, found: Result<T, (Means, AppError)>) -> Result<T, AppError> {
        found.map_err(|(means, error)| {
            if let AppError::Refused(refusal) = &error {
                self.gauges.refused(means, *refusal);
            }
            error
        })
    }

    async fn found(&self, caller: &Caller, presented: &Presenting, now: Timestamp) -> Result<(ResetRow, Means), (Means, AppError)> {
        let ip = presented.ip.map(subscriber);
        let (means, found) = match &presented.secret {
            Presented::Token(token) => (Means::Token, self.by_token(caller, token, ip, now).await),
            Presented::Code { portal, account, code } => {
                let who = Guesser { portal: portal.clone(), account: account.clone(), ip };
                (Means::Code, self.by_typed(caller, &who, code, now).await)
            }
        };
        match found.map_err(|error| (means, error))? {
            Found::Reset(row, means) => Ok((*row, means)),
            Found::WrongCode => Err((means, AppError::Refused(Refusal::Unknown))),
            Found::Locked(_) => Err((means, AppError::Refused(Refusal::Locked))),
            Found::Refused(refusal) => Err((means, AppError::Refused(refusal))),
        }
    }

    async fn by_token(&self, caller: &Caller, token: &str, ip: Option<String>, now: Timestamp) -> Result<Found, AppError> {
        // A forged token ends here, without a look into the store: no number of them fills a disk.
        let Some(selector) = Token::check(&self.ring(), token) else {
            self.vigil.forged(&self.settings(), caller, ip, now);
            return Ok(Found::Refused(Refusal::Unknown));
        };
        let row = self.store.by_selector(selector).await?;
        // Another portal's token reads as no token.
        Ok(row
            .filter(|row| caller.may(Role::App, &row.portal))
            .map_or(Found::Refused(Refusal::Unknown), |row| Found::Reset(Box::new(row), Means::Token)))
    }

    /// The reset of a typed code; a wrong one is counted, and its limits are watched.
    async fn by_typed(&self, caller: &Caller, who: &Guesser, code: &str, now: Timestamp) -> Result<Found, AppError> {
        let outfit = self.outfit();
        let Some(portal) = outfit.settings.portals.get(&who.portal).filter(|portal| caller.may(Role::App, &portal.name)) else {
            return Err(AppError::Forbidden(format!("it is no `app` client of a portal `{}`", who.portal)));
        };
        let mut found = self.by_code(portal, who, code, now).await?;
        if matches!(found, Found::WrongCode)
            && let Some(limit) = self.store.wrong_code(who.clone(), self.code_budget(&portal.name), now).await?
        {
            found = Found::Locked(limit);
        }
        match &found {
            Found::WrongCode => self.vigil.guessed(who, None, now),
            Found::Locked(limit) => self.vigil.guessed(who, Some(*limit), now),
            Found::Reset(..) | Found::Refused(_) => {}
        }
        Ok(found)
    }

    /// The open reset whose code this is. Every candidate is derived and compared, in constant time, whichever matches.
    async fn by_code(&self, portal: &Portal, who: &Guesser, code: &str, now: Timestamp) -> Result<Found, AppError> {
        let (rows, used_up) = self.store.open_codes(who.clone(), self.code_budget(&portal.name), now).await?;
        if let Some(limit) = used_up {
            return Ok(Found::Locked(limit));
        }
        let mut found = Found::WrongCode;
        for row in rows.into_iter().filter(|row| row.method.has_code()) {
            let derived = Code::derive(&self.ring(), row.key_id, &row.selector, portal.code_length);
            if derived.is_some_and(|derived| derived.matches(code)) {
                found = Found::Reset(Box::new(row), Means::Code);
            }
        }
        Ok(found)
    }

    pub(super) fn code_budget(&self, portal: &resetd_core::ids::PortalName) -> CodeBudget {
        let outfit = self.outfit();
        let window = outfit.settings.portals.get(portal).map_or(Duration::from_secs(7200), |portal| portal.lifetimes.cap);
        let limits = &outfit.settings.limits;
        CodeBudget { tries: WRONG_CODES, window, per_ip: limits.wrong_codes_per_ip, per_portal: limits.wrong_codes_per_portal }
    }
}

fn good(row: &ResetRow, means: Means) -> Good {
    Good { reset: row.id, portal: row.portal.clone(), account: row.account.clone(), expires_at: means.until(row) }
}
