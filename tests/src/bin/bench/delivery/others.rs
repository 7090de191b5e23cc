//! How much of the processors others took while something was measured: figures of a busy machine are wrong, and look right.

use std::fs;
use std::time::Instant;

use super::tree::{TICKS, Tree, processor_time};

/// Since a moment.
pub struct Others {
    begun: Instant,
    /// Systems that may not be children of this process.
    apart: Vec<Tree>,
    /// Processor time of the machine, and of what is measured or measures, seconds.
    before: (f64, f64),
}

impl Others {
    /// From now on.
    pub fn since_now(apart: Vec<Tree>) -> Self {
        let before = (machine(), own(&apart));
        Self { begun: Instant::now(), apart, before }
    }

    /// Prints their share.
    pub fn tell(&self) {
        let theirs = (machine() - self.before.0) - (own(&self.apart) - self.before.1);
        let processors = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let share = (theirs / self.begun.elapsed().as_secs_f64() / processors).max(0.0);
        let doubt = if share > 0.1 { "; DON'T TRUST THESE FIGURES" } else { "" };
        println!("  meanwhile other processes took {:.0} % of the processors{doubt}", share * 100.0);
    }
}

/// Of this process with its children, and of those that stand apart.
fn own(apart: &[Tree]) -> f64 {
    processor_time(&[&[Tree(std::process::id())], apart].concat())
}

/// proc(5): user, nice, system, and what another machine on the same processors took. Not interrupts: those are the load's own.
fn machine() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap();
    let fields: Vec<f64> = text.lines().next().unwrap_or_default().split_whitespace().filter_map(|field| field.parse().ok()).collect();
    [0, 1, 2, 7].iter().filter_map(|index| fields.get(*index)).sum::<f64>() / TICKS
}
