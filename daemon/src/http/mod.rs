//! The API's socket: peer credentials become a [`Caller`](crate::app::Caller), requests become calls of use cases, what they
//! give becomes answers (DESIGN §7). Translation only: nothing is decided here but who asks and whether a body can be read.

mod access;
mod body;
mod check;
mod connection;
mod face;
mod forbidden;
mod guard;
mod idempotency;
mod json_error;
mod openapi;
mod problem;
mod query;
mod routes;
mod serve;
mod socket;
#[cfg(test)]
mod speed;
mod stream;
#[cfg(test)]
mod tests;
mod values;
mod waiting;

pub use openapi::document;
pub use serve::{ServeError, ServerLimits, serve};
pub use socket::{ListenError, listen};
pub use waiting::turn_away;
