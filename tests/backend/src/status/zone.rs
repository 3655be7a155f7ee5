//! A time zone: where months begin, and which seconds have which wall-clock times.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// No clock is further from UTC than this, in seconds; those that are known keep within 16 hours.
const FURTHEST_SECS: i64 = 26 * 60 * 60;

/// A time zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone(TimeZone);

/// A month of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CalendarMonth {
    /// The year.
    pub year: i16,
    /// 1 to 12.
    pub month: i8,
}

impl Zone {
    /// UTC.
    #[must_use]
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// By its name, as `Europe/Tallinn`. None if this machine has none of that name (they come with the package tzdata).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("utc") {
            return Some(Self::utc());
        }
        TimeZone::get(name).ok().map(Self)
    }

    /// One that was found elsewhere.
    #[must_use]
    pub fn new(zone: TimeZone) -> Self {
        Self(zone)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("the time zone of the collector")
    }

    /// The month that a time is in.
    #[must_use]
    pub fn month_of(&self, secs: i64) -> CalendarMonth {
        let local = self.0.to_datetime(timestamp(secs));
        CalendarMonth { year: local.year(), month: local.month() }
    }

    /// The seconds of a month; none of one that the calendar does not have.
    #[must_use]
    pub fn bounds(&self, month: CalendarMonth) -> Option<(i64, i64)> {
        let start = |month: CalendarMonth| {
            let day = Date::new(month.year, month.month, 1).ok()?;
            Some(day.to_zoned(self.0.clone()).ok()?.timestamp().as_second())
        };
        Some((start(month)?, start(month.next())?))
    }

    /// A time as clocks there show it, as `2026-03-29 04:00 +03`.
    #[must_use]
    pub fn show(&self, secs: i64) -> String {
        timestamp(secs).to_zoned(self.0.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string()
    }

    /// Reads a time as clocks there show it, as `2026-03-29 04:00` or as browsers send it, `2026-03-29T04:00`. Of one that there
    /// is twice the first counts; one that there is not is as much later as clocks were set forward.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<i64> {
        let time = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
            .into_iter()
            .find_map(|form| DateTime::strptime(form, text).ok())?;
        Some(time.to_zoned(self.0.clone()).ok()?.timestamp().as_second())
    }

    /// Stretches within one in which clocks were not changed, each with the seconds by which they are ahead of UTC.
    pub(super) fn steady(&self, (from, until): (i64, i64)) -> Vec<(i64, i64, i64)> {
        let mut found = Vec::new();
        let mut start = from;
        let mut ahead = i64::from(self.0.to_offset(timestamp(from)).seconds());
        for change in self.0.following(timestamp(from)) {
            let at = change.timestamp().as_second();
            if at >= until {
                break;
            }
            found.push((start, at, ahead));
            (start, ahead) = (at, i64::from(change.offset().seconds()));
        }
        found.push((start, until, ahead));
        found
    }
}

/// How far around a local time its seconds may be, in UTC.
pub(super) fn around((start, end): (i64, i64)) -> (i64, i64) {
    (start.saturating_sub(FURTHEST_SECS), end.saturating_add(FURTHEST_SECS))
}

fn timestamp(secs: i64) -> Timestamp {
    // Times beyond the calendar are its end.
    Timestamp::from_second(secs).unwrap_or(if secs < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

impl CalendarMonth {
    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        if self.month >= 12 {
            Self { year: self.year.saturating_add(1), month: 1 }
        } else {
            Self { year: self.year, month: self.month.saturating_add(1) }
        }
    }

    /// The one before.
    #[must_use]
    pub fn previous(self) -> Self {
        if self.month <= 1 {
            Self { year: self.year.saturating_sub(1), month: 12 }
        } else {
            Self { year: self.year, month: self.month.saturating_sub(1) }
        }
    }

    /// Of a text such as `2026-03`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_form = text.len() == 7
            && text
                .bytes()
                .enumerate()
                .all(|(at, byte)| (at == 4 && byte == b'-') || (at != 4 && byte.is_ascii_digit()));
        let (year, month) = text.split_once('-').filter(|_| is_form)?;
        let month = Self { year: year.parse().ok()?, month: month.parse().ok()? };
        ((1..=12).contains(&month.month) && (1970..=9998).contains(&month.year)).then_some(month)
    }
}

impl std::fmt::Display for CalendarMonth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;

    #[test]
    fn a_month_with_a_change_of_clocks_is_an_hour_longer_or_shorter() {
        let zone = Zone::named("Europe/Tallinn").unwrap();
        for (month, expected) in [
            ("2026-01", 31 * DAY),
            ("2026-03", 31 * DAY - HOUR),
            ("2026-10", 31 * DAY + HOUR),
            ("2024-02", 29 * DAY),
        ] {
            let (start, end) = zone.bounds(CalendarMonth::parse(month).unwrap()).unwrap();
            assert_eq!(end - start, expected, "{month}");
            assert_eq!(zone.month_of(start).to_string(), month);
            assert_eq!(zone.month_of(end - 1).to_string(), month);
            assert_eq!(zone.month_of(end), CalendarMonth::parse(month).unwrap().next());
        }
        assert_eq!(zone.bounds(CalendarMonth::parse("2026-03").unwrap()).unwrap().0, 1_772_316_000);
    }

    #[test]
    fn months_follow_each_other_in_every_zone() {
        // Where midnight itself is left out, where a whole day was, and half an hour.
        for name in ["America/Asuncion", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"] {
            let zone = Zone::named(name).unwrap();
            let mut month = CalendarMonth { year: 2009, month: 11 };
            let mut end = zone.bounds(month).unwrap().1;
            for _ in 0..240 {
                assert_eq!(month.next().previous(), month);
                month = month.next();
                let bounds = zone.bounds(month).unwrap();
                assert_eq!(bounds.0, end, "{name} {month}");
                end = bounds.1;
            }
        }
    }

    #[test]
    fn times_are_read_as_clocks_show_them() {
        let zone = Zone::named("Europe/Tallinn").unwrap();
        for (text, expected) in [
            ("2026-01-01 02:00", Some(1_767_225_600)),
            ("2026-01-01T02:00", Some(1_767_225_600)),
            ("2026-01-01T02:00:05", Some(1_767_225_605)),
            // There is no 03:30: it is 04:30.
            ("2026-03-29T03:30", Some(1_774_747_800)),
            ("2026-03-29T04:30", Some(1_774_747_800)),
            ("2026-02-30 02:00", None),
            ("2026-01-01", None),
            ("tomorrow", None),
        ] {
            assert_eq!(zone.read(text), expected, "{text}");
        }
        assert_eq!(zone.show(1_767_225_600), "2026-01-01 02:00 EET");
    }

    #[test]
    fn what_is_no_month_or_zone_is_none() {
        for text in
            ["", "2026-13", "2026-00", "2026-1", "26-01", "2026-01-01", "+026-01", "1969-12", "9999-01"]
        {
            assert_eq!(CalendarMonth::parse(text), None, "{text}");
        }
        assert!(Zone::named("Europe/Nowhere").is_none() && Zone::named("").is_none());
        assert_eq!(Zone::named("utc").unwrap().name(), "UTC");
    }
}
