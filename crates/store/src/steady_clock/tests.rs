use super::*;
use proptest::prelude::*;

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;
/// 2025-01-01.
const NOW: i64 = 1_735_689_600 * SECOND;
const YEARS: i64 = 10 * 365 * DAY;

fn boot(number: u8) -> HexId {
    HexId::from_bytes([number; 16])
}

fn reading(number: u8, since_boot_ns: i64, wall_ns: i64, is_synchronised: bool) -> Reading {
    Reading { boot_id: boot(number), since_boot_ns, wall_ns, is_synchronised }
}

fn age_ns(state: &ClockState, reading: &Reading, stamp: i64) -> Option<i64> {
    state.age(reading, stamp).map(nanos)
}

fn is_unknown(state: &ClockState, reading: &Reading, stamp: i64) -> bool {
    state.stamp(reading, stamp, false) == Stamp::Unknown
}

#[test]
fn a_step_of_the_wall_clock_changes_nothing() {
    let mut state = ClockState::begin(&reading(1, HOUR, NOW, true));
    for (after, step) in [(SECOND, YEARS), (3 * SECOND, 0), (4 * SECOND, -NOW), (HOUR, 0)] {
        let now = reading(1, HOUR + after, NOW + after + step, false);
        state = state.advanced(&now);
        assert_eq!(state.now_ns(&now), NOW + after);
        assert_eq!(age_ns(&state, &now, NOW), Some(after));
    }
}

#[test]
fn time_off_counts_once_and_only_when_it_is_known() {
    let state = ClockState::begin(&reading(1, HOUR, NOW, true));
    // Two days off; the clock is not right at first.
    let early = reading(2, 60 * SECOND, 0, false);
    let state = state.advanced(&early);
    assert_eq!(state.now_ns(&early), NOW + 60 * SECOND);
    let stored = state.now_ns(&early);
    let now = reading(2, 100 * SECOND, NOW + 2 * DAY, true);
    let state = state.advanced(&now);
    assert_eq!(state.now_ns(&now), NOW + 2 * DAY);
    assert_eq!(age_ns(&state, &now, NOW), Some(2 * DAY));
    assert_eq!(age_ns(&state, &now, stored), Some(40 * SECOND), "stored since the start of the machine");
    let later = reading(2, 200 * SECOND, NOW + 9 * DAY, true);
    let state = state.advanced(&later);
    assert_eq!(state.now_ns(&later), NOW + 2 * DAY + 100 * SECOND, "once");
    assert_eq!(age_ns(&state, &later, stored), Some(140 * SECOND));
}

#[test]
fn without_a_clock_that_is_ever_right_only_running_time_counts() {
    let mut state = ClockState::begin(&reading(1, 0, 0, false));
    for number in 2..50 {
        let last = reading(number - 1, HOUR, HOUR, false);
        state = state.advanced(&last);
        let first = reading(number, 0, 0, false);
        state = state.advanced(&first);
        assert_eq!(state.now_ns(&first), i64::from(number - 1) * HOUR);
    }
}

#[test]
fn a_clock_that_was_put_back_while_the_machine_was_off_takes_nothing_away() {
    let state = ClockState::begin(&reading(1, HOUR, NOW, true));
    let now = reading(2, SECOND, NOW - DAY, true);
    let state = state.advanced(&now);
    assert_eq!(state.now_ns(&now), NOW + SECOND);
    assert_eq!(state.advanced(&reading(2, 2 * SECOND, NOW + DAY, true)).shifts, []);
}

#[test]
fn the_note_that_was_right_counts_though_the_last_one_was_not() {
    let state = ClockState::begin(&reading(1, HOUR, NOW, true));
    let state = state.advanced(&reading(1, 2 * HOUR, YEARS, false));
    let state = state.advanced(&reading(2, 0, 5, false));
    let now = reading(2, HOUR, NOW + DAY, true);
    let state = state.advanced(&now);
    assert_eq!(state.now_ns(&now), NOW + DAY);
    assert_eq!(age_ns(&state, &now, NOW), Some(DAY));
    // How much of that lies behind what was stamped after the note, nobody knows.
    assert_eq!(age_ns(&state, &now, NOW + HOUR), Some(HOUR));
}

#[test]
fn where_there_is_no_boot_id_another_boot_shows_by_its_time() {
    let state = ClockState::begin(&reading(0, 5 * HOUR, NOW, false));
    let now = reading(0, SECOND, 0, false);
    let state = state.advanced(&now);
    assert_eq!(state.now_ns(&now), NOW + SECOND);
}

#[test]
fn a_server_confirms_the_clock_as_long_as_nobody_sets_it() {
    let first = reading(1, HOUR, NOW, false);
    let state = ClockState::begin(&first);
    assert!(!state.is_synchronised(&first));
    assert_eq!(state.confirmed(&first, NOW + 11 * 60 * SECOND), None);
    let state = state.confirmed(&first, NOW - 9 * 60 * SECOND).unwrap();
    assert!(state.is_synchronised(&first));
    assert_eq!(state.confirmed(&first, NOW), None, "that is nothing new");
    assert!(state.is_synchronised(&reading(1, 3 * HOUR, NOW + 2 * HOUR, false)));
    assert!(!state.is_synchronised(&reading(1, 3 * HOUR, NOW + YEARS, false)));
    assert!(!state.is_synchronised(&reading(2, HOUR, NOW, false)), "of another boot");
}

#[test]
fn stamps_of_1970_and_of_2099_say_nothing() {
    for is_synchronised in [true, false] {
        let now = reading(1, HOUR, NOW, is_synchronised);
        let state = ClockState::begin(&now);
        for stamp in [0, SECOND, EARLIEST_STAMP_NS - 1, NOW + 3 * SECOND, NOW + 74 * 365 * DAY, i64::MAX] {
            assert!(is_unknown(&state, &now, stamp), "{stamp}");
        }
        assert_eq!(state.stamp(&now, NOW + SECOND, false), Stamp::Age(Duration::ZERO));
    }
}

#[test]
fn an_old_stamp_counts_where_the_clock_was_right() {
    let now = reading(1, HOUR, NOW, true);
    let state = ClockState::begin(&now);
    assert_eq!(state.stamp(&now, NOW - 9 * DAY, false), Stamp::Age(Duration::from_secs(9 * 86_400)));
    // Not known yet: nothing is older than steady time itself, until a server says that the clock was right.
    let now = reading(1, HOUR, NOW, false);
    let state = ClockState::begin(&now);
    assert_eq!(state.stamp(&now, NOW - 9 * DAY, false), Stamp::Age(Duration::ZERO));
    let state = state.confirmed(&now, NOW).unwrap();
    assert_eq!(state.stamp(&now, NOW - 9 * DAY, false), Stamp::Age(Duration::from_secs(9 * 86_400)));
    // The clock was ten years ahead when steady time began.
    let state = ClockState::begin(&reading(1, HOUR, NOW + YEARS, false));
    let now = reading(1, HOUR + 2 * SECOND, NOW + 2 * SECOND, true);
    let state = state.advanced(&now);
    for is_ours in [true, false] {
        assert_eq!(state.stamp(&now, NOW - 9 * DAY, is_ours), Stamp::Unknown);
        assert_eq!(state.stamp(&now, NOW, is_ours), Stamp::Unknown);
    }
    assert_eq!(state.stamp(&now, NOW + YEARS, true), Stamp::Age(Duration::from_secs(2)));
}

#[test]
fn what_telemprobd_stamped_in_1970_is_as_old_as_it_is() {
    let state = ClockState::begin(&reading(1, SECOND, SECOND, false));
    let now = reading(1, HOUR, NOW, true);
    let state = state.advanced(&now);
    assert_eq!(state.stamp(&now, SECOND, true), Stamp::Age(Duration::from_secs(3599)));
}

#[test]
fn while_nothing_waits_it_is_set_right() {
    let state = ClockState::begin(&reading(1, SECOND, SECOND, false));
    assert_eq!(state.set_right(&reading(1, HOUR, NOW, false)), None, "the clock may be wrong");
    let now = reading(1, HOUR, NOW, true);
    let state = state.set_right(&now).unwrap();
    assert_eq!(state.now_ns(&now), NOW);
    assert_eq!(age_ns(&state, &now, SECOND), Some(HOUR - SECOND), "as of a rejected record");
    assert_eq!(state.set_right(&now), None);
    // And back, from 2035.
    let state = ClockState::begin(&reading(1, HOUR, NOW + YEARS, false));
    let now = reading(1, 2 * HOUR, NOW, true);
    let state = state.set_right(&now).unwrap();
    assert_eq!((state.now_ns(&now), age_ns(&state, &now, NOW + YEARS)), (NOW, Some(HOUR)));
    // Not into what it has stamped already.
    let state = ClockState::begin(&reading(1, HOUR, NOW, false));
    assert_eq!(state.set_right(&reading(1, 9 * HOUR, NOW + HOUR, true)), None);
}

#[test]
fn the_file_can_be_read_again_and_has_no_more_than_it_needs() {
    let state = ClockState::begin(&reading(1, HOUR, NOW, true)).with_delivery();
    let text = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<ClockState>(&text).unwrap(), state);
    assert_eq!(
        serde_json::to_value(ClockState::begin(&reading(1, 1, 3, false))).unwrap(),
        serde_json::json!({
            "boot_id": "01".repeat(16),
            "offset_ns": 2,
            "note": { "u": 3, "wall": 3, "synchronised": false },
            "begin": { "u": 3, "synchronised": false },
        })
    );
}

/// What happens to a machine.
#[derive(Clone, Debug)]
enum Event {
    /// It runs on, and daemons make a note.
    Runs { secs: u32 },
    /// It is asleep, which CLOCK_BOOTTIME counts.
    Sleeps { secs: u32 },
    /// Somebody or something sets the wall clock, that does not count as synchronised.
    Sets { wall_ns: i64 },
    /// The clock becomes right.
    Synchronises,
    /// It is off, without a clock that goes on, or with one; after a clean end, or a power cut without a note.
    IsOff { secs: u32, has_rtc: bool, makes_note: bool },
    /// A record is stored.
    Stores,
    /// A server answers, whose Date is right.
    Confirms,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let secs = || 1_u32..20_000;
    let event = prop_oneof![
        4 => secs().prop_map(|secs| Event::Runs { secs }),
        1 => secs().prop_map(|secs| Event::Sleeps { secs }),
        2 => prop_oneof![Just(0), Just(NOW + YEARS), Just(NOW - YEARS), 0..NOW].prop_map(|wall_ns| Event::Sets { wall_ns }),
        2 => Just(Event::Synchronises),
        2 => (0_u32..1_000_000, any::<bool>(), any::<bool>())
            .prop_map(|(secs, has_rtc, makes_note)| Event::IsOff { secs, has_rtc, makes_note }),
        4 => Just(Event::Stores),
        1 => Just(Event::Confirms),
    ];
    prop::collection::vec(event, 1..80)
}

/// A machine with all that is true of it, most of which no program of it can know.
struct World {
    /// Time as it is, and of the start of this boot.
    now_ns: i64,
    boot_ns: i64,
    boot_number: u8,
    wall_off_ns: i64,
    is_synchronised: bool,
    state: ClockState,
    /// Stamp and true time of each record.
    stored: Vec<(i64, i64)>,
    last_u: i64,
}

impl World {
    fn new(wall_off_ns: i64, is_synchronised: bool) -> Self {
        let first = reading(1, HOUR, NOW + wall_off_ns, is_synchronised);
        let state = ClockState::begin(&first);
        Self {
            now_ns: NOW,
            boot_ns: NOW - HOUR,
            boot_number: 1,
            wall_off_ns,
            is_synchronised,
            last_u: state.now_ns(&first),
            state,
            stored: Vec::new(),
        }
    }

    fn reading(&self) -> Reading {
        let wall = self.now_ns + self.wall_off_ns;
        reading(self.boot_number, self.now_ns - self.boot_ns, wall, self.is_synchronised)
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Runs { secs } | Event::Sleeps { secs } => self.now_ns += i64::from(secs) * SECOND,
            Event::Sets { wall_ns } => {
                self.wall_off_ns = wall_ns - self.now_ns;
                self.is_synchronised = false;
            }
            Event::Synchronises => {
                self.wall_off_ns = 0;
                self.is_synchronised = true;
            }
            Event::IsOff { secs, has_rtc, makes_note } => {
                if makes_note {
                    self.state = self.state.advanced(&self.reading());
                }
                self.now_ns += i64::from(secs) * SECOND;
                // Nothing is stored in the first nanosecond.
                self.boot_ns = self.now_ns - 1;
                self.boot_number = self.boot_number.wrapping_add(1);
                self.is_synchronised = false;
                if !has_rtc {
                    self.wall_off_ns = -self.now_ns;
                }
                // After a power cut it goes on from the last note: that is all that anybody knows.
                self.last_u = self.state.noted_ns();
                self.state = self.state.advanced(&self.reading());
                return;
            }
            Event::Stores => {
                let u = self.state.now_ns(&self.reading());
                self.stored.push((u, self.now_ns));
            }
            Event::Confirms => {
                let reading = self.reading();
                self.state =
                    self.state.confirmed(&reading, self.now_ns).unwrap_or_else(|| self.state.clone());
            }
        }
        if !matches!(event, Event::Stores | Event::Sleeps { .. }) {
            self.state = self.state.advanced(&self.reading());
        }
    }
}

proptest! {
    /// Whatever happens to clocks and machine, nothing is taken for older than it is, and steady time never runs back
    /// behind its last note.
    #[test]
    fn no_sequence_makes_a_record_older_than_it_is(
        first_off in prop_oneof![Just(0), Just(YEARS), Just(-NOW)],
        events in events(),
    ) {
        let mut world = World::new(first_off, first_off == 0);
        for event in events {
            world.apply(event);
            let reading = world.reading();
            let u = world.state.now_ns(&reading);
            prop_assert!(u >= world.last_u, "it ran back");
            world.last_u = u;
            for (stamp, since) in &world.stored {
                let true_age = world.now_ns - since;
                if let Stamp::Age(age) = world.state.stamp(&reading, *stamp, true) {
                    let slack = nanos(SLACK);
                    prop_assert!(nanos(age) <= true_age + slack, "{} instead of {}", nanos(age), true_age);
                }
            }
        }
    }

    /// While a machine runs, its records age as fast as time passes.
    #[test]
    fn in_one_boot_age_is_the_time_that_passed(
        walls in prop::collection::vec((1_i64..100_000, any::<i64>(), any::<bool>()), 1..30),
    ) {
        let mut state = ClockState::begin(&reading(1, HOUR, NOW, false));
        let mut since_boot = HOUR;
        for (secs, wall, is_synchronised) in walls {
            since_boot += secs * SECOND;
            let now = reading(1, since_boot, wall, is_synchronised);
            state = state.advanced(&now);
            prop_assert_eq!(age_ns(&state, &now, NOW), Some(since_boot - HOUR));
        }
    }

    /// No file, however it came about, makes arithmetic overflow.
    #[test]
    fn any_numbers_are_taken(
        numbers in prop::array::uniform6(any::<i64>()),
        wall in any::<i64>(), stamp in any::<i64>(), synchronised in any::<bool>(), ours in any::<bool>(),
    ) {
        let [offset, u, other, begin, after, by] = numbers;
        let text = serde_json::json!({
            "boot_id": "01".repeat(16), "offset_ns": offset,
            "note": { "u": u, "wall": other, "synchronised": synchronised },
            "begin": { "u": begin, "synchronised": !synchronised },
            "shifts": [{ "after": after, "until": u, "by": by }, { "after": by, "until": other, "by": offset }],
        });
        let state: ClockState = serde_json::from_value(text).unwrap();
        for number in [1, 2] {
            let now = reading(number, wall.saturating_abs(), wall, synchronised);
            let state = state.advanced(&now);
            let state = state.confirmed(&now, stamp).unwrap_or(state);
            let state = state.set_right(&now).unwrap_or(state);
            let _ = (state.stamp(&now, stamp, ours), state.at(&now).secs());
        }
    }
}
