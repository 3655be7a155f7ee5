//! How long records are kept. Pure: the time is an input.
//!
//! Each rule removes what it names once that is older than the rule's own time, so that of several the shortest
//! wins. What no rule names is removed after the time for all. A rule without an end removes nothing; it only
//! takes what it names out of the time for all.

use std::fmt;
use std::str::FromStr;

use crate::record::{ClassGlob, Field, Rule};

const DAY_SECS: i64 = 24 * 60 * 60;

/// Days that a rule may name: a century, far from any overflow.
const MAX_DAYS: u32 = 36_500;

/// How long a record is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepTime {
    /// Days from its reception.
    Days(u32),
    /// Without end.
    Forever,
}

/// Which records a rule names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Named {
    Class(ClassGlob),
    Severity(u8),
    Machine(String),
}

/// A time for the records of a classification, a severity or a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepRule {
    named: Named,
    keep: KeepTime,
}

/// What the rules need to know of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// Its classification.
    pub classification: &'a str,
    /// Its severity.
    pub severity: u8,
    /// Its machine.
    pub machine_id: &'a str,
    /// When it arrived, in Unix seconds.
    pub received_secs: i64,
}

/// A rule that cannot be read. Holds the whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError(String);

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RuleError {}

/// All rules together.
#[derive(Clone, Debug)]
pub struct Retention {
    general: KeepTime,
    rules: Vec<KeepRule>,
}

impl Retention {
    /// Gathers the time for all and the rules.
    #[must_use]
    pub fn new(general: KeepTime, rules: Vec<KeepRule>) -> Self {
        Self { general, rules }
    }

    /// Whether a record has outlived its time: it is older than that, not just as old.
    #[must_use]
    pub fn is_due(&self, record: Subject<'_>, now_secs: i64) -> bool {
        let mut named = self.rules.iter().filter(|rule| rule.names(record)).peekable();
        if named.peek().is_none() {
            return self.general.is_over(record.received_secs, now_secs);
        }
        named.any(|rule| rule.keep.is_over(record.received_secs, now_secs))
    }

    /// No record received at this time or later can be due. `None` if every record is kept permanently.
    #[must_use]
    pub fn horizon_secs(&self, now_secs: i64) -> Option<i64> {
        let all = self.rules.iter().map(|rule| rule.keep).chain([self.general]);
        let days = all.filter_map(|keep| if let KeepTime::Days(days) = keep { Some(days) } else { None });
        days.min().map(|days| now_secs.saturating_sub(i64::from(days) * DAY_SECS))
    }

    /// The first UTC day, in days since 1970, of which not only those records are left to keep that a rule names.
    #[must_use]
    pub fn first_day(&self, now_secs: i64) -> i64 {
        match self.general {
            KeepTime::Forever => i64::MIN,
            KeepTime::Days(days) => now_secs.saturating_sub(i64::from(days) * DAY_SECS).div_euclid(DAY_SECS),
        }
    }

    /// Whether of the records that were received up to `last_secs` only those are left to keep that a rule names.
    #[must_use]
    pub fn is_generally_over(&self, last_secs: i64, now_secs: i64) -> bool {
        self.general.is_over(last_secs, now_secs)
    }
}

impl KeepTime {
    fn is_over(self, received_secs: i64, now_secs: i64) -> bool {
        match self {
            Self::Forever => false,
            Self::Days(days) => now_secs.saturating_sub(received_secs) > i64::from(days) * DAY_SECS,
        }
    }
}

impl KeepRule {
    fn names(&self, record: Subject<'_>) -> bool {
        match &self.named {
            Named::Class(glob) => glob.matches(record.classification),
            Named::Severity(severity) => *severity == record.severity,
            Named::Machine(id) => id == record.machine_id,
        }
    }

    /// Reads `CLASS=DAYS`; `*` in CLASS stands for any characters.
    ///
    /// # Errors
    /// If no classification can be meant, or the time is none.
    pub fn for_class(text: &str) -> Result<Self, RuleError> {
        let (class, keep) = halves(text)?;
        let glob = ClassGlob::parse(class)
            .ok_or_else(|| RuleError(format!("a classification is {}", ClassGlob::ALLOWED)))?;
        Ok(Self { named: Named::Class(glob), keep })
    }

    /// Reads `SEVERITY=DAYS`.
    ///
    /// # Errors
    /// If it is no severity, or the time is none.
    pub fn for_severity(text: &str) -> Result<Self, RuleError> {
        let (severity, keep) = halves(text)?;
        match severity.parse() {
            Ok(severity @ 1..=4) => Ok(Self { named: Named::Severity(severity), keep }),
            _ => Err(RuleError("a severity is 1 to 4".into())),
        }
    }

    /// Reads `MACHINE-ID=DAYS`.
    ///
    /// # Errors
    /// If no machine can have that id, or the time is none.
    pub fn for_machine(text: &str) -> Result<Self, RuleError> {
        let (id, keep) = halves(text)?;
        let rule = Rule::for_field(Field::MachineId);
        if !(rule.holds)(id) {
            return Err(RuleError(format!("a machine id has {}", rule.allowed)));
        }
        Ok(Self { named: Named::Machine(id.to_owned()), keep })
    }
}

impl FromStr for KeepTime {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        if text == "forever" {
            return Ok(Self::Forever);
        }
        match text.parse() {
            Ok(0) => Ok(Self::Forever),
            Ok(days @ 1..=MAX_DAYS) => Ok(Self::Days(days)),
            _ => {
                Err(RuleError(format!("a time is 1 to {MAX_DAYS} days, or 0 or the word forever for no end")))
            }
        }
    }
}

fn halves(text: &str) -> Result<(&str, KeepTime), RuleError> {
    let (named, keep) =
        text.rsplit_once('=').ok_or_else(|| RuleError("'=' and a time are missing".into()))?;
    Ok((named, keep.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_SECS: i64 = 1_000_000_000;

    fn retention(general: &str, classes: &[&str], severities: &[&str], machines: &[&str]) -> Retention {
        let classes = classes.iter().map(|rule| KeepRule::for_class(rule).unwrap());
        let severities = severities.iter().map(|rule| KeepRule::for_severity(rule).unwrap());
        let machines = machines.iter().map(|rule| KeepRule::for_machine(rule).unwrap());
        Retention::new(general.parse().unwrap(), classes.chain(severities).chain(machines).collect())
    }

    fn is_due(rules: &Retention, class: &str, severity: u8, machine: &str, age_secs: i64) -> bool {
        let received_secs = NOW_SECS - age_secs;
        rules
            .is_due(Subject { classification: class, severity, machine_id: machine, received_secs }, NOW_SECS)
    }

    /// The example with which the Flask backend explains its filters, and what it does with them.
    #[test]
    fn of_several_rules_the_shortest_wins() {
        let classes = ["test/keep/one=0", "test/discard/*=1"];
        let rules = retention("5", &classes, &["1=1", "4=forever"], &["m=3"]);
        for (class, severity, machine, age_days, due) in [
            ("test/keep/one", 1, "x", 2, true),
            ("test/keep/one", 2, "x", 900, false),
            ("test/discard/two", 4, "x", 2, true),
            ("test/test/one", 4, "x", 6, false),
            ("test/test/one", 2, "x", 6, true),
            ("test/test/one", 2, "x", 4, false),
            ("test/test/one", 2, "m", 4, true),
            ("test/test/one", 4, "m", 2, false),
            ("test/keep/one", 4, "m", 4, true),
        ] {
            let age_secs = age_days * DAY_SECS;
            assert_eq!(
                is_due(&rules, class, severity, machine, age_secs),
                due,
                "{class} {severity} {machine}"
            );
        }
    }

    #[test]
    fn a_rule_replaces_the_time_for_all() {
        let rules = retention("5", &["*/long/*=9"], &[], &[]);
        assert!(!is_due(&rules, "a/long/c", 1, "", 7 * DAY_SECS));
        assert!(is_due(&rules, "a/long/c", 1, "", 10 * DAY_SECS));
        assert!(is_due(&rules, "a/b/c", 1, "", 7 * DAY_SECS));
    }

    #[test]
    fn a_record_is_due_once_it_is_older_than_its_days() {
        let rules = retention("35", &[], &[], &[]);
        for (age_secs, due) in [(0, false), (35 * DAY_SECS, false), (35 * DAY_SECS + 1, true), (-1, false)] {
            assert_eq!(is_due(&rules, "a/b/c", 1, "", age_secs), due, "{age_secs}");
            assert_eq!(rules.is_generally_over(NOW_SECS - age_secs, NOW_SECS), due, "{age_secs}");
        }
    }

    #[test]
    fn the_horizon_is_that_of_the_shortest_time() {
        let rules = retention("35", &["a/b/c=7"], &["1=3", "2=forever"], &["m=4"]);
        assert_eq!(rules.horizon_secs(NOW_SECS), Some(NOW_SECS - 3 * DAY_SECS));
        let endless = retention("0", &[], &["1=forever"], &[]);
        assert_eq!(endless.horizon_secs(NOW_SECS), None);
        assert!(!endless.is_generally_over(0, NOW_SECS));
    }

    #[test]
    fn wrong_rules_are_refused() {
        for text in ["a/b/c", "a/b/c=", "a/b/c=-1", "a/b/c=36501", "a/b=1", "a b/*=1", "=1", "é*=1"] {
            assert!(KeepRule::for_class(text).is_err(), "{text}");
        }
        for text in ["0=1", "5=1", "x=1", "1", "1=never"] {
            assert!(KeepRule::for_severity(text).is_err(), "{text}");
        }
        for text in ["m", "m=x", &format!("{}=1", "m".repeat(33))] {
            assert!(KeepRule::for_machine(text).is_err(), "{text}");
        }
    }
}
