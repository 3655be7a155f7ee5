//! Steady time: the time in which records age. It goes on as the machine runs and sleeps, whatever anybody sets the wall
//! clock to, so that no step of that deletes what waits: `SPOOL/.clock`, which moves with the spool.
//!
//! ```text
//! { "boot_id": "...",            the boot that offset_ns is for
//!   "offset_ns": N,              steady time U = CLOCK_BOOTTIME + offset_ns, in nanoseconds since the epoch
//!   "note": { "u": N, "wall": N, "synchronised": false },
//!   "synchronised_note": { "boot_id": "...", "u": N, "wall": N },   the last synchronised note, where that is an older one
//!   "confirmed_ns": N,           wall clock minus time since the start, of this boot, when a server's Date agreed with it
//!   "begin": { "u": N, "synchronised": false },                     where U was set to the wall clock
//!   "shifts": [ { "after": N, "until": N, "by": N } ],              time off that was added, and when
//!   "delivery_boot_id": "..." }  the boot in which telempostd ran last
//! ```
//!
//! The first time ever U is the wall clock. In another boot U goes on from the last note; the time that the machine was off is
//! added once that is known, which takes a clock that was synchronised at that note and is again. U never runs back, but
//! for one case: while nothing waits it may be set to a synchronised wall clock again.
//!
//! [`ClockState`] is all of that as a value; [`SteadyClock`] keeps it in the file, which both daemons write, under a lock on
//! the directory. The system's clocks come in as a [`Reading`].

mod boot_id;
mod state;

pub use state::{ClockState, DATE_SLACK, Reading, SLACK, Stamp};

use crate::spool::SpoolDir;
use crate::spool::name::CLOCK_FILE;
use crate::state_file;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, fstatat};
use std::fs::{File, TryLockError};
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use telemetry_files::{Attributes, Durability, bounded_file, replace};

/// How often a note is made while records wait. What passed since the last one is lost to a power cut: records live so much
/// longer.
pub const NOTE_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// Permissions of the file.
const MODE: u32 = 0o600;

/// Longest file that is read; ours is below 2 KiB.
const FILE_BYTES: u64 = 16 * 1024;

/// How long the other daemon is waited for. It holds the lock for as long as one small file takes to be synced.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// Time between two tries to take the lock.
const LOCK_RETRY: Duration = Duration::from_millis(2);

/// Steady time of one spool, kept in its file.
#[derive(Debug)]
pub struct SteadyClock {
    state: ClockState,
    /// The file that `state` was read from or written to; none if that failed.
    file: Option<FileIdentity>,
    is_failing: bool,
}

/// A file that is replaced, never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileIdentity {
    inode: u64,
    changed: (i64, i64),
}

/// One moment of steady time, and the age of what was stamped before it.
#[derive(Clone, Copy, Debug)]
pub struct SteadyNow<'a> {
    clock: Option<(&'a ClockState, Reading)>,
    stamp: SystemTime,
}

impl SteadyClock {
    /// Goes on from the file, or begins one. That it cannot be written is logged: the daemon works without it as long as
    /// it runs.
    pub fn open(spool: &SpoolDir, reading: &Reading) -> Self {
        let mut clock = Self { state: ClockState::begin(reading), file: None, is_failing: false };
        clock.change(spool, reading, |state| state);
        clock
    }

    /// What steady time is and will be, without changing anything; none if there is no file, or none that is one.
    ///
    /// # Errors
    /// The file is there but cannot be read.
    pub fn peek(spool: &SpoolDir, reading: &Reading) -> io::Result<Option<ClockState>> {
        Ok(read(spool)?.map(|(state, _)| state.advanced(reading)))
    }

    /// The state as of the last note.
    pub fn state(&self) -> &ClockState {
        &self.state
    }

    /// This moment.
    pub fn now<'a>(&'a self, reading: &Reading) -> SteadyNow<'a> {
        self.state.at(reading)
    }

    /// Takes what the other daemon wrote since. Returns whether there was anything.
    pub fn refresh(&mut self, spool: &SpoolDir, reading: &Reading) -> bool {
        if identity(spool).is_none_or(|found| Some(found) == self.file) {
            return false;
        }
        match read(spool) {
            Ok(Some((state, file))) => {
                self.state = state.advanced(reading);
                self.file = Some(file);
                true
            }
            _ => false,
        }
    }

    /// Makes a note, unless one was made a short while ago and nothing else is new.
    pub fn note(&mut self, spool: &SpoolDir, reading: &Reading) {
        self.change(spool, reading, |state| state);
    }

    /// Makes a note that telempostd works in this boot.
    pub fn note_delivery(&mut self, spool: &SpoolDir, reading: &Reading) {
        self.change(spool, reading, ClockState::with_delivery);
    }

    /// Takes the `Date` of a server's answer, in seconds since the epoch, for a sign that the wall clock is right.
    pub fn confirm(&mut self, spool: &SpoolDir, reading: &Reading, date_unix_secs: u64) {
        let date_ns = i64::try_from(date_unix_secs).unwrap_or(i64::MAX).saturating_mul(1_000_000_000);
        if self.state.confirmed(reading, date_ns).is_some() {
            self.change(spool, reading, |state| state.confirmed(reading, date_ns).unwrap_or(state));
        }
    }

    /// Sets steady time to the wall clock again, if that is known to be right and steady time is off. To be called by
    /// telemprobd alone, while nothing waits.
    pub fn set_right(&mut self, spool: &SpoolDir, reading: &Reading) {
        if self.state.set_right(reading).is_some() {
            self.change(spool, reading, |state| state.set_right(reading).unwrap_or(state));
        }
    }

    /// When the next note is due after this much time without one, in steady nanoseconds.
    pub fn is_note_due(&self, reading: &Reading) -> bool {
        let since = self.state.now_ns(reading).saturating_sub(self.state.noted_ns());
        u64::try_from(since).is_ok_and(|since| Duration::from_nanos(since) >= NOTE_INTERVAL)
    }

    /// Changes what is in the file, if anything, as it is under the lock.
    fn change(&mut self, spool: &SpoolDir, reading: &Reading, change: impl FnOnce(ClockState) -> ClockState) {
        let changed = locked(spool, || {
            // Noise in the file, as after a power cut, is as if there were none.
            let found = read(spool).unwrap_or_default();
            let old = found.as_ref().map_or(&self.state, |(state, _)| state);
            let new = change(old.advanced(reading));
            match found {
                Some((old, file)) if new.says_the_same(&old, NOTE_INTERVAL / 2) => Ok((new, file)),
                _ => write(spool, &new).map(|file| (new, file)),
            }
        });
        match changed {
            Ok((state, file)) => {
                self.state = state;
                self.file = Some(file);
                self.is_failing = false;
            }
            Err(error) => {
                self.state = self.state.advanced(reading);
                if !std::mem::replace(&mut self.is_failing, true) {
                    let path = spool.path().join(CLOCK_FILE);
                    log::warn!("{}: {error}; after a restart records may live longer", path.display());
                }
            }
        }
    }
}

impl ClockState {
    /// This moment of a reading that the state was advanced to.
    pub fn at(&self, reading: &Reading) -> SteadyNow<'_> {
        SteadyNow { clock: Some((self, *reading)), stamp: time_from_ns(self.now_ns(reading)) }
    }
}

impl SteadyNow<'_> {
    /// The time stamp of what is written now.
    pub fn stamp(&self) -> SystemTime {
        self.stamp
    }

    /// It in seconds since the epoch.
    pub fn secs(&self) -> u64 {
        secs_since_epoch(self.stamp)
    }

    /// What the wall clock shows, for people, in seconds since the epoch.
    pub fn wall_secs(&self) -> u64 {
        match &self.clock {
            Some((_, reading)) => secs_since_epoch(time_from_ns(reading.wall_ns)),
            None => self.secs(),
        }
    }

    /// How old is what was stamped then; none for a time that is still to come.
    pub fn age(&self, stamp: SystemTime) -> Option<Duration> {
        match &self.clock {
            Some((state, reading)) => state.age(reading, ns_from_time(stamp)),
            None => self.stamp.duration_since(stamp).ok(),
        }
    }
}

/// A moment of a clock that nobody sets.
impl From<SystemTime> for SteadyNow<'_> {
    fn from(stamp: SystemTime) -> Self {
        Self { clock: None, stamp }
    }
}

fn locked<T>(spool: &SpoolDir, action: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let directory = File::from(openat(spool, ".", flags, Mode::empty())?);
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match directory.try_lock() {
            // Whoever holds it for so long is no daemon of ours.
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(LOCK_RETRY),
            Err(TryLockError::Error(error)) => return Err(error),
            _ => return action(),
        }
    }
}

fn read(spool: &SpoolDir) -> io::Result<Option<(ClockState, FileIdentity)>> {
    let Some(file) = identity(spool) else { return Ok(None) };
    let bytes = bounded_file::read_all(&bounded_file::open_regular_in(spool, CLOCK_FILE)?, FILE_BYTES)?;
    Ok(serde_json::from_slice(&bytes).ok().map(|state| (state, file)))
}

fn write(spool: &SpoolDir, state: &ClockState) -> io::Result<FileIdentity> {
    let attributes = Attributes::of_directory(MODE);
    replace(spool, CLOCK_FILE, &state_file::text_of(state)?, attributes, Durability::Synced)?;
    identity(spool).ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn identity(spool: &SpoolDir) -> Option<FileIdentity> {
    let stat = fstatat(spool, CLOCK_FILE, AtFlags::AT_SYMLINK_NOFOLLOW).ok()?;
    Some(FileIdentity { inode: stat.st_ino, changed: (stat.st_ctime, stat.st_ctime_nsec) })
}

fn secs_since_epoch(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The time so many nanoseconds after the epoch, or before it.
fn time_from_ns(ns: i64) -> SystemTime {
    let distance = Duration::from_nanos(ns.unsigned_abs());
    if ns < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
}

fn ns_from_time(time: SystemTime) -> i64 {
    let ns = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => ns(since),
        Err(before) => ns(before.duration()).saturating_neg(),
    }
}
