//! `resetctl`: a client of the API's socket.

pub mod client;
