//! Request and response types of the API, which `http` translates and `resetctl` shares (DESIGN §7). Plain shapes: what a
//! field must be is checked where it becomes a type of the house. Requests refuse unknown fields.

mod classified;
mod data;
mod event;
mod examine;
mod flag;
mod inbound;
mod list;
mod login;
mod problem;
mod queue;
mod reset;
mod secret;
mod status;
mod template;

pub use classified::*;
pub use data::*;
pub use event::*;
pub use examine::*;
pub use flag::*;
pub use inbound::*;
pub use list::*;
pub use login::*;
pub use problem::*;
pub use queue::*;
pub use reset::*;
pub use secret::*;
pub use status::*;
pub use template::*;

use serde::{Deserialize, Deserializer};

/// For a field that must stand in the body, but may be `null`: forgetting it is not the same as saying "none".
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}
