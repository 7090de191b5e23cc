//! How long a judgement takes: a short reply, a middling one, a long letter, the longest text that is read.

use std::hint::black_box;
use std::time::Instant;

use resetd_core::verdict::judge;

fn main() {
    let letter = "I came home and found your mail. We never asked for it, and my wife did not either. ";
    let texts = [
        ("short", "didnt request this, pls lock my account".to_owned()),
        ("short, Japanese", "パスワードの再設定は依頼していません。".to_owned()),
        ("middling", "Hello,\n\nI did not request a reset. Could you look into it, please?\n\nRegards,\nJane".to_owned()),
        ("letter, 1 kB", letter.repeat(12)),
        ("longest, 16 kB", letter.repeat(200)),
    ];
    judge("the model is unpacked on first use");
    for (name, text) in texts {
        let rounds = (2_000_000 / text.len()).clamp(50, 20_000);
        let mut times: Vec<f64> = (0..rounds)
            .map(|_| {
                let start = Instant::now();
                black_box(judge(black_box(&text)));
                start.elapsed().as_secs_f64() * 1e6
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("{name:<16} {:>9.1} µs p50 {:>9.1} µs p99", times[rounds / 2], times[rounds * 99 / 100]);
    }
}
