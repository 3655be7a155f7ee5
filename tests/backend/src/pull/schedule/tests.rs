//! Fleets of machines that answer, fail and hang, in simulated time.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const START_MS: Millis = 1_764_200_000_123;
const DEADLINE_MS: u64 = 10_000;

/// What a machine does when it is asked.
#[derive(Clone, Copy, Debug)]
enum Nature {
    /// It answers after so many milliseconds.
    Answers(u64),
    /// It fails after so many.
    Fails(u64),
    /// It does nothing until the deadline.
    Hangs,
}

/// A question: when it was asked, when that was over, and whether with an answer.
#[derive(Clone, Copy, Debug)]
struct Asked {
    at_ms: Millis,
    is_answer: bool,
}

/// Runs a fleet, and returns what was asked of each machine.
fn run(fleet: &[(Nature, u64)], duration_ms: u64) -> Vec<Vec<Asked>> {
    let names: Vec<String> = (0..fleet.len()).map(|number| format!("m{number:05}")).collect();
    let machines = names.iter().map(String::as_str).zip(fleet.iter().map(|(_, secs)| *secs));
    let mut schedule = Schedule::new(machines, START_MS);
    let mut asked: Vec<Vec<Asked>> = vec![Vec::new(); fleet.len()];
    let mut ends: BTreeMap<(Millis, Place), ()> = BTreeMap::new();
    let mut now = START_MS;
    while now < START_MS + duration_ms {
        while let Some(((at, place), ())) = ends.first_key_value().map(|(key, ())| (*key, ())) {
            if at > now {
                break;
            }
            ends.remove(&(at, place));
            let is_answer = matches!(fleet[place].0, Nature::Answers(_));
            asked[place].last_mut().unwrap().is_answer = is_answer;
            assert!(schedule.finish(place, is_answer, now, (at % 7919) as u32 * 500_000).is_some());
        }
        for place in schedule.take(now, usize::MAX) {
            let takes = match fleet[place].0 {
                Nature::Answers(ms) | Nature::Fails(ms) => ms,
                Nature::Hangs => DEADLINE_MS,
            };
            asked[place].push(Asked { at_ms: now, is_answer: false });
            assert!(ends.keys().all(|(_, other)| *other != place), "nobody is asked twice at one time");
            ends.insert((now + takes, place), ());
        }
        assert!(ends.len() <= AT_A_TIME);
        let next_end = ends.first_key_value().map(|((at, _), ())| *at);
        let next = [schedule.next_due(), next_end].into_iter().flatten().min();
        now = next.unwrap_or(u64::MAX).max(now + 1);
    }
    asked
}

#[test]
fn a_machine_that_answers_is_asked_at_its_phase() {
    let fleet: Vec<_> = (0..1000).map(|number| (Nature::Answers(number % 900), 60)).collect();
    for (place, asked) in run(&fleet, 600_000).iter().enumerate() {
        let phase = hash(&format!("m{place:05}")) % 60_000;
        assert!((9..=10).contains(&asked.len()), "{place}: {}", asked.len());
        assert!(asked.iter().all(|asked| asked.at_ms % 60_000 == phase), "{place}");
    }
}

#[test]
fn phases_are_spread_over_the_interval() {
    let mut slots = [0_u32; 60];
    for number in 0..10_000 {
        slots[usize::try_from(hash(&format!("web{number:05}")) % 60_000 / 1000).unwrap()] += 1;
    }
    assert!(slots.iter().all(|count| (110..230).contains(count)), "{slots:?}");
}

#[test]
fn machines_that_hang_hold_up_none_that_answers() {
    let mut fleet = vec![(Nature::Hangs, 60); 2000];
    fleet.extend(vec![(Nature::Answers(20), 60); 500]);
    let asked = run(&fleet, 1_200_000);
    for (place, asked) in asked.iter().enumerate().skip(2000) {
        // At first nobody is known to answer.
        let late =
            asked.iter().filter(|asked| asked.at_ms % 60_000 != hash(&format!("m{place:05}")) % 60_000);
        assert!(late.count() <= 1, "{place}: {asked:?}");
        assert!(asked.len() >= 17, "{place}: {}", asked.len());
    }
    let rounds = asked.iter().take(2000).map(Vec::len).min().unwrap();
    assert!(rounds >= 4, "who hangs is asked too: {rounds}");
}

#[test]
fn who_does_not_answer_is_asked_after_1_2_4_and_then_8_intervals() {
    let asked = &run(&[(Nature::Fails(5), 100)], 100_000 * 40)[0];
    let rounds: Vec<Millis> = asked.iter().step_by(2).map(|asked| asked.at_ms).collect();
    let gaps: Vec<u64> = rounds.windows(2).map(|pair| (pair[1] - pair[0]) / 100_000).collect();
    assert_eq!(gaps, [1, 2, 4, 8, 8, 8, 8]);
    for pair in asked.chunks_exact(2) {
        let pause = pair[1].at_ms - pair[0].at_ms - 5;
        assert!((5_000..=10_000).contains(&pause), "one more try after a pause by chance: {pause}");
    }
}

#[test]
fn after_an_answer_all_is_forgotten() {
    let mut schedule = Schedule::new([("m", 60)], START_MS);
    let mut now = START_MS;
    let mut ask = |schedule: &mut Schedule, is_answer| {
        now = schedule.next_due().unwrap();
        assert_eq!(schedule.take(now, 9), [0]);
        assert_eq!(schedule.next_due(), None);
        schedule.finish(0, is_answer, now, 0).unwrap()
    };
    for _ in 0..4 {
        assert_eq!(ask(&mut schedule, false), After::Again);
        assert!(matches!(ask(&mut schedule, false), After::Next(_)));
    }
    assert_eq!(ask(&mut schedule, false), After::Again);
    let After::Next(next) = ask(&mut schedule, true) else { panic!("it answered") };
    assert_eq!(next % 60_000, hash("m") % 60_000);
    let After::Next(after) = ask(&mut schedule, true) else { panic!("it answered") };
    assert_eq!(after - next, 60_000);
    assert_eq!(schedule.finish(0, true, after, 0), None, "nobody asked");
}

#[test]
fn another_configuration_keeps_what_is_known() {
    let mut old = Schedule::new([("a", 60), ("b", 60), ("c", 60)], START_MS);
    for _ in 0..2 {
        let now = old.next_due().unwrap() + 60_000;
        for place in old.take(now, 9) {
            let _ = old.finish(place, place == 1, now, 0);
        }
    }
    let now = old.next_due().unwrap();
    let asked = old.take(now, 1);
    let mut new = Schedule::new([("b", 60), ("c", 30), ("d", 60), ("a", 60)], now);
    new.inherit(&old, [(0, 1), (1, 2), (3, 0)], now);
    let due = |schedule: &Schedule, place: usize| match schedule.machines[place].stage {
        Stage::Waiting { due_ms, .. } => due_ms,
        Stage::Asked { .. } => panic!("nobody is asked"),
    };
    for (here, there) in [(0, 1), (3, 0)] {
        let expected = if asked.contains(&there) { now } else { due(&old, there) };
        assert_eq!(due(&new, here), expected);
        assert_eq!(new.machines[here].failures, old.machines[there].failures);
    }
    assert!(due(&new, 1) <= now + 30_000, "by its new interval");
    assert_eq!(new.sound.len() + new.doubtful.len(), 4);
}

fn nature() -> impl Strategy<Value = Nature> {
    prop_oneof![
        (0_u64..DEADLINE_MS).prop_map(Nature::Answers),
        (0_u64..DEADLINE_MS).prop_map(Nature::Fails),
        Just(Nature::Hangs)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_machine_is_asked_again_and_again(
        fleet in prop::collection::vec((nature(), 10_u64..400), 1..60),
    ) {
        // `run` itself sees that nobody is asked twice at one time, and no more than there are places.
        let duration = 400_000 * 12;
        for ((nature, secs), asked) in fleet.iter().zip(run(&fleet, duration)) {
            let interval = secs * 1000;
            let times: Vec<_> = asked.iter().map(|asked| asked.at_ms).collect();
            prop_assert!(!times.is_empty() && times[0] <= START_MS + interval);
            let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
            let most = match nature {
                // One whose answer takes longer than its interval misses its next time.
                Nature::Answers(ms) => interval * (1 + ms / interval),
                _ => MOST_INTERVALS * interval + DEADLINE_MS,
            };
            prop_assert!(longest <= most, "{:?} {}: {}", nature, secs, longest);
            let shortest = times.windows(2).map(|pair| pair[1] - pair[0]).min().unwrap_or(u64::MAX);
            prop_assert!(shortest >= (interval / 20).min(7_500), "{:?} {}: {}", nature, secs, shortest);
            prop_assert!(asked.iter().all(|asked| !asked.is_answer || matches!(nature, Nature::Answers(_))));
        }
    }

    #[test]
    fn any_time_is_followed_by_one_of_the_phase(name in "[a-z0-9]{1,12}", secs in 1_u64..100_000, now in any::<u64>(), n in 1_u64..9) {
        let now = now >> 1;
        let machine = Machine::new(&name, secs, now);
        let time = machine.time_after(now, n);
        prop_assert!(time > now && time - now <= n * machine.interval_ms);
        prop_assert_eq!(time % machine.interval_ms, machine.phase_ms);
    }
}
