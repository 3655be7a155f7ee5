//! The value of `Retry-After` (RFC 9110, 10.2.3): a number of seconds, or a date.

use std::time::{Duration, SystemTime};

/// Longest wait until a date whose server does not say what time it has: this machine's clock may be years off.
const LONGEST_BY_OWN_CLOCK: Duration = Duration::from_secs(5 * 60);

/// Seconds to wait; none if the value is neither. A date is held against the answer's own `Date`, and without one against
/// `now`, this machine's clock. One that is over is 0.
pub(crate) fn parse(value: &str, answered: Option<SystemTime>, now: SystemTime) -> Option<u64> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a very long time.
        return Some(value.parse().unwrap_or(u64::MAX));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let left = match answered {
        Some(answered) => date.duration_since(answered).unwrap_or_default(),
        None => date.duration_since(now).unwrap_or_default().min(LONGEST_BY_OWN_CLOCK),
    };
    Some(left.as_secs() + u64::from(left.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

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
            assert_eq!(parse(value, None, now), expected, "{value:?}");
            // Whatever the clock here shows.
            for wrong in [UNIX_EPOCH, now + Duration::from_secs(3_000_000_000)] {
                assert_eq!(parse(value, Some(now), wrong), expected, "{value:?}");
            }
        }
        let value = "Tue, 15 Nov 1994 08:12:31 GMT";
        let early = date - Duration::from_secs(3600);
        assert_eq!((parse(value, Some(early), date), parse(value, None, early)), (Some(3600), Some(300)));
    }
}
