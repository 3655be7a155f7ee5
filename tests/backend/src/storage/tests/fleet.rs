//! A tenth of the fleet through each engine, with `TORTURE=full` all of it: what pages say of it is what really happened.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::super::answers::{Group, Question, Shown};
use super::super::changes::{Author, Wish, change};
use super::super::sqlite::Sqlite;
use super::super::{Answers, Appended, Arrival, Engine, Purpose, Session};
use super::with_postgres;
use crate::fleet::tests::{is_near, line, text};
use crate::fleet::{Case, FIRST_DAY, Fault, FaultTruth, Fleet, FleetPlan, System, Truth, release_day};
use crate::groups::counting::rate;
use crate::groups::states::State;
use crate::record::IdempotencyKey;

/// Records of no failure tell nothing here, and are most of [`FleetPlan::FULL`].
static PLAN: LazyLock<FleetPlan> = LazyLock::new(|| {
    let is_full = std::env::var("TORTURE").is_ok_and(|value| value == "full");
    if is_full { FleetPlan { others: 0, ..FleetPlan::FULL } } else { FleetPlan::TENTH }
});

const DAY_SECS: i64 = 86_400;

/// Deliveries that wait together.
const BATCH: usize = 500;

fn end_secs() -> i64 {
    (FIRST_DAY + i64::from(PLAN.days)) * DAY_SECS - 1
}

/// Stores the fleet's days; people mark what is fixed on the day after the version that fixes it came out.
fn store(session: &mut dyn Session, fleet: &Fleet) -> Truth {
    let mut waiting: Vec<Arrival> = Vec::new();
    let mut repeats = 0;
    let mut today = 0;
    let truth = Truth::from_fleet(fleet, PLAN.days, |day, delivery| {
        if waiting.len() == BATCH || today != day {
            repeats += append(session, &mut waiting);
        }
        if today != day {
            today = day;
            mark_fixed(session, fleet, day);
        }
        waiting.push(Arrival {
            key: Some(IdempotencyKey::new(&delivery.key).unwrap().digest()),
            record: delivery.record.clone(),
            received_secs: delivery.received_secs,
            origin: None,
        });
    });
    repeats += append(session, &mut waiting);
    assert_eq!(repeats, truth.repeats);
    truth
}

fn append(session: &mut dyn Session, waiting: &mut Vec<Arrival>) -> u64 {
    let appended = session.append(waiting).unwrap();
    waiting.clear();
    appended.iter().filter(|appended| matches!(appended, Appended::Known(_))).count() as u64
}

fn is_marked(fault: &Fault) -> bool {
    fault.fixed_in.is_some() && !fault.number.is_multiple_of(4)
}

fn mark_fixed(session: &mut dyn Session, fleet: &Fleet, day: u32) {
    let due = |fault: &&Fault| {
        is_marked(fault) && fault.fixed_in.is_some_and(|fixed| release_day(fixed) + 1 == day)
    };
    let now_secs = (FIRST_DAY + i64::from(day)) * DAY_SECS;
    for fault in fleet.faults().iter().filter(due) {
        let Some(group) = list(session, now_secs).remove(&fault.group_name()) else { continue };
        let version = text(fault, System::Debian, fault.fixed_in.unwrap());
        let wish = Wish::Fixed { version, line: None };
        session
            .write(&mut |sql| {
                change(sql, group.id, wish.clone(), Author { who: "ada", now_secs }).unwrap();
                Ok(())
            })
            .unwrap();
    }
}

/// All groups of the fleet's days, by their names.
fn list(session: &mut dyn Session, now_secs: i64) -> BTreeMap<String, Group> {
    let question = Question { days: PLAN.days.into(), limit: 10_000, ..Question::default() };
    let mut answers = Answers::new(session, now_secs);
    let found = answers.groups(&Shown::Seen, &question, None).unwrap();
    assert!(found.next.is_none());
    found.groups.into_iter().map(|group| (group.name.clone(), group)).collect()
}

struct Outcome {
    fleet: Fleet,
    truth: Truth,
    groups: BTreeMap<String, Group>,
}

impl Outcome {
    fn met(&self) -> impl Iterator<Item = (&Fault, &Group, &FaultTruth)> {
        self.truth.faults.iter().map(|(number, truth)| {
            let fault = &self.fleet.faults()[*number as usize];
            (fault, &self.groups[&fault.group_name()], truth)
        })
    }

    fn groups_are_faults(&self) {
        assert_eq!(self.groups.len(), self.truth.faults.len());
        assert!(self.groups.len() > PLAN.faults as usize * 4 / 5, "{}", self.groups.len());
        for (fault, group, truth) in self.met() {
            let name = fault.group_name();
            assert_eq!((group.kind, group.totals.records), (fault.kind(), truth.records), "{name}");
            let seen = (Some(group.first_seen_secs), Some(group.last_seen_secs));
            assert_eq!(seen, (truth.first_secs, truth.last_secs), "{name}");
            let version = |version: Option<&u32>| Some(text(fault, System::Debian, *version.unwrap()));
            assert_eq!(group.first_version, version(truth.versions.keys().next()), "{name}");
            assert_eq!(group.last_version, version(truth.versions.keys().next_back()), "{name}");
            assert_eq!(group.package, fault.package(), "{name}");
        }
    }

    fn machines_are_near(&self, session: &mut dyn Session) {
        let heard = Answers::new(session, end_secs()).heard(PLAN.days.into()).unwrap();
        for (day, truth) in &self.truth.heard {
            let found = heard.iter().find(|heard| heard.day == FIRST_DAY + i64::from(*day)).unwrap();
            assert!(is_near(found.machines, *truth, 3), "day {day}: {} {truth}", found.machines);
        }
        let (mut found_days, mut true_days) = (0, 0);
        for (fault, group, truth) in self.met() {
            assert!(group.totals.machines >= truth.max_machines(), "{}", fault.group_name());
            found_days += group.totals.machine_days;
            true_days += truth.machine_days();
        }
        assert!(found_days >= true_days && is_near(found_days, true_days, 3), "{found_days} {true_days}");
        let crashes: u64 = heard.iter().map(|day| day.crashes).sum();
        let of_kinds = |(fault, _, _): &(&Fault, &Group, &FaultTruth)| fault.kind().is_crash();
        let truth: u64 = self.met().filter(of_kinds).map(|(_, _, truth)| truth.records).sum();
        assert_eq!(crashes, truth);
        let found = rate(crashes, heard.iter().map(|day| day.machines).sum()).unwrap().rate;
        let truth = truth as f64 / self.truth.heard.values().sum::<u64>() as f64;
        assert!((found - truth).abs() < 0.03 * truth, "{found} {truth}");
    }

    fn states_are_right(&self) {
        let mut states: BTreeMap<State, u32> = BTreeMap::new();
        for (fault, group, _) in self.met() {
            let is_marked = group.marks.fixed.is_some();
            let expected = match fault.case {
                Case::Back if is_marked => State::Regressed,
                Case::Fixed | Case::Late if is_marked => State::Fixed,
                _ if group.first_seen_secs > end_secs() - 7 * DAY_SECS => State::New,
                _ => State::Ongoing,
            };
            assert_eq!(group.state, expected, "{:?} {}", fault.case, fault.group_name());
            assert!(fault.case != Case::New || group.state == State::New);
            *states.entry(group.state).or_default() += 1;
            if let Some(back) = &group.marks.regressed {
                assert!(
                    back.at_secs >= (FIRST_DAY + i64::from(release_day(7))) * DAY_SECS && back.was_marked
                );
            }
        }
        for state in [State::New, State::Ongoing, State::Fixed, State::Regressed] {
            assert!(states.get(&state).is_some_and(|count| *count >= 2), "{state}: {states:?}");
        }
    }

    /// One machine with most crashes of a day does not lead the list.
    fn one_machine_does_not_lead(&self, session: &mut dyn Session) {
        let day = FIRST_DAY + 10;
        let question = Question { days: 1, until_day: Some(day), limit: 1000, ..Question::default() };
        let ranked = Answers::new(session, end_secs()).groups(&Shown::Seen, &question, None).unwrap().groups;
        let broken =
            ranked.iter().position(|group| group.totals.records >= u64::from(PLAN.loop_crashes)).unwrap();
        assert!(broken > 3, "{broken}");
    }
}

fn check(engine: &dyn Engine) {
    let mut session = engine.open(Purpose::Append).unwrap();
    let fleet = Fleet::new(*PLAN);
    let truth = store(&mut *session, &fleet);
    let groups = list(&mut *session, end_secs());
    let outcome = Outcome { fleet, truth, groups };
    outcome.groups_are_faults();
    outcome.machines_are_near(&mut *session);
    outcome.states_are_right();
    outcome.one_machine_does_not_lead(&mut *session);
    assert_all_lines_have_versions(&mut *session, &outcome);
}

/// What a group's page says of its versions: each with its machines, in order.
fn assert_all_lines_have_versions(session: &mut dyn Session, outcome: &Outcome) {
    let rules = crate::groups::rules::Rules::shipped().unwrap();
    let question = Question { days: PLAN.days.into(), ..Question::default() };
    for (fault, group, truth) in outcome.met().filter(|(fault, _, _)| fault.number < 40) {
        let mut answers = Answers::new(session, end_secs());
        let detail = answers.group(group.id, &question, &rules).unwrap().unwrap();
        let found: Vec<&str> = detail.versions.iter().map(|version| version.version.as_str()).collect();
        let expected: Vec<String> =
            truth.versions.keys().map(|version| text(fault, System::Debian, *version)).collect();
        assert_eq!(found, expected, "{}", group.name);
        let days: u64 = detail.versions.iter().map(|version| version.machine_days).sum();
        assert!(days >= truth.machine_days() && is_near(days, truth.machine_days(), 8), "{}", group.name);
        assert!(
            detail.versions.iter().all(|version| version.line.as_ref() == Some(&line(fault, System::Debian)))
        );
        assert!(detail.versions.iter().all(|version| version.fleet_machines >= version.machines));
    }
}

#[test]
fn the_fleet_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    check(&Sqlite::open(&directory.path().join("t.db")).unwrap());
}

#[test]
fn the_fleet_on_postgres() {
    with_postgres(|_, engine| check(engine));
}
