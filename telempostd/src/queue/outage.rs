//! What the log is told of a server that does not take records: when that begins, once an hour while it goes on, and
//! when it ends. Outages that follow shortly are not told, but for one that does not end.

use crate::limits::{OUTAGE_QUIET, OUTAGE_REMINDER};
use std::time::Instant;

/// A turn of an outage, each worth a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outage {
    /// The server can not be used from now on.
    Began,
    /// That goes on since a long time.
    GoesOn,
    /// The server takes records again.
    Ended,
}

/// The outages of one server.
#[derive(Clone, Debug, Default)]
pub(crate) struct OutageLog {
    /// Whether the one that goes on was told.
    is_told: bool,
    told_at: Option<Instant>,
}

impl OutageLog {
    /// A request failed.
    pub(crate) fn failed(&mut self, now: Instant) -> Option<Outage> {
        let (turn, pause) = match self.is_told {
            true => (Outage::GoesOn, OUTAGE_REMINDER),
            false => (Outage::Began, OUTAGE_QUIET),
        };
        if self.told_at.is_some_and(|at| now.saturating_duration_since(at) < pause) {
            return None;
        }
        self.is_told = true;
        self.told_at = Some(now);
        Some(turn)
    }

    /// The server took a record.
    pub(crate) fn succeeded(&mut self) -> Option<Outage> {
        std::mem::take(&mut self.is_told).then_some(Outage::Ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const MINUTE: Duration = Duration::from_secs(60);
    const DAY_MINUTES: u32 = 24 * 60;

    #[test]
    fn an_outage_of_days_is_told_once_an_hour() {
        let start = Instant::now();
        let mut log = OutageLog::default();
        let told: Vec<_> =
            (0..3 * DAY_MINUTES).filter_map(|minute| log.failed(start + minute * MINUTE)).collect();
        assert_eq!(told.len(), 72);
        assert_eq!((told[0], told[1]), (Outage::Began, Outage::GoesOn));
        assert_eq!((log.succeeded(), log.succeeded()), (Some(Outage::Ended), None));
    }

    #[test]
    fn a_server_that_comes_and_goes_is_told_now_and_then() {
        let start = Instant::now();
        let mut log = OutageLog::default();
        let mut told = Vec::new();
        for second in 0..60 * DAY_MINUTES {
            told.extend(log.failed(start + second * MINUTE / 60));
            told.extend(log.succeeded());
        }
        assert_eq!(told.len(), 2 * 24 * 6);
        assert!(told.chunks(2).all(|pair| pair == [Outage::Began, Outage::Ended]));
    }

    #[test]
    fn the_second_outage_is_told_once_it_lasts() {
        let start = Instant::now();
        let mut log = OutageLog::default();
        assert_eq!(log.failed(start), Some(Outage::Began));
        assert_eq!(log.succeeded(), Some(Outage::Ended));
        assert_eq!(log.failed(start + MINUTE), None);
        assert_eq!(log.failed(start + OUTAGE_QUIET), Some(Outage::Began));
        assert_eq!(log.succeeded(), Some(Outage::Ended));
    }
}
