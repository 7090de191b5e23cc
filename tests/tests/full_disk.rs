//! The disk is full: requests are refused, and say why; nothing that was accepted is lost or doubled; and when there is room again,
//! all goes on by itself. Needs root, for a file system of its own.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use resetd_tests::outgoing::tag_of;
use resetd_tests::sink::{Manner, doubles, tags};
use resetd_tests::site::new_reset;
use resetd_tests::{Config, Reply, Sink, Site, is_root};
use serde_json::json;

/// A small file system in a site's state folder; dropped, it is gone.
struct Small(PathBuf);

impl Small {
    fn mount(site: &Site) -> Self {
        let folder = site.path().join("state");
        fs::create_dir(&folder).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m,mode=700", "none"]).arg(&folder).status().unwrap();
        assert!(mounted.success());
        Self(folder)
    }

    fn fill(&self) {
        let mut file = fs::File::options().create(true).append(true).open(self.0.join("filler")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    fn make_room(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn ask(site: &Site, account: &str) -> Reply {
    site.client().post("/v1/resets", &new_reset(account, &json!({})))
}

/// Asks until it is refused; gives what was accepted.
fn ask_until_refused(site: &Site, round: &str) -> BTreeSet<String> {
    let mut accepted = BTreeSet::new();
    for n in 0.. {
        let reply = ask(site, &format!("{round}{n}"));
        if reply.status == 503 {
            let problem = reply.problem();
            assert_eq!(problem["type"], "urn:resetd:problem:unavailable", "{problem}");
            assert!(problem["detail"].as_str().unwrap().contains("disk is full"), "{problem}");
            return accepted;
        }
        accepted.insert(reply.expect(202).json()["id"].as_str().unwrap().to_owned());
    }
    unreachable!()
}

fn started(port: u16) -> Option<(Site, Small)> {
    if !is_root("a full disk: a small one has to be mounted") {
        return None;
    }
    let mut site = Site::unstarted(&Config::new().relay(port));
    let small = Small::mount(&site);
    site.start();
    Some((site, small))
}

/// Each was sent, once.
#[track_caller]
fn assert_sent_once(site: &Site, sink: &Sink, accepted: &BTreeSet<String>) {
    site.until_quiet();
    for id in accepted {
        assert_eq!(site.state(id), "sent");
    }
    let mails = sink.mails();
    let taken = tags(&mails);
    assert!(accepted.iter().all(|id| taken.contains(&tag_of(id))));
    assert_eq!((doubles(&mails), mails.len()), (0, accepted.len()));
}

#[test]
#[ignore = "needs root"]
fn full_and_then_not() {
    let sink = Sink::new();
    let Some((site, small)) = started(sink.port()) else { return };
    let mut accepted = BTreeSet::from([site.request("before")]);
    sink.until(1);
    small.fill();
    accepted.extend(ask_until_refused(&site, "first"));
    // What can be read is read.
    assert_eq!(site.client().get("/v1/status").status, 200);
    small.make_room();
    accepted.insert(site.request("after"));
    assert_sent_once(&site, &sink, &accepted);
    // And again.
    small.fill();
    accepted.extend(ask_until_refused(&site, "second"));
    small.make_room();
    assert_sent_once(&site, &sink, &accepted);
}

/// It fills up while mails are out of the door and not yet written down.
#[test]
#[ignore = "needs root"]
fn full_while_mails_are_under_way() {
    let sink = Sink::new();
    sink.manner(Manner::Stall);
    let Some((site, small)) = started(sink.port()) else { return };
    let mut accepted: BTreeSet<String> = (0..30).map(|n| site.request(&format!("waits{n}"))).collect();
    sink.until_stalled(10);
    small.fill();
    accepted.extend(ask_until_refused(&site, "more"));
    sink.go_on();
    sink.until(10);
    small.make_room();
    assert_sent_once(&site, &sink, &accepted);
}

/// Killed while it is full: what was accepted is there after it.
#[test]
#[ignore = "needs root"]
fn killed_while_it_is_full() {
    let port = Sink::free_port();
    let Some((mut site, small)) = started(port) else { return };
    let mut accepted: BTreeSet<String> = (0..30).map(|n| site.request(&format!("waits{n}"))).collect();
    small.fill();
    accepted.extend(ask_until_refused(&site, "more"));
    site.kill9();
    small.make_room();
    let sink = Sink::on(port);
    site.start();
    assert_sent_once(&site, &sink, &accepted);
    assert!(Path::new(&small.0).join("resetd.db").exists());
}
