//! Whether a record may leave now, whatever its server: the rate limits, and the delay after a start of
//! the machine.

mod rate_limit;
mod start_delay;
mod user_share;

use crate::clock::MachineStart;
use crate::queue::Permission;
use crate::settings::Settings;
use rate_limit::RateLimit;
use start_delay::StartDelay;
use std::time::{Duration, Instant};
use telemetry_store::shares::Holder;

/// Paces all records.
#[derive(Debug)]
pub(crate) struct Pacer {
    limit: RateLimit,
    hold_end: Option<Instant>,
    start: StartDelay,
}

impl Pacer {
    /// One that holds nothing.
    pub(crate) fn open(settings: &Settings, start: MachineStart) -> Self {
        Self { limit: RateLimit::open(settings), hold_end: None, start: StartDelay::new(start) }
    }

    /// A file of this age waits. Returns for how long all records are held for that, the first time that they are.
    pub(crate) fn note_file(&mut self, modified_ns: i64, now: Instant, chance: f64) -> Option<Duration> {
        let delay = self.start.delay_for(modified_ns, chance)?;
        self.hold_end = Some(now + delay);
        Some(delay)
    }

    /// Until when nothing may leave at all; none if records may.
    pub(crate) fn hold_end(&self, now: Instant) -> Option<Instant> {
        self.hold_end.filter(|until| *until > now)
    }

    /// What holds for a record of so many bytes of this holder, at this second of steady time. If it has to wait, all have to.
    pub(crate) fn permission(
        &mut self,
        bytes: u64,
        holder: Holder,
        steady_secs: u64,
        now: Instant,
    ) -> Permission {
        let permission = self.limit.permission(bytes, holder, steady_secs);
        if let Permission::Wait(wait) = permission {
            self.hold_end = Some(now + wait);
        }
        permission
    }

    /// The same for a record that a copy is sent first: if it has to wait, that holds up nobody else.
    pub(crate) fn permission_of_copy(&mut self, bytes: u64, holder: Holder, steady_secs: u64) -> Permission {
        self.limit.permission(bytes, holder, steady_secs)
    }

    /// A record of so many bytes of this holder leaves.
    pub(crate) fn note_sent(&mut self, bytes: u64, holder: Holder, steady_secs: u64, now: Instant) {
        self.limit.note_sent(bytes, holder, steady_secs, now);
    }

    /// When [`Pacer::write_if_due`] has something to do.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.limit.due()
    }

    /// Keeps the windows for the next run, not for every record.
    pub(crate) fn write_if_due(&mut self, now: Instant) {
        self.limit.write_if_due(now);
    }

    /// Keeps the windows for the next run.
    pub(crate) fn write(&mut self) {
        self.limit.write();
    }
}
