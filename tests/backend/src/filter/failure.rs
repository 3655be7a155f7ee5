//! Conditions on the failure that a record is of: its group, and the version that it counts for.

use super::{FilterError, Query, SHORT_TEXT, in_range, short_text};
use crate::groups::kind::Kind;
use crate::groups::states::State;

/// Conditions on the failure that a record is of. Records of no failure meet none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureFilter {
    /// `kind` of the group.
    pub kind: Option<Kind>,
    /// `state` of the group, now.
    pub state: Option<State>,
    /// `program` of the group.
    pub program: Option<String>,
    /// `package` of the group.
    pub package: Option<String>,
    /// `q`: part of the group's name, in any case.
    pub name_part: Option<String>,
    /// `min_machines`: the group was on so many machines on one day.
    pub min_machines: Option<u32>,
    /// `version` that the record counts for.
    pub version: Option<String>,
}

impl FailureFilter {
    /// Names of its parameters.
    pub const NAMES: [&str; 7] = ["kind", "state", "program", "package", "version", "q", "min_machines"];

    pub(super) fn read(query: Query<'_>) -> Result<Self, FilterError> {
        let kinds = Kind::ALL.map(Kind::name).join(", ");
        let states = State::ALL.map(State::name).join(", ");
        let machines = |value: &str| in_range(value, 0, u32::MAX);
        Ok(Self {
            kind: query.value("kind", &kinds, Kind::from_name)?,
            state: query.value("state", &states, State::from_name)?,
            program: query.value("program", SHORT_TEXT, short_text)?,
            package: query.value("package", SHORT_TEXT, short_text)?,
            name_part: query.value("q", SHORT_TEXT, short_text)?,
            min_machines: query.value("min_machines", "a number of machines", machines)?.filter(|n| *n > 0),
            version: query.value("version", SHORT_TEXT, short_text)?,
        })
    }

    /// Whether it asks for some groups alone.
    #[must_use]
    pub fn is_about_groups(&self) -> bool {
        *self != Self { version: self.version.clone(), ..Self::default() }
    }
}

/// The groups that conditions turned out to mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupsMeant {
    /// Their ids.
    pub ids: Vec<i64>,
    /// Whether they have so few records that those are read rather than all from the newest down.
    pub are_few: bool,
}
