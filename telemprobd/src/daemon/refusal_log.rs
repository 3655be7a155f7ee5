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
    /// Counts a refusal, and logs it if it is time for a line. `uid` is the sender's, if it is known.
    pub(super) fn note(
        &mut self,
        uid: Option<u32>,
        refusal: &Refusal,
        counters: &mut Counters,
        now: Instant,
    ) {
        counters.add(Counter::Refused, refusal.reason(), 1, now);
        if let Some(unlogged) = self.0.note(now) {
            let user = uid.map_or_else(|| "?".to_owned(), |uid| uid.to_string());
            log::warn!(
                sender_uid = user, refusal = refusal.reason();
                "refused a record of user {user}: {refusal}{}", and_more(unlogged)
            );
        }
    }

    /// Logs that no client can be accepted.
    pub(super) fn note_accept_failure(&mut self, error: &io::Error, now: Instant) {
        if let Some(unlogged) = self.0.note(now) {
            log::warn!("no new client can be accepted: {error}{}", and_more(unlogged));
        }
    }
}
