//! What people and their monitoring see of delivery: where records go, and how much waits, which is counted while something
//! does, and not often.

use super::Delivery;
use std::time::{Duration, Instant};
use telemetry_store::spool::Census;

/// Between two counts.
const INTERVAL: Duration = Duration::from_secs(10);

/// A large spool is counted so seldom that counting takes no more than this part of the time.
const PART: u32 = 200;

/// Bytes of files with several records that are read for one count, so that nobody is kept waiting by it.
const BATCH_BYTES: u64 = 8 * 1024 * 1024;

/// When it is counted again.
#[derive(Debug, Default)]
pub(super) struct Counting {
    next: Option<Instant>,
}

impl Delivery<'_> {
    /// Which server of the list records go to, for the next run, too.
    pub(super) fn note_failover(&mut self, now: Instant) {
        let (memory, change) = (self.queue.failover_memory(), self.queue.take_server_change());
        self.accounting.set_failover(&memory, change, now);
        self.accounting.maybe_twice(self.queue.take_maybe_twice(), now);
    }

    /// Counts what waits if that is due. Where nothing waits, nothing is read.
    pub(super) fn count_waiting(&mut self, now: Instant) {
        if self.is_idle() {
            return self.accounting.set_waiting(&Census::default(), None);
        }
        if self.counting.next.is_some_and(|next| now < next) {
            return;
        }
        let begin = Instant::now();
        // The spool's own faults are reported by whoever scans it.
        if let Ok(census) = Census::take(&self.spool, BATCH_BYTES) {
            let age = |secs: i64| self.clock.age(secs.saturating_mul(1_000_000_000)).unwrap_or_default();
            self.accounting.set_waiting(&census, census.oldest_secs.map(age));
        }
        self.counting.next = Some(now + INTERVAL.max(begin.elapsed() * PART));
    }
}
