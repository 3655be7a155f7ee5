//! Rows as templates and JSON have them.

use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use crate::status::board::{Counts, Row, SilentMachine};
use crate::status::{Standing, Zone};
use crate::storage::samples::{Downtime, RunsOut};
use crate::timestamp::{LATEST_SECS, format_utc};

pub(in crate::web::site) fn row_value(row: &Row) -> Value {
    context! {
        standing => row.standing.name(),
        word => row.word(),
        own => row.check.state.word(),
        group => row.group.clone(),
        machine => row.machine.clone(),
        check => row.check.name.clone(),
        since_secs => row.check.since_secs,
        received_secs => row.check.received_secs,
        value => row.check.value,
        output => row.check.output.clone(),
    }
}

pub(in crate::web::site) fn row_json(row: &Row, now_secs: i64) -> Json {
    json!({
        "group": row.group,
        "machine": row.machine,
        "check": row.check.name,
        "state": row.word(),
        "since": format_utc(row.check.since_secs),
        "value": row.check.value,
        "output": row.check.output,
        "age_seconds": now_secs.saturating_sub(row.check.received_secs).max(0),
        "planned": row.is_planned(),
    })
}

pub(in crate::web::site) fn silent_value(silent: &SilentMachine) -> Value {
    context! {
        machine => silent.name.clone(),
        group => silent.group.clone(),
        last_secs => silent.last_secs,
        is_planned => silent.is_planned,
    }
}

pub(in crate::web::site) fn silent_json(silent: &SilentMachine) -> Json {
    json!({ "machine": silent.name, "last_seen": silent.last_secs.map(format_utc) })
}

/// A time, but for the one that stands for never.
fn some(secs: i64) -> Option<i64> {
    (secs < LATEST_SECS).then_some(secs)
}

pub(in crate::web::site) fn runs_out_value(machine: &str, one: &RunsOut) -> Value {
    context! {
        machine,
        what => one.what.clone(),
        at_secs => one.at_secs,
        earliest_secs => one.earliest_secs,
        latest_secs => some(one.latest_secs),
        is_exact => one.earliest_secs == one.at_secs && one.latest_secs == one.at_secs,
    }
}

pub(in crate::web::site) fn runs_out_json(machine: &str, one: &RunsOut) -> Json {
    json!({
        "machine": machine,
        "what": one.what,
        "at": format_utc(one.at_secs),
        "earliest": format_utc(one.earliest_secs),
        "latest": some(one.latest_secs).map(format_utc),
    })
}

pub(in crate::web::site) fn planned_value(
    machine: &str,
    one: &Downtime,
    zone: &Zone,
    now_secs: i64,
) -> Value {
    context! {
        id => one.id,
        machine,
        check => one.check.clone(),
        from => zone.show(one.from_secs),
        until => zone.show(one.until_secs),
        is_now => one.from_secs <= now_secs && now_secs < one.until_secs,
        reason => one.reason.clone(),
        who => one.who.clone(),
    }
}

pub(in crate::web::site) fn counts_value(counts: &Counts) -> Value {
    let count = |standing: Standing| context! { name => standing.name(), count => counts.get(standing) };
    Standing::ALL.map(count).to_vec().into()
}

pub(super) fn group_value(name: &str, counts: &Counts) -> Value {
    context! {
        name,
        worst => counts.worst().map(Standing::name),
        counts => counts_value(counts),
    }
}
