//! Parameters that lists have in common.

use super::super::Problem;
use super::ask::Ask;
use crate::filter::{FilterError, in_range};
use crate::groups::kind::Kind;
use crate::groups::states::State;
use crate::limits::{MAX_DAYS, MAX_RECORDS_ANSWERED};
use crate::storage::answers::{Conditions, GroupPlace, Question};

/// Those of lists of groups.
pub(super) const GROUPS: &[&str] = &[
    "days",
    "min_machines",
    "kind",
    "state",
    "program",
    "package",
    "version",
    "build",
    "system_name",
    "q",
    "limit",
    "after",
];

/// What a list of groups is asked for.
pub(super) fn question(ask: &Ask, min_machines: u64) -> Result<Question, FilterError> {
    let query = ask.query();
    let names = |names: &[&str]| names.join(", ");
    let kinds = names(&Kind::ALL.map(Kind::name));
    let states = names(&State::ALL.map(State::name));
    let conditions = Conditions {
        kind: query.value("kind", &kinds, Kind::from_name)?,
        state: query.value("state", &states, State::from_name)?,
        program: text(ask, "program")?,
        package: text(ask, "package")?,
        version: text(ask, "version")?,
        build: text(ask, "build")?,
        system_name: text(ask, "system_name")?,
        name_part: text(ask, "q")?,
    };
    let asked =
        query.value("min_machines", "a number of machines", |v| in_range(v, 0, u64::from(u32::MAX)))?;
    Ok(Question {
        days: days(ask)?,
        until_day: None,
        min_machines: asked.unwrap_or(min_machines),
        conditions,
        limit: limit(ask)?,
    })
}

/// `days`, 14 where it is not given.
pub(super) fn days(ask: &Ask) -> Result<i64, FilterError> {
    let days =
        ask.query().value("days", &format!("1 to {MAX_DAYS}"), |v| in_range(v, 1, i64::from(MAX_DAYS)))?;
    Ok(days.unwrap_or(14))
}

/// `limit`, 50 where it is not given.
pub(super) fn limit(ask: &Ask) -> Result<usize, FilterError> {
    let most = usize::try_from(MAX_RECORDS_ANSWERED).unwrap_or(usize::MAX);
    Ok(ask.query().value("limit", &format!("1 to {most}"), |v| in_range(v, 1, most))?.unwrap_or(50))
}

/// A text without control characters.
pub(super) fn text(ask: &Ask, name: &'static str) -> Result<Option<String>, FilterError> {
    let plain = |value: &str| (!value.chars().any(char::is_control)).then(|| value.to_owned());
    ask.query().value(name, "up to 250 bytes without control characters", plain)
}

/// Numbers joined by `-`, as `after` has them.
pub(super) fn numbers<const N: usize>(ask: &Ask) -> Result<Option<[i64; N]>, FilterError> {
    let read = |value: &str| {
        let parts: Option<Vec<i64>> = value.split('_').map(|part| part.parse().ok()).collect();
        parts?.try_into().ok()
    };
    ask.query().value("after", "what `next` has", read)
}

/// Where a list of groups goes on.
pub(super) fn group_place(ask: &Ask) -> Result<Option<GroupPlace>, Problem> {
    let place = numbers::<4>(ask)?;
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    Ok(place.map(|[machines, machine_days, records, id]| GroupPlace {
        machines: count(machines),
        machine_days: count(machine_days),
        records: count(records),
        id,
    }))
}

/// The same as text.
pub(super) fn place_text(place: GroupPlace) -> String {
    format!("{}_{}_{}_{}", place.machines, place.machine_days, place.records, place.id)
}

/// Where a list of rows that are all at hand goes on: `after` counts rows.
pub(super) fn slice<T>(ask: &Ask, rows: Vec<T>) -> Result<(Vec<T>, Option<String>), FilterError> {
    let [start] = numbers::<1>(ask)?.unwrap_or([0]);
    let (start, limit) = (usize::try_from(start).unwrap_or(0), limit(ask)?);
    let next = (rows.len() > start.saturating_add(limit)).then(|| start.saturating_add(limit).to_string());
    Ok((rows.into_iter().skip(start).take(limit).collect(), next))
}
