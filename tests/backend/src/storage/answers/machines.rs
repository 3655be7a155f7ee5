//! Machines, as far as their ids live.

use super::Answers;
use super::question::Where;
use crate::groups::changes::GroupId;
use crate::groups::counting::day_of;
use crate::groups::hash::machine_key;
use crate::storage::StorageError;
use crate::storage::sql::{Row, list};

/// What a list of machines is asked for. All conditions hold together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MachinesAsked {
    /// Days up to today.
    pub days: i64,
    /// Last heard so many days ago or earlier.
    pub silent_days: Option<i64>,
    /// With records of this group.
    pub group: Option<GroupId>,
    /// The system.
    pub system_name: Option<String>,
    /// The build.
    pub build: Option<String>,
    /// The kernel.
    pub kernel_version: Option<String>,
    /// The hardware.
    pub host_type: Option<String>,
    /// The processor.
    pub cpu_model: Option<String>,
    /// Rows.
    pub limit: usize,
}

/// An id, which one machine had for some days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The id.
    pub machine_id: String,
    /// The system, on its last day.
    pub system_name: String,
    /// The build, on its last day.
    pub build: String,
    /// The kernel, on its last day.
    pub kernel_version: String,
    /// The hardware.
    pub host_type: String,
    /// The processor.
    pub cpu_model: String,
    /// The firmware.
    pub bios_version: String,
    /// When its first record was received, as far as is known, in Unix seconds.
    pub first_seen_secs: i64,
    /// When its last record was received, in Unix seconds.
    pub last_seen_secs: i64,
    /// Its records within the days that are known.
    pub records: u64,
    /// Those of them that count as crashes.
    pub crashes: u64,
}

/// A day of an id, on one build and kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineDay {
    /// The day, in days since 1970.
    pub day: i64,
    /// The system.
    pub system_name: String,
    /// The build.
    pub build: String,
    /// The kernel.
    pub kernel_version: String,
    /// Records.
    pub records: u64,
    /// Those of them that are heartbeats.
    pub heartbeats: u64,
    /// Those of them that count as crashes.
    pub crashes: u64,
}

/// Where a list of machines goes on: behind the one that was last seen then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachinePlace {
    /// When, in Unix seconds.
    pub last_seen_secs: i64,
    /// Its key.
    pub machine: i64,
}

/// A list of machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machines {
    /// Last heard first.
    pub machines: Vec<Machine>,
    /// Where it goes on, if it does.
    pub next: Option<MachinePlace>,
}

impl MachinesAsked {
    /// What a row of `machine_day` has to be.
    fn add_to(&self, all: &mut Where, row: &str) {
        for (column, value) in [
            ("system_name", &self.system_name),
            ("build", &self.build),
            ("kernel_version", &self.kernel_version),
            ("host_type", &self.host_type),
            ("cpu_model", &self.cpu_model),
        ] {
            if let Some(value) = value {
                all.add(&format!("{row}.{column} = ?"), value.as_str());
            }
        }
    }
}

impl Answers<'_> {
    /// A list of machines, last heard first.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn machines(
        &mut self,
        asked: &MachinesAsked,
        after: Option<MachinePlace>,
    ) -> Result<Machines, StorageError> {
        let (first, today) = (self.today() - asked.days + 1, self.today());
        let last = today - asked.silent_days.unwrap_or(0);
        let last = after.map_or(last, |place| last.min(day_of(place.last_seen_secs)));
        let mut places = Vec::new();
        // From the newest day back, until there are enough: all days of a fleet are too many to be put in order.
        for day in (first..=last).rev() {
            let wanted = (asked.limit + 1).saturating_sub(places.len());
            places.extend(self.last_heard_on(day, asked, after, wanted)?);
            if places.len() > asked.limit {
                break;
            }
        }
        let has_more = places.len() > asked.limit;
        places.truncate(asked.limit);
        let next = places.last().copied().filter(|_| has_more);
        Ok(Machines { machines: self.of_keys(places.iter().map(|place| place.machine))?, next })
    }

    /// Machines that meet the conditions on a day and on none later, last heard first.
    fn last_heard_on(
        &mut self,
        day: i64,
        asked: &MachinesAsked,
        after: Option<MachinePlace>,
        limit: usize,
    ) -> Result<Vec<MachinePlace>, StorageError> {
        let mut all = Where::default();
        all.add("m.day = ?", day);
        asked.add_to(&mut all, "m");
        if let Some(group) = asked.group {
            let of_group = format!(
                "m.machine IN (SELECT g.machine FROM group_machine g WHERE g.day = {day} AND g.group_id = ?)"
            );
            all.add(&of_group, group);
        }
        if day < self.today() {
            let mut later = all.inner();
            later.add_fixed("l.machine = m.machine");
            later.add("l.day > ?", day);
            asked.add_to(&mut later, "l");
            if let Some(group) = asked.group {
                later.add(
                    "EXISTS (SELECT 1 FROM group_machine h WHERE h.day = l.day AND h.machine = l.machine AND h.group_id = ?)",
                    group,
                );
            }
            let text = later.text();
            all.values = later.values;
            all.add_fixed(format!("NOT EXISTS (SELECT 1 FROM machine_day l WHERE {text})"));
        }
        let behind = after.map_or("1 = 1".to_owned(), |MachinePlace { last_seen_secs: last, machine }| {
            format!("max(m.last_seen) < {last} OR max(m.last_seen) = {last} AND m.machine > {machine}")
        });
        let query = format!(
            "SELECT m.machine, max(m.last_seen) AS last FROM machine_day m WHERE {} GROUP BY m.machine HAVING {behind} \
             ORDER BY last DESC, m.machine LIMIT {limit}",
            all.text()
        );
        let rows = self.sql.select(&query, &all.values)?;
        let place = |mut row: Row| Ok(MachinePlace { machine: row.int()?, last_seen_secs: row.int()? });
        rows.into_iter().map(place).collect()
    }

    /// An id, and its days, newest first; none if it is not known, or no more.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn machine(&mut self, machine_id: &str) -> Result<Option<(Machine, Vec<MachineDay>)>, StorageError> {
        let key = machine_key(machine_id);
        let known = self.of_keys([key])?.into_iter().next();
        let Some(machine) = known.filter(|machine| machine.machine_id == machine_id) else { return Ok(None) };
        let query = "SELECT day, system_name, build, kernel_version, n, heartbeats, crashes FROM machine_day \
            WHERE machine = $1 ORDER BY day DESC, last_seen DESC LIMIT 1000";
        let day = |mut row: Row| {
            Ok(MachineDay {
                day: row.int()?,
                system_name: row.text()?,
                build: row.text()?,
                kernel_version: row.text()?,
                records: row.count()?,
                heartbeats: row.count()?,
                crashes: row.count()?,
            })
        };
        let days = self
            .sql
            .select(query, &[key.into()])?
            .into_iter()
            .map(day)
            .collect::<Result<_, StorageError>>()?;
        Ok(Some((machine, days)))
    }

    /// The machines with these keys, last heard first.
    fn of_keys(&mut self, keys: impl IntoIterator<Item = i64>) -> Result<Vec<Machine>, StorageError> {
        let query = format!(
            "SELECT machine, machine_id, system_name, build, kernel_version, host_type, cpu_model, bios_version, \
                 first_seen, last_seen, n, crashes \
             FROM machine_day WHERE machine IN ({}) ORDER BY machine, last_seen",
            list(keys)
        );
        let mut machines: Vec<(i64, Machine)> = Vec::new();
        for mut row in self.sql.select(&query, &[])? {
            let key = row.int()?;
            let newer = read(&mut row)?;
            match machines.last_mut().filter(|(known, _)| *known == key) {
                Some((_, machine)) => {
                    *machine = Machine {
                        first_seen_secs: machine.first_seen_secs.min(newer.first_seen_secs),
                        records: machine.records.saturating_add(newer.records),
                        crashes: machine.crashes.saturating_add(newer.crashes),
                        ..newer
                    };
                }
                None => machines.push((key, newer)),
            }
        }
        machines.sort_by_key(|(key, machine)| (std::cmp::Reverse(machine.last_seen_secs), *key));
        Ok(machines.into_iter().map(|(_, machine)| machine).collect())
    }
}

fn read(row: &mut Row) -> Result<Machine, StorageError> {
    Ok(Machine {
        machine_id: row.text()?,
        system_name: row.text()?,
        build: row.text()?,
        kernel_version: row.text()?,
        host_type: row.text()?,
        cpu_model: row.text()?,
        bios_version: row.text()?,
        first_seen_secs: row.int()?,
        last_seen_secs: row.int()?,
        records: row.count()?,
        crashes: row.count()?,
    })
}
