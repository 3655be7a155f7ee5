//! What is stored of a group's state: what people said and when, what its silence said, and what came back.

use super::{DAY_SECS, Seen};
use crate::groups::limits::MATTERING_MACHINES;
use crate::groups::versions::{Line, Version};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The marks of a group. Without any it is new or ongoing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// A person said that it is fixed.
    pub fixed: Option<Fixed>,
    /// A person does not want to see it.
    pub hidden: Option<Hidden>,
    /// Its silence says that it is fixed.
    pub probably_fixed: Option<ProbablyFixed>,
    /// It came back after one of the two.
    pub regressed: Option<Regressed>,
}

/// Fixed, as a person said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixed {
    /// When, in Unix seconds.
    pub at_secs: i64,
    /// In which version, of each line at most one; never empty.
    pub versions: Vec<Version>,
}

/// Hidden, as a person said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    /// When, in Unix seconds.
    pub at_secs: i64,
    /// Until when.
    pub until: Until,
}

/// The end of being hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// None.
    Forever,
    /// The begin of this UTC day, in days since 1970.
    Day(i64),
    /// A day with at least so many machines.
    Machines(u64),
}

/// Probably fixed, as its silence says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbablyFixed {
    /// When that was found, in Unix seconds.
    pub at_secs: i64,
    /// In which version.
    pub version: Version,
}

/// Come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regressed {
    /// When, in Unix seconds.
    pub at_secs: i64,
    /// The record that did it.
    pub record: i64,
    /// Whether a person had marked it as fixed; the page says so where nobody had.
    pub was_marked: bool,
}

impl Marks {
    /// What a record changes, which was received at this time: the mark to store, if it shows that a group that a person
    /// marked as fixed has come back. `version` is none where the record has none.
    #[must_use]
    pub fn regressed_by(
        &self,
        record: i64,
        received_secs: i64,
        version: Option<&Version>,
    ) -> Option<Regressed> {
        let (fixed, version) = (self.fixed.as_ref()?, version?);
        let is_back = fixed.versions.iter().any(|fix| fix.line == version.line && version.key >= fix.key);
        let is_known = self.regressed.is_some();
        (is_back && !is_known && received_secs >= fixed.at_secs).then_some(Regressed {
            at_secs: received_secs,
            record,
            was_marked: true,
        })
    }

    /// What a day changes: the mark to store, if versions at or above the one in which the group was probably fixed were
    /// seen in it on at least 3 machines on one day since then. `record` is the newest of them.
    #[must_use]
    pub fn regressed_on(&self, machines: u64, record: i64, now_secs: i64) -> Option<Regressed> {
        let is_open = self.fixed.is_none() && self.regressed.is_none() && self.probably_fixed.is_some();
        (is_open && machines >= MATTERING_MACHINES).then_some(Regressed {
            at_secs: now_secs,
            record,
            was_marked: false,
        })
    }

    /// After `state=open`: nothing is marked.
    #[must_use]
    pub fn opened(&self) -> Self {
        Self::default()
    }

    /// After `state=fixed`. Of a line that is marked already, the new version counts; what came back counts no more.
    #[must_use]
    pub fn fixed_in(&self, version: Version, at_secs: i64) -> Self {
        let others =
            self.fixed.iter().flat_map(|fixed| &fixed.versions).filter(|other| other.line != version.line);
        let versions = others.cloned().chain([version.clone()]).collect();
        Self { fixed: Some(Fixed { at_secs, versions }), hidden: self.hidden, ..Self::default() }
    }

    /// After `state=hidden`: what else is marked stays, and shows again at the end.
    #[must_use]
    pub fn hidden_until(&self, until: Until, at_secs: i64) -> Self {
        Self { hidden: Some(Hidden { at_secs, until }), ..self.clone() }
    }

    /// Of two groups that become one: of each line the highest version, and the later time, so that only what comes from
    /// now on is a regression. It is hidden if both were: nobody said of the other that it may be overlooked.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        Self {
            fixed: merged_fixed(self.fixed.as_ref(), other.fixed.as_ref()),
            hidden: self
                .hidden
                .zip(other.hidden)
                .map(|(one, two)| if one.at_secs >= two.at_secs { one } else { two }),
            probably_fixed: self.probably_fixed.clone().or_else(|| other.probably_fixed.clone()),
            regressed: self.regressed.or(other.regressed),
        }
    }
}

fn merged_fixed(one: Option<&Fixed>, other: Option<&Fixed>) -> Option<Fixed> {
    let marks = [one, other].into_iter().flatten();
    let at_secs = marks.clone().map(|fixed| fixed.at_secs).max()?;
    let mut versions: Vec<Version> = Vec::new();
    for version in marks.flat_map(|fixed| &fixed.versions) {
        match versions.iter_mut().find(|known| known.line == version.line) {
            Some(known) if known.key < version.key => *known = version.clone(),
            Some(_) => {}
            None => versions.push(version.clone()),
        }
    }
    Some(Fixed { at_secs, versions })
}

impl Hidden {
    /// Whether its end was reached.
    pub(super) fn is_over(&self, seen: &Seen) -> bool {
        match self.until {
            Until::Forever => false,
            Until::Day(day) => seen.now_secs.div_euclid(DAY_SECS) >= day,
            Until::Machines(machines) => seen.machines_since_hidden >= machines,
        }
    }
}

/// Why a group is not marked as fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkRefused {
    /// No version was given.
    NoVersion,
    /// What was given is no version.
    WrongVersion,
    /// The group has several lines, and none was named.
    SeveralLines(Vec<Line>),
    /// The group is not on this line, or on none.
    NoSuchLine(Vec<Line>),
}

/// The version that a person means by `version=V` and `line=L`; `lines` are those of the group.
///
/// # Errors
/// What is missing or wrong.
pub fn version_to_mark(version: &str, line: Option<&str>, lines: &[Line]) -> Result<Version, MarkRefused> {
    if version.is_empty() {
        return Err(MarkRefused::NoVersion);
    }
    let no_such_line = || MarkRefused::NoSuchLine(lines.to_vec());
    let line = match (line, lines) {
        (Some(name), _) => lines.iter().find(|line| line.to_string() == name).ok_or_else(no_such_line)?,
        (None, [line]) => line,
        (None, []) => return Err(no_such_line()),
        (None, _) => return Err(MarkRefused::SeveralLines(lines.to_vec())),
    };
    line.version(version).ok_or(MarkRefused::WrongVersion)
}

impl fmt::Display for MarkRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |lines: &[Line]| lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::NoVersion => f.write_str("version is missing: in which version is it fixed?"),
            Self::WrongVersion => f.write_str("version has at most 128 bytes and no control characters"),
            Self::SeveralLines(lines) => write!(f, "line is missing; the group is on: {}", names(lines)),
            Self::NoSuchLine(lines) if lines.is_empty() => {
                f.write_str("no record of the group has a version")
            }
            Self::NoSuchLine(lines) => write!(f, "the group is not on this line, but on: {}", names(lines)),
        }
    }
}

impl std::error::Error for MarkRefused {}
