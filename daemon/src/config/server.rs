//! `[server]`: the API socket.

use std::path::PathBuf;

use serde::Deserialize;

use super::types::Server;
use super::values::{Span, Text, Whole};

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct ServerSection {
    socket: Text<PathBuf>,
    max_connections: Whole<1, 65_535>,
    header_timeout: Span<1, 300>,
    idle_timeout: Span<1, 3_600>,
}

impl Default for ServerSection {
    fn default() -> Self {
        Self {
            socket: Text("/run/resetd/resetd.sock".into()),
            max_connections: Whole(512),
            header_timeout: Span::of::<10>(),
            idle_timeout: Span::of::<60>(),
        }
    }
}

impl ServerSection {
    pub(super) fn check(self) -> Server {
        Server {
            socket: self.socket.0,
            max_connections: self.max_connections.count(),
            header_timeout: self.header_timeout.duration(),
            idle_timeout: self.idle_timeout.duration(),
        }
    }
}
