//! What happens to the records of the kernel's log, one after the other.

use super::position::Position;
use crate::log::{KernelFinding, Oops, Privacy, Scanner, parse_kmsg};
use telemetry_outbox::ProbeState;

/// Pause after which an oops that has no end is taken as whole, in milliseconds. The kernel writes its lines at once.
const QUIET_MS: u64 = 3_000;

/// The log as it is followed.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) state: ProbeState<Position, KernelFinding>,
    scanner: Scanner,
    privacy: Privacy,
    /// Number of the record that comes next; those before it in the log were read by an earlier klogscanner.
    expected: u64,
    last_read_ms: u64,
    /// When consent was given, by the clock of the log: what happened before is not collected.
    consent_us: u64,
}

impl Follower {
    /// Goes on where the state says, if it is of this boot.
    pub(super) fn new(
        mut state: ProbeState<Position, KernelFinding>,
        boot_id: &str,
        privacy: Privacy,
        consent_us: u64,
    ) -> Self {
        if state.position().boot_id != boot_id {
            // What an earlier boot left is reported now, and its clock is gone.
            state.forget_windows();
            state.position_mut().begin_boot(boot_id);
        }
        let expected = state.position().next_sequence;
        Self { state, scanner: Scanner::default(), privacy, expected, last_read_ms: 0, consent_us }
    }

    /// Takes a record as the device gave it.
    pub(super) fn take(&mut self, bytes: &[u8], now_ms: u64) {
        let Some(record) = parse_kmsg(bytes) else { return };
        if record.sequence < self.expected {
            return;
        }
        self.count_lost(record.sequence - self.expected);
        self.expected = record.sequence.saturating_add(1);
        self.last_read_ms = now_ms;
        if record.is_of_kernel() && record.stamp_us >= self.consent_us {
            let mut found = Vec::new();
            record.lines().for_each(|line| self.scanner.push(&line, &mut found));
            self.note(&found, now_ms);
        }
    }

    fn count_lost(&mut self, lines: u64) {
        if lines > 0 {
            self.state.position_mut().lost_lines += lines;
            self.state.touch();
            log::warn!("{lines} lines of the kernel's log were overwritten before they could be read");
        }
    }

    fn note(&mut self, found: &[Oops], now_ms: u64) {
        for oops in found {
            if self.state.position_mut().is_new(oops) {
                let happened_ms = oops.stamp_us.map_or(now_ms, |us| us / 1000);
                let key = oops.key();
                if !self.state.counts(&key, happened_ms) {
                    let finding = KernelFinding::with_key(oops, key, self.privacy, &[]);
                    self.state.note(finding, happened_ms, now_ms);
                }
            }
        }
        let next = self.scanner.first_needed().unwrap_or(self.expected);
        self.state.position_mut().move_to(next);
    }

    /// There is nothing more to read for now.
    pub(super) fn pause(&mut self, now_ms: u64) {
        if self.quiet_at_ms().is_some_and(|at_ms| at_ms <= now_ms) {
            self.finish(now_ms);
        }
        self.state.settle(now_ms);
    }

    /// What is open is whole: the log ends here for this process.
    pub(super) fn finish(&mut self, now_ms: u64) {
        let mut found = Vec::new();
        self.scanner.finish(&mut found);
        self.note(&found, now_ms);
    }

    /// When [`Follower::pause`] has something to do next; none: not before there is a new line.
    pub(super) fn next_due_ms(&self) -> Option<u64> {
        self.quiet_at_ms().into_iter().chain(self.state.next_due_ms()).min()
    }

    fn quiet_at_ms(&self) -> Option<u64> {
        self.scanner.first_needed().map(|_| self.last_read_ms.saturating_add(QUIET_MS))
    }
}

#[cfg(test)]
mod tests;
