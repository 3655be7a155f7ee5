//! Times as people of this machine read them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The time zone of this machine or of `TZ`; UTC where neither says anything usable.
pub(crate) fn zone() -> TimeZone {
    let zone = TimeZone::system();
    if zone.is_unknown() { TimeZone::UTC } else { zone }
}

/// A time as `Mon 2018-04-02 17:48:01 UTC`; `@SECONDS` for one that no calendar has.
pub(crate) fn format(unix_secs: i64, zone: &TimeZone) -> String {
    match Timestamp::from_second(unix_secs) {
        Ok(time) => time.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M:%S %Z").to_string(),
        Err(_) => format!("@{unix_secs}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_that_of_the_zone() {
        let summer_of_berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        for (unix_secs, zone, text) in [
            (1_522_691_281, &TimeZone::UTC, "Mon 2018-04-02 17:48:01 UTC"),
            (1_522_691_281, &summer_of_berlin, "Mon 2018-04-02 19:48:01 CEST"),
            (1_514_764_800, &summer_of_berlin, "Mon 2018-01-01 01:00:00 CET"),
            (0, &TimeZone::UTC, "Thu 1970-01-01 00:00:00 UTC"),
            (i64::MAX, &TimeZone::UTC, "@9223372036854775807"),
        ] {
            assert_eq!(format(unix_secs, zone), text);
        }
    }
}
