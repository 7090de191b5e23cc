//! Numbers, sizes and times, each with its bounds in its type.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

use super::text::{FromText, Text};

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::config) struct Whole<const MIN: u32, const MAX: u32>(pub(in crate::config) u32);

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_i64(WholeVisitor::<MIN, MAX>).map(Self)
    }
}

impl<const MIN: u32, const MAX: u32> Whole<MIN, MAX> {
    /// For counts of things in memory.
    pub(in crate::config) fn count(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

struct WholeVisitor<const MIN: u32, const MAX: u32>;

impl<const MIN: u32, const MAX: u32> Visitor<'_> for WholeVisitor<MIN, MAX> {
    type Value = u32;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a whole number from {MIN} to {MAX}")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u32, E> {
        let good = u32::try_from(number).ok().filter(|number| (MIN..=MAX).contains(number));
        good.ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u32, E> {
        self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// How many mails: a number, or "unlimited".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::config) struct Amount(pub(in crate::config) u32);

/// Beyond this a limit is better called "unlimited".
const AMOUNT_MAX: i64 = 1_000_000_000;

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

struct AmountVisitor;

impl Visitor<'_> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a whole number from 1 to {AMOUNT_MAX}, or \"unlimited\"")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Amount, E> {
        let good = u32::try_from(number).ok().filter(|_| (1..=AMOUNT_MAX).contains(&number));
        good.map(Amount).ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
        if text == "unlimited" { Ok(Amount(u32::MAX)) } else { Err(E::invalid_value(Unexpected::Str(text), &self)) }
    }
}

/// A time from `MIN` to `MAX` seconds, written `"90s"`, `"30m"`, `"2h"` or `"30d"`.
pub(in crate::config) type Span<const MIN: u64, const MAX: u64> = Text<Seconds<MIN, MAX>>;

/// What [`Span`] holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::config) struct Seconds<const MIN: u64, const MAX: u64>(u64);

impl<const MIN: u64, const MAX: u64> FromText for Seconds<MIN, MAX> {
    fn from_text(text: &str) -> Result<Self, String> {
        let seconds = measure(text, &[("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]);
        let good = seconds.filter(|seconds| (MIN..=MAX).contains(seconds)).map(Self);
        good.ok_or_else(|| format!("must be a time from {} to {}, like \"90s\", \"30m\", \"2h\" or \"7d\"", say(MIN), say(MAX)))
    }
}

impl<const MIN: u64, const MAX: u64> Text<Seconds<MIN, MAX>> {
    /// So many seconds: for defaults. Out of bounds does not compile.
    pub(in crate::config) const fn of<const SECONDS: u64>() -> Self {
        const { assert!(MIN <= SECONDS && SECONDS <= MAX) };
        Self(Seconds(SECONDS))
    }

    pub(in crate::config) fn duration(&self) -> Duration {
        Duration::from_secs(self.0.0)
    }
}

/// A size from `MIN` to `MAX` octets, written `"512KiB"` or `"25MiB"`.
pub(in crate::config) type Octets<const MIN: usize, const MAX: usize> = Text<Size<MIN, MAX>>;

/// What [`Octets`] holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::config) struct Size<const MIN: usize, const MAX: usize>(pub(in crate::config) usize);

impl<const MIN: usize, const MAX: usize> FromText for Size<MIN, MAX> {
    fn from_text(text: &str) -> Result<Self, String> {
        let octets = measure(text, &[("KiB", 1 << 10), ("MiB", 1 << 20)]).and_then(|octets| usize::try_from(octets).ok());
        let good = octets.filter(|octets| (MIN..=MAX).contains(octets)).map(Self);
        good.ok_or_else(|| format!("must be a size from {}KiB to {}MiB, like \"512KiB\" or \"25MiB\"", MIN >> 10, MAX >> 20))
    }
}

/// `30m` → 30 × 60.
fn measure(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let factor = units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor)?;
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// 1800 → `30m`.
pub(in crate::config) fn say(seconds: u64) -> String {
    let units = [("d", 86_400), ("h", 3600), ("m", 60)];
    let unit = units.iter().find(|(_, factor)| seconds >= *factor && seconds.is_multiple_of(*factor));
    unit.map_or_else(|| format!("{seconds}s"), |(name, factor)| format!("{}{name}", seconds / factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_and_refuses_the_rest() {
        let read = |text| Seconds::<60, 86_400>::from_text(text).map(|seconds| seconds.0);
        assert_eq!(read("90s"), Ok(90));
        assert_eq!(read("30m"), Ok(1800));
        assert_eq!(read("24h"), Ok(86_400));
        for bad in ["", "30", "m", "-5m", "30 m", "1h30m", "59s", "25h", "2d", "99999999999999999999s", "9999999999999999d", "5M", "½h"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert_eq!(
            read("5").unwrap_err(),
            "must be a time from 1m to 1d, like \"90s\", \"30m\", \"2h\" or \"7d\"",
            "bounds are said in the largest unit that fits"
        );
    }

    #[test]
    fn reads_sizes() {
        let read = |text| Size::<65_536, 104_857_600>::from_text(text).map(|size| size.0);
        assert_eq!(read("25MiB"), Ok(26_214_400));
        for bad in ["25MB", "25", "1KiB", "101MiB", "MiB"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
