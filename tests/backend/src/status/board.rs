//! The board: which machines there are, and their checks, the worst first.

use std::collections::{BTreeMap, HashMap};

use super::{Contact, Presence, Roster, Standing, Zone};
use crate::samples::{CheckState, MachineKey};

/// A machine, as far as tables know it.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its row.
    pub id: i64,
    /// By which tables know it.
    pub key: MachineKey,
    /// When it was first heard.
    pub first_secs: i64,
    /// When it was last heard.
    pub last_secs: i64,
    /// What it says of its interval.
    pub interval_secs: Option<i64>,
}

/// Downtime that somebody planned, and that is now.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Of which machine.
    pub machine: MachineKey,
    /// Of which check; none: of all.
    pub check: Option<String>,
}

/// A check, as it was last reported.
#[derive(Clone, Debug)]
pub struct Check {
    /// The row of its machine.
    pub machine: i64,
    /// Its name.
    pub name: String,
    /// The group that its definition has, or nothing.
    pub group: String,
    /// What it is.
    pub state: CheckState,
    /// Since when.
    pub since_secs: i64,
    /// When that was last heard.
    pub received_secs: i64,
    /// What it measured.
    pub value: Option<f64>,
    /// What it wrote.
    pub output: String,
}

/// A machine on the board.
#[derive(Clone, Debug)]
pub struct BoardMachine {
    /// As it is called: its name, or its id.
    pub name: String,
    /// The group of `[machine NAME]` or `[pull NAME]`.
    pub group: Option<String>,
    /// Whether it is there.
    pub presence: Presence,
    /// When it was last heard.
    pub last_secs: i64,
    all_planned: bool,
    planned: Vec<String>,
    /// Whether [`Present::Heard`] has it unless it is left out.
    is_heard_in_tables: bool,
}

/// A check on the board.
#[derive(Clone, Debug)]
pub struct Row {
    /// Where it stands.
    pub standing: Standing,
    /// The group of its machine, or else its own.
    pub group: String,
    /// The machine.
    pub machine: String,
    /// What was reported.
    pub check: Check,
}

/// A named machine that was not heard for too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SilentMachine {
    /// Its name.
    pub name: String,
    /// Its group.
    pub group: Option<String>,
    /// When it was last heard; none: never.
    pub last_secs: Option<i64>,
    /// Whether that was planned.
    pub is_planned: bool,
}

/// How many checks stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; Standing::ALL.len()]);

/// Rows of machines that are there.
#[derive(Clone, Debug)]
pub struct Present {
    /// Those whose checks stand as they were reported.
    pub plain: Plain,
    /// Those of which a check that is OK does not stand there as OK, as they are silent or planned.
    pub special: Vec<i64>,
}

/// Rows of machines whose checks stand as they were reported. Of a large fleet these are too many to be listed in a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plain {
    /// These.
    These(Vec<i64>),
    /// All that are asked, or were heard within the interval that they say.
    Heard {
        /// But for these.
        without: Vec<i64>,
        /// And these.
        others: Vec<i64>,
    },
}

/// Machines, and which of them are silent.
#[derive(Debug, Default)]
pub struct Board {
    machines: HashMap<i64, BoardMachine>,
    by_key: HashMap<MachineKey, i64>,
    silent: Vec<SilentMachine>,
}

impl Board {
    /// Of all machines that are known or have a name, at a time; `planned` is what people planned for it.
    #[must_use]
    pub fn new(roster: &Roster, zone: &Zone, known: &[Known], planned: &[Planned], now_secs: i64) -> Self {
        let mut by_key: HashMap<&MachineKey, Vec<Option<&str>>> = HashMap::new();
        for one in planned {
            by_key.entry(&one.machine).or_default().push(one.check.as_deref());
        }
        let mut board = Self {
            machines: HashMap::with_capacity(known.len()),
            by_key: HashMap::with_capacity(known.len()),
            silent: Vec::new(),
        };
        for machine in known {
            let named = roster.of_key(&machine.key);
            let weekly = named.is_some_and(|named| {
                !named.downtime.spans(zone, (now_secs, now_secs.saturating_add(1))).is_empty()
            });
            let planned = by_key.get(&machine.key).map(Vec::as_slice).unwrap_or_default();
            let in_tables = Contact {
                is_named: named.is_some(),
                first_secs: machine.first_secs,
                last_secs: machine.last_secs,
                interval_secs: machine.interval_secs,
            };
            let interval_secs = named.and_then(|named| named.interval_secs).or(machine.interval_secs);
            let contact = Contact { interval_secs, ..in_tables };
            let shown = BoardMachine {
                name: named.map_or_else(|| machine.key.text().to_owned(), |named| named.name.clone()),
                group: named.and_then(|named| named.group.clone()),
                presence: contact.presence(now_secs),
                last_secs: machine.last_secs,
                all_planned: weekly || planned.contains(&None),
                planned: planned.iter().filter_map(|check| check.map(str::to_owned)).collect(),
                is_heard_in_tables: matches!(machine.key, MachineKey::Pulled(_))
                    || in_tables.presence(now_secs) == Presence::Heard,
            };
            board.by_key.insert(machine.key.clone(), machine.id);
            board.machines.insert(machine.id, shown);
        }
        board.silent = board.find_silent(roster, &by_key);
        board
    }

    fn find_silent(
        &self,
        roster: &Roster,
        planned: &HashMap<&MachineKey, Vec<Option<&str>>>,
    ) -> Vec<SilentMachine> {
        let silent = |named: &super::Named| {
            let known = self.machine_of(&named.key);
            if known.is_some_and(|known| known.presence != Presence::Silent) {
                return None;
            }
            let is_planned = known.map_or_else(
                || planned.get(&named.key).is_some_and(|checks| checks.contains(&None)),
                |known| known.all_planned,
            );
            let (name, group) = (named.name.clone(), named.group.clone());
            Some(SilentMachine { name, group, last_secs: known.map(|known| known.last_secs), is_planned })
        };
        let mut all: Vec<SilentMachine> = roster.all().filter_map(silent).collect();
        all.sort_by(|one, other| {
            (one.is_planned, one.last_secs, &one.name).cmp(&(other.is_planned, other.last_secs, &other.name))
        });
        all
    }

    /// Named machines that are silent: those first that nobody planned, the longest first.
    #[must_use]
    pub fn silent(&self) -> &[SilentMachine] {
        &self.silent
    }

    /// A machine by its row.
    #[must_use]
    pub fn machine(&self, id: i64) -> Option<&BoardMachine> {
        self.machines.get(&id)
    }

    /// A machine as tables know it.
    #[must_use]
    pub fn machine_of(&self, key: &MachineKey) -> Option<&BoardMachine> {
        self.machines.get(self.by_key.get(key)?)
    }

    /// The row of a machine.
    #[must_use]
    pub fn id_of(&self, key: &MachineKey) -> Option<i64> {
        self.by_key.get(key).copied()
    }

    /// Machines that are in a group by what the configuration says, and those that are in another.
    #[must_use]
    pub fn members(&self, group: &str) -> (Vec<i64>, Vec<i64>) {
        let grouped = self.machines.iter().filter_map(|(id, one)| Some((*id, one.group.as_deref()?)));
        let (members, others): (Vec<_>, Vec<_>) = grouped.partition(|(_, known)| *known == group);
        let ids = |machines: Vec<(i64, &str)>| machines.into_iter().map(|(id, _)| id).collect();
        (ids(members), ids(others))
    }

    /// All that are there.
    #[must_use]
    pub fn present(&self) -> Present {
        let (mut without, mut others, mut special) = (Vec::new(), Vec::new(), Vec::new());
        for (id, one) in &self.machines {
            if one.is_plain() {
                others.extend((!one.is_heard_in_tables).then_some(*id));
            } else {
                without.extend(one.is_heard_in_tables.then_some(*id));
                special.extend((!one.presence.has_ended()).then_some(*id));
            }
        }
        for ids in [&mut without, &mut others, &mut special] {
            ids.sort_unstable();
        }
        Present { plain: Plain::Heard { without, others }, special }
    }

    /// The one machine, if it is there.
    #[must_use]
    pub fn present_one(&self, id: Option<i64>) -> Present {
        let found = id.and_then(|id| Some((id, self.machines.get(&id)?)));
        let there = found.filter(|(_, one)| !one.presence.has_ended());
        let (plain, special): (Vec<_>, Vec<_>) = there.into_iter().partition(|(_, one)| one.is_plain());
        let ids = |machines: Vec<(i64, &BoardMachine)>| machines.into_iter().map(|(id, _)| id).collect();
        Present { plain: Plain::These(ids(plain)), special: ids(special) }
    }

    /// A check in its place; none where its machine has ended.
    #[must_use]
    pub fn row(&self, check: Check) -> Option<Row> {
        let machine = self.machines.get(&check.machine).filter(|one| !one.presence.has_ended())?;
        let is_planned = machine.all_planned || machine.planned.contains(&check.name);
        let standing = Standing::new(check.state, machine.presence == Presence::Silent, is_planned);
        let group = machine.group.clone().unwrap_or_else(|| check.group.clone());
        Some(Row { standing, group, machine: machine.name.clone(), check })
    }

    /// The group of checks of a machine that have this one.
    #[must_use]
    pub fn group(&self, machine: i64, own: &str) -> String {
        self.machines.get(&machine).and_then(|one| one.group.clone()).unwrap_or_else(|| own.to_owned())
    }
}

/// The worst first, of equals the one that is so for longest.
pub fn sort(rows: &mut [Row]) {
    rows.sort_by(|one, other| {
        let place = |row: &Row| (row.standing, row.check.since_secs);
        let names = |row: &'_ Row| (row.machine.clone(), row.check.name.clone());
        place(one).cmp(&place(other)).then_with(|| names(one).cmp(&names(other)))
    });
}

impl BoardMachine {
    /// Whether its checks stand as they were reported.
    fn is_plain(&self) -> bool {
        self.presence == Presence::Heard && !self.all_planned && self.planned.is_empty()
    }
}

impl Row {
    /// The word for what it is: its own state, or that nothing is heard of it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        if self.standing == Standing::Silent { Standing::Silent.name() } else { self.check.state.word() }
    }

    /// Whether it was planned.
    #[must_use]
    pub fn is_planned(&self) -> bool {
        self.standing == Standing::Planned
    }
}

impl Counts {
    /// So many more.
    pub fn add(&mut self, standing: Standing, checks: u64) {
        if let Some((_, count)) = Standing::ALL.iter().zip(&mut self.0).find(|(known, _)| **known == standing)
        {
            *count = count.saturating_add(checks);
        }
    }

    /// How many stand there.
    #[must_use]
    pub fn get(&self, standing: Standing) -> u64 {
        Standing::ALL.iter().zip(self.0).find(|(known, _)| **known == standing).map_or(0, |(_, count)| count)
    }

    /// The worst of all.
    #[must_use]
    pub fn worst(&self) -> Option<Standing> {
        Standing::ALL.into_iter().find(|standing| self.get(*standing) > 0)
    }
}

/// By group, the worst first.
#[must_use]
pub fn by_group(counts: BTreeMap<String, Counts>) -> Vec<(String, Counts)> {
    let mut groups: Vec<(String, Counts)> = counts.into_iter().collect();
    groups.sort_by_key(|(name, counts)| {
        let worst = counts.worst();
        (
            worst.unwrap_or(Standing::Ok),
            std::cmp::Reverse(worst.map_or(0, |worst| counts.get(worst))),
            name.clone(),
        )
    });
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000_000;

    fn known(id: i64, name: &str, last_secs: i64) -> Known {
        let key = MachineKey::Id(name.to_owned());
        Known { id, key, first_secs: NOW - 86_400, last_secs, interval_secs: Some(300) }
    }

    fn check(machine: i64, name: &str, state: CheckState) -> Check {
        Check {
            machine,
            name: name.to_owned(),
            group: "own".to_owned(),
            state,
            since_secs: NOW - 10 * machine,
            received_secs: NOW,
            value: None,
            output: String::new(),
        }
    }

    fn board(planned: &[Planned]) -> Board {
        let text = "[machine here]\nid=1\ngroup=g\n[machine out]\nid=2\n[machine never]\nid=9\n[machine always]\nid=5\ndowntime=daily 00:00-24:00\n";
        let roster = Roster::new(text, Vec::new()).unwrap();
        let all = [
            known(1, "1", NOW - 899),
            known(2, "2", NOW - 900),
            known(3, "rotated", NOW - 900),
            known(4, "4", NOW),
            known(5, "5", NOW - 5000),
        ];
        Board::new(&roster, &Zone::utc(), &all, planned, NOW)
    }

    #[test]
    fn rows_stand_where_their_machines_do() {
        let planned = [Planned { machine: MachineKey::Id("4".into()), check: Some("a".into()) }];
        let board = board(&planned);
        let mut rows: Vec<Row> = [
            (1, "a", CheckState::Ok),
            (1, "b", CheckState::Warning),
            (2, "a", CheckState::Ok),
            (2, "b", CheckState::Critical),
            (3, "a", CheckState::Critical),
            (4, "a", CheckState::Critical),
            (4, "b", CheckState::Unknown),
            (5, "a", CheckState::Critical),
        ]
        .into_iter()
        .filter_map(|(machine, name, state)| board.row(check(machine, name, state)))
        .collect();
        sort(&mut rows);
        let text: Vec<String> = rows
            .iter()
            .map(|row| {
                format!(
                    "{} {} {} {} {}",
                    row.machine,
                    row.group,
                    row.check.name,
                    row.word(),
                    row.is_planned()
                )
            })
            .collect();
        assert_eq!(
            text,
            [
                "out own b CRITICAL false",
                "out own a silent false",
                "4 own b UNKNOWN false",
                "here g b WARNING false",
                "always own a CRITICAL true",
                "4 own a CRITICAL true",
                "here g a OK false",
            ]
        );
        let present = board.present();
        assert_eq!(present.plain, Plain::Heard { without: vec![4], others: vec![] });
        assert_eq!(present.special, [2, 4, 5], "3 has ended");
        for (id, plain, special) in [
            (Some(1), vec![1], vec![]),
            (Some(2), vec![], vec![2]),
            (Some(3), vec![], vec![]),
            (None, vec![], vec![]),
        ] {
            let one = board.present_one(id);
            assert_eq!((one.plain, one.special), (Plain::These(plain), special), "{id:?}");
        }
        assert_eq!(board.members("g"), (vec![1], vec![]));
        assert_eq!((board.group(1, "own"), board.group(2, "own")), ("g".into(), "own".into()));
    }

    #[test]
    fn named_machines_are_silent_and_planned_ones_stand_last() {
        let board = board(&[Planned { machine: MachineKey::Id("9".into()), check: None }]);
        let silent: Vec<_> =
            board.silent().iter().map(|one| (one.name.as_str(), one.last_secs, one.is_planned)).collect();
        assert_eq!(
            silent,
            [("out", Some(NOW - 900), false), ("never", None, true), ("always", Some(NOW - 5000), true)]
        );
    }

    #[test]
    fn groups_with_the_worst_come_first() {
        let counts = |standing, checks| {
            let mut counts = Counts::default();
            counts.add(Standing::Ok, 5);
            counts.add(standing, checks);
            counts
        };
        let groups = [
            ("a", Standing::Ok, 9),
            ("b", Standing::Critical, 1),
            ("c", Standing::Critical, 3),
            ("d", Standing::Silent, 9),
        ];
        let groups = groups.map(|(name, standing, checks)| (name.to_owned(), counts(standing, checks)));
        let found = by_group(groups.into_iter().collect());
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<String>(), "cbda");
        assert_eq!((found[0].1.get(Standing::Critical), found[0].1.get(Standing::Ok)), (3, 5));
        assert_eq!(Counts::default().worst(), None);
    }
}
