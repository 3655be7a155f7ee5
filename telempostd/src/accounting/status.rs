//! Keeps `STATE_DIR/delivery.json` true, for `telemctl status`, without writing it for every record.

use super::failover::{self, Moment};
use crate::queue::FailoverMemory;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use telemetry_store::delivery_status::{CopyState, DeliveryFault, DeliveryStatus, SpoolFault};

/// How often it is written at most.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);

/// The state of delivery and whether people can read it already.
#[derive(Debug)]
pub(super) struct Status {
    state_dir: PathBuf,
    current: DeliveryStatus,
    next_try: Option<Instant>,
    is_changed: bool,
    written_at: Option<Instant>,
    is_failing: bool,
    /// Whether this scan of the spool met no fault yet.
    is_spool_sound: bool,
}

impl Status {
    /// What is known from before.
    pub(super) fn new(state_dir: &Path) -> Self {
        let mut current = DeliveryStatus::read(state_dir).ok().flatten().unwrap_or_default();
        current.next_try_unix_secs = None;
        let state_dir = state_dir.to_owned();
        Self {
            state_dir,
            current,
            next_try: None,
            is_changed: true,
            written_at: None,
            is_failing: false,
            is_spool_sound: false,
        }
    }

    /// When delivery last wrote its state before this run, in seconds since the epoch; 0 for never.
    pub(super) fn last_run_secs(&self) -> u64 {
        self.current.updated_unix_secs
    }

    /// A server took a record.
    pub(super) fn delivered(&mut self) {
        self.current.last_delivered_unix_secs = Some(unix_secs());
        self.is_changed = true;
    }

    /// A delivery failed. `server` is a URL as it may be shown.
    pub(super) fn fault(&mut self, server: &str, reason: &str) {
        let listed = self.current.failover.iter_mut().flat_map(|state| &mut state.servers);
        if let Some(listed) = listed.into_iter().find(|listed| listed.url == server) {
            listed.last_failure = Some(reason.to_owned());
        }
        let (server, reason) = (server.to_owned(), reason.to_owned());
        self.current.last_error = Some(DeliveryFault { unix_secs: unix_secs(), server, reason });
        self.is_changed = true;
    }

    /// What was known of this list of servers when it was last written.
    pub(super) fn failover(&self, urls: &[String], now: Instant) -> Option<FailoverMemory> {
        failover::memory(self.current.failover.as_ref()?, urls, &Moment::new(now))
    }

    /// The time until an earlier server is the active one again, per mille: what chance chose, once for this machine.
    pub(super) fn failback_per_mille(&mut self, chance: f64) -> u32 {
        let state = self.current.failover.get_or_insert_default();
        if !(500..=1500).contains(&state.failback_per_mille) {
            state.failback_per_mille = 500 + (chance.clamp(0.0, 1.0) * 1000.0) as u32;
            self.is_changed = true;
        }
        state.failback_per_mille
    }

    /// What is known of the servers now.
    pub(super) fn set_failover(&mut self, memory: &FailoverMemory, urls: &[String], now: Instant) {
        let state = self.current.failover.get_or_insert_default();
        let is_new = state.active != memory.active || state.active_since_unix_secs.is_none();
        let before = state.clone();
        failover::update(state, memory, urls, &Moment::new(now));
        if is_new {
            state.active_since_unix_secs = Some(unix_secs());
        }
        self.is_changed |= *state != before;
    }

    /// There is one server alone.
    pub(super) fn no_failover(&mut self) {
        self.is_changed |= self.current.failover.take().is_some();
    }

    /// Each copy: its URL, and the tries that failed since one did not.
    pub(super) fn set_copies<'a>(&mut self, states: impl Iterator<Item = (&'a str, u32)>) {
        let known = &self.current.copies;
        let state = |(url, failures): (&str, u32)| {
            let known = known.iter().find(|known| known.url == url).cloned().unwrap_or_default();
            let since = known.failing_since_unix_secs.or_else(|| Some(unix_secs()));
            let failing_since_unix_secs = since.filter(|_| failures > 0);
            CopyState { url: url.to_owned(), failures, failing_since_unix_secs, ..known }
        };
        let states: Vec<_> = states.map(state).collect();
        if self.current.copies != states {
            self.current.copies = states;
            self.is_changed = true;
        }
    }

    /// The URLs that were copies when this was last written.
    pub(super) fn copies(&self) -> impl Iterator<Item = &str> {
        self.current.copies.iter().map(|copy| copy.url.as_str())
    }

    /// A copy took a record.
    pub(super) fn copied(&mut self, server: &str) {
        if let Some(copy) = self.current.copies.iter_mut().find(|copy| copy.url == server) {
            copy.last_delivered_unix_secs = Some(unix_secs());
            self.is_changed = true;
        }
    }

    /// A copy failed, or rejected a record.
    pub(super) fn copy_fault(&mut self, server: &str, reason: &str) {
        if let Some(copy) = self.current.copies.iter_mut().find(|copy| copy.url == server) {
            copy.last_failure = Some(reason.to_owned());
            self.is_changed = true;
        }
    }

    /// Something of the spool cannot be read or removed.
    pub(super) fn spool_fault(&mut self, path: &Path, reason: &str) {
        self.is_spool_sound = false;
        let is_known = |fault: &SpoolFault| fault.path == path && fault.reason == reason;
        if !self.current.spool_fault.as_ref().is_some_and(is_known) {
            let (path, reason) = (path.to_owned(), reason.to_owned());
            self.current.spool_fault = Some(SpoolFault { unix_secs: unix_secs(), path, reason });
            self.is_changed = true;
        }
    }

    /// The spool is scanned anew: a fault that the whole scan before did not meet is over.
    pub(super) fn begin_scan(&mut self) {
        if self.is_spool_sound && self.current.spool_fault.take().is_some() {
            self.is_changed = true;
        }
        self.is_spool_sound = true;
    }

    /// The next try is due then.
    pub(super) fn set_next_try(&mut self, next_try: Option<Instant>, now: Instant) {
        if self.next_try != next_try {
            self.next_try = next_try;
            let in_secs = |at: Instant| at.saturating_duration_since(now).as_secs_f64().ceil() as u64;
            self.current.next_try_unix_secs = next_try.map(|at| unix_secs().saturating_add(in_secs(at)));
            self.is_changed = true;
        }
    }

    /// What waits, and when the oldest of it was written, in seconds since the epoch.
    pub(super) fn set_waiting(&mut self, records: u64, bytes: u64, oldest_unix_secs: Option<u64>) {
        let current = &mut self.current;
        let before = (current.waiting_records, current.waiting_bytes, current.oldest_waiting_unix_secs);
        let now = (Some(records), Some(bytes), oldest_unix_secs);
        (current.waiting_records, current.waiting_bytes, current.oldest_waiting_unix_secs) = now;
        self.is_changed |= now != before;
    }

    /// When it is to be written; none if nothing changed.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        self.is_changed.then(|| self.written_at.map_or(now, |at| at + WRITE_INTERVAL))
    }

    /// Writes it if that is due.
    pub(super) fn write_if_due(&mut self, now: Instant) {
        if self.due(now).is_some_and(|due| due <= now) {
            self.write(now);
        }
    }

    /// Writes it if anything changed.
    pub(super) fn write(&mut self, now: Instant) {
        if !self.is_changed {
            return;
        }
        self.is_changed = false;
        self.written_at = Some(now);
        self.current.updated_unix_secs = unix_secs();
        match self.current.write(&self.state_dir) {
            Err(error) if !self.is_failing => {
                self.is_failing = true;
                log::warn!("{}: the state of delivery cannot be written: {error}", self.state_dir.display());
            }
            Err(_) => {}
            Ok(()) => self.is_failing = false,
        }
    }
}

fn unix_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use telemetry_store::delivery_status::FailoverState;

    proptest! {
        #[test]
        fn chance_chooses_once_for_a_machine_from_a_half_to_one_and_a_half(
            chances in prop::collection::vec(0.0..1.0, 1..5),
            found in prop_oneof![Just(0_u32), 1..500_u32, 1501..u32::MAX],
        ) {
            let dir = tempfile::tempdir().unwrap();
            let before = FailoverState { failback_per_mille: found, ..FailoverState::default() };
            DeliveryStatus { failover: Some(before), ..DeliveryStatus::default() }.write(dir.path()).unwrap();
            let mut chosen = None;
            for chance in chances {
                // Each time in another process.
                let mut status = Status::new(dir.path());
                let per_mille = status.failback_per_mille(chance);
                prop_assert!((500..=1500).contains(&per_mille), "{per_mille}");
                prop_assert_eq!(*chosen.get_or_insert(per_mille), per_mille);
                status.write(Instant::now());
            }
        }

        #[test]
        fn a_fleet_is_spread_over_all_of_it(chance in 0.0..0.999) {
            let dir = tempfile::tempdir().unwrap();
            let chosen = |chance| f64::from(Status::new(dir.path()).failback_per_mille(chance)) / 1000.0;
            prop_assert!((chosen(chance) - (0.5 + chance)).abs() <= 0.001);
        }
    }
}
