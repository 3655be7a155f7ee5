//! Times as the API writes them: `2015-09-30 00:39:35 UTC`.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::Serializer;

const FORMAT: &str = "%Y-%m-%d %H:%M:%S UTC";

/// The latest time that can be written: in the last hours of the year 9999, in Unix seconds.
pub const LATEST_SECS: i64 = 253_402_207_200;

/// The present, in Unix seconds. A clock before 1970 counts as 1970.
#[must_use]
pub fn now_secs() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(LATEST_SECS)
}

/// Writes Unix seconds as UTC; a time out of range (no record holds one) as the bare number.
#[must_use]
pub fn format_utc(unix_secs: i64) -> String {
    match Timestamp::from_second(unix_secs) {
        Ok(time) => time.strftime(FORMAT).to_string(),
        Err(_) => unix_secs.to_string(),
    }
}

/// Reads a time in the same form, or as Unix seconds in digits. `None` if it is neither or out of range.
#[must_use]
pub fn parse_utc(text: &str) -> Option<i64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().filter(|secs| (0..=LATEST_SECS).contains(secs));
    }
    let time = DateTime::strptime(FORMAT, text).ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some(time.timestamp().as_second())
}

/// Reads a UTC day such as `2015-09-30` as the Unix seconds of its start.
#[must_use]
pub fn parse_day_secs(text: &str) -> Option<i64> {
    let day = jiff::civil::Date::strptime("%Y-%m-%d", text).ok()?;
    let secs = day.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    (0..=LATEST_SECS).contains(&secs).then_some(secs)
}

/// Writes a UTC day, in days since 1970, as `2015-09-30`; one out of range as the bare number.
#[must_use]
pub fn format_day(day: i64) -> String {
    match Timestamp::from_second(day.saturating_mul(86_400)) {
        Ok(time) => time.strftime("%Y-%m-%d").to_string(),
        Err(_) => day.to_string(),
    }
}

/// Serializes Unix seconds as UTC, for `#[serde(serialize_with)]`.
///
/// # Errors
/// Those of the serializer.
pub fn serialize_utc<S: Serializer>(unix_secs: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_utc(*unix_secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_in_the_api_form() {
        for (secs, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (1_443_573_575, "2015-09-30 00:39:35 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
        ] {
            assert_eq!(format_utc(secs), text);
            assert_eq!(parse_utc(text), Some(secs));
        }
        assert_eq!(parse_utc("1443573575"), Some(1_443_573_575));
        assert!(format_utc(LATEST_SECS).starts_with("9999-12-3"));
        assert_eq!(format_utc(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn days_are_written_and_read() {
        assert_eq!(parse_day_secs("2015-09-30"), Some(1_443_571_200));
        assert_eq!(format_day(16_708), "2015-09-30");
        assert_eq!(format_day(i64::MAX), i64::MAX.to_string());
        for text in ["", "2015-9-31", "2015-02-30", "today", "1443571200", "1969-12-31"] {
            assert_eq!(parse_day_secs(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "yesterday", "2015-09-30", "2015-02-30 00:00:00 UTC", "-1", "999999999999999", "1 "]
        {
            assert_eq!(parse_utc(text), None, "{text:?}");
        }
    }
}
