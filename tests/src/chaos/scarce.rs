//! The process runs short of what the system gives it: descriptors, memory. Limits are set from outside while it runs, as `systemctl
//! set-property` does.

use std::fs;
use std::process::Command;

use super::{Dice, Reckoning, Stage, Told, reply, until_answers};
use crate::Answer;

/// No descriptors are left but a few, for a while. Gives how often the log tells of it, too.
pub fn descriptors(seed: u64) -> Reckoning {
    let mut dice = Dice::new(seed);
    let mut stage = Stage::new("");
    let told = Told::default();
    until_answers(&mut stage, &told, &mut dice, 0, 60, |stage| {
        let pid = stage.site.daemon().pid();
        let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
        limit(pid, &format!("--nofile={}:", open + 2));
    });
    until_answers(&mut stage, &told, &mut dice, 1, 300, |stage| limit(stage.site.daemon().pid(), "--nofile=1024:"));
    until_answers(&mut stage, &told, &mut dice, 2, 60, |_| {});
    let note = format!("{} errors logged", stage.site.log().matches("Too many open files").count());
    Reckoning { faults: 1, note, ..Reckoning::of(&stage, &told) }
}

/// Not much memory is left while large messages come in. If it dies of that, it is started again, as systemd would.
pub fn memory(seed: u64) -> Reckoning {
    const SPARE: u64 = 24 << 20;
    let mut dice = Dice::new(seed);
    let mut stage = Stage::new("");
    let told = Told::default();
    until_answers(&mut stage, &told, &mut dice, 0, 60, |_| {});
    stage.site.until_quiet();
    let mail = stage.sink.one_of_the_latest(1, 0).unwrap();
    let large = Answer::to(&mail, &"all work and no play\r\n".repeat(1 << 20)).build();
    let door = stage.lmtp();
    let pid = stage.site.daemon().pid();
    limit(pid, &format!("--as={}:", size(pid) + SPARE));
    until_answers(&mut stage, &told, &mut dice, 1, 100, |_| {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| drop(reply::lmtp(&door, &mail, &large)));
            }
        });
    });
    let died = !stage.site.daemon().is_alive();
    stage.site.kill9();
    stage.sink.until_idle();
    let in_flight = super::reckoning::in_flight(&stage);
    stage.site.start();
    let note = if died { "died of it, and was started again" } else { "lived through it" }.to_owned();
    Reckoning { faults: 1, note, in_flight, ..Reckoning::of(&stage, &told) }
}

fn limit(pid: u32, what: &str) {
    let done = Command::new("prlimit").arg(format!("--pid={pid}")).arg(what).status().unwrap();
    assert!(done.success());
}

/// Its address space, octets.
fn size(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
