//! Pulled machines.

use std::collections::HashSet;

use super::*;
use crate::samples::limits::{CHECK_CHANGES, GONE_CHECKS, MACHINE_CHECKS};
use crate::storage::tombstone;

const DAY_SECS: i64 = 86_400;

fn answer(at: &str, checks: &str) -> Answer {
    let json = format!(
        "{{\"version\":1,\"time\":\"{at}\",\"server\":\"A/B/C/s\",\"client_version\":\"4\",\"checks\":[{checks}],\
         \"readings\":[{{\"name\":\"system_load\",\"labels\":{{}},\"type\":\"gauge\",\"unit\":\"\",\"value\":1}}]}}"
    );
    pulled::parse(json.as_bytes()).unwrap()
}

fn done(name: &str, machine: MachineKey, at_secs: i64, outcome: Result<Answer, String>) -> PullDone {
    PullDone { name: name.into(), machine, at_secs, outcome, next_secs: at_secs + 60, interval_secs: 60 }
}

fn check(name: &str, state: &str) -> String {
    format!(
        "{{\"name\":\"{name}\",\"state\":\"{state}\",\"since\":1600000000,\"attempt\":0,\"value\":1.5,\"output\":\"o\"}}"
    )
}

#[test]
fn what_a_pull_brings_and_how_it_goes_are_one_transaction() {
    on_each(|engine| {
        let key = || MachineKey::Pulled("web01".into());
        let pull = |at, outcome| {
            let pulls = [
                done("web01", key(), at, outcome),
                done("web02", id("static"), at, Err("no answer\0".into())),
            ];
            write(engine, |sql| store_pulls(sql, &pulls));
        };
        // Its clock is a year ahead.
        pull(
            NOW_SECS,
            Ok(answer("2030-01-01T00:00:00Z", &[check("a", "OK"), check("b", "WARNING")].join(","))),
        );
        pull(NOW_SECS + 60, Err("it hangs".into()));
        pull(NOW_SECS + 120, Ok(answer("x", &check("a", "OK"))));
        let states = ask(engine, NOW_SECS, |answers| answers.pull_states());
        assert_eq!(states.len(), 2);
        let web01 = &states[0];
        assert_eq!(
            (web01.tried_secs, web01.answered_secs, web01.next_secs),
            (NOW_SECS + 120, Some(NOW_SECS + 120), NOW_SECS + 180)
        );
        assert_eq!(
            (web01.failures, web01.fault.as_deref(), web01.fault_secs),
            (0, Some("it hangs"), Some(NOW_SECS + 60))
        );
        assert_eq!((web01.server.as_deref(), web01.client_version.as_deref()), (Some("A/B/C/s"), Some("4")));
        let web02 = ask(engine, NOW_SECS, |answers| answers.pull_state("web02")).unwrap();
        assert_eq!(
            (web02.failures, web02.answered_secs, web02.fault.as_deref()),
            (3, None, Some("no answer\u{fffd}"))
        );
        assert_eq!(web02.machine, id("static"));

        let line = lines(engine, &key(), Resolution::Samples);
        let times: Vec<_> = line[0].points.iter().map(|point| point.at_secs).collect();
        assert_eq!(times, [NOW_SECS, NOW_SECS + 120]);
        let machine = ask(engine, NOW_SECS, |answers| answers.state_machine(&key())).unwrap();
        assert_eq!(machine.interval_secs, Some(60));
        // A check that is not in the list any more is gone since then.
        assert_eq!(checks_of(engine, &key()).len(), 1);
        let gone = ask(engine, NOW_SECS, |answers| answers.check_changes(&key(), "b", 0, i64::MAX));
        let gone: Vec<_> = gone.iter().map(|change| (change.at_secs, change.state.word())).collect();
        assert_eq!(gone, [(1_600_000_000, "WARNING"), (NOW_SECS + 120, "GONE")]);
    });
}

#[test]
fn machines_of_another_collector_of_the_database_are_kept_until_nobody_has_asked_them_for_a_week() {
    on_each(|engine| {
        let names = ["ours", "of another", "of one that was removed"];
        for (name, at) in names.into_iter().zip([NOW_SECS - 30 * DAY_SECS, NOW_SECS, NOW_SECS - 8 * DAY_SECS])
        {
            let pulls = [done(name, MachineKey::Pulled(name.into()), at, Err("no answer".into()))];
            write(engine, |sql| store_pulls(sql, &pulls));
        }
        let kept = |others| {
            write(engine, |sql| keep_pull_states(sql, &HashSet::from(["ours".to_owned()]), others));
            let states = ask(engine, NOW_SECS, |answers| answers.pull_states());
            states.into_iter().map(|state| state.name).collect::<Vec<_>>()
        };
        // A clock that is behind takes nothing from anybody.
        assert_eq!(kept(Others::MaybeAnothers(0)).len(), 3);
        assert_eq!(kept(Others::MaybeAnothers(i64::MIN)).len(), 3);
        let (due_secs, week_secs) = (NOW_SECS - 8 * DAY_SECS + 60, 7 * DAY_SECS);
        assert_eq!(kept(Others::MaybeAnothers(due_secs + week_secs)).len(), 3);
        assert_eq!(kept(Others::MaybeAnothers(due_secs + week_secs + 1)), ["of another", "ours"]);
        assert_eq!(kept(Others::MaybeAnothers(NOW_SECS)), ["of another", "ours"]);
        assert_eq!(kept(Others::Nobodys), ["ours"]);
    });
}

/// An answer that has these checks, and nothing else.
fn with_checks(at: &str, names: impl Iterator<Item = usize>) -> Answer {
    answer(at, &names.map(|number| check(&format!("c{number}"), "WARNING")).collect::<Vec<_>>().join(","))
}

fn met(engine: &dyn Engine, bound: &str) -> u64 {
    let met = ask(engine, NOW_SECS, |answers| answers.collector()).bounds;
    met.iter().filter(|met| met.bound == bound).map(|met| met.times).sum()
}

#[test]
fn a_machine_whose_clock_stands_has_a_bounded_number_of_checks() {
    on_each(|engine| {
        // It says other checks each time, and always the same second, so that none of them is known to be gone.
        for round in 0..3 {
            let names = round * MACHINE_CHECKS..(round + 1) * MACHINE_CHECKS;
            let at_secs = NOW_SECS + i64::try_from(round).unwrap() * 60;
            let pulls = [done(
                "m",
                MachineKey::Pulled("m".into()),
                at_secs,
                Ok(with_checks("2023-11-14T00:00:00Z", names)),
            )];
            write(engine, |sql| store_pulls(sql, &pulls));
        }
        let rows = i64::try_from(MACHINE_CHECKS).unwrap();
        assert_eq!((count(engine, "check_now"), count(engine, "check_change")), (rows, rows));
        assert_eq!(met(engine, "machine_checks"), 2 * MACHINE_CHECKS as u64);
        let known = checks_of(engine, &MachineKey::Pulled("m".into()));
        assert!(
            known.iter().any(|check| check.name == "c255") && known.iter().all(|check| check.name != "c256")
        );
    });
}

#[test]
fn a_machine_with_other_checks_at_each_answer_leaves_a_bounded_number_of_changes() {
    on_each(|engine| {
        let (key, few) = (MachineKey::Pulled("m".into()), 100);
        for round in 0..7 {
            let pulls = [done(
                "m",
                key.clone(),
                START + i64::try_from(round).unwrap() * 60,
                Ok(with_checks("x", round * few..(round + 1) * few)),
            )];
            write(engine, |sql| store_pulls(sql, &pulls));
        }
        assert_eq!(count(engine, "check_now"), 100);
        let names = ask(engine, NOW_SECS, |answers| answers.checks_changed(&key));
        assert_eq!(names.len(), few + GONE_CHECKS);
        // Those that are there, and those that went last, in whole hundreds and the first of one more by name.
        let is_there = |number: usize| names.contains(&format!("c{number}"));
        assert!((400..700).all(is_there) && !(0..300).any(is_there), "{names:?}");
        assert_eq!(met(engine, "gone_checks"), 600 - GONE_CHECKS as u64);
    });
}

#[test]
fn a_check_that_comes_and_goes_has_a_bounded_number_of_changes() {
    on_each(|engine| {
        let key = MachineKey::Pulled("m".into());
        let pull = |at_secs: i64, checks: &str| {
            let pulls = [done("m", key.clone(), at_secs, Ok(answer("x", checks)))];
            write(engine, |sql| store_pulls(sql, &pulls));
        };
        pull(START, &check("a", "WARNING"));
        // As many as are kept, but for two.
        write(engine, |sql| {
            let rows =
                (2..CHECK_CHANGES - 1).map(|number| format!("(1, 'a', {}, 1)", 1_600_000_000 + number));
            let rows = rows.collect::<Vec<_>>().join(", ");
            sql.execute(&format!("INSERT INTO check_change (machine, name, time, state) VALUES {rows}"), &[])
                .map(drop)
        });
        for round in 1..20 {
            pull(START + round * 120, "");
            pull(START + round * 120 + 60, &check("a", "WARNING"));
        }
        let changes = count(engine, "check_change");
        assert!((CHECK_CHANGES - 2..=CHECK_CHANGES).contains(&changes), "{changes}");
        assert!(met(engine, "check_changes") > 30);
        assert_eq!(checks_of(engine, &key)[0].state.word(), "WARNING", "how it is, is known all the same");
    });
}

#[test]
fn a_machine_that_asked_to_be_forgotten_is_not_pulled_back_in() {
    on_each(|engine| {
        write(engine, |sql| {
            let insert = "INSERT INTO forgotten (hash, forgotten, known) VALUES ($1, $2, 1)";
            sql.execute(insert, &[tombstone("gone").into(), NOW_SECS.into()]).map(drop)
        });
        let pulls = [
            done("a", id("gone"), NOW_SECS, Ok(answer("x", ""))),
            done("b", id("here"), NOW_SECS, Ok(answer("x", ""))),
        ];
        write(engine, |sql| store_pulls(sql, &pulls));
        let machines = ask(engine, NOW_SECS, |answers| answers.state_machines());
        assert_eq!(machines.iter().map(|machine| &machine.key).collect::<Vec<_>>(), [&id("here")]);
        let state = ask(engine, NOW_SECS, |answers| answers.pull_state("a")).unwrap();
        assert!(state.fault.unwrap().contains("forgotten"));
        assert_eq!(state.machine, MachineKey::Pulled("a".into()), "its id is not kept");
    });
}

#[test]
fn silence_is_known_to_the_second() {
    on_each(|engine| {
        let key = MachineKey::Pulled("a".into());
        for at in [0, 60, 240, 421, 480, 1000] {
            let pulls = [done("a", key.clone(), START + at, Ok(answer("x", "")))];
            write(engine, |sql| store_pulls(sql, &pulls));
        }
        let silences = |now, from, until| {
            let silences =
                ask(engine, START + now, |answers| answers.silences(&key, START + from, START + until));
            silences.into_iter().map(|(from, until)| (from - START, until - START)).collect::<Vec<_>>()
        };
        assert_eq!(silences(1001, -1000, 9000), [(240, 421), (480, 1000)]);
        assert_eq!(silences(1180, -1000, 9000).len(), 2, "three intervals");
        assert_eq!(silences(1181, -1000, 9000), [(240, 421), (480, 1000), (1000, 1181)]);
        assert_eq!(silences(1181, 300, 500), [(300, 421), (480, 500)]);
    });
}

#[test]
fn what_ends_is_kept_soonest_first() {
    on_each(|engine| {
        append(engine, &[sample("m", "system_a 1\n", NOW_SECS), sample("n", "system_a 1\n", NOW_SECS)]);
        let ends = |what: &str, at: i64| RunsOut {
            what: what.into(),
            at_secs: at,
            earliest_secs: at - 1,
            latest_secs: at + 1,
        };
        write(engine, |sql| set_runs_out(sql, &id("m"), &[ends("/", 9), ends("/home", 3)]));
        write(engine, |sql| set_runs_out(sql, &id("n"), &[ends("/", 5)]));
        write(engine, |sql| set_runs_out(sql, &id("unknown"), &[ends("/", 5)]));
        write(engine, |sql| set_runs_out(sql, &id("m"), &[ends("/home", 4), ends("/", 7)]));
        let all = ask(engine, NOW_SECS, |answers| answers.runs_out(2));
        assert_eq!(all, [(id("m"), ends("/home", 4)), (id("n"), ends("/", 5))]);
        assert_eq!(count(engine, "runs_out"), 3);
    });
}
