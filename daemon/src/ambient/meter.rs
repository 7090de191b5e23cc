//! What is measured while it happens, without a lock: a histogram in Prometheus' sense.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds, seconds, for what a client waits for.
pub const LATENCY: &[f64] = &[0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
/// Upper bounds, seconds, for what takes as long as others let it.
pub const DELIVERY: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 1.0, 10.0, 60.0, 600.0];
/// Upper bounds for the number of things done together.
pub const TOGETHER: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Counts by size.
pub struct Histogram {
    bounds: &'static [f64],
    buckets: Box<[AtomicU64]>,
    millionths: AtomicU64,
    count: AtomicU64,
}

impl Histogram {
    /// Empty, with these upper bounds.
    pub fn new(bounds: &'static [f64]) -> Self {
        let buckets = bounds.iter().map(|_| AtomicU64::new(0)).collect();
        Self { bounds, buckets, millionths: AtomicU64::new(0), count: AtomicU64::new(0) }
    }

    /// One more that took so long.
    pub fn took(&self, time: Duration) {
        self.add(time.as_secs_f64(), u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// One more of this number.
    pub fn counted(&self, number: usize) {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        self.add(f64::from(number), u64::from(number) * 1_000_000);
    }

    fn add(&self, value: f64, millionths: u64) {
        if let Some(index) = self.bounds.iter().position(|bound| value <= *bound) {
            self.buckets[index].fetch_add(1, Ordering::Relaxed);
        }
        self.millionths.fetch_add(millionths, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// The text for Prometheus.
    pub fn render(&self, out: &mut String, name: &str, help: &str) {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} histogram");
        let mut sum = 0;
        for (bound, bucket) in self.bounds.iter().zip(&self.buckets) {
            sum += bucket.load(Ordering::Relaxed);
            let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {sum}");
        }
        // Read after the buckets and never below them: a scrape between two of the writes must not show a falling line.
        let count = self.count.load(Ordering::Relaxed).max(sum);
        let _ = writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {count}");
        let _ = writeln!(out, "{name}_sum {}\n{name}_count {count}", self.millionths.load(Ordering::Relaxed) as f64 / 1e6);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up() {
        let (histogram, mut out) = (Histogram::new(DELIVERY), String::new());
        histogram.took(Duration::from_micros(900));
        histogram.took(Duration::from_secs(7000));
        histogram.render(&mut out, "x_seconds", "X.");
        for line in ["x_seconds_bucket{le=\"0.001\"} 1\n", "x_seconds_bucket{le=\"600\"} 1\n", "x_seconds_bucket{le=\"+Inf\"} 2\n"] {
            assert!(out.contains(line), "{line} in {out}");
        }
        assert!(out.ends_with("x_seconds_sum 7000.0009\nx_seconds_count 2\n"), "{out}");
    }
}
