//! When each machine is asked: a value, which knows no clock and no network.
//!
//! ```text
//!                  ┌──────────────── its next time: phase + k × interval ◀──────────────┐
//!                  ▼                                                                      │ answer
//!  waiting ─▶ due ─▶ asked ─▶ no answer ─▶ a pause by chance ─▶ asked once more ──────────┤
//!                                                                                         │ again none
//!                  ┌──────────── its time after 1, 2, 4, then 8 intervals ◀──────────────┘
//! ```
//!
//! Those that did not answer the last time have half of the places at most, so that any number of machines that hang
//! holds up none that answers.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

/// Machines that are asked at the same time.
pub const AT_A_TIME: usize = 256;

/// Of these, machines that did not answer the last time, or were never asked.
pub const DOUBTFUL_AT_A_TIME: usize = AT_A_TIME / 2;

/// The longest pause between two rounds of a machine that does not answer, in intervals.
const MOST_INTERVALS: u64 = 8;

/// The longest pause before a second try.
const LONGEST_RETRY_PAUSE_MS: u64 = 15_000;

/// Milliseconds since the beginning of 1970, by a clock that never steps.
pub type Millis = u64;

/// A machine, by its place in the list that the schedule was made of.
pub type Place = usize;

/// What comes after a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It is asked once more, soon.
    Again,
    /// The round is over; the next one is at this time.
    Next(Millis),
}

/// When each machine is asked.
#[derive(Clone, Debug)]
pub struct Schedule {
    machines: Vec<Machine>,
    /// Those that answered the last time, by the time that they are due.
    sound: BTreeSet<(Millis, Place)>,
    doubtful: BTreeSet<(Millis, Place)>,
    asked: usize,
    asked_doubtful: usize,
}

#[derive(Clone, Debug)]
struct Machine {
    interval_ms: u64,
    phase_ms: u64,
    answered: bool,
    /// Rounds in a row without an answer.
    failures: u32,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting { due_ms: Millis, is_retry: bool },
    Asked { is_retry: bool },
}

impl Machine {
    fn new(name: &str, interval_secs: u64, now_ms: Millis) -> Self {
        let interval_ms = interval_secs.max(1).saturating_mul(1000);
        let phase_ms = hash(name).checked_rem(interval_ms).unwrap_or(0);
        let waiting = Stage::Waiting { due_ms: 0, is_retry: false };
        let machine = Self { interval_ms, phase_ms, answered: false, failures: 0, stage: waiting };
        let due_ms = machine.time_after(now_ms, 1);
        Self { stage: Stage::Waiting { due_ms, is_retry: false }, ..machine }
    }

    /// The `n`th of its times after now.
    fn time_after(&self, now_ms: Millis, n: u64) -> Millis {
        let passed = now_ms.saturating_sub(self.phase_ms).checked_div(self.interval_ms).unwrap_or(0);
        let first = self.phase_ms.saturating_add(passed.saturating_mul(self.interval_ms));
        // Before its first time of all, `first` is still to come.
        let first = if first > now_ms { first } else { first.saturating_add(self.interval_ms) };
        first.saturating_add((n.saturating_sub(1)).saturating_mul(self.interval_ms))
    }

    fn is_doubtful(&self) -> bool {
        let is_retry =
            matches!(self.stage, Stage::Waiting { is_retry, .. } | Stage::Asked { is_retry } if is_retry);
        is_retry || !self.answered
    }

    /// Between a half and all of a tenth of its interval.
    fn retry_pause_ms(&self, chance: u32) -> u64 {
        let half = (self.interval_ms / 10).min(LONGEST_RETRY_PAUSE_MS) / 2;
        half + half.saturating_mul(u64::from(chance)) / u64::from(u32::MAX)
    }
}

impl Schedule {
    /// Of machines by name and interval in seconds; each is due at its first time from now on.
    #[must_use]
    pub fn new<'a>(machines: impl IntoIterator<Item = (&'a str, u64)>, now_ms: Millis) -> Self {
        let machines = machines.into_iter().map(|(name, secs)| Machine::new(name, secs, now_ms)).collect();
        let empty = BTreeSet::new();
        let mut new = Self { machines, sound: empty.clone(), doubtful: empty, asked: 0, asked_doubtful: 0 };
        new.queue_all();
        new
    }

    /// Takes over from another schedule what is known of machines that are in both: pairs of the place here and there.
    /// Who is being asked there is due at once.
    pub fn inherit(&mut self, from: &Self, pairs: impl IntoIterator<Item = (Place, Place)>, now_ms: Millis) {
        for (here, there) in pairs {
            let (Some(new), Some(old)) = (self.machines.get_mut(here), from.machines.get(there)) else {
                continue;
            };
            (new.answered, new.failures) = (old.answered, old.failures);
            match old.stage {
                Stage::Asked { .. } => new.stage = Stage::Waiting { due_ms: now_ms, is_retry: false },
                waiting if old.interval_ms == new.interval_ms => new.stage = waiting,
                Stage::Waiting { .. } => {}
            }
        }
        self.queue_all();
    }

    fn queue_all(&mut self) {
        self.sound.clear();
        self.doubtful.clear();
        for place in 0..self.machines.len() {
            self.queue(place);
        }
    }

    fn queue(&mut self, place: Place) {
        let Some(machine) = self.machines.get(place) else { return };
        let Stage::Waiting { due_ms, .. } = machine.stage else { return };
        let queue = if machine.is_doubtful() { &mut self.doubtful } else { &mut self.sound };
        queue.insert((due_ms, place));
    }

    /// Who is asked now, in the order in which they were due; from here on they are being asked. `most` bounds them
    /// further.
    pub fn take(&mut self, now_ms: Millis, most: usize) -> Vec<Place> {
        let mut taken = Vec::new();
        while self.asked < AT_A_TIME && taken.len() < most {
            let may_doubt = self.asked_doubtful < DOUBTFUL_AT_A_TIME;
            let doubtful = self.doubtful.first().filter(|_| may_doubt);
            let first = self.sound.first().into_iter().chain(doubtful).min().copied();
            let Some((due_ms, place)) = first.filter(|(due_ms, _)| *due_ms <= now_ms) else { break };
            let was_doubtful = !self.sound.remove(&(due_ms, place));
            self.doubtful.remove(&(due_ms, place));
            let Some(machine) = self.machines.get_mut(place) else { continue };
            let Stage::Waiting { is_retry, .. } = machine.stage else { continue };
            machine.stage = Stage::Asked { is_retry };
            self.asked += 1;
            self.asked_doubtful += usize::from(was_doubtful);
            taken.push(place);
        }
        taken
    }

    /// A try is over. `chance` is any number, by chance. None: it was not being asked.
    pub fn finish(&mut self, place: Place, is_answer: bool, now_ms: Millis, chance: u32) -> Option<After> {
        let machine = self.machines.get_mut(place)?;
        let Stage::Asked { is_retry } = machine.stage else { return None };
        self.asked = self.asked.saturating_sub(1);
        self.asked_doubtful = self.asked_doubtful.saturating_sub(usize::from(machine.is_doubtful()));
        let after = if is_answer {
            (machine.answered, machine.failures) = (true, 0);
            After::Next(machine.time_after(now_ms, 1))
        } else if is_retry {
            machine.answered = false;
            machine.failures = machine.failures.saturating_add(1);
            let intervals = 1_u64.checked_shl(machine.failures - 1).unwrap_or(MOST_INTERVALS);
            After::Next(machine.time_after(now_ms, intervals.min(MOST_INTERVALS)))
        } else {
            After::Again
        };
        let (due_ms, is_retry) = match after {
            After::Next(at_ms) => (at_ms, false),
            After::Again => (now_ms.saturating_add(machine.retry_pause_ms(chance)), true),
        };
        machine.stage = Stage::Waiting { due_ms, is_retry };
        self.queue(place);
        Some(after)
    }

    /// How many are being asked.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked
    }

    /// When somebody is due next who has a place; it may be over. None: not before a try is over.
    #[must_use]
    pub fn next_due(&self) -> Option<Millis> {
        if self.asked >= AT_A_TIME {
            return None;
        }
        let doubtful = self.doubtful.first().filter(|_| self.asked_doubtful < DOUBTFUL_AT_A_TIME);
        self.sound.first().into_iter().chain(doubtful).map(|(due_ms, _)| *due_ms).min()
    }
}

/// FNV-1a with a last stir: the same after each start, and spread over an interval for names that differ in one digit.
fn hash(name: &str) -> u64 {
    let mut hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ hash >> 33
}
