//! Whether the clock can be right: records carry its time, and certificates are judged by it.

use super::finding::Finding;

const ABOUT: &str = "clock";

/// The first second of 2025, before which this program did not exist: the clock of a machine without a
/// battery starts in 1970 or with its firmware's year.
const EARLIEST_UNIX_SECS: u64 = 1_735_689_600;

/// Twenty years later: nobody runs this program by then, and certificates have ended.
const LATEST_UNIX_SECS: u64 = EARLIEST_UNIX_SECS + 20 * 365 * 86_400;

/// How far the clock may stand before a time that was written down: it is stepped now and then.
const STEP_SECS: u64 = 300;

const REMEDY: &str = "set the clock, as with `timedatectl set-ntp true`";

/// `noted` is a time that telempostd once read from the same clock; `spoils_tls` is whether a certificate was last not
/// accepted, and nothing says that the clock is right.
pub(super) fn judge(now: u64, noted: Option<u64>, spoils_tls: bool) -> Finding {
    if now < EARLIEST_UNIX_SECS {
        return Finding::error(ABOUT, "it stands before 2025: records have wrong times, TLS fails", REMEDY);
    }
    if now > LATEST_UNIX_SECS {
        let text = "it stands after 2044: records have wrong times and certificates count as expired";
        return Finding::error(ABOUT, text, REMEDY);
    }
    if spoils_tls {
        let text = "nothing has synchronised it, and a certificate was not accepted, which may be for that";
        return Finding::warning(ABOUT, text, REMEDY);
    }
    match noted.and_then(|noted| noted.checked_sub(now)) {
        Some(ahead) if ahead > STEP_SECS => {
            Finding::warning(ABOUT, "it was put back since telempostd last read it", REMEDY)
        }
        _ => Finding::ok(ABOUT, "it can be right"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, assert_finding};
    use super::*;

    #[test]
    fn a_clock_that_cannot_be_right_is_a_finding() {
        let now = EARLIEST_UNIX_SECS + 1000;
        for (now, noted, level, part) in [
            (0, None, Level::Error, "before 2025"),
            (EARLIEST_UNIX_SECS - 1, None, Level::Error, "timedatectl"),
            (EARLIEST_UNIX_SECS, None, Level::Ok, "can be right"),
            (now, Some(now - 500), Level::Ok, "can be right"),
            (LATEST_UNIX_SECS, None, Level::Ok, "can be right"),
            (4_070_908_800, None, Level::Error, "after 2044"),
            (now, Some(now + STEP_SECS), Level::Ok, "can be right"),
            (now, Some(now + STEP_SECS + 1), Level::Warning, "put back"),
        ] {
            assert_finding(&judge(now, noted, false), level, part);
        }
        assert_finding(&judge(now, None, true), Level::Warning, "nothing has synchronised it");
    }
}
