//! The order of checks, and downtime.

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
        let names = |not_ok_only, limit| {
            let asked = ChecksAsked { machine: None, not_ok_only, limit };
            let checks = ask(engine, NOW_SECS, |answers| answers.checks_now(&asked));
            checks.into_iter().map(|check| check.report.name).collect::<Vec<_>>().concat()
        };
        assert_eq!(
            (names(false, 9), names(true, 9), names(true, 2)),
            ("edcba".replace("edc", "ebdc").replace("ba", "a"), "ebdc".into(), "eb".into())
        );
        let counts = ask(engine, NOW_SECS, |answers| answers.check_counts());
        assert_eq!(
            counts,
            [
                (CheckState::Critical, 2),
                (CheckState::Unknown, 1),
                (CheckState::Warning, 1),
                (CheckState::Ok, 1)
            ]
        );
        let changed = ask(engine, NOW_SECS, |answers| answers.checks_changed(&id("m")));
        assert_eq!(changed, ["a", "b", "c", "d", "e"]);
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
