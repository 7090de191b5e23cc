//! The reckoning: what the clients were told, held against what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::Ordering;

use inotify::{Inotify, WatchMask};
use rusqlite::Connection;
use serde_json::Value;

use super::{Stage, Told};
use crate::outgoing::tag_of;
use crate::{Mail, Site, sink};

/// What was done, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Reckoning {
    /// Crashes, or other faults.
    pub faults: usize,
    /// Requests made.
    pub asked: usize,
    /// Of them, answered with 202.
    pub accepted: usize,
    /// Accepted, and neither sent nor ended in a way that the timeline tells.
    pub lost: Vec<String>,
    /// Mails with a secret that the relay took.
    pub mails: usize,
    /// Of them, those that went out again.
    pub doubles: usize,
    /// Mails that were taken and not written down when a crash came: these may go out again.
    pub in_flight: usize,
    /// Redeems tried.
    pub tried: usize,
    /// Of them, won.
    pub redeemed: usize,
    /// Won more than once, or open again.
    pub twice: Vec<String>,
    /// Replies that were acknowledged.
    pub replies: usize,
    /// Of them, those that no flag tells of.
    pub unheard: Vec<String>,
    /// Replies that two flags tell of.
    pub heard_twice: Vec<String>,
    /// Flags raised.
    pub flags: usize,
    /// Of them, those that no webhook told of.
    pub undelivered: Vec<String>,
    /// Requests, redeems and replies that were told to come again.
    pub put_off: usize,
    /// The daemon could not be started again: why.
    pub dead: Option<String>,
    /// What else was seen.
    pub note: String,
}

impl Reckoning {
    /// Waits until all that is under way has ended, and reckons.
    pub fn of(stage: &Stage, told: &Told) -> Self {
        super::load::ask_again(&stage.site, told);
        until_maildir_is_empty(stage);
        stage.site.until_quiet();
        let mails: Vec<Mail> = stage.sink.mails().into_iter().filter(Mail::has_secret).collect();
        let taken = sink::tags(&mails);
        let accepted = told.accepted.lock().unwrap().clone();
        let redeemed = told.redeemed.lock().unwrap().clone();
        let replied = told.replied.lock().unwrap().clone();
        let flags = flags(&stage.site);
        let texts: Vec<&str> = flags.iter().filter_map(|flag| flag["text"].as_str()).collect();
        let told_of = |mark: &String| texts.iter().filter(|text| text.contains(mark.as_str())).count();
        let delivered: BTreeSet<String> = stage.hook.waiting().iter().map(|post| flag_of(&post.body)).collect();
        Self {
            asked: told.asked.load(Ordering::Relaxed),
            accepted: accepted.len(),
            lost: accepted.iter().filter(|id| !has_ended_well(&stage.site, id, taken.contains(&tag_of(id)))).cloned().collect(),
            doubles: sink::doubles(&mails),
            mails: mails.len(),
            tried: told.tried.load(Ordering::Relaxed),
            redeemed: redeemed.len(),
            twice: won_twice(&stage.site, &redeemed),
            unheard: replied.iter().filter(|mark| told_of(mark) == 0).cloned().collect(),
            heard_twice: replied.iter().filter(|mark| told_of(mark) > 1).cloned().collect(),
            replies: replied.len(),
            undelivered: flags.iter().map(|flag| flag["id"].to_string()).filter(|id| !delivered.contains(id)).collect(),
            flags: flags.len(),
            put_off: told.put_off.load(Ordering::Relaxed),
            ..Self::default()
        }
    }

    /// Nothing was lost, and nothing was doubled but what a crash met on its way.
    pub fn is_clean(&self) -> bool {
        let wrong = [&self.lost, &self.twice, &self.unheard, &self.heard_twice, &self.undelivered];
        self.dead.is_none() && wrong.iter().all(|list| list.is_empty()) && self.doubles <= self.in_flight
    }

    /// Both together.
    pub fn and(mut self, other: Self) -> Self {
        for (sum, more) in [
            (&mut self.faults, other.faults),
            (&mut self.asked, other.asked),
            (&mut self.accepted, other.accepted),
            (&mut self.mails, other.mails),
            (&mut self.doubles, other.doubles),
            (&mut self.in_flight, other.in_flight),
            (&mut self.tried, other.tried),
            (&mut self.redeemed, other.redeemed),
            (&mut self.replies, other.replies),
            (&mut self.flags, other.flags),
            (&mut self.put_off, other.put_off),
        ] {
            *sum += more;
        }
        for (list, more) in [
            (&mut self.lost, other.lost),
            (&mut self.twice, other.twice),
            (&mut self.unheard, other.unheard),
            (&mut self.heard_twice, other.heard_twice),
            (&mut self.undelivered, other.undelivered),
        ] {
            list.extend(more);
        }
        self.dead = self.dead.or(other.dead);
        self
    }

    /// What stands above the lines of [`fmt::Display`].
    pub const HEAD: &str = "                  faults  asked  put off  202    lost | mails  twice (in flight) | redeems  won  twice | \
                            replies  lost  twice | flags  undelivered";
}

impl fmt::Display for Reckoning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>6} {:>6} {:>8} {:>6} {:>5} | {:>5} {:>6} {:>11} | {:>7} {:>4} {:>6} | {:>7} {:>5} {:>6} | {:>5} {:>12}",
            self.faults,
            self.asked,
            self.put_off,
            self.accepted,
            self.lost.len(),
            self.mails,
            self.doubles,
            self.in_flight,
            self.tried,
            self.redeemed,
            self.twice.len(),
            self.replies,
            self.unheard.len(),
            self.heard_twice.len(),
            self.flags,
            self.undelivered.len()
        )?;
        match &self.dead {
            Some(why) => write!(f, "  did not start: {why}"),
            None if self.note.is_empty() => Ok(()),
            None => write!(f, "  {}", self.note),
        }
    }
}

/// Reset mails that the relay has taken and that the database, as the crash left it, still wants to send.
pub fn in_flight(stage: &Stage) -> usize {
    let mails: Vec<Mail> = stage.sink.mails().into_iter().filter(Mail::has_secret).collect();
    let taken = sink::tags(&mails);
    // Of a copy: to close the database would write the log into it, and that is the daemon's to do.
    let folder = tempfile::tempdir().unwrap();
    for name in ["resetd.db", "resetd.db-wal"] {
        let _ = std::fs::copy(stage.site.path().join("state").join(name), folder.path().join(name));
    }
    let Ok(conn) = Connection::open(folder.path().join("resetd.db")) else { return 0 };
    let select = "SELECT lower(hex(r.id)) FROM mail m JOIN reset r ON r.n = m.reset_n WHERE m.state = 'queued' AND m.kind = 'reset'";
    let Ok(mut select) = conn.prepare(select) else { return 0 };
    let ids: Vec<String> = select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    ids.iter().filter(|id| taken.contains(&tag_of(id))).count()
}

/// Sent, or ended in a way that the timeline tells.
fn has_ended_well(site: &Site, id: &str, taken: bool) -> bool {
    let reply = site.client().get(&format!("/v1/resets/{id}"));
    if reply.status != 200 {
        return false;
    }
    let shown = reply.json();
    let has = |name: &str| shown["timeline"].as_array().unwrap().iter().any(|line| line["event"] == name);
    match shown["state"].as_str().unwrap() {
        "sent" => has("mail.sent") && taken,
        "redeemed" => has("reset.redeemed") && taken,
        "superseded" => has("reset.superseded"),
        "denied" => has("reset.denied"),
        _ => false,
    }
}

/// Won more than once; and what was won once must stay so.
fn won_twice(site: &Site, redeemed: &BTreeMap<String, usize>) -> Vec<String> {
    let mut twice: Vec<String> = redeemed.iter().filter(|(_, times)| **times > 1).map(|(token, _)| token.clone()).collect();
    twice.extend(redeemed.keys().filter(|token| site.redeem(token).status == 200).cloned());
    twice
}

fn flags(site: &Site) -> Vec<Value> {
    let (mut client, mut flags, mut after) = (site.client(), Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/v1/flags?limit=500{after}")).expect(200).json();
        flags.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return flags,
        }
    }
}

fn flag_of(body: &[u8]) -> String {
    serde_json::from_slice::<Value>(body).unwrap()["data"]["id"].to_string()
}

/// Every message there was stored and moved. The kernel tells of the moves, for the last one makes no event.
fn until_maildir_is_empty(stage: &Stage) {
    let new = stage.maildir().join("new");
    let mut inotify = Inotify::init().unwrap();
    inotify.watches().add(&new, WatchMask::MOVED_FROM | WatchMask::DELETE).unwrap();
    let mut buffer = [0; 4096];
    while std::fs::read_dir(&new).unwrap().count() > 0 {
        inotify.read_events_blocking(&mut buffer).unwrap();
    }
}
