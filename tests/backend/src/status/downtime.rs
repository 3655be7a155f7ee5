//! Planned downtime that comes back every week: `Sun 02:00-04:00`, several parted by commas.
//!
//! Days are `Sun`, `Mon-Fri` or `daily`; what ends at or before the hour of its begin ends on the next day. Planned are the
//! seconds at which a clock on the wall of the time zone shows a time within it. So where clocks are set back from 04:00 to
//! 03:00 that is three hours of `02:00-04:00`, and one where they are set forward from 03:00 to 04:00.

use std::str::FromStr;

use super::zone::around;
use super::{Spans, Zone};

const DAY_SECS: i64 = 24 * 60 * 60;

/// Windows of one machine. Each is asked for each day of a month.
const MAX_WINDOWS: usize = 32;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The day of the week of 1 January 1970, counted from Monday.
const FIRST_WEEKDAY: i64 = 3;

/// Planned downtime of every week.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Downtime {
    /// As it was written.
    text: String,
    windows: Vec<Window>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Window {
    /// From Monday on.
    days: [bool; 7],
    /// Seconds of the day.
    from_secs: i64,
    /// The same, beyond a day where it ends on the next one.
    until_secs: i64,
}

impl Downtime {
    /// As it was written; nothing where nothing is planned.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What of a stretch of time it plans.
    #[must_use]
    pub fn spans(&self, zone: &Zone, (from, until): (i64, i64)) -> Spans {
        if self.windows.is_empty() || from >= until {
            return Spans::default();
        }
        let mut planned = Vec::new();
        for (start, end, ahead) in zone.steady((from, until)) {
            let local = around((start, end));
            // One that began on the day before may go on.
            for day in local.0.div_euclid(DAY_SECS).saturating_sub(1)..=local.1.div_euclid(DAY_SECS) {
                for window in self.windows.iter().filter(|window| window.has(day)) {
                    let midnight = day.saturating_mul(DAY_SECS).saturating_sub(ahead);
                    let window = (
                        midnight.saturating_add(window.from_secs),
                        midnight.saturating_add(window.until_secs),
                    );
                    planned.push((window.0.max(start), window.1.min(end)));
                }
            }
        }
        Spans::new(planned)
    }
}

impl Window {
    fn has(&self, day: i64) -> bool {
        let weekday = usize::try_from(day.saturating_add(FIRST_WEEKDAY).rem_euclid(7)).unwrap_or(0);
        self.days.get(weekday).copied().unwrap_or(false)
    }

    fn read(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| Err(format!("{text:.40}: {what}; it is written as Sun 02:00-04:00"));
        let mut words = text.split_whitespace();
        let (Some(days), Some(times), None) = (words.next(), words.next(), words.next()) else {
            return wrong("is no day and times");
        };
        let Some(days) = days_of(days) else {
            return wrong("the day is none of Mon to Sun, Mon-Fri or daily");
        };
        let times = times.split_once('-').and_then(|(from, until)| Some((clock(from)?, clock(until)?)));
        let Some((from_secs, until_secs)) = times else { return wrong("the times are no HH:MM-HH:MM") };
        if from_secs == until_secs || from_secs >= DAY_SECS {
            return wrong("it begins when it ends (a whole day is 00:00-24:00)");
        }
        let until_secs =
            if until_secs < from_secs { until_secs.saturating_add(DAY_SECS) } else { until_secs };
        Ok(Self { days, from_secs, until_secs })
    }
}

impl FromStr for Downtime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        if parts.len() > MAX_WINDOWS {
            return Err(format!("there are {} windows; {MAX_WINDOWS} at most", parts.len()));
        }
        let windows = parts.iter().copied().map(Window::read).collect::<Result<_, _>>()?;
        Ok(Self { text: parts.join(", "), windows })
    }
}

fn days_of(text: &str) -> Option<[bool; 7]> {
    let text = text.to_ascii_lowercase();
    if text == "daily" {
        return Some([true; 7]);
    }
    let day = |name: &str| DAYS.iter().position(|day| *day == name);
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (day(first)?, day(last)?),
        None => (day(&text)?, day(&text)?),
    };
    let mut days = [false; 7];
    for (at, is) in days.iter_mut().enumerate() {
        *is = if first <= last { (first..=last).contains(&at) } else { at >= first || at <= last };
    }
    Some(days)
}

/// Seconds of the day of `HH:MM`, up to `24:00`.
fn clock(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |digits: &str| {
        let is_form = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_form.then(|| digits.parse::<i64>().ok()).flatten()
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let secs = (hours * 60 + minutes) * 60;
    (minutes < 60 && secs <= DAY_SECS).then_some(secs)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3600;

    fn secs(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_second()
    }

    fn planned(text: &str, zone: &str, from: &str, until: &str) -> i64 {
        let downtime: Downtime = text.parse().unwrap();
        downtime.spans(&Zone::named(zone).unwrap(), (secs(from), secs(until))).secs() as i64
    }

    #[test]
    fn a_change_of_clocks_makes_it_longer_or_shorter() {
        let sunday = |text: &str, day: &str, zone: &str| {
            let start = secs(&format!("{day}T00:00:00Z"));
            let downtime: Downtime = text.parse().unwrap();
            downtime.spans(&Zone::named(zone).unwrap(), (start - 12 * HOUR, start + 36 * HOUR)).secs() as i64
        };
        for (text, day, zone, expected) in [
            ("Sun 02:00-04:00", "2026-03-22", "Europe/Berlin", 2 * HOUR),
            ("Sun 02:00-04:00", "2026-03-29", "Europe/Berlin", HOUR),
            ("Sun 02:00-04:00", "2026-10-25", "Europe/Berlin", 3 * HOUR),
            ("Sun 02:00-04:00", "2026-03-29", "UTC", 2 * HOUR),
            // In Tallinn it is the hour from 03:00 to 04:00.
            ("Sun 02:00-04:00", "2026-03-29", "Europe/Tallinn", HOUR),
            ("Sun 02:00-04:00", "2026-10-25", "Europe/Tallinn", 3 * HOUR),
            ("Sun 03:00-03:30", "2026-03-29", "Europe/Tallinn", 0),
            ("Sun 03:00-03:30", "2026-10-25", "Europe/Tallinn", HOUR),
            // Half an hour, on Lord Howe Island.
            ("Sun 01:00-03:00", "2026-04-05", "Australia/Lord_Howe", 2 * HOUR + HOUR / 2),
        ] {
            assert_eq!(sunday(text, day, zone), expected, "{text} {day} {zone}");
        }
    }

    #[test]
    fn days_midnight_and_several_windows() {
        let week = |text| planned(text, "UTC", "2026-06-01T00:00:00Z", "2026-06-08T00:00:00Z");
        for (text, expected) in [
            ("Sun 02:00-04:00", 2 * HOUR),
            ("sun 02:00-04:00, SUN 03:00-05:00", 3 * HOUR),
            ("Mon-Fri 22:00-01:00", 15 * HOUR),
            ("Sat-Mon 00:00-24:00", 3 * 24 * HOUR),
            ("daily 00:00-24:00", 7 * 24 * HOUR),
            ("daily 23:59-00:00", 7 * 60),
            // Sunday's goes into the week after, and the Sunday's before into this one.
            ("Sun 23:00-02:00", 3 * HOUR),
            ("", 0),
            (" , ", 0),
        ] {
            assert_eq!(week(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, expected) in [
            ("Sun", "no day and times"),
            ("Sun 02:00-04:00 x", "no day and times"),
            ("So 02:00-04:00", "the day is none of"),
            ("Mon-Fro 02:00-04:00", "the day is none of"),
            ("Sun 2:00-04:00", "no HH:MM-HH:MM"),
            ("Sun 02:00-24:01", "no HH:MM-HH:MM"),
            ("Sun 02:60-04:00", "no HH:MM-HH:MM"),
            ("Sun 02:00", "no HH:MM-HH:MM"),
            ("Sun +2:00-04:00", "no HH:MM-HH:MM"),
            ("Sun 02:00-02:00", "begins when it ends"),
            ("Sun 24:00-02:00", "begins when it ends"),
        ] {
            let error = text.parse::<Downtime>().unwrap_err();
            assert!(error.contains(expected) && error.contains("Sun 02:00-04:00"), "{text}: {error}");
        }
        assert!("Sun 02:00-04:00,".repeat(33).parse::<Downtime>().unwrap_err().contains("33 windows"));
    }

    /// Years around changes of clocks, by half hours.
    fn hours() -> impl Strategy<Value = i64> {
        (0_i64..365 * 48).prop_map(|half| secs("2026-01-01T00:00:00Z") + half * HOUR / 2)
    }

    proptest! {
        #[test]
        fn it_is_what_the_clock_on_the_wall_shows(
            first in 0_usize..7, start in 0_i64..1440, minutes in 1_i64..1440, at in hours(), offset in 0_i64..1800,
            zone in proptest::sample::select(vec!["Europe/Tallinn", "America/New_York", "Australia/Lord_Howe", "Pacific/Chatham", "UTC"]),
        ) {
            let end = (start + minutes) % 1440;
            let text = format!("{} {:02}:{:02}-{:02}:{:02}", DAYS[first], start / 60, start % 60, end / 60, end % 60);
            let downtime: Downtime = text.parse().unwrap();
            let spans = downtime.spans(&Zone::named(zone).unwrap(), (at - 2 * HOUR, at + 2 * HOUR));
            let second = at + offset;
            let local = TimeZone::get(zone).unwrap().to_datetime(Timestamp::from_second(second).unwrap());
            let weekday = local.weekday().to_monday_zero_offset() as usize;
            let minute = i64::from(local.hour()) * 60 + i64::from(local.minute());
            let is_planned = if end > start {
                weekday == first && (start..end).contains(&minute)
            } else {
                (weekday == first && minute >= start) || (weekday == (first + 1) % 7 && minute < end)
            };
            prop_assert_eq!(spans.at(second).is_some(), is_planned, "{} {} {} {:?}", text, zone, local, spans);
        }
    }
}
