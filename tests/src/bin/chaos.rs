//! Every fault, and a table of what came of it: `tests/chaos` builds and runs this. Ends with 1 where something was lost or doubled.

use std::process::ExitCode;

use resetd_tests::chaos::{Reckoning, SEED, crashes, crowd, scarce, troubles};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |name: &str| arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1));
    let long = arguments.iter().any(|argument| argument == "--long");
    let seed = after("--seed").map_or(SEED, |seed| seed.parse().expect("--seed wants a number"));
    let only = after("--only").map(String::as_str);
    let rounds = after("--rounds").map(|rounds| rounds.parse().expect("--rounds wants a number"));
    println!("seed {seed}\n{}", Reckoning::HEAD);
    let mut clean = true;
    let mut row = |name: &str, run: &dyn Fn() -> Reckoning| {
        if only.is_some_and(|only| only != name) {
            return;
        }
        let reckoning = run();
        println!("{name:<17} {reckoning}");
        if !reckoning.is_clean() {
            println!("{reckoning:#?}");
            clean = false;
        }
    };
    row("kill -9", &|| crashes::kills(seed, rounds.unwrap_or(if long { 500 } else { 50 })));
    row("power cut", &|| crashes::power_cuts(seed, rounds.unwrap_or(if long { 200 } else { 20 })));
    for (name, trouble) in troubles::ALL {
        row(name, &|| troubles::troubled(seed, trouble, rounds.unwrap_or(if long { 20 } else { 2 })));
    }
    row("no descriptors", &|| scarce::descriptors(seed));
    row("no memory", &|| scarce::memory(seed));
    for (name, door, manner, short_size, long_size) in crowd::ALL {
        row(name, &|| crowd::crowd(seed, door, manner, if long { long_size } else { short_size }));
    }
    // Last of all what must go wrong: a disk that ignores `fsync`.
    if only.is_none_or(|only| only == "deaf disk") {
        let reckoning = crashes::power_cuts_of_a_deaf_disk(seed, 3);
        println!("{:<17} {reckoning}\n{:<17} (the control: this one must lose something)", "deaf disk", "");
        clean &= !reckoning.is_clean();
    }
    ExitCode::from(u8::from(!clean))
}
