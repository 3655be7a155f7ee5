//! The clock as a value: what follows from the file and from a reading of the system's clocks. Nothing is read here.

use serde::{Deserialize, Serialize};
use std::time::Duration;
use telemetry_record::hex_id::HexId;

/// How far steady time and a wall clock may lie apart and count as the same: time stamps of files are as coarse as a tick
/// of the kernel, and a clock that is slewed is never exact.
pub const SLACK: Duration = Duration::from_secs(2);

/// How far the `Date` of a server's answer may lie from the wall clock that it confirms.
pub const DATE_SLACK: Duration = Duration::from_secs(10 * 60);

/// The first nanosecond of 2020: a file that seems older was written under a clock that was never set.
const EARLIEST_STAMP_NS: i64 = 1_577_836_800 * 1_000_000_000;

/// Shifts that are remembered one by one; a machine adds one with each boot that it was off before.
const SHIFTS: usize = 8;

/// What the system's clocks show at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// This boot's id, as the kernel made it.
    pub boot_id: HexId,
    /// `CLOCK_BOOTTIME`: nanoseconds since the start of the machine, with those in suspend.
    pub since_boot_ns: i64,
    /// The wall clock, in nanoseconds since the epoch. Anybody with the right to may set it to anything.
    pub wall_ns: i64,
    /// Whether the kernel has the wall clock for synchronised.
    pub is_synchronised: bool,
}

impl Reading {
    /// A reading of times since the start of the machine and since the epoch.
    pub fn new(boot_id: HexId, since_boot: Duration, since_epoch: Duration, is_synchronised: bool) -> Self {
        Self { boot_id, since_boot_ns: nanos(since_boot), wall_ns: nanos(since_epoch), is_synchronised }
    }
}

/// What a file's time stamp is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// The file is so old.
    Age(Duration),
    /// It says nothing: it lies ahead, before any true one, or nobody knows by what clock it was made. The file counts as
    /// written now, and is to be given that time.
    Unknown,
}

/// What is known of steady time, as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockState {
    /// The boot that `offset_ns` is for.
    #[serde(with = "super::boot_id")]
    boot_id: HexId,
    /// Steady time at the start of that boot.
    offset_ns: i64,
    /// The last note.
    note: Note,
    /// The last note that was made while the clock was synchronised, where `note` was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    synchronised_note: Option<EarlierNote>,
    /// What the wall clock was ahead of the time since the start, of this boot, when a server's `Date` confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirmed_ns: Option<i64>,
    /// Where steady time began.
    begin: Begin,
    /// Steps of steady time itself, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    shifts: Vec<Shift>,
    /// The boot in which telempostd ran last.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "super::boot_id::optional")]
    delivery_boot_id: Option<HexId>,
}

/// Steady time and wall clock at one moment, in nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    u: i64,
    wall: i64,
    synchronised: bool,
}

/// A note that was synchronised, and its boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct EarlierNote {
    #[serde(with = "super::boot_id")]
    boot_id: HexId,
    u: i64,
    wall: i64,
}

/// Where steady time was set to a wall clock, and whether that clock was right, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Begin {
    u: i64,
    synchronised: bool,
}

/// Steady time went on at `until + by` when it was `until`. What was stamped after `after` and before that has not seen
/// the time that was added, or only a part of it that nobody knows; also where it was stamped past `until`, in a boot whose
/// end nobody noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Shift {
    after: i64,
    until: i64,
    by: i64,
}

impl ClockState {
    /// Steady time begins as the wall clock.
    pub fn begin(reading: &Reading) -> Self {
        let Reading { boot_id, since_boot_ns, wall_ns, is_synchronised } = *reading;
        Self {
            boot_id,
            offset_ns: wall_ns.saturating_sub(since_boot_ns),
            note: Note { u: wall_ns, wall: wall_ns, synchronised: is_synchronised },
            synchronised_note: None,
            confirmed_ns: None,
            begin: Begin { u: wall_ns, synchronised: is_synchronised },
            shifts: Vec::new(),
            delivery_boot_id: None,
        }
    }

    /// Steady time now, in nanoseconds since the epoch. The reading is of the boot that this state was
    /// [advanced](Self::advanced) to.
    pub fn now_ns(&self, reading: &Reading) -> i64 {
        reading.since_boot_ns.saturating_add(self.offset_ns).max(self.note.u)
    }

    /// Whether the wall clock is known to be right.
    pub fn is_synchronised(&self, reading: &Reading) -> bool {
        let ahead = reading.wall_ns.saturating_sub(reading.since_boot_ns);
        let is_confirmed = |confirmed| is_within(ahead, confirmed, DATE_SLACK);
        reading.is_synchronised || (self.is_of(reading) && self.confirmed_ns.is_some_and(is_confirmed))
    }

    /// Whether steady time and wall clock say the same.
    pub fn agrees(&self, reading: &Reading) -> bool {
        is_within(reading.wall_ns, self.now_ns(reading), SLACK)
    }

    /// Whether delivery has run since the start of the machine; none if that was never written down.
    pub fn has_delivered_since_boot(&self, reading: &Reading) -> Option<bool> {
        self.delivery_boot_id.map(|boot_id| boot_id == reading.boot_id)
    }

    /// Steady time at the start of the machine, in nanoseconds since the epoch.
    pub fn boot_ns(&self) -> i64 {
        self.offset_ns
    }

    /// The state with a note of this reading. In another boot steady time goes on from the last note; the time that the
    /// machine was off is added once, as soon as it is known.
    #[must_use]
    pub fn advanced(&self, reading: &Reading) -> Self {
        let mut state = self.clone();
        if !state.is_of(reading) {
            state.enter(reading);
        }
        let is_synchronised = state.is_synchronised(reading);
        if is_synchronised {
            state.add_time_off(reading);
            state.begin.synchronised |= state.agrees(reading);
        }
        state.take_note(reading, is_synchronised);
        state
    }

    /// The state after a server's answer with this `Date`, in nanoseconds since the epoch; none if that says nothing new.
    #[must_use]
    pub fn confirmed(&self, reading: &Reading, date_ns: i64) -> Option<Self> {
        if !is_within(reading.wall_ns, date_ns, DATE_SLACK) || self.is_synchronised(reading) {
            return None;
        }
        let mut state = self.advanced(reading);
        state.confirmed_ns = Some(reading.wall_ns.saturating_sub(reading.since_boot_ns));
        Some(state.advanced(reading))
    }

    /// The state with steady time set to the wall clock again, for the moment when no record waits; none if it is not off,
    /// or the wall clock not known to be right. Back it goes only to before all that was stamped by it, so that a stamp is
    /// never of two times.
    #[must_use]
    pub fn set_right(&self, reading: &Reading) -> Option<Self> {
        let mut state = self.advanced(reading);
        if !state.is_synchronised(reading) || state.agrees(reading) {
            return None;
        }
        let (until, wall) = (state.now_ns(reading), reading.wall_ns);
        let after = if wall > until { i64::MIN } else { state.begin.u.saturating_sub(1) };
        if wall < until && wall > after {
            return None;
        }
        state.shift(Shift { after, until, by: wall.saturating_sub(until) });
        state.begin = Begin { u: wall, synchronised: true };
        state.note = Note { u: wall, wall, synchronised: true };
        Some(state)
    }

    /// The state with a note that telempostd runs in this boot.
    #[must_use]
    pub fn with_delivery(mut self) -> Self {
        self.delivery_boot_id = Some(self.boot_id);
        self
    }

    /// How old is what has this time stamp of steady time; none for one that lies ahead.
    pub fn age(&self, reading: &Reading, stamp_ns: i64) -> Option<Duration> {
        let (now_ns, stamp_ns) = (self.now_ns(reading), self.shifted(stamp_ns));
        match u64::try_from(now_ns.saturating_sub(stamp_ns)) {
            Ok(age_ns) => Some(Duration::from_nanos(age_ns)),
            Err(_) => is_within(now_ns, stamp_ns, SLACK).then_some(Duration::ZERO),
        }
    }

    /// What the time stamp of a file in the spool is worth, which telemprobd stored (`is_ours`) or somebody else. Ours are
    /// of steady time. Others are of a wall clock, and are believed where that is known, or seems, to have been right; if
    /// nobody knows whether it was when steady time began, nothing is older than that.
    pub fn stamp(&self, reading: &Reading, stamp_ns: i64, is_ours: bool) -> Stamp {
        let slack_ns = nanos(SLACK);
        let is_of_steady_time = is_ours && stamp_ns >= self.begin.u.saturating_sub(slack_ns);
        let is_believed = is_of_steady_time
            || (stamp_ns >= EARLIEST_STAMP_NS && (self.begin.synchronised || self.agrees(reading)));
        let counts_from = if self.begin.synchronised { stamp_ns } else { stamp_ns.max(self.begin.u) };
        match self.age(reading, counts_from).filter(|_| is_believed) {
            Some(age) => Stamp::Age(age),
            None => Stamp::Unknown,
        }
    }

    /// Whether all but the note is as in another state, and the note is not so much older.
    pub(super) fn says_the_same(&self, other: &Self, within: Duration) -> bool {
        let mut other = other.clone();
        let is_recent =
            is_within(self.note.u, other.note.u, within) && self.note.synchronised == other.note.synchronised;
        other.note = self.note;
        other.synchronised_note = self.synchronised_note;
        is_recent && *self == other
    }

    /// Steady time of the last note.
    pub(super) fn noted_ns(&self) -> i64 {
        self.note.u
    }

    /// Where no id says so, another boot shows by a clock that runs behind.
    fn is_of(&self, reading: &Reading) -> bool {
        let since_boot_ns = reading.since_boot_ns.saturating_add(nanos(SLACK));
        self.boot_id == reading.boot_id && since_boot_ns.saturating_add(self.offset_ns) >= self.note.u
    }

    fn enter(&mut self, reading: &Reading) {
        let Note { u, wall, synchronised } = self.note;
        if synchronised {
            self.synchronised_note = Some(EarlierNote { boot_id: self.boot_id, u, wall });
        }
        self.boot_id = reading.boot_id;
        // What has passed since the start of the machine has passed, whoever ran meanwhile.
        self.offset_ns = u;
        self.confirmed_ns = None;
    }

    /// Both clocks are right: what passed between the notes beyond what was counted is time off.
    fn add_time_off(&mut self, reading: &Reading) {
        let Some(earlier) = self.synchronised_note.take_if(|earlier| earlier.boot_id != self.boot_id) else {
            return;
        };
        let passed = reading.wall_ns.saturating_sub(earlier.wall);
        let until = self.now_ns(reading);
        let by = earlier.u.saturating_add(passed).saturating_sub(until);
        if by > 0 {
            self.shift(Shift { after: earlier.u, until, by });
        }
    }

    fn take_note(&mut self, reading: &Reading, synchronised: bool) {
        let before = self.note;
        self.note = Note { u: self.now_ns(reading), wall: reading.wall_ns, synchronised };
        if synchronised {
            self.synchronised_note = None;
        } else if before.synchronised && self.synchronised_note.is_none() {
            self.synchronised_note =
                Some(EarlierNote { boot_id: self.boot_id, u: before.u, wall: before.wall });
        }
    }

    fn shift(&mut self, shift: Shift) {
        self.offset_ns = self.offset_ns.saturating_add(shift.by);
        self.shifts.push(shift);
        if self.shifts.len() > SHIFTS {
            // As one, of which more stamps have not seen all: what they are on is younger than it is, never older.
            let [first, second] = [self.shifts.remove(0), self.shifts.remove(0)];
            let merged = Shift {
                after: first.after.min(second.after),
                until: first.until.max(second.until),
                by: first.by.max(0).saturating_add(second.by.max(0)),
            };
            self.shifts.insert(0, merged);
        }
    }

    /// A stamp as it would be if all the time that was added later had been known.
    fn shifted(&self, stamp_ns: i64) -> i64 {
        self.shifts.iter().fold(stamp_ns, |stamp, Shift { after, until, by }| {
            let last = until.saturating_add(by.saturating_sub(1)).max(*until);
            if stamp > *after && stamp <= last { stamp.saturating_add(*by) } else { stamp }
        })
    }
}

fn is_within(one_ns: i64, other_ns: i64, slack: Duration) -> bool {
    Duration::from_nanos(one_ns.abs_diff(other_ns)) <= slack
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
