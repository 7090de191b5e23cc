//! resetd as a system: HTTP in, rendered multipart mail out.

use std::convert::Infallible;

use resetd_tests::Site;

use super::door::Door;
use super::system::System;
use super::tree::Tree;
use crate::unlimited;

/// Starts one whose relay is on this port, unsigned.
pub fn start(port: u16) -> Result<System, Infallible> {
    Ok(of(Site::with(&unlimited(port))))
}

/// A running site as a system.
pub fn of(mut site: Site) -> System {
    System { name: "resetd", door: Door::Ours(site.socket()), tree: Tree(site.daemon().pid()), _keep: Box::new(site) }
}
