//! Takes a machine out of the counts of the days on which it is known. Older sums are numbers without ids, and stay.

use std::collections::{BTreeMap, BTreeSet};

use crate::groups::hash::machine_key;
use crate::storage::{Row, StorageError, Value, Write};

/// A place in which machines of a day are counted.
type Place = (&'static str, String, String);

/// What a machine adds to a place: records, crashes, whether it sent heartbeats.
#[derive(Default)]
struct Share {
    records: i64,
    crashes: i64,
    has_heartbeat: bool,
}

/// What a machine ran on a day.
struct Ran {
    day: i64,
    texts: [String; 6],
    n: i64,
    has_heartbeat: bool,
    crashes: i64,
}

/// Takes it out of all counts; notes the groups that it was in.
pub(super) fn remove(sql: &mut dyn Write, machine_id: &str) -> Result<(), StorageError> {
    let machine = machine_key(machine_id);
    remove_from_fleet(sql, machine)?;
    remove_from_groups(sql, machine)
}

fn remove_from_fleet(sql: &mut dyn Write, machine: i64) -> Result<(), StorageError> {
    let query = "SELECT day, system_name, build, kernel_version, host_type, cpu_model, bios_version, n, heartbeats, crashes \
        FROM machine_day WHERE machine = $1";
    let read = |mut row: Row| {
        Ok(Ran {
            day: row.int()?,
            texts: [row.text()?, row.text()?, row.text()?, row.text()?, row.text()?, row.text()?],
            n: row.int()?,
            has_heartbeat: row.int()? > 0,
            crashes: row.int()?,
        })
    };
    let ran: Result<Vec<Ran>, StorageError> =
        sql.select(query, &[machine.into()])?.into_iter().map(read).collect();
    let mut shares: BTreeMap<(i64, Place), Share> = BTreeMap::new();
    for ran in ran? {
        for (place, counts_records) in places(&ran.texts) {
            let share = shares.entry((ran.day, place)).or_default();
            share.has_heartbeat |= ran.has_heartbeat;
            if counts_records {
                share.records += ran.n;
                share.crashes += ran.crashes;
            }
        }
    }
    for ((day, (dimension, system, value)), share) in shares {
        let at = "dimension = $1 AND day = $2 AND system_name = $3 AND value = $4";
        let update = format!(
            "UPDATE fleet_day SET machines = machines - 1, heartbeats = heartbeats - $5, records = records - $6, \
                 crashes = crashes - $7 \
             WHERE {at} AND slot = (SELECT min(slot) FROM fleet_day WHERE {at})"
        );
        let values = [
            dimension.into(),
            day.into(),
            system.into(),
            value.into(),
            i64::from(share.has_heartbeat).into(),
            share.records.into(),
            share.crashes.into(),
        ];
        sql.execute(&update, &values)?;
        let none_left = format!(
            "DELETE FROM fleet_day WHERE {at} AND (SELECT sum(machines) FROM fleet_day WHERE {at}) <= 0"
        );
        sql.execute(&none_left, values.get(..4).unwrap_or_default())?;
    }
    sql.execute("DELETE FROM machine_day WHERE machine = $1", &[machine.into()])?;
    Ok(())
}

/// The places in which a machine counts that ran this, and whether records count there, too.
fn places(texts: &[String; 6]) -> Vec<(Place, bool)> {
    let [system, build, kernel, host, cpu, bios] = texts;
    let place = |dimension, value: &String| (dimension, String::new(), value.clone());
    vec![
        (("all", String::new(), String::new()), true),
        (place("system", system), false),
        (("build", system.clone(), build.clone()), true),
        (place("kernel", kernel), true),
        (place("host_type", host), false),
        (place("cpu_model", cpu), false),
        (place("bios_version", bios), false),
    ]
}

fn remove_from_groups(sql: &mut dyn Write, machine: i64) -> Result<(), StorageError> {
    let rows =
        sql.select("SELECT day, group_id, n FROM group_machine WHERE machine = $1", &[machine.into()])?;
    let mut groups = BTreeSet::new();
    for mut row in rows {
        let (day, group, n) = (row.int()?, row.int()?, row.int()?);
        groups.insert(group);
        let at = "day = $1 AND group_id = $2";
        let update = format!(
            "UPDATE group_day SET records = records - $3, machines = machines - 1 \
             WHERE {at} AND slot = (SELECT min(slot) FROM group_day WHERE {at})"
        );
        sql.execute(&update, &[day.into(), group.into(), n.into()])?;
        let none_left = format!(
            "DELETE FROM group_day WHERE {at} AND (SELECT sum(records) FROM group_day WHERE {at}) <= 0"
        );
        sql.execute(&none_left, &[day.into(), group.into()])?;
        remove_from_versions(sql, day, group, machine)?;
        // It may be this machine's.
        sql.execute("UPDATE bound_day SET example = '' WHERE day = $1", &[day.into()])?;
    }
    sql.execute("DELETE FROM group_machine WHERE machine = $1", &[machine.into()])?;
    for group in groups {
        touch(sql, "group", group)?;
    }
    Ok(())
}

fn remove_from_versions(sql: &mut dyn Write, day: i64, group: i64, machine: i64) -> Result<(), StorageError> {
    let query = "SELECT version, build, system_name, n FROM group_version_machine \
        WHERE day = $1 AND group_id = $2 AND machine = $3";
    for mut row in sql.select(query, &[day.into(), group.into(), machine.into()])? {
        let (version, build, system, n) = (row.int()?, row.text()?, row.text()?, row.int()?);
        let at = "day = $1 AND group_id = $2 AND version = $3 AND build = $4 AND system_name = $5";
        let update = format!(
            "UPDATE group_version_day SET records = records - $6, machines = machines - 1 \
             WHERE {at} AND slot = (SELECT min(slot) FROM group_version_day WHERE {at})"
        );
        let values: [Value; 6] =
            [day.into(), group.into(), version.into(), build.into(), system.into(), n.into()];
        sql.execute(&update, &values)?;
        let none_left = format!(
            "DELETE FROM group_version_day WHERE {at} AND (SELECT sum(records) FROM group_version_day WHERE {at}) <= 0"
        );
        sql.execute(&none_left, values.get(..5).unwrap_or_default())?;
        touch(sql, "version", version)?;
    }
    let delete = "DELETE FROM group_version_machine WHERE day = $1 AND group_id = $2 AND machine = $3";
    sql.execute(delete, &[day.into(), group.into(), machine.into()])?;
    Ok(())
}

/// Notes that something may have lost its last record.
pub(super) fn touch(sql: &mut dyn Write, kind: &str, id: i64) -> Result<(), StorageError> {
    let insert = "INSERT INTO forget_touched (kind, id) VALUES ($1, $2) ON CONFLICT (kind, id) DO NOTHING";
    sql.execute(insert, &[kind.into(), id.into()]).map(drop)
}
