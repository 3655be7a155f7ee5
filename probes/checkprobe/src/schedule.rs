//! When a check runs: functions of values. Times are of a clock that counts from the start of the machine and that nobody
//! can set.

use std::time::Duration;

/// The next time of a check that runs each `interval`: checks are spread over it by their names, so that not all of them run
/// at one moment, and another way after each start, so that two of them do not always meet. A time that was missed is not
/// made up for.
pub fn next(name: &str, boot_id: &str, interval: Duration, now: Duration) -> Duration {
    let interval_ms = interval.as_millis().max(1);
    let phase_ms = u128::from(hash(name, boot_id)) % interval_ms;
    let now_ms = now.as_millis();
    let passed = (now_ms + interval_ms - phase_ms) / interval_ms;
    let next_ms = passed * interval_ms + phase_ms;
    Duration::from_millis(u64::try_from(next_ms).unwrap_or(u64::MAX))
}

/// FNV-1a, then mixed once more, since names differ in few bits.
fn hash(name: &str, boot_id: &str) -> u64 {
    let bytes = name.bytes().chain([0]).chain(boot_id.bytes());
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn checks_are_spread() {
        let interval = Duration::from_secs(300);
        let mut quarters = [0_u32; 4];
        for n in 0..256 {
            let at = next(&format!("check-{n}"), "boot", interval, Duration::ZERO);
            quarters[(at.as_secs() / 75).min(3) as usize] += 1;
        }
        assert!(quarters.iter().all(|count| (40..90).contains(count)), "{quarters:?}");
        assert_ne!(next("a", "1", interval, Duration::ZERO), next("a", "2", interval, Duration::ZERO));
    }

    proptest! {
        #[test]
        fn the_next_time_is_after_now_and_within_an_interval(
            name in "[a-z]{1,10}", interval in 10..86_401_u64, now in 0..10_000_000_000_u64
        ) {
            let (interval, now) = (Duration::from_secs(interval), Duration::from_millis(now));
            let at = next(&name, "boot", interval, now);
            prop_assert!(at > now && at <= now + interval);
            prop_assert_eq!(next(&name, "boot", interval, at), at + interval);
        }
    }
}
