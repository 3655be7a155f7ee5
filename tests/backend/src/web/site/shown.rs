//! How values are shown to people.

use minijinja::{Environment, Value};

use crate::charts::{share, short_number};
use crate::timestamp::{format_day, format_utc};

const MINUTE_SECS: i64 = 60;
const DAY_SECS: i64 = 24 * 60 * 60;

/// Hours by which a capture time may be apart from the reception without a mark: a day off the network, and a time zone.
const APART_SECS: i64 = 36 * 60 * 60;

/// Characters of a name in a table; the whole one is where the pointer rests.
const SHORT_CHARS: usize = 96;

/// Gives these to the templates.
pub(super) fn add_filters(environment: &mut Environment<'static>) {
    environment.add_filter("utc", |secs: i64| format_utc(secs));
    environment.add_filter("weekday_utc", |secs: i64| weekday_utc(secs));
    environment.add_filter("day", |day: i64| format_day(day));
    environment.add_filter("plain", |text: &str| plain(text));
    environment.add_filter("short", |text: &str| short(text));
    environment.add_filter("quantity", |number: Value| quantity(&number));
    environment.add_filter("percent", |part: f64| percent(part));
    environment.add_filter("share_bar", |part: f64| Value::from_safe_string(share(part)));
    environment.add_filter("words", |name: &str| name.replace('_', " "));
    environment.add_filter("pairs", |names: Vec<String>| pairs(&names));
    environment.add_function("age", age);
    environment.add_function("ahead", ahead);
    environment.add_function("clock_note", |captured: i64, received: i64| clock_note(captured, received));
}

/// Foreign text as it is, but for characters that hide, or change the order of others: they are written out.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => out.push(character),
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
            | '\u{61c}' => {
                out.push_str(&format!("\\u{{{:x}}}", u32::from(character)));
            }
            '\r' => out.push_str("\\r"),
            other if other.is_control() => out.push_str(&format!("\\u{{{:x}}}", u32::from(other))),
            other => out.push(other),
        }
    }
    out
}

/// The beginning of it, on one line.
fn short(text: &str) -> String {
    let text = plain(text).replace(['\n', '\t'], " ");
    match text.char_indices().nth(SHORT_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Whole numbers with thin gaps between thousands; others in few digits.
fn quantity(number: &Value) -> String {
    let Ok(whole) = i64::try_from(number.clone()) else {
        return f64::try_from(number.clone()).map_or_else(|_| number.to_string(), short_number);
    };
    let digits = whole.unsigned_abs().to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    if whole < 0 { format!("-{out}") } else { out }
}

/// Names as choices: each as it is sent, and in words.
fn pairs(names: &[String]) -> Vec<[String; 2]> {
    names.iter().map(|name| [name.clone(), name.replace('_', " ")]).collect()
}

fn percent(part: f64) -> String {
    let percent = part * 100.0;
    match percent {
        _ if percent == 0.0 => "0 %".to_owned(),
        _ if percent < 0.1 => "< 0.1 %".to_owned(),
        _ if percent < 10.0 => format!("{percent:.1} %"),
        _ => format!("{percent:.0} %"),
    }
}

/// The largest unit alone.
fn age(secs: i64, now_secs: i64) -> String {
    let passed = now_secs.saturating_sub(secs);
    let units = [
        (365 * DAY_SECS, "year"),
        (30 * DAY_SECS, "month"),
        (DAY_SECS, "day"),
        (3600, "hour"),
        (MINUTE_SECS, "minute"),
    ];
    if passed < 0 {
        return "in the future".to_owned();
    }
    for (size, name) in units {
        let count = passed / size;
        if count > 0 {
            return format!("{count} {name}{} ago", if count == 1 { "" } else { "s" });
        }
    }
    "just now".to_owned()
}

/// How far ahead a time is: the largest unit alone.
fn ahead(secs: i64, now_secs: i64) -> String {
    let passed = age(now_secs, secs);
    match passed.strip_suffix(" ago") {
        Some(left) => format!("in {left}"),
        None if passed == "just now" => "now".to_owned(),
        None => age(secs, now_secs),
    }
}

/// A time that people plan by: with its day of the week.
fn weekday_utc(secs: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let day = usize::try_from(secs.div_euclid(DAY_SECS).rem_euclid(7)).unwrap_or(0);
    let text = format_utc(secs);
    // Without the seconds.
    let text = text.get(..16).unwrap_or(&text);
    format!("{} {text}", DAYS.get(day).copied().unwrap_or_default())
}

/// What is strange about a capture time, or nothing.
pub(super) fn clock_note(captured: i64, received: i64) -> &'static str {
    match received.saturating_sub(captured) {
        apart if apart < -MINUTE_SECS => "in the future",
        apart if apart >= APART_SECS => "36 hours or more apart",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit() {
        for (passed, text) in [
            (0, "just now"),
            (59, "just now"),
            (60, "1 minute ago"),
            (7200, "2 hours ago"),
            (3 * DAY_SECS + 5, "3 days ago"),
            (61 * DAY_SECS, "2 months ago"),
            (800 * DAY_SECS, "2 years ago"),
            (-5, "in the future"),
        ] {
            assert_eq!(age(1000, 1000 + passed), text);
        }
    }

    #[test]
    fn what_is_to_come_has_its_day_of_the_week() {
        assert_eq!(
            (weekday_utc(0), weekday_utc(1_795_766_400)),
            ("Thu 1970-01-01 00:00".into(), "Fri 2026-11-27 08:00".into())
        );
        for (left, text) in [
            (0, "now"),
            (59, "now"),
            (7200, "in 2 hours"),
            (3 * DAY_SECS, "in 3 days"),
            (-DAY_SECS, "1 day ago"),
        ] {
            assert_eq!(ahead(1000 + left, 1000), text);
        }
    }

    #[test]
    fn numbers_are_read_at_a_glance() {
        let of = |number: i64| quantity(&Value::from(number)).replace('\u{202f}', "_");
        assert_eq!(
            (of(0), of(999), of(1000), of(-1_234_567)),
            ("0".into(), "999".into(), "1_000".into(), "-1_234_567".into())
        );
        assert_eq!(
            (percent(0.0), percent(0.0001), percent(0.034), percent(1.0)),
            ("0 %".into(), "< 0.1 %".into(), "3.4 %".into(), "100 %".into())
        );
    }

    #[test]
    fn a_clock_that_is_wrong_is_marked() {
        for (captured, received, marked) in [
            (1000, 1000, false),
            (1030, 1000, false),
            (1061, 1000, true),
            (0, APART_SECS - 1, false),
            (0, APART_SECS, true),
        ] {
            assert_eq!(!clock_note(captured, received).is_empty(), marked, "{captured} {received}");
        }
    }

    #[test]
    fn what_hides_is_written_out() {
        assert_eq!(plain("a\u{202e}b\r\n\tc\0"), "a\\u{202e}b\\r\n\tc\\u{0}");
        assert_eq!(short(&"é\n".repeat(100)).chars().count(), SHORT_CHARS + 1);
    }
}
