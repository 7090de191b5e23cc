//! Resident memory: right after the start, after load, and after the load has ended. And processor time, for the other parts.

use resetd_tests::Site;

use crate::load::{Until, drive, request};
use crate::postfix::SmtpSink;
use crate::{heading, unlimited};

const REQUESTS: u64 = 50_000;

/// One daemon.
pub fn run() {
    heading("Resident memory");
    let sink = SmtpSink::start();
    let mut site = Site::with(&unlimited(sink.port()));
    let pid = site.daemon().pid();
    println!("  idle, after the start                     {}", resident(pid, "VmRSS:"));
    let mut number = 0;
    let next = || {
        number += 1;
        request(number)
    };
    drive(&site.socket(), 32, Until::Calls(REQUESTS as usize), 202, next);
    println!("  after {REQUESTS} requests, 32 clients        {}", resident(pid, "VmRSS:"));
    sink.until(REQUESTS);
    println!("  all mailed                                {}", resident(pid, "VmRSS:"));
    println!("  highest                                   {}", resident(pid, "VmHWM:"));
}

/// Processor time that the process has used so far, all its threads, in seconds (proc(5): `schedstat`, nanoseconds).
pub fn processor_time(pid: u32) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("schedstat")).ok()?.split(' ').next()?.parse::<f64>().ok();
    tasks.filter_map(|task| of(task.ok()?)).sum::<f64>() / 1e9
}

fn resident(pid: u32, field: &str) -> String {
    format!("{:6.1} MiB", resident_mib(pid, field))
}

/// `VmRSS:` (now) or `VmHWM:` (the highest so far) of the process.
pub fn resident_mib(pid: u32, field: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap() / 1024.0
}
