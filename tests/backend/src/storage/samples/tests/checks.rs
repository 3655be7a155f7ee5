//! The order of checks, who is on the board, and downtime.

use super::*;
use crate::samples::CheckState;

#[test]
fn the_worst_check_comes_first_and_of_equal_ones_the_longest() {
    on_each(|engine| {
        let states = [
            ("a", "OK", 1),
            ("b", "CRITICAL", 5),
            ("c", "WARNING", 2),
            ("d", "UNKNOWN", 9),
            ("e", "CRITICAL", 3),
        ];
        let batch: Vec<Arrival> = states
            .iter()
            .map(|(name, state, since)| {
                let text = format!("Check: {name}\nState: {state}\nSince: 2023-11-01T00:00:0{since}Z\nValue: 2.5\nGroup: g\nKind: disk\n");
                record("m", "org.telemetrics/check/state", &text, NOW_SECS, NOW_SECS)
            })
            .collect();
        append(engine, &batch);
        let found = checks_of(engine, &id("m"));
        let names: String = found.iter().map(|check| check.name.as_str()).collect();
        assert_eq!(names, "ebdca");
        let (machine, first) = (found[0].machine, &found[0]);
        assert_eq!(
            (first.state, first.value, first.group.as_str(), first.received_secs),
            (CheckState::Critical, Some(2.5), "g", NOW_SECS)
        );
        let heard = |without, others| asked(Plain::Heard { without, others }, &[]);
        let sums = |asked: &BoardAsked| {
            let mut sums = Vec::new();
            ask(engine, NOW_SECS, |answers| {
                answers
                    .ok_sums(asked, |machine, group, checks| sums.push((machine, group.to_owned(), checks)))
            });
            sums
        };
        let one = [(machine, "g".to_owned(), 1)];
        assert_eq!(sums(&asked(Plain::These(vec![machine]), &[])), one);
        assert_eq!(sums(&heard(vec![], vec![])), one);
        assert_eq!(sums(&heard(vec![machine], vec![])), []);
        assert_eq!(sums(&heard(vec![machine], vec![machine])), one);
        // Where it is silent or planned, checks that are OK do not stand there as such.
        let apart = asked(Plain::These(vec![]), &[machine]);
        assert_eq!(ask(engine, NOW_SECS, |answers| answers.checks_apart(&apart)).len(), 5);
        assert_eq!(sums(&apart), []);
        let changed = ask(engine, NOW_SECS, |answers| answers.checks_changed(&id("m")));
        assert_eq!(changed, ["a", "b", "c", "d", "e"]);
    });
}

#[test]
fn an_id_that_has_ended_is_not_on_the_board() {
    on_each(|engine| {
        let check = "Check: c\nState: CRITICAL\nSince: 2023-11-01T00:00:00Z\n";
        let heard = |machine: &str, at: i64| record(machine, "org.telemetrics/check/state", check, at, at);
        let minutely = |machine: &str, at: i64| sample(machine, &text(1.0, 1.0, 1.0), at - 5);
        append(
            engine,
            &[
                // By a day, which is the interval where none is known, and by a minute.
                heard("rotated", NOW_SECS - 3 * DAY),
                heard("here", NOW_SECS - 3 * DAY + 1),
                heard("named", NOW_SECS - 300 * DAY),
                minutely("gone", NOW_SECS - 180),
                minutely("there", NOW_SECS - 179),
            ],
        );
        let pulls = PullDone {
            name: "asked".into(),
            machine: MachineKey::Pulled("asked".into()),
            at_secs: NOW_SECS - 300 * DAY,
            outcome: Ok(pulled::parse(b"{\"version\":1,\"readings\":[]}").unwrap()),
            next_secs: 0,
            interval_secs: 60,
        };
        write(engine, |sql| store_pulls(sql, std::slice::from_ref(&pulls)));
        let board = |named: &[&str]| {
            let known = ask(engine, NOW_SECS, |answers| answers.board_machines(named));
            let mut names: Vec<String> = known.iter().map(|known| known.key.text().to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(board(&[]), ["asked", "here", "there"]);
        let many: Vec<String> = (0..1200).map(|number| format!("never{number}")).collect();
        let mut named: Vec<&str> = many.iter().map(String::as_str).collect();
        named.extend(["here", "named"]);
        assert_eq!(board(&named), ["asked", "here", "named", "there"]);
        let row = |machine: &str| {
            ask(engine, NOW_SECS, |answers| answers.board_machine(&id(machine))).unwrap().0.id
        };
        let apart = |without, others| {
            let asked = asked(Plain::Heard { without, others }, &[]);
            let found = ask(engine, NOW_SECS, |answers| answers.checks_apart(&asked));
            found.iter().map(|check| check.machine).collect::<Vec<_>>()
        };
        assert_eq!(apart(vec![], vec![]), [row("here")]);
        assert_eq!(apart(vec![row("here")], vec![row("named")]), [row("named")]);
    });
}

#[test]
fn downtime_is_planned_and_ended() {
    on_each(|engine| {
        let planned = Downtime {
            id: 0,
            machine: MachineKey::Pulled("web01".into()),
            check: Some("disk".into()),
            from_secs: NOW_SECS,
            until_secs: NOW_SECS + 100,
            reason: "new disk".into(),
            who: "ada".into(),
            made_secs: NOW_SECS - 5,
        };
        let whole = Downtime { check: None, from_secs: NOW_SECS + 50, ..planned.clone() };
        let mut ids = Vec::new();
        let mut session = engine.open(Purpose::Maintain).unwrap();
        session
            .write(&mut |sql| {
                ids = vec![add_downtime(sql, &planned)?, add_downtime(sql, &whole)?];
                Ok(())
            })
            .unwrap();
        let at = |from, until| ask(engine, NOW_SECS, |answers| answers.downtimes(from, until));
        assert_eq!(at(NOW_SECS - 50, NOW_SECS), [], "half open");
        assert_eq!(at(NOW_SECS, NOW_SECS + 1), [Downtime { id: ids[0], ..planned }]);
        assert_eq!(at(NOW_SECS + 99, NOW_SECS + 200).len(), 2);
        let mut ended = Vec::new();
        session
            .write(&mut |sql| {
                ended.clear();
                for id in [ids[0], ids[0], ids[1], 99] {
                    ended.push(end_downtime(sql, id, NOW_SECS + 30)?);
                }
                Ok(())
            })
            .unwrap();
        assert_eq!(ended, [true, false, true, false]);
        let left = at(0, i64::MAX);
        assert_eq!((left.len(), left[0].until_secs), (1, NOW_SECS + 30), "one that had not begun never was");
    });
}
