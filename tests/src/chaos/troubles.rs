//! The disk fails under load, and is well again after a while, without anybody's help.

use std::time::Duration;

use super::{Dice, Reckoning, Stage, Told, Trouble, until_answers};

/// Every trouble, by name.
pub const ALL: [(&str, Trouble); 4] = [
    ("read-only disk", Trouble::ReadOnly),
    ("full disk", Trouble::Full),
    ("I/O errors", Trouble::Broken),
    ("slow fsync", Trouble::Slow(Duration::from_millis(100))),
];

/// A while of load, a while of load with the trouble, and a while after it, so many times; then the power is cut, for what was said to
/// be done must be on the disk.
pub fn troubled(seed: u64, trouble: Trouble, times: usize) -> Reckoning {
    let mut dice = Dice::new(seed);
    let mut stage = Stage::on_disk();
    let told = Told::default();
    for time in 0..times {
        until_answers(&mut stage, &told, &mut dice, 3 * time, 60, |stage| stage.disk.as_ref().unwrap().trouble(trouble));
        until_answers(&mut stage, &told, &mut dice, 3 * time + 1, 150, |stage| stage.disk.as_ref().unwrap().trouble(Trouble::None));
        until_answers(&mut stage, &told, &mut dice, 3 * time + 2, 60, |_| {});
    }
    stage.site.kill9();
    stage.sink.until_idle();
    stage.cut(&mut dice);
    let in_flight = super::reckoning::in_flight(&stage);
    if let Err(not) = stage.try_start() {
        return Reckoning { faults: times, dead: Some(not.log), ..Reckoning::default() };
    }
    Reckoning { faults: times, in_flight, ..Reckoning::of(&stage, &told) }
}
