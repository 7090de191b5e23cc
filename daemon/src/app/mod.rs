//! One use case per file. Each takes what it uses from [`App`], decides by the rules of `resetd_core`, and gives the store
//! whole transactions.

mod types;

use std::sync::Arc;

use resetd_core::ids::ResetId;

use crate::store::{Flag, FlagFilter, Line, Listed, Page, Queued, Reset};

pub use types::*;

/// What the use cases share.
pub struct App {}

#[allow(clippy::unused_async, unused_variables, missing_docs, clippy::todo)]
impl App {
    pub async fn request(&self, caller: &Caller, new: NewReset, idempotency: Option<Idempotency>) -> Result<ResetId, AppError> {
        todo!()
    }
    pub async fn show(&self, caller: &Caller, id: ResetId) -> Result<ResetStory, AppError> {
        todo!()
    }
    pub async fn revoke(&self, caller: &Caller, id: ResetId) -> Result<ResetStory, AppError> {
        todo!()
    }
    pub async fn inspect(&self, caller: &Caller, presented: Presented) -> Result<Good, AppError> {
        todo!()
    }
    pub async fn redeem(&self, caller: &Caller, presented: Presented) -> Result<Good, AppError> {
        todo!()
    }
    pub async fn completed(&self, caller: &Caller, id: ResetId) -> Result<(), AppError> {
        todo!()
    }
    pub async fn login_outcome(&self, caller: &Caller, outcome: LoginOutcome) -> Result<LoginCount, AppError> {
        todo!()
    }
    pub async fn flags(&self, caller: &Caller, filter: FlagFilter, page: Page) -> Result<Listed<Flag>, AppError> {
        todo!()
    }
    pub async fn flag(&self, caller: &Caller, id: i64) -> Result<Flag, AppError> {
        todo!()
    }
    /// The message behind a flag as RFC 5322 bytes, secrets struck out.
    pub async fn flag_message(&self, caller: &Caller, id: i64) -> Result<Vec<u8>, AppError> {
        todo!()
    }
    pub async fn resolve(
        &self,
        caller: &Caller,
        id: i64,
        by: Option<String>,
        outcome: String,
        note: Option<String>,
    ) -> Result<Flag, AppError> {
        todo!()
    }
    /// Lines after the cursor, oldest first. `reset` narrows to one.
    pub async fn events(&self, caller: &Caller, page: Page) -> Result<Listed<Line>, AppError> {
        todo!()
    }
    /// New lines as they are committed. A receiver that lags must read on with [`App::events`].
    pub fn subscribe(&self) -> tokio::sync::broadcast::Receiver<Arc<Line>> {
        todo!()
    }
    /// Whether the caller may see this line of the stream.
    pub fn may_see(&self, caller: &Caller, line: &Line) -> bool {
        todo!()
    }
    pub async fn ingest(&self, caller: &Caller, raw: Vec<u8>) -> Result<Ingested, AppError> {
        todo!()
    }
    pub async fn queue(&self, caller: &Caller, page: Page) -> Result<Listed<Queued>, AppError> {
        todo!()
    }
    pub async fn queue_retry(&self, caller: &Caller, id: i64) -> Result<(), AppError> {
        todo!()
    }
    pub async fn status(&self, caller: &Caller) -> Result<Status, AppError> {
        todo!()
    }
    /// Prometheus text format.
    pub async fn metrics(&self, caller: &Caller) -> Result<String, AppError> {
        todo!()
    }
    pub fn templates(&self, caller: &Caller) -> Result<Vec<TemplateInfo>, AppError> {
        todo!()
    }
    pub fn preview(&self, caller: &Caller, ask: PreviewAsk) -> Result<Preview, AppError> {
        todo!()
    }
    /// The settings in force, for `http` to find roles.
    pub fn settings(&self) -> Arc<crate::config::Settings> {
        todo!()
    }
}
