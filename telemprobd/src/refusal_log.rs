//! Log lines about refused records, few however many are refused.

use crate::limits::REFUSAL_LOG_INTERVAL;
use std::time::Instant;

/// Counts what is not said.
#[derive(Debug, Default)]
pub(crate) struct RefusalLog {
    last_line: Option<Instant>,
    unsaid: u64,
}

impl RefusalLog {
    /// A refusal at this time. Returns how many were not said since the last line if it is time for
    /// one; else it is counted.
    pub(crate) fn note(&mut self, now: Instant) -> Option<u64> {
        let due =
            self.last_line.is_none_or(|last| now.saturating_duration_since(last) >= REFUSAL_LOG_INTERVAL);
        if due {
            self.last_line = Some(now);
            Some(std::mem::take(&mut self.unsaid))
        } else {
            self.unsaid += 1;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_first_is_said_and_the_next_ones_counted() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut log = RefusalLog::default();
        assert_eq!(log.note(start), Some(0));
        assert_eq!(log.note(start + second), None);
        assert_eq!(log.note(start + 9 * second), None);
        assert_eq!(log.note(start + 10 * second), Some(2));
        assert_eq!(log.note(start + 11 * second), None);
    }
}
