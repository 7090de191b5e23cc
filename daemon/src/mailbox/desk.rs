//! Where every source puts its messages: the use cases keep them.

use std::sync::Arc;

use super::{Arrived, Sink, StoreFailed};
use crate::app::{App, Arrival};

/// Hands what arrives to the use cases.
pub struct Desk(Arc<App>);

impl Desk {
    /// Over the use cases.
    pub fn new(app: Arc<App>) -> Self {
        Self(app)
    }
}

impl Sink for Desk {
    async fn store(&self, arrived: Arrived) -> Result<(), StoreFailed> {
        let Arrived { raw, mail_from, rcpt_to, source, source_key, truncated_from } = arrived;
        let arrival = Arrival { raw, mail_from, rcpt_to, source, source_key, truncated_from };
        self.0.keep(arrival).await.map(drop).map_err(|error| {
            tracing::error!(event = "inbound.not_kept", source, %error);
            StoreFailed
        })
    }

    fn accepts(&self, rcpt: &str) -> bool {
        self.0.receives(rcpt)
    }
}
