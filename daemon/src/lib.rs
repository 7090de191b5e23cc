//! resetd: one library, two binaries of a few lines. The rooms are listed in the order in which data walks through
//! them; a `use` may point down this list or to `resetd_core`, never up.

pub mod config;
pub mod http;

pub mod app;
pub mod mail;
pub mod store;
pub mod wire;
