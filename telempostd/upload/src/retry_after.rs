//! The value of `Retry-After` (RFC 9110, 10.2.3): a number of seconds, or a date.

use std::time::SystemTime;

/// Seconds from `now`; none if the value is neither. A date that is over is 0.
pub(crate) fn parse(value: &str, now: SystemTime) -> Option<u64> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a very long time.
        return Some(value.parse().unwrap_or(u64::MAX));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let left = date.duration_since(now).unwrap_or_default();
    Some(left.as_secs() + u64::from(left.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn seconds_and_dates_are_understood() {
        // 1994-11-15 08:12:31 UTC, the example of RFC 9110.
        let date = UNIX_EPOCH + Duration::from_secs(784_887_151);
        for (value, now, expected) in [
            ("120", date, Some(120)),
            (" 0 ", date, Some(0)),
            ("99999999999999999999999", date, Some(u64::MAX)),
            ("Tue, 15 Nov 1994 08:12:31 GMT", date - Duration::from_secs(90), Some(90)),
            ("Tue, 15 Nov 1994 08:12:31 GMT", date - Duration::from_millis(1500), Some(2)),
            ("Tuesday, 15-Nov-94 08:12:31 GMT", date - Duration::from_secs(5), Some(5)),
            ("Tue Nov 15 08:12:31 1994", date - Duration::from_secs(5), Some(5)),
            ("Tue, 15 Nov 1994 08:12:31 GMT", date + Duration::from_secs(1), Some(0)),
            ("", date, None),
            ("-1", date, None),
            ("1.5", date, None),
            ("soon", date, None),
        ] {
            assert_eq!(parse(value, now), expected, "{value:?}");
        }
    }
}
