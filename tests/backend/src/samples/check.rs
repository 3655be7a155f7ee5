//! What a record of class `org.telemetrics/check/state` says: lines `Name: value`.

use jiff::Timestamp;

use super::CheckState;
use super::limits::{CHECK_LINES, OUTPUT_CHARS, PERFDATA_CHARS, WORD_CHARS};
use super::text::clean;

/// Bytes of a check's name.
const NAME_BYTES: usize = 40;

/// What a machine says of one of its checks.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckReport {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: CheckState,
    /// Since when it has that, by the machine's clock.
    pub since_secs: i64,
    /// What it checks; empty if that is not said, as with all texts here.
    pub kind: String,
    /// The group that it is in.
    pub group: String,
    /// The value.
    pub value: Option<f64>,
    /// The range beyond which it is a warning.
    pub warning: String,
    /// The range beyond which it is critical.
    pub critical: String,
    /// A line for people.
    pub output: String,
    /// Performance data.
    pub perfdata: String,
    /// Results in a row that make a change.
    pub attempts: i64,
    /// Whether it changes too often to report each time.
    pub is_flapping: bool,
    /// The state before, and since when it had that.
    pub was: Option<(CheckState, Option<i64>)>,
}

impl CheckReport {
    /// One of which nothing more is known; none if that is no name of a check.
    #[must_use]
    pub fn new(name: &str, state: CheckState, since_secs: i64) -> Option<Self> {
        let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_name = (1..=NAME_BYTES).contains(&name.len()) && name.bytes().all(is_part);
        let none = String::new;
        is_name.then(|| Self {
            name: name.to_owned(),
            state,
            since_secs,
            kind: none(),
            group: none(),
            value: None,
            warning: none(),
            critical: none(),
            output: none(),
            perfdata: none(),
            attempts: 0,
            is_flapping: false,
            was: None,
        })
    }

    /// The same with a line for people.
    #[must_use]
    pub fn with_output(mut self, output: &str) -> Self {
        self.output = clean(output, OUTPUT_CHARS);
        self
    }
}

/// Reads a payload; none if it names no check or no state.
#[must_use]
pub fn parse(payload: &str) -> Option<CheckReport> {
    let lines = || payload.lines().take(CHECK_LINES).filter_map(|line| line.split_once(": "));
    let value = |name: &str| lines().find(|(known, _)| *known == name).map(|(_, value)| value.trim());
    let word = |name: &str| clean(value(name).unwrap_or_default(), WORD_CHARS);
    let since = |name: &str| value(name).and_then(time);
    let state = CheckState::from_word(value("State")?)?;
    let report = CheckReport::new(value("Check")?, state, since("Since")?)?;
    let was = value("Was").and_then(CheckState::from_word);
    Some(CheckReport {
        kind: word("Kind"),
        group: word("Group"),
        value: value("Value").and_then(|value| value.parse().ok()).filter(|value: &f64| value.is_finite()),
        warning: word("Warning"),
        critical: word("Critical"),
        output: clean(value("Output").unwrap_or_default(), OUTPUT_CHARS),
        perfdata: clean(value("Perfdata").unwrap_or_default(), PERFDATA_CHARS),
        attempts: value("Attempts")
            .and_then(|value| value.parse().ok())
            .filter(|n| (0..=1000).contains(n))
            .unwrap_or(0),
        is_flapping: value("Flapping") == Some("yes"),
        was: was.map(|was| (was, since("Was-Since"))),
        ..report
    })
}

/// ISO 8601 as Unix seconds, from 1970 on.
pub(super) fn time(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_second).filter(|secs| *secs >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
Check: disk-root
Kind: disk
Group: disks
State: CRITICAL
Was: OK
Since: 2026-11-27T08:00:00Z
Was-Since: 2026-11-27T07:00:00Z
Attempts: 3
Value: 2.5
Critical: 5:
Output: full: \u{1b}[31m of it
Perfdata: /=5%
";

    #[test]
    fn a_change_is_read() {
        let report = parse(TEXT).unwrap();
        assert_eq!((report.name.as_str(), report.state), ("disk-root", CheckState::Critical));
        assert_eq!(report.since_secs, 1_795_766_400);
        assert_eq!(report.was, Some((CheckState::Ok, Some(1_795_762_800))));
        assert_eq!((report.value, report.attempts, report.is_flapping), (Some(2.5), 3, false));
        assert_eq!(
            (report.kind.as_str(), report.group.as_str(), report.critical.as_str()),
            ("disk", "disks", "5:")
        );
        assert_eq!((report.output.as_str(), report.perfdata.as_str()), ("full: \u{fffd}[31m of it", "/=5%"));
    }

    #[test]
    fn what_names_no_check_or_state_is_none() {
        for (from, to) in [
            ("Check: disk-root", "Check: Disk Root"),
            ("Check: disk-root\n", ""),
            ("State: CRITICAL", "State: BAD"),
            ("State: CRITICAL", "State: GONE"),
            ("Since: 2026-11-27T08:00:00Z", "Since: yesterday"),
            ("Since: 2026-11-27T08:00:00Z", "Since: 1960-11-27T08:00:00Z"),
        ] {
            assert_eq!(parse(&TEXT.replacen(from, to, 1)), None, "{to}");
        }
        let long = TEXT.replace("full", &"x".repeat(10_000));
        assert_eq!(parse(&long).unwrap().output.chars().count(), OUTPUT_CHARS);
        assert_eq!(parse(&TEXT.replace("2.5", "inf")).unwrap().value, None);
    }
}
