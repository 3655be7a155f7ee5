//! Days that have ended: the fleet is counted again from what each machine ran, so that it is exact whatever happened at
//! the same time; and groups learn what they will need when the day is no longer kept.

use crate::storage::StorageError;
use crate::storage::sql::{Write, one};

/// Dimension, system, value; and whether records are counted by it.
const DIMENSIONS: [(&str, &str, &str, bool); 7] = [
    ("all", "''", "''", true),
    ("system", "''", "system_name", false),
    ("build", "system_name", "build", true),
    ("kernel", "''", "kernel_version", true),
    ("host_type", "''", "host_type", false),
    ("cpu_model", "''", "cpu_model", false),
    ("bios_version", "''", "bios_version", false),
];

/// Settles the next day before today; says whether there may be more.
pub(super) fn settle_next(sql: &mut dyn Write, today: i64) -> Result<bool, StorageError> {
    let query = "SELECT min(day) FROM machine_day \
        WHERE day > (SELECT settled_day FROM grouping) AND day >= (SELECT machines_from FROM grouping) AND day < $1";
    let Some(day) = one(sql, query, &[today.into()])?.opt_int()? else { return Ok(false) };
    for (dimension, system, value, has_records) in DIMENSIONS {
        count_again(sql, day, (dimension, system, value), has_records)?;
    }
    let values = [day.into()];
    let update = "UPDATE groups SET most_machines = \
            (SELECT CAST(sum(d.machines) AS bigint) FROM group_day d WHERE d.group_id = groups.id AND d.day = $1) \
        WHERE most_machines < coalesce( \
            (SELECT CAST(sum(d.machines) AS bigint) FROM group_day d WHERE d.group_id = groups.id AND d.day = $1), 0) \
        AND id IN (SELECT group_id FROM group_day WHERE day = $1)";
    sql.execute(update, &values)?;
    let update = "UPDATE groups SET last_seen = \
            (SELECT max(d.last_seen) FROM group_day d WHERE d.group_id = groups.id AND d.day = $1 AND d.records > 0) \
        WHERE last_seen < (SELECT max(d.last_seen) FROM group_day d WHERE d.group_id = groups.id AND d.day = $1 AND d.records > 0) \
        AND id IN (SELECT group_id FROM group_day WHERE day = $1)";
    sql.execute(update, &values)?;
    sql.execute("UPDATE grouping SET settled_day = $1", &values)?;
    Ok(day < today - 1)
}

fn count_again(
    sql: &mut dyn Write,
    day: i64,
    (dimension, system, value): (&str, &str, &str),
    has_records: bool,
) -> Result<(), StorageError> {
    let values = [dimension.into(), day.into()];
    sql.execute("DELETE FROM fleet_day WHERE dimension = $1 AND day = $2", &values)?;
    let (records, crashes) =
        if has_records { ("CAST(sum(n) AS bigint)", "CAST(sum(crashes) AS bigint)") } else { ("0", "0") };
    let insert = format!(
        "INSERT INTO fleet_day (dimension, day, system_name, value, slot, machines, heartbeats, records, crashes) \
         SELECT '{dimension}', $1, {system}, {value}, 0, count(DISTINCT machine), \
             count(DISTINCT CASE WHEN heartbeats > 0 THEN machine END), {records}, {crashes} \
         FROM machine_day WHERE day = $1 GROUP BY 3, 4"
    );
    sql.execute(&insert, &[day.into()])?;
    Ok(())
}
