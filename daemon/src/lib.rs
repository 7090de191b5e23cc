//! resetd: one library, two binaries of a few lines. The rooms are listed in the order in which data walks through
//! them; a `use` may point down this list or to `resetd_core`, never up.

pub mod startup;

pub mod lifecycle;

pub mod config;

pub mod http;

pub mod mailbox;

pub mod outbox;

pub mod app;
pub mod authentication;
pub mod mail;
pub mod webhook;

pub mod reading;
pub mod store;

pub mod wire;

pub mod ctl;

pub mod ambient;
