//! What is logged of a server that does not take records: when that begins, once an hour while it goes on, and
//! when it ends. Outages that follow shortly are not logged, but for one that does not end.

use std::time::{Duration, Instant};

/// How often an outage that goes on is logged.
const OUTAGE_REMINDER: Duration = Duration::from_secs(60 * 60);

/// For how long the next outage of a server is not logged: one that takes a record now and then, or asks for a pause
/// after each dozen, would fill the log.
const OUTAGE_QUIET: Duration = Duration::from_secs(10 * 60);

/// A change of an outage, each worth a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outage {
    /// The server cannot be used from now on.
    Began,
    /// It has gone on for a long time.
    GoesOn,
    /// The server takes records again.
    Ended,
}

/// The outages of one server.
#[derive(Clone, Debug, Default)]
pub(crate) struct OutageLog {
    /// Whether the one that goes on was logged.
    is_logged: bool,
    logged_at: Option<Instant>,
}

impl OutageLog {
    /// A request failed.
    pub(crate) fn note_failure(&mut self, now: Instant) -> Option<Outage> {
        let (change, pause) = match self.is_logged {
            true => (Outage::GoesOn, OUTAGE_REMINDER),
            false => (Outage::Began, OUTAGE_QUIET),
        };
        if self.logged_at.is_some_and(|at| now.saturating_duration_since(at) < pause) {
            return None;
        }
        self.is_logged = true;
        self.logged_at = Some(now);
        Some(change)
    }

    /// The server took a record.
    pub(crate) fn note_success(&mut self) -> Option<Outage> {
        std::mem::take(&mut self.is_logged).then_some(Outage::Ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const DAY_MINUTES: u32 = 24 * 60;

    #[test]
    fn an_outage_of_days_is_logged_once_an_hour() {
        let start = Instant::now();
        let mut log = OutageLog::default();
        let lines: Vec<_> =
            (0..3 * DAY_MINUTES).filter_map(|minute| log.note_failure(start + minute * MINUTE)).collect();
        assert_eq!(lines.len(), 72);
        assert_eq!((lines[0], lines[1]), (Outage::Began, Outage::GoesOn));
        assert_eq!((log.note_success(), log.note_success()), (Some(Outage::Ended), None));
    }

    #[test]
    fn a_server_that_comes_and_goes_is_logged_now_and_then() {
        let start = Instant::now();
        let mut log = OutageLog::default();
        let mut lines = Vec::new();
        for second in 0..60 * DAY_MINUTES {
            lines.extend(log.note_failure(start + second * MINUTE / 60));
            lines.extend(log.note_success());
        }
        assert_eq!(lines.len(), 2 * 24 * 6);
        assert!(lines.chunks(2).all(|pair| pair == [Outage::Began, Outage::Ended]));
    }

    #[test]
    fn the_second_outage_is_logged_once_it_lasts() {
        let start = Instant::now();
        let mut log = OutageLog::default();
        assert_eq!(log.note_failure(start), Some(Outage::Began));
        assert_eq!(log.note_success(), Some(Outage::Ended));
        assert_eq!(log.note_failure(start + MINUTE), None);
        assert_eq!(log.note_failure(start + OUTAGE_QUIET), Some(Outage::Began));
        assert_eq!(log.note_success(), Some(Outage::Ended));
    }
}
