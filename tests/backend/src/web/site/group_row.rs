//! A group as a row of lists.

use minijinja::value::Serde;
use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use crate::charts::spark;
use crate::storage::answers::Group;
use crate::timestamp::{format_day, format_utc};

/// The names of a row.
pub(super) const COLUMNS: &[&str] = &[
    "id",
    "name",
    "kind",
    "state",
    "records",
    "machines",
    "machine_days",
    "share",
    "first_seen",
    "last_seen",
    "first_version",
    "last_version",
    "program",
    "package",
    "fixed_in",
    "probably_fixed_in",
    "signature_hash",
];

pub(super) fn json(group: &Group) -> Json {
    json!({
        "id": group.id,
        "name": group.name,
        "kind": group.kind.name(),
        "state": group.state.name(),
        "records": group.totals.records,
        "machines": group.totals.machines,
        "machine_days": group.totals.machine_days,
        "share": group.totals.share,
        "first_seen": format_utc(group.first_seen_secs),
        "last_seen": format_utc(group.last_seen_secs),
        "first_version": group.first_version,
        "last_version": group.last_version,
        "program": group.program,
        "package": group.package,
        "fixed_in": group.fixed_in(),
        "probably_fixed_in": group.probably_fixed_in(),
        "signature_hash": group.signature_hash.as_ref().map(|hash| hash.as_str()),
    })
}

/// For templates; bars end with `last_day`.
pub(super) fn value(group: &Group, last_day: i64) -> Value {
    let count = i64::try_from(group.bars.len()).unwrap_or(0);
    let names: Vec<String> = (0..count).map(|at| format_day(last_day - count + 1 + at)).collect();
    let unmarked = group.marks.regressed.is_some_and(|regressed| !regressed.was_marked);
    context! {
        first_seen_secs => group.first_seen_secs,
        last_seen_secs => group.last_seen_secs,
        spark => Value::from_safe_string(spark(&names, &group.bars)),
        unmarked,
        ..Value::from(Serde(json(group)))
    }
}
