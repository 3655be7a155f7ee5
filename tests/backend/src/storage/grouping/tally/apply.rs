//! Writes sums, row by row.

use super::{MachineKey, MachineSum, Sum, Tally};
use crate::storage::StorageError;
use crate::storage::sql::{Value, Write, first, one};

const MACHINE: &str = "INSERT INTO machine_day (day, machine, system_name, build, kernel_version, machine_id, host_type, \
        cpu_model, bios_version, n, heartbeats, crashes, first_seen, last_seen) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
    ON CONFLICT (day, machine, system_name, build, kernel_version) DO UPDATE SET n = machine_day.n + excluded.n, \
        heartbeats = machine_day.heartbeats + excluded.heartbeats, crashes = machine_day.crashes + excluded.crashes, \
        first_seen = CASE WHEN machine_day.first_seen < excluded.first_seen THEN machine_day.first_seen ELSE excluded.first_seen END, \
        last_seen = CASE WHEN machine_day.last_seen > excluded.last_seen THEN machine_day.last_seen ELSE excluded.last_seen END \
    RETURNING n, heartbeats";

const FLEET: &str = "INSERT INTO fleet_day (dimension, day, system_name, value, slot, machines, heartbeats, records, crashes) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (dimension, day, system_name, value, slot) DO UPDATE SET \
        machines = fleet_day.machines + excluded.machines, heartbeats = fleet_day.heartbeats + excluded.heartbeats, \
        records = fleet_day.records + excluded.records, crashes = fleet_day.crashes + excluded.crashes";

const GROUP_MACHINE: &str = "INSERT INTO group_machine (day, group_id, machine, n) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (day, group_id, machine) DO UPDATE SET n = group_machine.n + excluded.n RETURNING n";
const FEWER_OF_GROUP: &str =
    "UPDATE group_machine SET n = n + $4 WHERE day = $1 AND group_id = $2 AND machine = $3 RETURNING n";
const NONE_OF_GROUP: &str = "DELETE FROM group_machine WHERE day = $1 AND group_id = $2 AND machine = $3";

const VERSION_MACHINE: &str = "INSERT INTO group_version_machine (day, group_id, version, build, system_name, machine, n) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (day, group_id, version, build, system_name, machine) \
    DO UPDATE SET n = group_version_machine.n + excluded.n RETURNING n";
const FEWER_OF_VERSION: &str = "UPDATE group_version_machine SET n = n + $7 WHERE day = $1 AND group_id = $2 \
    AND version = $3 AND build = $4 AND system_name = $5 AND machine = $6 RETURNING n";
const NONE_OF_VERSION: &str = "DELETE FROM group_version_machine WHERE day = $1 AND group_id = $2 AND version = $3 \
    AND build = $4 AND system_name = $5 AND machine = $6";

const GROUP: &str = "INSERT INTO group_day (day, group_id, slot, records, machines, last_seen) VALUES ($1, $2, $3, $4, $5, $6) \
    ON CONFLICT (day, group_id, slot) DO UPDATE SET records = group_day.records + excluded.records, \
        machines = group_day.machines + excluded.machines, \
        last_seen = CASE WHEN group_day.last_seen > excluded.last_seen THEN group_day.last_seen ELSE excluded.last_seen END";

const VERSION: &str = "INSERT INTO group_version_day (day, group_id, version, build, system_name, slot, records, machines, \
        first_seen, last_seen) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
    ON CONFLICT (group_id, day, version, build, system_name, slot) DO UPDATE SET \
        records = group_version_day.records + excluded.records, machines = group_version_day.machines + excluded.machines, \
        first_seen = CASE WHEN group_version_day.first_seen < excluded.first_seen THEN group_version_day.first_seen ELSE excluded.first_seen END, \
        last_seen = CASE WHEN group_version_day.last_seen > excluded.last_seen THEN group_version_day.last_seen ELSE excluded.last_seen END";

const VARIANT: &str = "INSERT INTO variant_day (variant, day, slot, records) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (variant, day, slot) DO UPDATE SET records = variant_day.records + excluded.records";

const UNGROUPED: &str = "INSERT INTO ungrouped_day (day, reason, slot, records) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (day, reason, slot) DO UPDATE SET records = ungrouped_day.records + excluded.records";

/// What else a machine ran on a day: values of dimensions, and whether it sent a heartbeat with them.
struct Other {
    values: [String; 6],
    has_heartbeat: bool,
}

/// The dimensions that machines are counted by, in the order of [`Other::values`].
const DIMENSIONS: [&str; 6] = ["system", "build", "kernel", "host_type", "cpu_model", "bios_version"];

impl Tally {
    /// Adds the sums to those of this slot.
    pub(in crate::storage) fn apply(mut self, sql: &mut dyn Write, slot: i64) -> Result<(), StorageError> {
        for (key, sum) in std::mem::take(&mut self.machines) {
            self.apply_machine(sql, &key, &sum)?;
        }
        for ((dimension, day, system, value), (machines, heartbeats, records, crashes)) in self.fleet {
            let values = [
                dimension.into(),
                day.into(),
                system.into(),
                value.into(),
                slot.into(),
                machines.into(),
                heartbeats.into(),
                records.into(),
                crashes.into(),
            ];
            sql.execute(FLEET, &values)?;
        }
        for ((day, group, machine), n) in self.group_machines {
            let key = vec![day.into(), group.into(), machine.into()];
            let machines = &mut self.groups.entry((day, group)).or_default().machines;
            *machines += count_machine(sql, key, n, [GROUP_MACHINE, FEWER_OF_GROUP, NONE_OF_GROUP])?;
        }
        for ((at, machine), n) in self.version_machines {
            let mut key = version_key(&at);
            key.push(machine.into());
            let machines = &mut self.versions.entry(at).or_default().machines;
            *machines += count_machine(sql, key, n, [VERSION_MACHINE, FEWER_OF_VERSION, NONE_OF_VERSION])?;
        }
        for ((day, group), Sum { records, machines, last_secs, .. }) in self.groups {
            let values =
                [day.into(), group.into(), slot.into(), records.into(), machines.into(), last_secs.into()];
            sql.execute(GROUP, &values)?;
        }
        for (at, Sum { records, machines, first_secs, last_secs }) in self.versions {
            let mut values = version_key(&at);
            values.extend([slot, records, machines, first_secs, last_secs].map(Value::from));
            sql.execute(VERSION, &values)?;
        }
        for ((variant, day), records) in self.variants {
            sql.execute(VARIANT, &[variant, day, slot, records].map(Value::from))?;
        }
        for ((day, reason), records) in self.ungrouped {
            sql.execute(UNGROUPED, &[day.into(), reason.into(), slot.into(), records.into()])?;
        }
        Ok(())
    }

    /// A row of what a machine ran. Where it is new, or has its first heartbeat, the machine counts in each dimension in
    /// which it did not count before.
    fn apply_machine(
        &mut self,
        sql: &mut dyn Write,
        key: &MachineKey,
        sum: &MachineSum,
    ) -> Result<(), StorageError> {
        let MachineKey { day, machine, system_name, build, kernel_version } = key;
        let texts = [&sum.machine_id, &sum.host_type, &sum.cpu_model, &sum.bios_version];
        let numbers = [sum.n, sum.heartbeats, sum.crashes, sum.first_secs, sum.last_secs];
        let mut values: Vec<Value> = vec![(*day).into(), (*machine).into()];
        values.extend([system_name, build, kernel_version].map(|text| text.as_str().into()));
        values.extend(texts.map(|text| text.as_str().into()));
        values.extend(numbers.map(Value::from));
        let mut after = one(sql, MACHINE, &values)?;
        let (is_new, heartbeats) = (after.int()? == sum.n, after.int()?);
        let is_first_heartbeat = sum.heartbeats > 0 && heartbeats == sum.heartbeats;
        if !is_new && !is_first_heartbeat {
            return Ok(());
        }
        let others = others(sql, key)?;
        let own = [system_name, build, kernel_version, &sum.host_type, &sum.cpu_model, &sum.bios_version];
        let everywhere = (String::new(), String::new());
        let places = DIMENSIONS.iter().zip(own).enumerate().map(|(at, (dimension, value))| {
            let system = if *dimension == "build" { system_name.clone() } else { String::new() };
            let same: Vec<&Other> = others.iter().filter(|other| other.has(at, own)).collect();
            (*dimension, (system, value.clone()), same)
        });
        let all = [("all", everywhere, others.iter().collect())];
        for (dimension, (system, value), same) in all.into_iter().chain(places).collect::<Vec<_>>() {
            let sum = self.fleet.entry((dimension, *day, system, value)).or_default();
            sum.0 += i64::from(is_new && same.is_empty());
            sum.1 += i64::from(is_first_heartbeat && !same.iter().any(|other| other.has_heartbeat));
        }
        Ok(())
    }
}

impl Other {
    /// Whether it counts in the same place of a dimension. A build is one of its system.
    fn has(&self, at: usize, own: [&String; 6]) -> bool {
        let is_same = |at: usize| self.values.get(at) == own.get(at).copied();
        is_same(at) && (at != 1 || is_same(0))
    }
}

fn others(sql: &mut dyn Write, key: &MachineKey) -> Result<Vec<Other>, StorageError> {
    let query = "SELECT system_name, build, kernel_version, host_type, cpu_model, bios_version, heartbeats \
        FROM machine_day WHERE day = $1 AND machine = $2 AND NOT (system_name = $3 AND build = $4 AND kernel_version = $5)";
    let values = [
        key.day.into(),
        key.machine.into(),
        key.system_name.as_str().into(),
        key.build.as_str().into(),
        key.kernel_version.as_str().into(),
    ];
    let mut others = Vec::new();
    for mut row in sql.select(query, &values)? {
        let values = [row.text()?, row.text()?, row.text()?, row.text()?, row.text()?, row.text()?];
        others.push(Other { values, has_heartbeat: row.int()? > 0 });
    }
    Ok(others)
}

/// Adds to the records of a machine; what that adds to the machines.
fn count_machine(
    sql: &mut dyn Write,
    key: Vec<Value>,
    n: i64,
    [more, fewer, none]: [&str; 3],
) -> Result<i64, StorageError> {
    let with_n = |n: i64| key.iter().cloned().chain([n.into()]).collect::<Vec<_>>();
    match n {
        0 => Ok(0),
        1.. => Ok(i64::from(one(sql, more, &with_n(n))?.int()? == n)),
        _ => {
            let left = first(sql, fewer, &with_n(n))?.map(|mut row| row.int()).transpose()?;
            let is_last = left.is_some_and(|left| left <= 0);
            if is_last {
                sql.execute(none, &key)?;
            }
            Ok(-i64::from(is_last))
        }
    }
}

fn version_key((day, group, version, build, system): &super::VersionKey) -> Vec<Value> {
    vec![(*day).into(), (*group).into(), (*version).into(), build.as_str().into(), system.as_str().into()]
}
