//! Lists of groups: those of a window by rank, those that are new, fixed or back.

use super::group::{COLUMNS, Group, read};
use super::question::{Question, Where};
use super::{Answers, Conditions};
use crate::groups::changes::GroupId;
use crate::groups::counting::{FleetDay, Totals, Window};
use crate::groups::states::State;
use crate::storage::StorageError;

/// Which groups a list is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Those with records in the window.
    Seen,
    /// Those first seen in the window, or whose first version this is.
    New {
        /// The version.
        version: Option<String>,
    },
    /// Those that are fixed or probably fixed, whenever they were seen.
    Fixed,
    /// Those that came back, whenever they were seen.
    Regressed,
}

/// Where a list goes on: behind the group with these counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupPlace {
    /// Its machines.
    pub machines: u64,
    /// Its machine-days.
    pub machine_days: u64,
    /// Its records.
    pub records: u64,
    /// Its id.
    pub id: GroupId,
}

/// A list of groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Groups {
    /// Most machines first, then machine-days, then records.
    pub groups: Vec<Group>,
    /// Where it goes on, if it does.
    pub next: Option<GroupPlace>,
}

/// Groups read at a time: some may be of another state than is asked for.
const STEP: usize = 200;

impl Answers<'_> {
    /// A list of groups.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn groups(
        &mut self,
        shown: &Shown,
        question: &Question,
        after: Option<GroupPlace>,
    ) -> Result<Groups, StorageError> {
        let window = self.window(question);
        let mut found: Vec<Group> = Vec::new();
        let mut place = after;
        loop {
            let step = self.step(shown, question, window, place)?;
            let is_last = step.len() < STEP;
            for mut group in step {
                place = Some(GroupPlace::of(&group));
                group.state = self.state_of(&group)?;
                if is_asked(shown, &question.conditions, group.state) {
                    found.push(group);
                }
            }
            if is_last || found.len() > question.limit {
                break;
            }
        }
        let has_more = found.len() > question.limit;
        found.truncate(question.limit);
        let next = found.last().filter(|_| has_more).map(GroupPlace::of);
        self.complete(&mut found, window)?;
        self.share(&mut found, window)?;
        Ok(Groups { groups: found, next })
    }

    /// How many groups a list has, whatever its limit.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn count_groups(&mut self, shown: &Shown, question: &Question) -> Result<u64, StorageError> {
        let window = self.window(question);
        let (mut count, mut place) = (0, None);
        loop {
            let step = self.step(shown, question, window, place)?;
            let is_last = step.len() < STEP;
            for group in step {
                place = Some(GroupPlace::of(&group));
                let state = self.state_of(&group)?;
                count += u64::from(is_asked(shown, &question.conditions, state));
            }
            if is_last {
                return Ok(count);
            }
        }
    }

    pub(super) fn window(&self, question: &Question) -> Window {
        Window {
            today: question.until_day.unwrap_or_else(|| self.today()),
            days: question.days.clamp(1, 400),
        }
    }

    /// The next groups, in their order, without states, versions and bars.
    fn step(
        &mut self,
        shown: &Shown,
        question: &Question,
        window: Window,
        after: Option<GroupPlace>,
    ) -> Result<Vec<Group>, StorageError> {
        let (first, last) = (window.today - window.days + 1, window.today);
        let mut all = Where::default();
        all.add_fixed("g.redirect IS NULL");
        question.conditions.add_to(&mut all, (first, last));
        add_shown(&mut all, shown, first);
        if question.min_machines > 1 {
            all.add_fixed(format!("coalesce(t.machines, 0) >= {}", question.min_machines));
        }
        if let Some(place) = after {
            all.add_fixed(place.behind());
        }
        // Who came back or was fixed need not have been seen in the window.
        let join = if matches!(shown, Shown::Fixed | Shown::Regressed) { "LEFT JOIN" } else { "JOIN" };
        let query = format!(
            "SELECT {COLUMNS}, coalesce(t.records, 0), coalesce(t.machines, 0), coalesce(t.machine_days, 0), \
             coalesce(t.last_seen, 0) FROM groups g {join} \
             (SELECT group_id, CAST(sum(records) AS bigint) AS records, CAST(max(machines) AS bigint) AS machines, \
                 CAST(sum(machines) AS bigint) AS machine_days, max(last_seen) AS last_seen FROM \
                 (SELECT group_id, day, sum(records) AS records, sum(machines) AS machines, max(last_seen) AS last_seen \
                  FROM group_day WHERE day BETWEEN {first} AND {last} GROUP BY day, group_id) AS days \
              GROUP BY group_id) AS t ON t.group_id = g.id \
             WHERE {} ORDER BY coalesce(t.machines, 0) DESC, coalesce(t.machine_days, 0) DESC, \
                 coalesce(t.records, 0) DESC, g.id LIMIT {STEP}",
            all.text()
        );
        let rows = self.sql.select(&query, &all.values)?;
        let group = |mut row| {
            let mut group = read(&mut row)?;
            let (records, machines, machine_days) = (row.count()?, row.count()?, row.count()?);
            group.totals = Totals { records, machines, machine_days, share: 0.0 };
            group.last_seen_secs = group.last_seen_secs.max(row.int()?);
            Ok(group)
        };
        rows.into_iter().map(group).collect()
    }

    /// Which part of all machine-days a group has.
    pub(super) fn share(&mut self, groups: &mut [Group], window: Window) -> Result<(), StorageError> {
        let heard: u64 = self.fleet_days(window)?.iter().map(|day| day.machines().0).sum();
        for group in groups.iter_mut().filter(|_| heard > 0) {
            // Far below 2^52.
            group.totals.share = (group.totals.machine_days as f64 / heard as f64).min(1.0);
        }
        Ok(())
    }

    /// All machines of each day of a window on which any was heard.
    pub(super) fn fleet_days(&mut self, window: Window) -> Result<Vec<FleetDay>, StorageError> {
        let query = "SELECT day, CAST(sum(machines) AS bigint), CAST(sum(heartbeats) AS bigint) FROM fleet_day \
            WHERE dimension = 'all' AND day > $1 AND day <= $2 GROUP BY day ORDER BY day";
        let days = [(window.today - window.days).into(), window.today.into()];
        let rows = self.sql.select(query, &days)?;
        let day = |mut row: crate::storage::sql::Row| {
            Ok(FleetDay { day: row.int()?, ids: row.count()?, heartbeats: row.count()? })
        };
        rows.into_iter().map(day).collect()
    }
}

fn add_shown(all: &mut Where, shown: &Shown, first_day: i64) {
    match shown {
        Shown::Seen => {}
        Shown::New { version: None } => {
            all.add_fixed(format!("g.first_seen >= {}", first_day.saturating_mul(crate::groups::states::DAY_SECS)));
        }
        Shown::New { version: Some(version) } => all.add(
            "EXISTS (SELECT 1 FROM group_line l JOIN versions v ON v.id = l.lowest WHERE l.group_id = g.id AND v.text = ?)",
            version.as_str(),
        ),
        Shown::Fixed => all.add_fixed("g.mark IS NOT NULL"),
        Shown::Regressed => all.add_fixed("g.mark IS NOT NULL"),
    }
}

/// Whether a group in this state is in the list.
fn is_asked(shown: &Shown, conditions: &Conditions, state: State) -> bool {
    let is_shown = match shown {
        Shown::Seen | Shown::New { .. } => true,
        Shown::Fixed => matches!(state, State::Fixed | State::ProbablyFixed),
        Shown::Regressed => state == State::Regressed,
    };
    let is_state = conditions.state.map_or(state != State::Hidden, |asked| asked == state);
    is_shown && is_state
}

impl GroupPlace {
    fn of(group: &Group) -> Self {
        let Totals { records, machines, machine_days, .. } = group.totals;
        Self { machines, machine_days, records, id: group.id }
    }

    /// The condition for what stands behind it.
    fn behind(self) -> String {
        let Self { machines: m, machine_days: d, records: r, id } = self;
        let [tm, td, tr] =
            ["machines", "machine_days", "records"].map(|name| format!("coalesce(t.{name}, 0)"));
        format!(
            "({tm} < {m} OR {tm} = {m} AND ({td} < {d} OR {td} = {d} AND ({tr} < {r} OR {tr} = {r} AND g.id > {id})))"
        )
    }
}
