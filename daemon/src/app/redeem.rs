//! A secret comes back: inspected as often as scanners like, redeemed at most once (law 5).

use std::time::Duration;

use resetd_core::reset::Refusal;
use resetd_core::secret::{Code, Token};
use resetd_core::time::Timestamp;

use super::{App, AppError, Caller, Good, Presented};
use crate::config::{Portal, Role};
use crate::store::{CodeBudget, Means, ResetRow};

/// Wrong codes that an account is let pass within a hard cap.
const WRONG_CODES: u32 = 5;

/// A presented secret that names a reset, or the reason why none does.
enum Found {
    Reset(Box<ResetRow>, Means),
    WrongCode,
    Refused(Refusal),
}

impl App {
    /// Whether a secret is good. Consumes nothing, counts nothing against the link; a wrong code counts, since it is a guess.
    pub async fn inspect(&self, caller: &Caller, presented: Presented) -> Result<Good, AppError> {
        let now = self.clock.now();
        let (row, means) = self.found(caller, &presented, now).await?;
        if let Some(refusal) = means.refusal(&row, now) {
            return Err(AppError::Refused(refusal));
        }
        if row.inspected_at.is_none() {
            self.store.inspected(row.clone(), now).await?;
        }
        Ok(good(&row, means))
    }

    /// Redeems a secret: of all who try, one gets `Ok`, and that is on disk.
    pub async fn redeem(&self, caller: &Caller, presented: Presented) -> Result<Good, AppError> {
        let now = self.clock.now();
        let (row, means) = self.found(caller, &presented, now).await?;
        let budget = self.budget(&row.portal);
        match self.store.redeem(row.clone(), means, budget, now).await? {
            Ok(()) => Ok(good(&row, means)),
            Err(refusal) => {
                self.store.refused(row, refusal, now).await?;
                Err(AppError::Refused(refusal))
            }
        }
    }

    async fn found(&self, caller: &Caller, presented: &Presented, now: Timestamp) -> Result<(ResetRow, Means), AppError> {
        let found = match presented {
            Presented::Token(token) => self.by_token(caller, token).await?,
            Presented::Code { portal, account, code } => {
                let outfit = self.outfit();
                let Some(portal) = outfit.settings.portals.get(portal).filter(|portal| caller.may(Role::App, &portal.name)) else {
                    return Err(AppError::Forbidden(format!("it is no `app` client of a portal `{portal}`")));
                };
                let found = self.by_code(portal, account, code, now).await?;
                if matches!(found, Found::WrongCode) {
                    let budget = self.budget(&portal.name);
                    let refusal = self.store.wrong_code(portal.name.clone(), account.clone(), budget, now).await?;
                    return Err(AppError::Refused(refusal));
                }
                found
            }
        };
        match found {
            Found::Reset(row, means) => Ok((*row, means)),
            Found::WrongCode => Err(AppError::Refused(Refusal::Unknown)),
            Found::Refused(refusal) => Err(AppError::Refused(refusal)),
        }
    }

    async fn by_token(&self, caller: &Caller, token: &str) -> Result<Found, AppError> {
        // A forged token ends here, without a look into the store.
        let Some(selector) = Token::check(&self.ring(), token) else { return Ok(Found::Refused(Refusal::Unknown)) };
        let row = self.store.by_selector(selector).await?;
        // Another portal's token reads as no token.
        Ok(row
            .filter(|row| caller.may(Role::App, &row.portal))
            .map_or(Found::Refused(Refusal::Unknown), |row| Found::Reset(Box::new(row), Means::Token)))
    }

    /// The open reset whose code this is. Every candidate is derived and compared, in constant time, whichever matches.
    async fn by_code(&self, portal: &Portal, account: &str, code: &str, now: Timestamp) -> Result<Found, AppError> {
        let budget = self.budget(&portal.name);
        let (rows, wrong) = self.store.open_codes(portal.name.clone(), account.to_owned(), budget, now).await?;
        if wrong >= budget.tries {
            return Ok(Found::Refused(Refusal::Locked));
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

    fn budget(&self, portal: &resetd_core::ids::PortalName) -> CodeBudget {
        let outfit = self.outfit();
        let window = outfit.settings.portals.get(portal).map_or(Duration::from_secs(7200), |portal| portal.lifetimes.cap);
        CodeBudget { tries: WRONG_CODES, window }
    }
}

fn good(row: &ResetRow, means: Means) -> Good {
    Good { reset: row.id, portal: row.portal.clone(), account: row.account.clone(), expires_at: means.until(row) }
}
