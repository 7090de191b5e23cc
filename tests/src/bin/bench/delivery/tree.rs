//! A process and all that it started: their processor time and memory, as one figure whatever the system is made of.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What `/proc/PID/stat` counts in (USER_HZ, the same on every Linux that Rust runs on).
pub const TICKS: f64 = 100.0;
/// Between two looks at a process that may have come to rest, and at its memory.
const LOOK: Duration = Duration::from_millis(100);
/// A system that is busier than this between two looks has not come to rest, seconds.
const AT_REST: f64 = 0.015;
/// It is not waited for longer than that: what it does later is no mail's work.
const LOOKS: usize = 50;

/// The root of the tree.
#[derive(Clone, Copy)]
pub struct Tree(pub u32);

impl Tree {
    /// Processor time of all of them so far in seconds, those that have ended and were waited for included.
    pub fn processor_time(self) -> f64 {
        processor_time(&[self])
    }

    /// The same once they have come to rest after a load: what a system does after the relay's last 250 is the mails' work too.
    pub fn at_rest(self) -> f64 {
        let mut used = self.processor_time();
        for _ in 0..LOOKS {
            std::thread::sleep(LOOK);
            let before = std::mem::replace(&mut used, self.processor_time());
            if used - before < AT_REST {
                break;
            }
        }
        used
    }

    /// Memory of all of them in MiB, what they share counted once (PSS).
    pub fn memory(self) -> f64 {
        let all = processes();
        self.members(&all).iter().map(|pid| pss(*pid)).sum::<f64>() / 1024.0
    }

    /// How many they are.
    pub fn len(self) -> usize {
        self.members(&processes()).len()
    }

    fn members(self, all: &HashMap<u32, Process>) -> Vec<u32> {
        let mut members: Vec<u32> = all.contains_key(&self.0).then_some(self.0).into_iter().collect();
        let mut next = 0;
        while let Some(parent) = members.get(next).copied() {
            members.extend(all.iter().filter(|(_, process)| process.parent == parent).map(|(pid, _)| *pid));
            next += 1;
        }
        members
    }
}

/// Processor time of several trees, which may stand within one another.
pub fn processor_time(trees: &[Tree]) -> f64 {
    let all = processes();
    let members: HashSet<u32> = trees.iter().flat_map(|tree| tree.members(&all)).collect();
    members.iter().map(|pid| all[pid].ticks).sum::<f64>() / TICKS
}

/// Looks at a tree's memory again and again, for the highest. It takes processor time: not in a round that counts.
pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<f64>,
}

impl Watch {
    /// Begins.
    pub fn start(tree: Tree) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut highest: f64 = 0.0;
            loop {
                highest = highest.max(tree.memory());
                if stopped.load(Ordering::Relaxed) {
                    return highest;
                }
                std::thread::sleep(LOOK);
            }
        });
        Self { stop, thread }
    }

    /// The highest so far, MiB.
    pub fn stop(self) -> f64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

struct Process {
    parent: u32,
    /// Its own, and those of its children that it has waited for.
    ticks: f64,
}

/// All there are. One that ends while this reads is left out: its time is in its parent's then.
fn processes() -> HashMap<u32, Process> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter_map(|pid| Some((pid, process(pid)?))).collect()
}

/// proc(5): the name in brackets may hold anything, so the fields are counted behind it.
fn process(pid: u32) -> Option<Process> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = fields.get(11..15)?.iter().filter_map(|field| field.parse::<f64>().ok()).sum();
    Some(Process { parent: fields.get(1)?.parse().ok()?, ticks })
}

fn pss(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_belongs_to_its_parent() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let (own, other) = (Tree(std::process::id()), Tree(child.id()));
        assert!(own.members(&processes()).contains(&child.id()));
        assert_eq!(other.len(), 1);
        assert!(own.memory() > 0.0);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(other.len(), 0);
    }
}
