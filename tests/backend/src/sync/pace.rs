//! How much is asked for, and how long a pause is.

use std::time::Duration;

/// Items and bytes of a lease, unless a batch did not come through.
pub(super) const MOST: Limits = Limits { records: 5000, bytes: 8 * 1024 * 1024 };

/// The longest pause between two rounds that failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// What a lease asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) records: u64,
    pub(super) bytes: u64,
}

impl Limits {
    pub(super) fn halved(self) -> Self {
        Self { records: (self.records / 2).max(1), bytes: (self.bytes / 2).max(64 * 1024) }
    }

    pub(super) fn doubled(self) -> Self {
        Self { records: (self.records * 2).min(MOST.records), bytes: (self.bytes * 2).min(MOST.bytes) }
    }
}

/// Doubles from 2 seconds up to 15 minutes, of that between a half and all, by chance.
pub(super) fn pause_after(failed_rounds: u32, chance: u32) -> Duration {
    let half = Duration::from_secs(1 << failed_rounds.min(10)).min(LONGEST_PAUSE) / 2;
    half + half.mul_f64(f64::from(chance) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_quarter_of_an_hour() {
        for (failed, longest) in [(1, 2), (2, 4), (5, 32), (10, 900), (4_000_000, 900)] {
            assert_eq!(pause_after(failed, u32::MAX), Duration::from_secs(longest));
            assert_eq!(pause_after(failed, 0), Duration::from_secs(longest) / 2);
        }
    }

    #[test]
    fn limits_are_halved_and_recover() {
        let mut limits = MOST;
        for _ in 0..20 {
            limits = limits.halved();
        }
        assert_eq!(limits, Limits { records: 1, bytes: 64 * 1024 });
        for _ in 0..20 {
            limits = limits.doubled();
        }
        assert_eq!(limits, MOST);
    }
}
