//! A fleet that knows the truth about itself: outages, downtime, ids that rotate and disks that fill, over a month in which
//! clocks are changed. What pages say of it is compared with that, to the second.

use std::path::Path;

use super::*;
use crate::fleet::Dice;
use crate::forecasts;
use crate::samples::{CheckState, MachineKey};
use crate::status::{Board, Roster, Zone};
use crate::storage::samples::{add_downtime, set_runs_out};
use crate::storage::sqlite::{MEMORY, Sqlite};
use crate::storage::tests::{arrival, with_postgres};
use crate::storage::{Appended, Arrival, Engine, Purpose};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// March 2026 in Tallinn, which is an hour shorter: from 28 February 22:00 UTC to 31 March 21:00 UTC.
const MARCH: (i64, i64) = (1_772_316_000, 1_774_990_800);

const STATES: [CheckState; 4] =
    [CheckState::Ok, CheckState::Warning, CheckState::Critical, CheckState::Unknown];

fn record(machine: &str, class: &str, taken: i64, payload: String) -> Arrival {
    let mut arrival = arrival(class, 1, None);
    arrival.record.machine_id = machine.to_owned();
    arrival.record.captured_secs = taken;
    arrival.record.payload = payload;
    arrival.received_secs = taken;
    arrival
}

fn sample(machine: &str, taken: i64, free: f64, size: f64) -> Arrival {
    let payload = format!(
        "system_filesystem_usage_bytes{{mountpoint=\"/\",state=\"free\"}} {free}\n\
         system_filesystem_usage_bytes{{mountpoint=\"/\",state=\"used\"}} {}\n\
         telemetry_environment_interval_seconds 3600\n# EOF\n",
        size - free
    );
    let types =
        "# TYPE system_filesystem_usage_bytes gauge\n# TYPE telemetry_environment_interval_seconds gauge\n";
    record(machine, "org.telemetrics/environment/sample", taken, format!("{types}{payload}"))
}

fn check(machine: &str, at: i64, state: CheckState, was: CheckState) -> Arrival {
    let since = jiff::Timestamp::from_second(at).unwrap();
    let payload =
        format!("Check: disk\nKind: disk\nState: {}\nWas: {}\nSince: {since}\n", state.word(), was.word());
    record(machine, "org.telemetrics/check/state", at, payload)
}

fn append(engine: &dyn Engine, mut all: Vec<Arrival>) {
    all.sort_by_key(|arrival| arrival.received_secs);
    let mut session = engine.open(Purpose::Append).unwrap();
    for batch in all.chunks(500) {
        let appended = session.append(batch).unwrap();
        assert!(appended.iter().all(|one| matches!(one, Appended::Stored { .. })), "{appended:?}");
    }
}

fn on_each(test: impl Fn(&dyn Engine)) {
    test(&Sqlite::open(Path::new(MEMORY)).unwrap());
    with_postgres(|_, engine| test(engine));
}

/// A machine's month as it was.
struct Life {
    id: String,
    outages: Vec<(i64, i64)>,
    changes: Vec<(i64, CheckState)>,
    planned: Vec<(i64, i64)>,
    samples: Vec<i64>,
}

impl Life {
    fn new(number: u64, dice: Dice) -> Self {
        let dice = dice.with(number);
        let start = MARCH.0 - 2 * DAY;
        let length = MARCH.1 + DAY - start;
        let at = |part: u64| start + (dice.with(part).unit() * length as f64) as i64;
        let outages: Vec<_> = (0..3)
            .map(|n| (at(n), at(n) + 2 * HOUR + (dice.with(50 + n).unit() * 30.0 * HOUR as f64) as i64))
            .collect();
        let is_out = |second: i64| outages.iter().any(|(from, until)| (*from..*until).contains(&second));
        let phase = (dice.with(70).unit() * HOUR as f64) as i64;
        let samples =
            (0..length / HOUR).map(|n| start + phase + n * HOUR).filter(|second| !is_out(*second)).collect();
        let mut times: Vec<i64> = (100..140).map(at).filter(|second| !is_out(*second)).collect();
        times.sort_unstable();
        times.dedup();
        let mut changes: Vec<(i64, CheckState)> = vec![(start + 1, CheckState::Ok)];
        for (number, time) in (0..).zip(times).filter(|(_, time)| *time > start + 1) {
            let now = changes.last().unwrap().1;
            let next = dice
                .with(200 + number)
                .pick(&STATES.into_iter().filter(|state| *state != now).collect::<Vec<_>>());
            changes.push((time, next.unwrap()));
        }
        let planned = (0..2)
            .map(|n| (at(300 + n), at(300 + n) + (dice.with(310 + n).unit() * 10.0 * HOUR as f64) as i64))
            .collect();
        Self { id: format!("static{number}"), outages, changes, planned, samples }
    }

    fn arrivals(&self) -> Vec<Arrival> {
        let samples = self.samples.iter().map(|at| sample(&self.id, *at, 5e8, 1e9));
        let was = |at: usize| at.checked_sub(1).map_or(CheckState::Pending, |before| self.changes[before].1);
        let changes =
            (0..).zip(&self.changes).map(|(at, (time, state))| check(&self.id, *time, *state, was(at)));
        samples.chain(changes).collect()
    }

    /// Second by second.
    fn truth(&self) -> Shares {
        let mut shares = Shares::default();
        let zone = jiff::tz::TimeZone::get("Europe/Tallinn").unwrap();
        let gaps: Vec<(i64, i64)> = self
            .samples
            .windows(2)
            .map(|two| (two[0], two[1]))
            .filter(|(one, next)| next - one > 3 * HOUR)
            .collect();
        let is_in = |spans: &[(i64, i64)], second: i64| spans.iter().any(|(a, b)| (*a..*b).contains(&second));
        let mut minute = (i64::MIN, false);
        for second in MARCH.0..MARCH.1 {
            if second.div_euclid(60) != minute.0 {
                let local = zone.to_datetime(jiff::Timestamp::from_second(second).unwrap());
                let is_weekly =
                    local.weekday() == jiff::civil::Weekday::Sunday && (2..4).contains(&local.hour());
                minute = (second.div_euclid(60), is_weekly);
            }
            let state = self.changes.iter().rev().find(|(at, _)| *at <= second).map(|(_, state)| *state);
            let share = if minute.1 || is_in(&self.planned, second) {
                &mut shares.planned
            } else if is_in(&gaps, second) {
                &mut shares.none
            } else {
                match state {
                    Some(CheckState::Ok) => &mut shares.ok,
                    Some(CheckState::Warning) => &mut shares.warning,
                    Some(CheckState::Critical) => &mut shares.critical,
                    Some(CheckState::Unknown) => &mut shares.unknown,
                    _ => &mut shares.none,
                }
            };
            *share += 1;
        }
        shares
    }
}

fn machines(text: &str) -> Machines {
    Machines { roster: Roster::new(text, Vec::new()).unwrap(), zone: Zone::named("Europe/Tallinn").unwrap() }
}

#[test]
fn a_month_with_a_change_of_clocks_is_known_to_the_second() {
    let lives: Vec<Life> = (0..8).map(|number| Life::new(number, Dice::new(2026))).collect();
    let sections =
        lives.iter().map(|life| format!("[machine {}]\nid={}\ndowntime=Sun 02:00-04:00\n", life.id, life.id));
    let machines = machines(&sections.collect::<String>());
    let truths: Vec<Shares> = lives.iter().map(Life::truth).collect();
    assert!(
        truths.iter().any(|truth| truth.none > 0) && truths.iter().all(|truth| truth.planned >= 9 * 3600),
        "{truths:?}"
    );
    on_each(|engine| {
        append(engine, lives.iter().flat_map(Life::arrivals).collect());
        let mut session = engine.open(Purpose::Maintain).unwrap();
        for life in &lives {
            for (from_secs, until_secs) in &life.planned {
                let downtime = Downtime {
                    id: 0,
                    machine: MachineKey::Id(life.id.clone()),
                    check: Some("disk".to_owned()),
                    from_secs: *from_secs,
                    until_secs: *until_secs,
                    reason: String::new(),
                    who: "a".to_owned(),
                    made_secs: *from_secs,
                };
                session.write(&mut |sql| add_downtime(sql, &downtime).map(|_| ())).unwrap();
            }
        }
        let mut session = engine.open(Purpose::Query).unwrap();
        let mut answers = Answers::new(&mut *session, MARCH.1 + DAY);
        let month = CalendarMonth { year: 2026, month: 3 };
        let asked =
            Asked { machine: None, check: None, group: None, month: Some(month), skip: (0, 0), limit: 100 };
        let (rows, next) = rows(&mut answers, &machines, &asked).unwrap();
        assert_eq!((rows.len(), next), (lives.len(), None));
        for ((life, row), truth) in lives.iter().zip(&rows).zip(&truths) {
            assert_eq!(
                (row.machine.as_str(), row.shares.total()),
                (life.id.as_str(), (31 * DAY - HOUR) as u64)
            );
            assert_eq!(row.shares, *truth, "{} {:?}", life.id, life.outages);
        }
        // Page by page they are the same.
        let mut skip = (0, 0);
        for row in &rows {
            let (one, next) =
                super::rows(&mut answers, &machines, &Asked { skip, limit: 1, ..asked_again(month) })
                    .unwrap();
            assert_eq!((one.len(), &one[0].machine), (1, &row.machine));
            skip = next.unwrap_or(skip);
        }
    });
}

#[test]
fn a_silent_month_does_not_end_the_list_of_months() {
    let machines = machines("[machine away]\nid=away\n");
    let named = machines.roster.of_name("away").unwrap();
    // It says something in January and in March, and nothing in February.
    let january = MARCH.0 - 45 * DAY;
    let mut arrivals = vec![check("away", january, CheckState::Warning, CheckState::Pending)];
    arrivals.extend((0..24).map(|hour| sample("away", january + hour * HOUR, 5e8, 1e9)));
    arrivals.extend((0..24).map(|hour| sample("away", MARCH.0 + DAY + hour * HOUR, 5e8, 1e9)));
    on_each(|engine| {
        append(engine, arrivals.clone());
        let mut session = engine.open(Purpose::Query).unwrap();
        let now = MARCH.0 + 2 * DAY;
        let mut answers = Answers::new(&mut *session, now);
        let found = months_of(&mut answers, &machines, named, "disk", machines.zone.month_of(now)).unwrap();
        let months: Vec<String> = found.iter().map(|row| row.month.to_string()).collect();
        assert_eq!(months, ["2026-03", "2026-02", "2026-01"]);
        let shares = |at: usize| found[at].shares;
        assert_eq!(
            (shares(1).none, shares(1).total()),
            (28 * DAY as u64, 28 * DAY as u64),
            "it said nothing"
        );
        assert_eq!(shares(1).ok_share(), None);
        assert_eq!((shares(0).none, shares(0).warning), (DAY as u64, DAY as u64));
        // From its last word of January on.
        assert_eq!(shares(2).warning, (23 * HOUR) as u64);
    });
}

fn asked_again(month: CalendarMonth) -> Asked {
    Asked { machine: None, check: None, group: None, month: Some(month), skip: (0, 0), limit: 100 }
}

#[test]
fn no_id_that_rotated_is_silent_and_a_machine_that_is_out_is() {
    let mut arrivals = Vec::new();
    // Ten machines whose ids live for three days, with a check that fails, and one with a name that went out.
    for machine in 0..10 {
        for life in 0..4 {
            let id = format!("m{machine}life{life}");
            let begin = MARCH.0 + life * 3 * DAY;
            arrivals.extend((0..72).map(|hour| sample(&id, begin + hour * HOUR, 5e8, 1e9)));
            arrivals.push(check(&id, begin, CheckState::Critical, CheckState::Pending));
        }
    }
    let end = MARCH.0 + 12 * DAY - HOUR;
    arrivals.extend((0..200).map(|hour| sample("out", MARCH.0 + hour * HOUR, 5e8, 1e9)));
    arrivals.push(check("out", MARCH.0, CheckState::Ok, CheckState::Pending));
    let machines = machines("[machine out]\nid=out\n[machine never]\nid=never\n");
    on_each(|engine| {
        append(engine, arrivals.clone());
        let mut session = engine.open(Purpose::Query).unwrap();
        for (now, is_out) in
            [(MARCH.0 + 202 * HOUR - 1, false), (MARCH.0 + 202 * HOUR, true), (end + 60, true)]
        {
            let mut answers = Answers::new(&mut *session, now);
            let known = answers.board_machines(&machines.roster.ids()).unwrap();
            let board = Board::new(&machines.roster, &machines.zone, &known, &[], now);
            let silent: Vec<&str> = board.silent().iter().map(|silent| silent.name.as_str()).collect();
            assert_eq!(silent, if is_out { vec!["never", "out"] } else { vec!["never"] }, "{now}");
            if now == end + 60 {
                assert_eq!(
                    answers.state_machines().unwrap().len(),
                    41,
                    "four ids of each of ten machines, and out"
                );
                assert_eq!(known.len(), 11, "of each of the ten the one id that it has now");
                assert!(known.iter().all(|known| !board.machine(known.id).unwrap().presence.has_ended()));
            }
        }
    });
}

#[test]
fn disks_are_full_when_the_fleet_knows_they_are() {
    let now = MARCH.0 + 10 * DAY;
    let dice = Dice::new(7);
    let disks: Vec<(String, i64, f64)> = (0..60)
        .map(|number| {
            let full = now + DAY + (dice.with(number).unit() * 24.0 * DAY as f64) as i64;
            (format!("disk{number:02}"), full, 1e4 + dice.with(number + 1000).unit() * 1e5)
        })
        .collect();
    let arrivals = disks.iter().enumerate().flat_map(|(number, (id, full, rate))| {
        (0..73).map(move |hour| {
            let at = now - hour * HOUR;
            // Logs are rotated once a day, and files come and go.
            let noise = dice.with(number as u64).with(hour as u64).unit() * 0.1
                - (at % DAY) as f64 / DAY as f64 * 0.4;
            sample(id, at, ((full - at) as f64 + noise * DAY as f64) * rate, 1e12)
        })
    });
    let arrivals: Vec<Arrival> = arrivals.collect();
    on_each(|engine| {
        append(engine, arrivals.clone());
        let mut session = engine.open(Purpose::Query).unwrap();
        let mut answers = Answers::new(&mut *session, now);
        let (mut near, mut inside) = (0, 0);
        let mut kept = Vec::new();
        for (id, full, _) in &disks {
            let key = MachineKey::Id(id.clone());
            let found = forecasts::of_machine(&mut answers, &key).unwrap();
            assert_eq!(found.len(), 1, "{id} {found:?}");
            assert_eq!(found[0].what, "disk /");
            near += usize::from((found[0].at_secs - full).abs() * 10 <= full - now);
            inside += usize::from((found[0].earliest_secs..=found[0].latest_secs).contains(full));
            kept.push((key, found));
        }
        println!("of {} disks {near} within a tenth, {inside} inside their span", disks.len());
        assert!(
            near * 2 >= disks.len() && inside * 10 >= disks.len() * 9,
            "{near} {inside} of {}",
            disks.len()
        );
        drop(session);
        for (key, found) in kept {
            let mut session = engine.open(Purpose::Maintain).unwrap();
            session.write(&mut |sql| set_runs_out(sql, &key, &found)).unwrap();
        }
        let mut session = engine.open(Purpose::Query).unwrap();
        let soonest = Answers::new(&mut *session, now).runs_out(3).unwrap();
        assert!(soonest.windows(2).all(|two| two[0].1.at_secs <= two[1].1.at_secs), "{soonest:?}");
    });
}
