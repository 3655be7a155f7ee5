//! Removes outlived records at the start and each day at 04:30, by the clock on the wall of this machine.

use std::time::Duration;

use jiff::{Span, Zoned, civil::Time};

use crate::retention::Retention;
use crate::samples::KeepSamples;
use crate::storage::Store;
use crate::timestamp::now_secs;

/// When nobody works, and after the probes' own daily work at midnight.
const PURGE_TIME: Time = Time::constant(4, 30, 0, 0);

/// A sleep is no longer than this, so that a clock that is set, or a machine that was suspended, is noticed.
const PAUSE: Duration = Duration::from_secs(600);

/// Purges now and then daily, until it is dropped. A purge that fails is logged and tried again the next day.
pub async fn purge_daily(store: Store, rules: Retention, keep: KeepSamples) {
    loop {
        match store.purge(rules.clone(), now_secs()).await {
            Ok(0) => {}
            Ok(removed) => {
                eprintln!("telem-collector: purged {removed} records that had outlived their time")
            }
            Err(error) => eprintln!("telem-collector: cannot purge: {error}"),
        }
        if let Err(error) = store.purge_samples(keep, rules.clone(), now_secs()).await {
            eprintln!("telem-collector: cannot purge samples: {error}");
        }
        let next = next_purge(&Zoned::now());
        loop {
            let left = Zoned::now().duration_until(&next).unsigned_abs();
            if Zoned::now() >= next {
                break;
            }
            tokio::time::sleep(left.min(PAUSE)).await;
        }
    }
}

/// The next [`PURGE_TIME`] after now. Where the clock of a time zone leaves it out, it is as much later.
fn next_purge(now: &Zoned) -> Zoned {
    let on = |day: &Zoned| day.with().time(PURGE_TIME).build().unwrap_or_else(|_| day.clone());
    let today = on(now);
    if today > *now {
        return today;
    }
    // The end of time is far away; a day without a next one is its own.
    now.checked_add(Span::new().days(1)).map_or(today, |tomorrow| on(&tomorrow))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_purge_is_at_half_past_four() {
        for (now, next) in [
            ("2026-01-31T04:29:59+00:00[UTC]", "2026-01-31T04:30:00+00:00[UTC]"),
            ("2026-01-31T04:30:00+00:00[UTC]", "2026-02-01T04:30:00+00:00[UTC]"),
            ("2026-01-31T23:00:00+00:00[UTC]", "2026-02-01T04:30:00+00:00[UTC]"),
            // The night in which an hour is left out, and the one that has an hour twice.
            ("2026-03-29T01:00:00+01:00[Europe/Vienna]", "2026-03-29T04:30:00+02:00[Europe/Vienna]"),
            ("2026-10-24T05:00:00+02:00[Europe/Vienna]", "2026-10-25T04:30:00+01:00[Europe/Vienna]"),
        ] {
            let now: Zoned = now.parse().unwrap();
            assert_eq!(next_purge(&now), next.parse().unwrap(), "{now}");
        }
    }
}
