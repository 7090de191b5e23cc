//! The daemon is killed at random moments under load, and perhaps the power is cut with it.

use super::reckoning::in_flight;
use super::{Dice, Reckoning, Stage, Told, Trouble, until_answers};

/// Kills in one life of a site; after them a new one is begun, so that the reckoning stays small.
const OF_ONE_SITE: usize = 50;

/// SIGKILL, so many times.
pub fn kills(seed: u64, rounds: usize) -> Reckoning {
    let mut dice = Dice::new(seed);
    let mut sum = Reckoning::default();
    while sum.faults < rounds {
        let (mut stage, left) = (Stage::new(""), rounds - sum.faults);
        sum = sum.and(crashing(&mut stage, &mut dice, OF_ONE_SITE.min(left), |_, _| {}));
        eprintln!("{} of {rounds}", sum.faults);
    }
    sum
}

/// SIGKILL and a power cut, so many times.
pub fn power_cuts(seed: u64, rounds: usize) -> Reckoning {
    let mut dice = Dice::new(seed);
    let mut sum = Reckoning::default();
    while sum.faults < rounds {
        let (mut stage, left) = (Stage::on_disk(), rounds - sum.faults);
        sum = sum.and(crashing(&mut stage, &mut dice, OF_ONE_SITE.min(left), Stage::cut));
        eprintln!("{} of {rounds}", sum.faults);
    }
    sum
}

/// The control: the same on a disk that ignores `fsync`, as if the daemon had forgotten it. A harness that finds nothing wrong here
/// proves nothing elsewhere.
pub fn power_cuts_of_a_deaf_disk(seed: u64, rounds: usize) -> Reckoning {
    let mut dice = Dice::new(seed);
    let mut stage = Stage::on_disk();
    stage.disk.as_ref().unwrap().trouble(Trouble::Deaf);
    crashing(&mut stage, &mut dice, rounds, Stage::cut)
}

fn crashing(stage: &mut Stage, dice: &mut Dice, rounds: usize, crash: impl Fn(&mut Stage, &mut Dice)) -> Reckoning {
    let told = Told::default();
    let mut under_way = 0;
    for round in 0..rounds {
        let answers = dice.below(120);
        until_answers(stage, &told, dice, round, answers, |stage| stage.site.kill9());
        stage.sink.until_idle();
        crash(stage, dice);
        under_way += in_flight(stage);
        if let Err(not) = stage.try_start() {
            let last = not.log.lines().last().unwrap_or_default().to_owned();
            return Reckoning { faults: round + 1, dead: Some(last), ..Reckoning::default() };
        }
    }
    Reckoning { faults: rounds, in_flight: under_way, ..Reckoning::of(stage, &told) }
}
