use super::*;
use crate::definition::{File, parse};
use proptest::prelude::*;

fn definitions(text: &str) -> Vec<Definition> {
    let (definitions, faults) = parse(&[File { name: "f".to_owned(), text: text.to_owned() }]);
    assert_eq!(faults, []);
    definitions
}

fn plan(text: &str) -> Plan {
    Plan::new(definitions(text), CheckStates::default(), "boot", Duration::ZERO)
}

fn result(state: State) -> Measured {
    Measured::verdict(state, "")
}

/// Runs the plan for so many seconds, where each check gives what `say` says; returns which were run and what was reported.
fn run(
    plan: &mut Plan,
    seconds: std::ops::Range<u64>,
    say: impl Fn(&str, u64) -> State,
) -> (Vec<String>, Vec<(String, Reason)>) {
    let (mut runs, mut reports) = (Vec::new(), Vec::new());
    for second in seconds {
        let now = Duration::from_secs(second);
        // What one result makes due runs in the same second.
        for _ in 0..3 {
            for definition in plan.take_due(now) {
                let state = say(&definition.name, second);
                runs.push(definition.name.clone());
                let found = plan.take_result(&definition.name, result(state), now, 1_000_000 + second);
                reports.extend(found.into_iter().map(|report| (report.name, report.reason)));
            }
        }
    }
    (runs, reports)
}

#[test]
fn a_check_runs_at_its_interval_and_sooner_while_it_is_not_settled() {
    let mut plan = plan("[a]\nkind=load\ninterval=100\nretry=10\n");
    let (runs, reports) = run(&mut plan, 0..1000, |_, _| State::Ok);
    assert!((9..=11).contains(&runs.len()), "{}", runs.len());
    assert_eq!(reports.len(), 1);
    let (_, reports) = run(&mut plan, 1000..1200, |_, _| State::Critical);
    assert!(matches!(reports[..], [(_, Reason::Change { was: Some(State::Ok), .. })]), "{reports:?}");
}

#[test]
fn no_more_run_at_one_time_than_there_is_room_for_and_none_twice() {
    let text: String = (0..30).map(|n| format!("[c{n}]\nkind=load\ninterval=10\nretry=10\n")).collect();
    let mut plan = plan(&text);
    let first = plan.take_due(Duration::from_secs(100));
    assert_eq!(first.len(), AT_A_TIME);
    assert_eq!(plan.take_due(Duration::from_secs(100)), []);
    plan.take_result(&first[0].name, result(State::Ok), Duration::from_secs(101), 1);
    assert_eq!(plan.take_due(Duration::from_secs(101)).len(), 1);
}

const FAMILY: &str = "[child]\nkind=load\ninterval=60\nretry=10\nattempts=2\ndepends=gate\n\
                      [gate]\nkind=swap\ninterval=60\nretry=10\nattempts=2\n";

#[test]
fn who_depends_on_what_fails_is_held_and_says_nothing() {
    let mut plan = plan(FAMILY);
    run(&mut plan, 0..200, |_, _| State::Ok);
    let (_, reports) = run(&mut plan, 200..2000, |_, _| State::Critical);
    let names: Vec<_> = reports.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["gate"], "{reports:?}");
    let (_, kept) = plan.find("child").unwrap();
    assert_eq!((kept.state, kept.held_by.as_deref()), (Some(State::Ok), Some("gate")));
    let (runs, reports) = run(&mut plan, 2000..3000, |_, _| State::Ok);
    assert!(runs.contains(&"child".to_owned()));
    assert_eq!(reports.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["gate"]);
    assert_eq!(plan.find("child").unwrap().1.held_by, None);
}

#[test]
fn a_child_that_fails_alone_is_reported() {
    let mut plan = plan(FAMILY);
    run(&mut plan, 0..200, |_, _| State::Ok);
    let say = |name: &str, _| if name == "child" { State::Warning } else { State::Ok };
    let (runs, reports) = run(&mut plan, 200..600, say);
    assert!(matches!(&reports[..], [(name, Reason::Change { .. })] if name == "child"), "{reports:?}");
    assert!(runs.iter().filter(|name| *name == "gate").count() >= 2, "{runs:?}");
}

#[test]
fn what_is_kept_survives_new_definitions_and_a_restart() {
    let mut first = plan("[a]\nkind=load\nattempts=1\n[b]\nkind=load\n");
    run(&mut first, 0..400, |name, _| if name == "a" { State::Critical } else { State::Ok });
    first.replace(definitions("[a]\nkind=load\n[c]\nkind=load\n"), Duration::from_secs(400), 5);
    assert_eq!(first.find("a").unwrap().1.state, Some(State::Critical));
    assert!(first.find("b").is_none() && first.find("c").unwrap().1.state.is_none());
    let kept = first.states(5);
    let mut second = Plan::new(definitions("[a]\nkind=load\n"), kept, "other", Duration::ZERO);
    let (_, reports) = run(&mut second, 0..900, |_, _| State::Critical);
    assert_eq!(reports, []);
}

proptest! {
    #[test]
    fn whatever_comes_no_check_is_lost(results in prop::collection::vec(0..4_usize, 200)) {
        let mut plan = plan(&format!("{FAMILY}[grandchild]\nkind=load\ninterval=30\nretry=5\ndepends=child gate\n"));
        let say = |name: &str, second: u64| State::ALL[results[(name.len() + second as usize) % results.len()]];
        let (runs, _) = run(&mut plan, 0..2000, say);
        prop_assert!(runs.iter().any(|name| name == "gate"));
        // All is well again: everybody runs and is OK in the end.
        run(&mut plan, 2000..4000, |_, _| State::Ok);
        for name in ["gate", "child", "grandchild"] {
            let (_, kept) = plan.find(name).unwrap();
            prop_assert_eq!((kept.state, kept.held_by.clone()), (Some(State::Ok), None));
        }
    }
}
