//! What a list is asked for.

use crate::groups::kind::Kind;
use crate::groups::states::State;
use crate::storage::sql::Value;

/// What a list of groups is asked for. All conditions hold together.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Days up to today, which is one of them: 1 to 400.
    pub days: i64,
    /// The last day, in days since 1970; none for today.
    pub until_day: Option<i64>,
    /// Machines on one day, at least.
    pub min_machines: u64,
    /// Further conditions.
    pub conditions: Conditions,
    /// Rows.
    pub limit: usize,
}

/// Conditions on groups and what runs on machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// The kind.
    pub kind: Option<Kind>,
    /// The state; without one, all but hidden.
    pub state: Option<State>,
    /// The program or unit.
    pub program: Option<String>,
    /// The package of the program.
    pub package: Option<String>,
    /// A version that it was seen on.
    pub version: Option<String>,
    /// A build that it was seen on.
    pub build: Option<String>,
    /// A system that it was seen on.
    pub system_name: Option<String>,
    /// Part of the name, in any case.
    pub name_part: Option<String>,
}

impl Default for Question {
    fn default() -> Self {
        Self { days: 14, until_day: None, min_machines: 1, conditions: Conditions::default(), limit: 50 }
    }
}

/// Conditions as SQL over `g`, a row of `groups`.
#[derive(Debug, Default)]
pub(super) struct Where {
    texts: Vec<String>,
    pub(super) values: Vec<Value>,
}

impl Where {
    pub(super) fn add(&mut self, condition: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        self.texts.push(condition.replace('?', &format!("${}", self.values.len())));
    }

    pub(super) fn add_fixed(&mut self, condition: impl Into<String>) {
        self.texts.push(condition.into());
    }

    /// Conditions of a query within this one: they go on with its values, which they give back in the end.
    pub(super) fn inner(&mut self) -> Self {
        Self { texts: Vec::new(), values: std::mem::take(&mut self.values) }
    }

    pub(super) fn text(&self) -> String {
        if self.texts.is_empty() { "1 = 1".to_owned() } else { self.texts.join(" AND ") }
    }
}

impl Conditions {
    /// Those that SQL decides; `state` is not among them, since time decides it too.
    pub(super) fn add_to(&self, all: &mut Where, days: (i64, i64)) {
        if let Some(kind) = self.kind {
            all.add("g.kind = ?", kind.name());
        }
        if let Some(program) = &self.program {
            all.add("g.program = ?", program.as_str());
        }
        if let Some(package) = &self.package {
            all.add("g.package = ?", package.as_str());
        }
        if let Some(part) = &self.name_part {
            all.add("lower(g.name) LIKE ? ESCAPE '\\'", format!("%{}%", escaped(&part.to_lowercase())));
        }
        let seen = |condition: &str| {
            format!(
                "EXISTS (SELECT 1 FROM group_version_day s WHERE s.group_id = g.id AND s.day BETWEEN {} AND {} AND {condition})",
                days.0, days.1
            )
        };
        if let Some(version) = &self.version {
            all.add(&seen("s.version IN (SELECT id FROM versions WHERE text = ?)"), version.as_str());
        }
        if let Some(build) = &self.build {
            all.add(&seen("s.build = ?"), build.as_str());
        }
        if let Some(system) = &self.system_name {
            all.add(&seen("s.system_name = ?"), system.as_str());
        }
    }
}

/// A text of which `LIKE` takes every character as itself.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
