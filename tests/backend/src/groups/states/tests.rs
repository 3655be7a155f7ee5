//! The table of the facts, line by line, and what must never change a state.

use super::*;
use crate::groups::versions::{Line, Version};
use proptest::prelude::*;

const T: i64 = 1_700_000_000;

fn build(text: &str) -> Version {
    Line::Build { system: "debian".to_owned() }.version(text).unwrap()
}

fn seen(age_days: i64) -> Seen {
    Seen { now_secs: T, first_seen_secs: T - age_days * DAY_SECS, machines_since_hidden: 0 }
}

fn fixed(version: &str) -> Marks {
    Marks::default().fixed_in(build(version), T - DAY_SECS)
}

fn probably(version: &str) -> Marks {
    Marks {
        probably_fixed: Some(ProbablyFixed { at_secs: T - DAY_SECS, version: build(version) }),
        ..Marks::default()
    }
}

fn with(marks: &Marks, regressed: Option<Regressed>) -> Marks {
    Marks { regressed, ..marks.clone() }
}

#[test]
fn the_table() {
    let back = fixed("12").regressed_by(7, T, Some(&build("12")));
    let silent_back = probably("12").regressed_on(3, 8, T);
    let hide = |marks: &Marks, until| marks.hidden_until(until, T - DAY_SECS);
    let today = T.div_euclid(DAY_SECS);
    for (line, marks, expected) in [
        (1, hide(&Marks::default(), Until::Forever), State::Hidden),
        (1, hide(&fixed("12"), Until::Forever), State::Hidden),
        (1, hide(&with(&fixed("12"), back), Until::Day(today + 1)), State::Hidden),
        (1, hide(&Marks::default(), Until::Machines(5)), State::Hidden),
        (2, with(&fixed("12"), back), State::Regressed),
        (2, hide(&with(&fixed("12"), back), Until::Day(today)), State::Regressed),
        (3, fixed("12"), State::Fixed),
        (3, hide(&fixed("12"), Until::Machines(0)), State::Fixed),
        (3, Marks { fixed: fixed("12").fixed, ..probably("11") }, State::Fixed),
        (4, with(&probably("12"), silent_back), State::Regressed),
        (5, probably("12"), State::ProbablyFixed),
        (7, Marks::default(), State::Ongoing),
        (7, hide(&Marks::default(), Until::Day(today)), State::Ongoing),
        (7, hide(&Marks::default(), Until::Day(today - 3)), State::Ongoing),
    ] {
        assert_eq!(state(&marks, &seen(8)), expected, "line {line}: {marks:?}");
    }
    assert_eq!(state(&Marks::default(), &seen(6)), State::New);
    assert_eq!(state(&Marks::default(), &seen(7)), State::Ongoing);
    assert_eq!(state(&fixed("12"), &seen(0)), State::Fixed);
    let hidden = hide(&Marks::default(), Until::Machines(5));
    assert_eq!(state(&hidden, &Seen { machines_since_hidden: 5, ..seen(8) }), State::Ongoing);
    // Who had marked it is said.
    assert!(back.unwrap().was_marked && !silent_back.unwrap().was_marked);
    assert_eq!((back.unwrap().record, silent_back.unwrap().record), (7, 8));
}

#[test]
fn what_changes_no_state() {
    let marks = fixed("12");
    let now = |version: Option<&Version>| marks.regressed_by(1, T, version);
    assert!(now(Some(&build("12.1"))).is_some());
    assert_eq!(now(Some(&build("11"))), None, "a late record of an old version");
    assert_eq!(now(None), None, "a record without a version");
    assert_eq!(now(Some(&Line::Kernel.version("99").unwrap())), None, "another line");
    let other = Line::Build { system: "ubuntu".to_owned() }.version("99").unwrap();
    assert_eq!(now(Some(&other)), None, "another system");
    assert_eq!(marks.regressed_by(1, T - 2 * DAY_SECS, Some(&build("13"))), None, "received before the mark");
    assert_eq!(Marks::default().regressed_by(1, T, Some(&build("13"))), None, "not marked");
    assert_eq!(probably("12").regressed_by(1, T, Some(&build("13"))), None, "one record against a silence");
    assert_eq!(probably("12").regressed_on(2, 1, T), None, "two machines against a silence");
    assert_eq!(marks.regressed_on(9, 1, T), None, "a person's mark has its own rule");
    assert_eq!(Marks::default().regressed_on(9, 1, T), None, "never silent");
}

#[test]
fn regressed_stays_until_a_person_speaks() {
    let back = with(&fixed("12"), fixed("12").regressed_by(7, T, Some(&build("13"))));
    assert_eq!(back.regressed_by(8, T, Some(&build("14"))), None, "the first record is kept");
    assert_eq!(state(&back, &seen(400)), State::Regressed);
    assert_eq!(state(&back.opened(), &seen(400)), State::Ongoing);
    let again = back.fixed_in(build("15"), T);
    assert_eq!(state(&again, &seen(400)), State::Fixed);
    assert_eq!(again.regressed_by(9, T, Some(&build("14"))), None);
    assert!(again.regressed_by(9, T, Some(&build("15"))).is_some());
}

#[test]
fn fixed_needs_a_version_of_a_line() {
    let debian = Line::Build { system: "debian".to_owned() };
    let lines = [debian.clone(), Line::Kernel];
    let said = |version, line, lines: &[Line]| version_to_mark(version, line, lines).unwrap_err().to_string();
    assert_eq!(version_to_mark("12", None, &lines[..1]).unwrap(), build("12"));
    assert_eq!(version_to_mark("6.1", Some("kernel"), &lines).unwrap().line, Line::Kernel);
    assert_eq!(said("", None, &lines), "version is missing: in which version is it fixed?");
    assert_eq!(said("12", None, &lines), "line is missing; the group is on: build debian, kernel");
    assert_eq!(
        said("12", Some("build x"), &lines),
        "the group is not on this line, but on: build debian, kernel"
    );
    assert_eq!(said("12", None, &[]), "no record of the group has a version");
    assert_eq!(said("1\n", None, &lines[..1]), "version has at most 128 bytes and no control characters");
}

#[test]
fn merging_keeps_the_highest_version_of_a_line() {
    let kernel = Line::Kernel.version("6.1").unwrap();
    let one = fixed("12").fixed_in(kernel.clone(), T - 5);
    let other = Marks::default().fixed_in(build("13"), T - 9);
    for merged in [one.merged(&other), other.merged(&one)] {
        let fixed = merged.fixed.unwrap();
        let mut texts: Vec<_> = fixed.versions.iter().map(|version| version.text.as_str()).collect();
        texts.sort_unstable();
        assert_eq!((fixed.at_secs, texts), (T - 5, vec!["13", "6.1"]));
    }
    let hidden = Marks::default().hidden_until(Until::Forever, T);
    assert_eq!(hidden.merged(&Marks::default()).hidden, None);
    assert!(hidden.merged(&hidden).hidden.is_some());
    assert_eq!(Marks::default().merged(&Marks::default()), Marks::default());
}

#[test]
fn marks_are_stored_as_json() {
    let marks =
        with(&fixed("12"), fixed("12").regressed_by(7, T, Some(&build("13")))).hidden_until(Until::Day(3), T);
    let json = serde_json::to_string(&marks).unwrap();
    assert_eq!(serde_json::from_str::<Marks>(&json).unwrap(), marks);
    for state in State::ALL {
        assert_eq!(State::from_name(state.name()), Some(state));
        assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{state}\""));
    }
}

/// 14 days of version 1 on 100 machines with so many affected, then as many days of version 2 on `newer` machines.
fn days(affected: u64, newer: u64, silent_days: i64) -> Vec<VersionDay<'static>> {
    let old = (0..14).map(|day| VersionDay { key: b"1", day, machines: 100, affected });
    let new =
        (0..silent_days).map(|day| VersionDay { key: b"2", day: 14 + day, machines: newer, affected: 0 });
    old.chain(new).collect()
}

#[test]
fn a_silence_that_is_no_chance() {
    for (affected, newer, silent_days, expected) in [
        // 1 % a day: 300 machine-days.
        (1, 100, 3, true),
        (1, 100, 2, false),
        (1, 149, 2, false),
        (1, 150, 2, true),
        // Often, but on too few machines or days.
        (90, 2, 30, false),
        (90, 100, 1, false),
        (90, 3, 2, true),
        (0, 1000, 30, false),
    ] {
        let silence = Silence::from_days(&days(affected, newer, silent_days), b"2", 13);
        assert_eq!(silence.is_telling(), expected, "{affected} {newer} {silent_days}: {silence:?}");
    }
    // Older days than 14 do not count, nor versions that were never affected.
    let mut rows = days(1, 100, 3);
    rows.push(VersionDay { key: b"1", day: -1, machines: 9000, affected: 0 });
    rows.push(VersionDay { key: b"0", day: 5, machines: 9000, affected: 0 });
    assert!(Silence::from_days(&rows, b"2", 13).is_telling());
    assert!(!Silence::from_days(&[], b"2", 13).is_telling());
}

#[test]
fn the_version_to_hope_for() {
    let known = [build("13"), build("11"), build("12"), Line::Kernel.version("12").unwrap()];
    assert_eq!(next_version(&known, &build("11")).unwrap().text, "12");
    assert_eq!(next_version(&known, &build("13")), None);
}

proptest! {
    #[test]
    fn only_a_version_of_the_line_at_or_above_regresses(mark in 1_u32..60, seen_in in 1_u32..60, late in 0_i64..90, is_kernel: bool) {
        let version = if is_kernel { Line::Kernel.version(&seen_in.to_string()).unwrap() } else { build(&seen_in.to_string()) };
        let marks = Marks::default().fixed_in(build(&mark.to_string()), T);
        let received_secs = T + late * DAY_SECS;
        let expected = !is_kernel && seen_in >= mark;
        prop_assert_eq!(marks.regressed_by(1, received_secs, Some(&version)).is_some(), expected);
    }

    #[test]
    fn more_silence_never_says_less(affected in 0_u64..100, newer in 0_u64..200, silent_days in 0_i64..10) {
        let telling = |newer, silent_days| Silence::from_days(&days(affected, newer, silent_days), b"2", 13).is_telling();
        if telling(newer, silent_days) {
            prop_assert!(telling(newer + 1, silent_days) && telling(newer, silent_days + 1));
        }
    }
}
