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
    let at = Duration::from_secs;
    let mut running = plan.take_due(at(100));
    // Of none of them it is known that it is quick.
    assert_eq!(running.len(), SLOW_AT_A_TIME);
    assert_eq!(plan.take_due(at(100)), []);
    plan.take_result(&running.remove(0).name, result(State::Ok), at(101), 1);
    running.extend(plan.take_due(at(101)));
    assert_eq!(running.len(), SLOW_AT_A_TIME);
    for second in 102..=110 {
        for definition in std::mem::take(&mut running) {
            plan.take_result(&definition.name, result(State::Ok), at(second), 1);
        }
        running = plan.take_due(at(second));
    }
    running.extend(plan.take_due(at(130)));
    assert_eq!(running.len(), AT_A_TIME);
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

/// Runs the plan for so many seconds, where each run takes what `takes` says, and is bad; returns the seconds at which `name`
/// was started, and the greatest number that ran at one time.
fn starts(plan: &mut Plan, seconds: u64, name: &str, takes: impl Fn(&str) -> u64) -> (Vec<u64>, usize) {
    let (mut running, mut starts, mut greatest) = (Vec::<(String, u64)>::new(), Vec::new(), 0);
    for second in 0..seconds {
        let now = Duration::from_secs(second);
        for (name, _) in running.extract_if(.., |(_, end)| *end <= second) {
            plan.take_result(&name, result(State::Unknown), now, 1_000_000 + second);
        }
        for definition in plan.take_due(now) {
            starts.extend((definition.name == name).then_some(second));
            running.push((definition.name.clone(), second + takes(&definition.name)));
        }
        greatest = greatest.max(running.len());
        let is_due = plan.next_due().is_some_and(|due| due <= now);
        assert!(!is_due, "{second}: it would be woken for what there is no room for");
    }
    (starts, greatest)
}

#[test]
fn a_quick_check_does_not_wait_for_many_that_hang() {
    let text: String = (0..100).map(|number| format!("[h-{number}]\nkind=load\ninterval=10\n")).collect();
    let mut plan = plan(&format!("{text}[quick]\nkind=load\ninterval=10\n"));
    let (starts, greatest) = starts(&mut plan, 3000, "quick", |name| if name == "quick" { 1 } else { 11 });
    // The first run is one of many, of which nothing is known.
    let gaps: Vec<_> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(starts.len() > 200 && gaps.iter().all(|gap| *gap <= 11), "{starts:?}");
    assert!(greatest <= AT_A_TIME, "{greatest}");
}

#[test]
fn what_was_passed_over_was_not_quick() {
    let mut plan = plan("[a]\nkind=load\ninterval=60\n");
    let now = Duration::from_secs(60);
    assert_eq!(plan.take_due(now).len(), 1);
    plan.postpone("a", now);
    plan.take_result("a", result(State::Unknown), now, 60);
    assert!(!plan.checks["a"].is_quick());
}

#[test]
fn a_reload_changes_nothing_for_what_stays_as_it_is() {
    let text = "[a]\nkind=load\ninterval=100\nretry=10\n[b]\nkind=swap\n";
    let mut plan = plan(text);
    run(&mut plan, 0..200, |_, _| State::Ok);
    let (_, reports) = run(&mut plan, 200..312, |_, _| State::Critical);
    assert_eq!(reports, []);
    let attempts = |plan: &Plan| plan.find("a").unwrap().1.attempts;
    assert!(attempts(&plan) > 0);
    let before = attempts(&plan);
    plan.replace(definitions(text), Duration::from_secs(312), 1_000_312);
    assert_eq!(attempts(&plan), before);
    plan.replace(
        definitions("[a]\nkind=load\ninterval=100\nretry=20\n"),
        Duration::from_secs(312),
        1_000_312,
    );
    assert_eq!((attempts(&plan), plan.find("b")), (0, None));
}
