//! Each fault of `tests/chaos`, for a short while. What is held against what: `src/chaos/reckoning.rs`.

use resetd_tests::chaos::{Dice, Reckoning, SEED, Stage, Told, crashes, crowd, scarce, troubles, until_answers};

#[track_caller]
fn assert_clean(name: &str, reckoning: &Reckoning) {
    println!("{}\n{name:<17} {reckoning}", Reckoning::HEAD);
    assert!(reckoning.is_clean(), "{reckoning:#?}");
    assert!(reckoning.accepted > 20 && reckoning.redeemed > 0 && reckoning.replies > 5, "the load was no load");
}

#[test]
fn killed_at_random_moments_nothing_is_lost_and_nothing_is_doubled() {
    let reckoning = crashes::kills(SEED, 50);
    assert_clean("kill -9", &reckoning);
    /// Ten connections, and for each four mails that are taken and not yet written down.
    const UNDER_WAY: usize = 10 + 10 * 4;
    assert!(reckoning.in_flight <= 50 * UNDER_WAY, "{} in flight", reckoning.in_flight);
}

#[test]
fn the_power_fails_and_nothing_that_was_acknowledged_is_gone() {
    assert_clean("power cut", &crashes::power_cuts(SEED, 20));
}

/// Without it the test above might prove nothing.
#[test]
fn a_missing_fsync_would_be_found() {
    let reckoning = crashes::power_cuts_of_a_deaf_disk(SEED, 3);
    let Reckoning { lost, twice, unheard, .. } = &reckoning;
    assert!(!(lost.is_empty() && twice.is_empty() && unheard.is_empty()), "{reckoning:#?}");
}

/// As this one: what is not written down could never be lost.
#[test]
fn nothing_is_done_to_the_disk_that_is_not_written_down() {
    let (mut stage, mut dice) = (Stage::on_disk(), Dice::new(SEED));
    until_answers(&mut stage, &Told::default(), &mut dice, 0, 200, |_| {});
    stage.site.stop();
    let differs = stage.disk.as_mut().unwrap().differs();
    assert!(differs.is_empty(), "{differs:#?}");
}

#[test]
fn a_disk_that_fails_is_waited_for() {
    for (name, trouble) in troubles::ALL {
        let reckoning = troubles::troubled(SEED, trouble, 2);
        assert_clean(name, &reckoning);
        // A slow disk takes all, in its time; the others must have been met.
        assert!(name == "slow fsync" || reckoning.put_off > 0, "{name}: nobody met it");
    }
}

#[test]
fn short_of_descriptors() {
    assert_clean("no descriptors", &scarce::descriptors(SEED));
}

#[test]
fn short_of_memory() {
    assert_clean("no memory", &scarce::memory(SEED));
}

#[test]
fn a_silent_crowd_at_the_api() {
    let (name, door, manner, size, _) = crowd::ALL[0];
    assert_clean(name, &crowd::crowd(SEED, door, manner, size));
}

#[test]
fn crowds_at_every_door() {
    for (name, door, manner, size, _) in &crowd::ALL[1..] {
        assert_clean(name, &crowd::crowd(SEED, *door, *manner, *size));
    }
}
