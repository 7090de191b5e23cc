//! Where every source puts its messages: the use cases keep them.

use std::sync::Arc;

use super::{Arrival, Sink, StoreFailed};
use crate::app::App;

/// Hands what arrives to the use cases.
pub struct Desk(Arc<App>);

impl Desk {
    /// Over the use cases.
    pub fn new(app: Arc<App>) -> Self {
        Self(app)
    }

    /// The use cases, for what a source has to remember beside its messages.
    pub(super) fn app(&self) -> &App {
        &self.0
    }
}

impl Sink for Desk {
    async fn store(&self, arrived: Arrival) -> Result<(), StoreFailed> {
        let source = arrived.source;
        self.0.keep(arrived).await.map(drop).map_err(|error| {
            tracing::error!(event = "inbound.not_kept", source, %error);
            StoreFailed
        })
    }

    fn accepts(&self, rcpt: &str) -> bool {
        self.0.receives(rcpt)
    }
}
