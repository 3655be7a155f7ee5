//! How long records are kept. Pure: the time is an input.
//!
//! The most particular rule wins: the classification itself, then the longest pattern that it matches, then the
//! severity, then the time for all.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::record::ClassPattern;

const DAY_SECS: i64 = 24 * 60 * 60;

/// Days that a rule may name: a century, far from any overflow.
const MAX_DAYS: u32 = 36_500;

/// How long a record is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepTime {
    /// So many days from its reception.
    Days(u32),
    /// Without end.
    Forever,
}

/// A time for a classification, or for all that begin alike: `CLASS=DAYS`, `org.clearlinux/*=forever`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassRule {
    pattern: ClassPattern,
    keep: KeepTime,
}

/// A time for a severity: `4=forever`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeverityRule {
    severity: u8,
    keep: KeepTime,
}

/// A rule that cannot be read, or two that contradict each other. Holds the whole message.
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
    default: KeepTime,
    classes: BTreeMap<ClassPattern, KeepTime>,
    severities: BTreeMap<u8, KeepTime>,
}

impl Retention {
    /// Gathers the rules.
    ///
    /// # Errors
    /// If two rules are for the same classification, pattern or severity.
    pub fn new(
        default: KeepTime,
        classes: Vec<ClassRule>,
        severities: Vec<SeverityRule>,
    ) -> Result<Self, RuleError> {
        let mut all = Self { default, classes: BTreeMap::new(), severities: BTreeMap::new() };
        for rule in classes {
            let name = rule.pattern.to_string();
            if all.classes.insert(rule.pattern, rule.keep).is_some() {
                return Err(RuleError(format!("--keep {name} is given twice; give it once")));
            }
        }
        for rule in severities {
            if all.severities.insert(rule.severity, rule.keep).is_some() {
                return Err(RuleError(format!(
                    "--keep-severity {} is given twice; give it once",
                    rule.severity
                )));
            }
        }
        Ok(all)
    }

    /// The time of a record of this kind.
    #[must_use]
    pub fn keep_time(&self, classification: &str, severity: u8) -> KeepTime {
        let particular = |(pattern, _): &(&ClassPattern, &KeepTime)| match pattern {
            ClassPattern::Whole(_) => usize::MAX,
            ClassPattern::Start(start) => start.len(),
        };
        let matching = self.classes.iter().filter(|(pattern, _)| pattern.matches(classification));
        let by_class = matching.max_by_key(particular).map(|(_, keep)| *keep);
        by_class.or_else(|| self.severities.get(&severity).copied()).unwrap_or(self.default)
    }

    /// Whether a record has outlived its time: it is older than that, not just as old.
    #[must_use]
    pub fn is_due(&self, classification: &str, severity: u8, received_secs: i64, now_secs: i64) -> bool {
        match self.keep_time(classification, severity) {
            KeepTime::Forever => false,
            KeepTime::Days(days) => now_secs.saturating_sub(received_secs) > i64::from(days) * DAY_SECS,
        }
    }

    /// No record received at this time or later can be due. `None` if every record is kept for ever.
    #[must_use]
    pub fn horizon_secs(&self, now_secs: i64) -> Option<i64> {
        let all = self.classes.values().chain(self.severities.values()).chain([&self.default]);
        let days = all.filter_map(|keep| if let KeepTime::Days(days) = keep { Some(*days) } else { None });
        days.min().map(|days| now_secs.saturating_sub(i64::from(days) * DAY_SECS))
    }
}

impl FromStr for KeepTime {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        if text == "forever" {
            return Ok(Self::Forever);
        }
        let days = text.parse().ok().filter(|days| (1..=MAX_DAYS).contains(days));
        days.map(Self::Days)
            .ok_or_else(|| RuleError(format!("a time is 1 to {MAX_DAYS} days, or the word forever")))
    }
}

impl FromStr for ClassRule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let (class, keep) = halves(text)?;
        let pattern = ClassPattern::parse(class)
            .ok_or_else(|| RuleError(format!("a classification is {}", ClassPattern::ALLOWED)))?;
        Ok(Self { pattern, keep: keep.parse()? })
    }
}

impl FromStr for SeverityRule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let (severity, keep) = halves(text)?;
        match severity.parse() {
            Ok(severity @ 1..=4) => Ok(Self { severity, keep: keep.parse()? }),
            _ => Err(RuleError("a severity is 1 to 4".into())),
        }
    }
}

fn halves(text: &str) -> Result<(&str, &str), RuleError> {
    text.rsplit_once('=').ok_or_else(|| RuleError("'=' and a time are missing".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retention(days: u32, classes: &[&str], severities: &[&str]) -> Retention {
        let classes = classes.iter().map(|rule| rule.parse().unwrap()).collect();
        let severities = severities.iter().map(|rule| rule.parse().unwrap()).collect();
        Retention::new(KeepTime::Days(days), classes, severities).unwrap()
    }

    #[test]
    fn the_most_particular_rule_wins() {
        let rules = retention(
            35,
            &["*=30", "org.clearlinux/*=20", "org.clearlinux/crash/*=forever", "org.clearlinux/crash/clr=5"],
            &["4=forever"],
        );
        for (class, severity, keep) in [
            ("org.clearlinux/crash/clr", 4, KeepTime::Days(5)),
            ("org.clearlinux/crash/error", 1, KeepTime::Forever),
            ("org.clearlinux/hello/world", 4, KeepTime::Days(20)),
            ("org.example/hello/world", 4, KeepTime::Days(30)),
        ] {
            assert_eq!(rules.keep_time(class, severity), keep, "{class} {severity}");
        }
        let rules = retention(35, &["a/b/*=1"], &["4=forever", "2=7"]);
        for (class, severity, keep) in [
            ("a/b/c", 4, KeepTime::Days(1)),
            ("a/c/c", 4, KeepTime::Forever),
            ("a/c/c", 2, KeepTime::Days(7)),
            ("a/c/c", 1, KeepTime::Days(35)),
        ] {
            assert_eq!(rules.keep_time(class, severity), keep, "{class} {severity}");
        }
    }

    #[test]
    fn a_record_is_due_once_it_is_older_than_its_days() {
        let rules = retention(35, &["keep/it/*=forever"], &[]);
        let now = 1_000_000_000;
        for (class, age_secs, due) in [
            ("a/b/c", 0, false),
            ("a/b/c", 35 * DAY_SECS, false),
            ("a/b/c", 35 * DAY_SECS + 1, true),
            ("a/b/c", -1, false),
            ("keep/it/safe", 900 * DAY_SECS, false),
        ] {
            assert_eq!(rules.is_due(class, 1, now - age_secs, now), due, "{class} {age_secs}");
        }
    }

    #[test]
    fn the_horizon_is_that_of_the_shortest_time() {
        let now = 1_000_000_000;
        assert_eq!(
            retention(35, &["a/b/c=7"], &["1=3", "2=forever"]).horizon_secs(now),
            Some(now - 3 * DAY_SECS)
        );
        let endless = Retention::new(KeepTime::Forever, vec![], vec!["1=forever".parse().unwrap()]).unwrap();
        assert_eq!(endless.horizon_secs(now), None);
    }

    #[test]
    fn wrong_rules_are_refused() {
        for text in
            ["a/b/c", "a/b/c=", "a/b/c=0", "a/b/c=-1", "a/b/c=36501", "a/b=1", "a/*/c=1", "a b/*=1", "=1"]
        {
            assert!(text.parse::<ClassRule>().is_err(), "{text}");
        }
        for text in ["0=1", "5=1", "x=1", "1", "1=never"] {
            assert!(text.parse::<SeverityRule>().is_err(), "{text}");
        }
        let twice = ["a/*=1", "a/*=2"].map(|rule| rule.parse().unwrap()).to_vec();
        let error = Retention::new(KeepTime::Forever, twice, vec![]).unwrap_err();
        assert_eq!(error.to_string(), "--keep a/* is given twice; give it once");
        let twice = ["1=1", "1=1"].map(|rule| rule.parse().unwrap()).to_vec();
        assert!(Retention::new(KeepTime::Forever, vec![], twice).is_err());
    }
}
