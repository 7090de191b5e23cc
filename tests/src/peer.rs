//! A client that is another user: the kernel's credentials decide what it may do.

use std::os::unix::process::CommandExt;
use std::process::Command;

use serde_json::Value;

use crate::daemon::program;
use crate::{Reply, Site};

/// A user and its primary group, by number.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    uid: u32,
    gid: u32,
}

impl Peer {
    /// Needs root.
    pub fn new(uid: u32, gid: u32) -> Self {
        Self { uid, gid }
    }

    /// `GET`
    pub fn get(&self, site: &Site, path: &str) -> Reply {
        self.ask(site, "GET", path, "", "")
    }

    /// `POST` with a JSON body.
    pub fn post(&self, site: &Site, path: &str, body: &Value) -> Reply {
        self.ask(site, "POST", path, "application/json", &body.to_string())
    }

    /// Any request.
    pub fn ask(&self, site: &Site, method: &str, path: &str, kind: &str, body: &str) -> Reply {
        // The build folder may be closed to other users; the program is run from the site's.
        let copy = site.path().join("peer");
        if !copy.exists() {
            std::fs::copy(program("resetd-peer"), &copy).unwrap();
        }
        let mut command = Command::new(&copy);
        command.arg(site.socket()).args([method, path, kind, body]).uid(self.uid).gid(self.gid).current_dir("/");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let cut = output.stdout.iter().position(|byte| *byte == b'\n').unwrap();
        let head = String::from_utf8_lossy(&output.stdout[..cut]).into_owned();
        let (status, kind) = head.split_once(' ').unwrap();
        Reply {
            status: status.parse().unwrap(),
            headers: vec![("content-type".into(), kind.into())],
            body: output.stdout[cut + 1..].to_vec(),
        }
    }
}
