//! Whether to poll for a moment before the loop sleeps. Most of what a program waits for an answer is the waking of a
//! processor that sleeps: while records come one after the other, the next one is there sooner than that.
//!
//! ```text
//!  record stored ──▶ poll up to POLL_TIME ──┬─ something came ──▶ go on
//!                                           └─ in vain ──▶ no polling for the next TURNS_AFTER_MISS records' turns
//! ```
//!
//! An idle daemon never polls, and with one processor it would only keep the sender from running.

use std::time::{Duration, Instant};

/// Longest poll: a little more than a sender takes from one answer to its next record.
const POLL_TIME: Duration = Duration::from_micros(40);

/// Turns with records in which nothing is polled after a poll in vain.
const TURNS_AFTER_MISS: u32 = 32;

/// What polling has brought.
#[derive(Debug)]
pub(super) struct Polling {
    has_processors: bool,
    turns_off: u32,
    /// Whether records were stored since the last poll.
    is_due: bool,
}

impl Polling {
    /// Nothing was polled yet, on a machine of so many processors.
    pub(super) fn new(processors: usize) -> Self {
        Self { has_processors: processors > 1, turns_off: 0, is_due: false }
    }

    /// Records were stored in this turn.
    pub(super) fn note_stored(&mut self) {
        self.is_due = true;
        self.turns_off = self.turns_off.saturating_sub(1);
    }

    /// Whether a client that has connected, and not sent anything, is polled for.
    pub(super) fn is_on(&self) -> bool {
        self.has_processors && self.turns_off == 0
    }

    /// Polls before the loop sleeps, if records were stored just now. Returns what came.
    pub(super) fn before_sleep<T>(&mut self, poll: impl FnMut() -> Option<T>) -> Option<T> {
        if !std::mem::take(&mut self.is_due) || !self.is_on() {
            return None;
        }
        self.poll(poll)
    }

    /// Polls for something that is expected. Returns what came.
    pub(super) fn poll<T>(&mut self, mut poll: impl FnMut() -> Option<T>) -> Option<T> {
        let end = Instant::now() + POLL_TIME;
        loop {
            if let Some(found) = poll() {
                return Some(found);
            }
            if Instant::now() >= end {
                self.turns_off = TURNS_AFTER_MISS;
                return None;
            }
            std::hint::spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often something is polled for that never comes.
    fn polls(polling: &mut Polling) -> usize {
        let mut polls = 0;
        assert_eq!(
            polling.before_sleep::<()>(|| {
                polls += 1;
                None
            }),
            None
        );
        polls
    }

    #[test]
    fn only_after_records_and_given_up_when_in_vain() {
        let mut polling = Polling::new(2);
        assert_eq!(polls(&mut polling), 0, "an idle daemon sleeps");
        for _ in 0..3 {
            polling.note_stored();
            assert_eq!(polling.before_sleep(|| Some(7)), Some(7));
        }
        polling.note_stored();
        assert!(polls(&mut polling) > 0);
        for _ in 1..TURNS_AFTER_MISS {
            polling.note_stored();
            assert_eq!(polls(&mut polling), 0);
            assert!(!polling.is_on());
        }
        polling.note_stored();
        assert!(polls(&mut polling) > 0, "tried again");
    }

    #[test]
    fn never_with_one_processor() {
        let mut polling = Polling::new(1);
        polling.note_stored();
        assert!(polls(&mut polling) == 0 && !polling.is_on());
    }
}
