//! Refusals, counted and logged: all are counted, few get a line, so that a client that sends noise does not fill
//! the log.

use crate::admission::Refusal;
use std::io;
use std::time::{Duration, Instant};
use telemetry_runtime::throttle::{Throttle, and_more};
use telemetry_store::counters::{Counter, Counters};

/// Minimum time between two lines, at first.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// What was logged of refusals.
#[derive(Debug)]
pub(super) struct RefusalLog(Throttle);

impl Default for RefusalLog {
    fn default() -> Self {
        Self(Throttle::new(LOG_INTERVAL))
    }
}

impl RefusalLog {
    /// Counts a refusal, and logs it if it is time for a line; returns whether it was. `uid` is the sender's, if it is
    /// known.
    pub(super) fn note(
        &mut self,
        uid: Option<u32>,
        refusal: &Refusal,
        counters: &mut Counters,
        now: Instant,
    ) -> bool {
        counters.add(Counter::Refused, refusal.reason(), 1, now);
        let unlogged = self.0.note(now);
        if let Some(unlogged) = unlogged {
            let user = uid.map_or_else(|| "?".to_owned(), |uid| uid.to_string());
            log::warn!(
                sender_uid = user, refusal = refusal.reason();
                "refused a record of user {user}: {refusal}{}", and_more(unlogged)
            );
        }
        unlogged.is_some()
    }

    /// Logs that no client can be accepted.
    pub(super) fn note_accept_failure(&mut self, error: &io::Error, now: Instant) {
        if let Some(unlogged) = self.0.note(now) {
            log::warn!("no new client can be accepted: {error}{}", and_more(unlogged));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::errno::Errno;
    use telemetry_record::wire::WireError;

    #[test]
    fn ten_thousand_of_each_refusal_are_a_few_lines() {
        let refusals = [
            Refusal::NotOptedIn,
            Refusal::PeerCredentials(Errno::ENOMEM),
            Refusal::UserConnections,
            Refusal::Poller(Errno::ENOSPC),
            Refusal::TimedOut,
            Refusal::UserRate,
            Refusal::Wire(WireError::TooLarge),
            Refusal::Content,
            Refusal::Configuration(Errno::ENOENT),
            Refusal::SpoolFull,
            Refusal::UserShare,
            Refusal::DiskFull,
            Refusal::Storage(Errno::EIO),
        ];
        let dir = tempfile::tempdir().unwrap();
        let mut counters = Counters::open(dir.path(), "telemprobd");
        let start = Instant::now();
        for refusal in &refusals {
            let mut log = RefusalLog::default();
            // Within an hour.
            let lines = (0..10_000_u64)
                .filter(|n| {
                    let now = start + Duration::from_millis(360 * n);
                    log.note(Some(1000), refusal, &mut counters, now)
                })
                .count();
            assert!((1..20).contains(&lines), "{refusal}: {lines}");
        }
    }
}
