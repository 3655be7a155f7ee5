//! Steady time as delivery asks for it: how old a file is, what passes for a sign that the wall clock is right, and notes
//! while records wait.

use crate::queue::FileName;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use telemetry_runtime::clocks::{self, Clocks};
use telemetry_store::spool::Reader as SpoolReader;
use telemetry_store::steady_clock::{NOTE_INTERVAL, Reading, Stamp, SteadyClock, SteadyNow};

/// The clock of one spool.
#[derive(Debug)]
pub(crate) struct Clock {
    spool: Rc<SpoolReader>,
    steady: SteadyClock,
    reading: Reading,
    next_note: Instant,
}

/// When the machine started, in steady time, and whether delivery has run since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MachineStart {
    /// In nanoseconds since the epoch.
    pub(crate) steady_ns: i64,
    /// Whether delivery has run since.
    pub(crate) has_delivered: bool,
}

impl Clock {
    /// Begins, or goes on, in this spool. `last_run_secs` is when delivery last wrote its state, by the wall clock.
    pub(crate) fn open(spool: Rc<SpoolReader>, last_run_secs: u64, now: Instant) -> (Self, MachineStart) {
        let clocks = clocks::read();
        let reading = reading_from(clocks);
        let mut steady = SteadyClock::open(&spool, &reading);
        let by_wall_clock =
            || last_run_secs >= clocks.since_epoch.saturating_sub(clocks.since_boot).as_secs();
        let start = MachineStart {
            steady_ns: steady.state().boot_ns(),
            has_delivered: steady.state().has_delivered_since_boot(&reading).unwrap_or_else(by_wall_clock),
        };
        steady.note_delivery(&spool, &reading);
        (Self { spool, steady, reading, next_note: now + NOTE_INTERVAL }, start)
    }

    /// A turn of the loop begins.
    pub(crate) fn tick(&mut self) {
        self.reading = reading_from(clocks::read());
    }

    /// This moment, as of the last tick.
    pub(crate) fn now(&self) -> SteadyNow<'_> {
        self.steady.now(&self.reading)
    }

    /// What the time stamp of a file is worth. One that is known already was judged when it was seen first.
    pub(crate) fn stamp(&mut self, file: &FileName, modified_ns: i64, is_known: bool) -> Stamp {
        match self.steady.state().stamp(&self.reading, modified_ns, file.is_ours()) {
            Stamp::Unknown if is_known => Stamp::Age(self.age(modified_ns).unwrap_or_default()),
            Stamp::Unknown if self.steady.refresh(&self.spool, &self.reading) => {
                self.steady.state().stamp(&self.reading, modified_ns, file.is_ours())
            }
            stamp => stamp,
        }
    }

    /// Whether a file is older than this, also by what telemprobd has noted of steady time meanwhile.
    pub(crate) fn is_older(&mut self, file: &FileName, modified_ns: i64, expiry: Duration) -> bool {
        let is_older = |stamp| matches!(stamp, Stamp::Age(age) if age > expiry);
        if !is_older(self.stamp(file, modified_ns, true)) {
            return false;
        }
        !self.steady.refresh(&self.spool, &self.reading) || is_older(self.stamp(file, modified_ns, true))
    }

    /// Whether the wall clock is known to be right.
    pub(crate) fn is_synchronised(&self) -> bool {
        self.steady.state().is_synchronised(&self.reading)
    }

    /// How old is what was written then; none for a time that is still to come.
    pub(crate) fn age(&self, modified_ns: i64) -> Option<Duration> {
        self.steady.state().age(&self.reading, modified_ns)
    }

    /// The `Date` of an answer of the system's server, in seconds since the epoch.
    pub(crate) fn take_date(&mut self, date_unix_secs: u64) {
        self.steady.confirm(&self.spool, &self.reading, date_unix_secs);
    }

    /// When the next note is due while records wait.
    pub(crate) fn next_note(&self) -> Instant {
        self.next_note
    }

    /// Notes where steady time is, if that is due.
    pub(crate) fn note_if_due(&mut self, now: Instant) {
        if now >= self.next_note {
            self.note(now);
        }
    }

    /// Notes where steady time is.
    pub(crate) fn note(&mut self, now: Instant) {
        self.next_note = now + NOTE_INTERVAL;
        self.steady.note(&self.spool, &self.reading);
    }
}

fn reading_from(clocks: Clocks) -> Reading {
    let Clocks { boot_id, since_boot, since_epoch, is_synchronised } = clocks;
    Reading::new(boot_id, since_boot, since_epoch, is_synchronised)
}

/// Nanoseconds since the epoch.
pub(crate) fn ns_from(time: SystemTime) -> i64 {
    i64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()).unwrap_or(i64::MAX)
}
