//! Medians, percentiles, and how well two sets of times can be told apart.

use std::time::Duration;

/// Times in ascending order.
pub struct Times(Vec<f64>);

impl Times {
    /// Of calls.
    pub fn new(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut seconds: Vec<f64> = times.into_iter().map(|time| time.as_secs_f64()).collect();
        seconds.sort_by(f64::total_cmp);
        Self(seconds)
    }

    /// Seconds, at this share of all.
    pub fn at(&self, share: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        self.0.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
    }

    /// `p50 0.21 ms, p99 0.80 ms`
    pub fn told(&self) -> String {
        format!("p50 {}   p99 {}", millis(self.at(0.5)), millis(self.at(0.99)))
    }

    /// The chance that a time of `other` is above one of these, ties counted half: 0.5 where nothing can be told from a time
    /// (the Mann–Whitney statistic, as the area under the ROC curve).
    pub fn auc(&self, other: &Self) -> f64 {
        let mut above = 0.0;
        for time in &other.0 {
            let below = self.0.partition_point(|own| own < time);
            let to = self.0.partition_point(|own| own <= time);
            above += below as f64 + (to - below) as f64 / 2.0;
        }
        above / (self.0.len() as f64 * other.0.len() as f64)
    }

    /// The largest distance between the two distributions (Kolmogorov–Smirnov).
    pub fn ks(&self, other: &Self) -> f64 {
        let share = |of: &Self, time: f64| of.0.partition_point(|own| *own <= time) as f64 / of.0.len() as f64;
        self.0.iter().chain(&other.0).map(|time| (share(self, *time) - share(other, *time)).abs()).fold(0.0, f64::max)
    }

    /// The standard error of [`Times::auc`] where the two do not differ.
    pub fn auc_error(&self, other: &Self) -> f64 {
        let (a, b) = (self.0.len() as f64, other.0.len() as f64);
        ((a + b + 1.0) / (12.0 * a * b)).sqrt()
    }
}

/// Seconds as milliseconds.
pub fn millis(seconds: f64) -> String {
    format!("{:6.3} ms", seconds * 1000.0)
}

/// A rate measured in several rounds.
pub struct Rates(Vec<f64>);

impl Rates {
    /// Per second.
    pub fn new(mut rates: Vec<f64>) -> Self {
        rates.sort_by(f64::total_cmp);
        Self(rates)
    }

    /// The middle one.
    pub fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }

    /// The lowest and the highest.
    pub fn ends(&self) -> (f64, f64) {
        (self.0[0], self.0[self.0.len() - 1])
    }

    /// `12,345/s (11,000 – 13,000)`
    pub fn told(&self) -> String {
        let [first, .., last] = self.0[..] else { return format!("{:>7.0}/s", self.median()) };
        format!("{:>7.0}/s ({first:.0} – {last:.0})", self.median())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(millis: &[u64]) -> Times {
        Times::new(millis.iter().map(|n| Duration::from_millis(*n)))
    }

    #[test]
    fn what_differs_is_told_apart() {
        let (low, high) = (times(&[1, 2, 3]), times(&[4, 5, 6]));
        assert_eq!((low.auc(&high), high.auc(&low), low.auc(&low)), (1.0, 0.0, 0.5));
        assert_eq!((low.ks(&high), low.ks(&low)), (1.0, 0.0));
    }

    #[test]
    fn percentiles_and_medians() {
        assert!((times(&[5, 1, 3]).at(0.5) - 0.003).abs() < 1e-9);
        assert_eq!(Rates::new(vec![3.0, 1.0, 2.0]).median(), 2.0);
    }
}
