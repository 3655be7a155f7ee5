//! The kinds of value that keys take: each parses a text, and describes in an error what it would have taken.

use crate::limits::SHOWN_VALUE_CHARACTERS;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// A set of values.
pub trait Allowed<T>: Sync {
    /// The value that a text means; none if it is not in the set.
    fn parse(&self, text: &str) -> Option<T>;

    /// The set, as "must be ..." goes on.
    fn describe(&self) -> String;

    /// What is meant by a text that is not in the set, but that the C programs took: it is taken, with a warning.
    fn meant(&self, _text: &str) -> Option<String> {
        None
    }

    /// A text as it may be shown and logged.
    fn shown(&self, text: &str) -> String {
        shortened(text)
    }
}

/// A text at the length that an error repeats.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_VALUE_CHARACTERS) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A whole number of a unit.
pub struct Number<T: 'static> {
    /// What is counted, and of what.
    pub unit: &'static str,
    /// The minimum and the maximum.
    pub range: RangeInclusive<u64>,
    /// The value that a number stands for.
    pub convert: fn(u64) -> T,
}

impl<T> Allowed<T> for Number<T> {
    fn parse(&self, text: &str) -> Option<T> {
        text.parse().ok().filter(|number| self.range.contains(number)).map(self.convert)
    }

    fn describe(&self) -> String {
        format!("{} to {} {}", self.range.start(), self.range.end(), self.unit)
    }

    fn meant(&self, text: &str) -> Option<String> {
        number_before_something(text)
    }
}

/// A number as in [`Number`], or -1, for which the value is none.
pub struct Limit<T: 'static>(pub Number<T>);

impl<T> Allowed<Option<T>> for Limit<T> {
    fn parse(&self, text: &str) -> Option<Option<T>> {
        if text == "-1" { Some(None) } else { self.0.parse(text).map(Some) }
    }

    fn describe(&self) -> String {
        format!("{}, or -1 for no limit", self.0.describe())
    }

    fn meant(&self, text: &str) -> Option<String> {
        if is_negative(text) { Some("-1".to_owned()) } else { self.0.meant(text) }
    }
}

/// The number at the beginning of a text, as in `5120KB` and `100 # comment`.
fn number_before_something(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    text.get(..end).filter(|digits| !digits.is_empty()).map(str::to_owned)
}

fn is_negative(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// A duration in seconds.
pub fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// A duration in minutes.
pub fn minutes(number: u64) -> Duration {
    Duration::from_secs(number.saturating_mul(60))
}

/// A number of KiB in bytes.
pub fn kib(number: u64) -> u64 {
    number.saturating_mul(1024)
}

/// Seconds, of which any number is taken: what is out of the range counts as the nearest that is in it.
pub struct ClampedSeconds {
    /// The minimum.
    pub min: u64,
    /// The maximum.
    pub max: u64,
}

impl Allowed<Duration> for ClampedSeconds {
    fn parse(&self, text: &str) -> Option<Duration> {
        text.parse().ok().map(|number: u64| Duration::from_secs(number.clamp(self.min, self.max)))
    }

    fn describe(&self) -> String {
        let Self { min, max } = self;
        format!("a number of seconds (less than {min} counts as {min}, more than {max} as {max})")
    }

    fn meant(&self, text: &str) -> Option<String> {
        if is_negative(text) { Some(self.min.to_string()) } else { number_before_something(text) }
    }
}

/// Yes or no.
pub struct Switch;

impl Allowed<bool> for Switch {
    fn parse(&self, text: &str) -> Option<bool> {
        let is = |words: [&str; 2]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        is(["true", "1"]).then_some(true).or(is(["false", "0"]).then_some(false))
    }

    fn describe(&self) -> String {
        "true, false, 1 or 0".to_owned()
    }
}

/// One of several words.
pub struct Choice<T: 'static>(pub &'static [(&'static str, T)]);

impl<T: Copy + Sync> Allowed<T> for Choice<T> {
    fn parse(&self, text: &str) -> Option<T> {
        self.0.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
    }

    fn describe(&self) -> String {
        let words: Vec<_> = self.0.iter().map(|(word, _)| *word).collect();
        match words.as_slice() {
            [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
            _ => words.concat(),
        }
    }
}

/// Any number of several words, parted by blanks.
pub struct Words<T: 'static>(pub &'static [(&'static str, T)]);

impl<T: Copy + Sync> Allowed<Vec<T>> for Words<T> {
    fn parse(&self, text: &str) -> Option<Vec<T>> {
        text.split_whitespace().map(|word| Choice(self.0).parse(word)).collect()
    }

    fn describe(&self) -> String {
        format!("any of {}, parted by blanks", Choice(self.0).describe().replace(" or ", " and "))
    }
}

/// Absolute paths, parted by blanks.
pub struct AbsolutePaths {
    /// The word that may stand alone for all there are.
    pub all: Option<&'static str>,
}

impl Allowed<Vec<String>> for AbsolutePaths {
    fn parse(&self, text: &str) -> Option<Vec<String>> {
        let words: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
        let is_all = self.all.is_some_and(|all| words == [all]);
        let are_paths = words.iter().all(|word| word.starts_with('/') && !word.contains('\0'));
        (is_all || are_paths).then_some(words)
    }

    fn describe(&self) -> String {
        let all = self.all.map_or(String::new(), |all| format!(", or {all} for all"));
        format!("absolute paths, parted by blanks{all}")
    }
}

/// An absolute path.
pub struct AbsolutePath {
    /// Its maximum length in bytes, where it has one.
    pub max_bytes: Option<usize>,
}

impl Allowed<PathBuf> for AbsolutePath {
    fn parse(&self, text: &str) -> Option<PathBuf> {
        let is_short = self.max_bytes.is_none_or(|max| text.len() <= max);
        (text.starts_with('/') && !text.contains('\0') && is_short).then(|| PathBuf::from(text))
    }

    fn describe(&self) -> String {
        match self.max_bytes {
            Some(max) => format!("an absolute path of at most {max} bytes"),
            None => "an absolute path".to_owned(),
        }
    }
}

/// An absolute path, or nothing.
pub struct OptionalPath {
    /// What nothing stands for.
    pub nothing: &'static str,
}

impl Allowed<Option<PathBuf>> for OptionalPath {
    fn parse(&self, text: &str) -> Option<Option<PathBuf>> {
        let path = AbsolutePath { max_bytes: None };
        if text.is_empty() { Some(None) } else { path.parse(text).map(Some) }
    }

    fn describe(&self) -> String {
        format!("an absolute path, or nothing for {}", self.nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_limits_and_clamped_seconds() {
        let number = Number { unit: "minutes", range: 1..=59, convert: minutes };
        for (text, expected) in
            [("1", Some(60)), ("59", Some(59 * 60)), ("0", None), ("60", None), ("", None)]
        {
            assert_eq!(number.parse(text), expected.map(Duration::from_secs), "{text}");
        }
        assert_eq!(number.describe(), "1 to 59 minutes");
        let limit = Limit(Number { unit: "KiB", range: 0..=9, convert: kib });
        for (text, expected) in
            [("-1", Some(None)), ("0", Some(Some(0))), ("9", Some(Some(9216))), ("10", None)]
        {
            assert_eq!(limit.parse(text), expected, "{text}");
        }
        assert_eq!(limit.describe(), "0 to 9 KiB, or -1 for no limit");
        let clamped = ClampedSeconds { min: 120, max: 300 };
        for (text, expected) in [("7", Some(120)), ("150", Some(150)), ("301", Some(300)), ("x", None)] {
            assert_eq!(clamped.parse(text), expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn numbers_that_the_c_programs_took_mean_something() {
        let number = Number { unit: "minutes", range: 1..=59, convert: minutes };
        let limit = Limit(Number { unit: "KiB", range: 0..=9, convert: kib });
        let clamped = ClampedSeconds { min: 120, max: 300 };
        for (text, of_number, of_limit, of_clamped) in [
            ("5120KB", Some("5120"), Some("5120"), Some("5120")),
            ("100 # comment", Some("100"), Some("100"), Some("100")),
            ("1.5", Some("1"), Some("1"), Some("1")),
            ("-5", None, Some("-1"), Some("120")),
            ("-1 # none", None, Some("-1"), Some("120")),
            ("soon", None, None, None),
            ("-", None, None, None),
            ("", None, None, None),
            ("7", None, None, None),
        ] {
            let meant = (number.meant(text), limit.meant(text), clamped.meant(text));
            let meant = (meant.0.as_deref(), meant.1.as_deref(), meant.2.as_deref());
            assert_eq!(meant, (of_number, of_limit, of_clamped), "{text}");
        }
    }

    #[test]
    fn switches_and_choices() {
        for (text, expected) in [
            ("true", Some(true)),
            ("TRUE", Some(true)),
            ("1", Some(true)),
            ("False", Some(false)),
            ("0", Some(false)),
            ("yes", None),
            ("", None),
        ] {
            assert_eq!(Switch.parse(text), expected, "{text}");
        }
        let choice = Choice(&[("off", 0), ("gzip", 1), ("zstd", 2)]);
        assert_eq!((choice.parse("gzip"), choice.parse("GZIP"), choice.parse("")), (Some(1), None, None));
        assert_eq!(choice.describe(), "off, gzip or zstd");
    }

    #[test]
    fn words_and_lists_of_paths() {
        let words = Words(&[("a", 1), ("b", 2), ("c", 3)]);
        assert_eq!((words.parse(" b  a "), words.parse("")), (Some(vec![2, 1]), Some(vec![])));
        assert_eq!((words.parse("a d"), words.parse("a,b")), (None, None));
        assert_eq!(words.describe(), "any of a, b and c, parted by blanks");
        let paths = AbsolutePaths { all: Some("*") };
        for (text, expected) in [
            ("/ /a\t/b", Some(vec!["/", "/a", "/b"])),
            ("*", Some(vec!["*"])),
            ("", Some(vec![])),
            ("/ *", None),
            ("a", None),
            ("/\0", None),
        ] {
            let expected = expected.map(|words| words.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(paths.parse(text), expected, "{text:?}");
        }
        assert_eq!(AbsolutePaths { all: None }.parse("*"), None);
    }

    #[test]
    fn paths() {
        let short = AbsolutePath { max_bytes: Some(4) };
        for (text, is_allowed) in
            [("/a", true), ("/abc", true), ("/abcd", false), ("a", false), ("", false), ("/\0", false)]
        {
            assert_eq!(short.parse(text).is_some(), is_allowed, "{text:?}");
        }
        let optional = OptionalPath { nothing: "none" };
        assert_eq!(optional.parse(""), Some(None));
        assert_eq!(optional.parse("/a"), Some(Some(PathBuf::from("/a"))));
        assert_eq!(optional.parse("a"), None);
    }

    #[test]
    fn what_is_shown_is_bounded() {
        let long = "ä".repeat(60_000);
        assert_eq!(Switch.shown(&long).chars().count(), SHOWN_VALUE_CHARACTERS + 3);
        assert_eq!(Switch.shown("x"), "x");
    }
}
