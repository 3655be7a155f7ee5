//! At which times of the day a machine sends: functions of values.

use std::time::Duration;

const HOUR_SECS: u64 = 3600;
const DAY_SECS: u64 = 24 * HOUR_SECS;

/// How far into the interval this machine is: another for each machine, and the same at each start.
pub(super) fn phase(machine_id: &[u8], interval: Duration) -> Duration {
    Duration::from_secs(hash(machine_id) % interval.as_secs().max(1))
}

/// FNV-1a, then mixed once more, since ids differ in few bits.
fn hash(bytes: &[u8]) -> u64 {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

/// The times as systemd.time(7) writes them, in UTC, which has no hour twice. An interval by which no day can be parted has a
/// shorter one at midnight.
pub(super) fn events(interval: Duration, phase: Duration) -> Vec<String> {
    let (interval, phase) = (interval.as_secs().clamp(60, DAY_SECS), phase.as_secs());
    let (hour, minute, second) = (phase / HOUR_SECS, phase / 60 % 60, phase % 60);
    if HOUR_SECS.is_multiple_of(interval) {
        return vec![format!("*-*-* *:{}:{second:02} UTC", each(minute, interval / 60, 60))];
    }
    if interval.is_multiple_of(HOUR_SECS) && DAY_SECS.is_multiple_of(interval) {
        return vec![format!("*-*-* {}:{minute:02}:{second:02} UTC", each(hour, interval / HOUR_SECS, 24))];
    }
    let times = (0..).map(|nth| phase + nth * interval).take_while(|time| *time < DAY_SECS);
    let event =
        |time: u64| format!("*-*-* {:02}:{:02}:{:02} UTC", time / HOUR_SECS, time / 60 % 60, time % 60);
    times.map(event).collect()
}

/// From this number on each so many; a step as long as the whole is none.
fn each(first: u64, step: u64, whole: u64) -> String {
    if step < whole { format!("{first:02}/{step}") } else { format!("{first:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    #[test]
    fn events_of_intervals() {
        let phase = Duration::from_secs(4 * 60 + 7);
        for (interval, expected) in [
            (5, &["*-*-* *:04/5:07 UTC"][..]),
            (60, &["*-*-* *:04:07 UTC"]),
            (120, &["*-*-* 00/2:04:07 UTC"]),
            (1440, &["*-*-* 00:04:07 UTC"]),
            (600, &["*-*-* 00:04:07 UTC", "*-*-* 10:04:07 UTC", "*-*-* 20:04:07 UTC"]),
        ] {
            assert_eq!(events(minutes(interval), phase), expected, "{interval}");
        }
        assert_eq!(events(minutes(7), phase).len(), 206);
    }

    #[test]
    fn machines_are_spread_over_the_interval_and_each_stays() {
        let interval = minutes(60);
        let mut tenths = [0_u32; 10];
        for machine in 0..10_000 {
            let id = format!("{machine:032x}\n");
            let phase = phase(id.as_bytes(), interval);
            assert_eq!(phase, super::phase(id.as_bytes(), interval));
            tenths[usize::try_from(phase.as_secs() / 360).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|count| (900..1100).contains(count)), "{tenths:?}");
    }

    #[test]
    fn systemd_reads_them() {
        for interval in [1, 5, 7, 30, 60, 90, 120, 600, 720, 1000, 1440] {
            for event in events(minutes(interval), minutes(interval) - Duration::from_secs(1)) {
                let Ok(output) = Command::new("systemd-analyze").args(["calendar", &event]).output() else {
                    println!("skipped: no systemd-analyze here");
                    return;
                };
                assert!(output.status.success(), "{event}: {}", String::from_utf8_lossy(&output.stderr));
                if interval > 60 {
                    break;
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_id_and_any_interval(id in prop::collection::vec(any::<u8>(), 0..40), interval in 1..1441_u64) {
            let phase = phase(&id, minutes(interval));
            prop_assert!(phase < minutes(interval));
            prop_assert!(!events(minutes(interval), phase).is_empty());
        }
    }
}
