//! The spool as long as it is where the configuration says: locked, watched, counted. Whoever moves it, removes it or mounts
//! something over it puts another directory there, which only the path shows.

use super::StorageError;
use super::segments::Segments;
use super::spool_watch::{SpoolWatch, recount};
use crate::admission::SpoolQuota;
use crate::settings::Settings;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use telemetry_store::shares::Accounts;
use telemetry_store::spool::recovery::{Recovery, recover_all};
use telemetry_store::spool::{DAMAGED_DIR, Daemon, Durability, SpoolLock, Writer};
use telemetry_store::steady_clock::{Reading, SteadyClock};

/// Where a spool is, and what it may take.
#[derive(Clone, Debug)]
struct Place {
    path: PathBuf,
    durability: Durability,
    max_bytes: Option<u64>,
    user_bytes: Option<u64>,
    accounts: Rc<Accounts>,
}

/// A spool of which this process is the only telemprobd.
#[derive(Debug)]
pub(super) struct OpenSpool {
    place: Place,
    pub(super) writer: Rc<Writer>,
    pub(super) segments: Segments,
    pub(super) quota: SpoolQuota,
    pub(super) clock: SteadyClock,
    watch: SpoolWatch,
    lock: Rc<SpoolLock>,
}

impl OpenSpool {
    /// Opens the spool, locks it unless `other` has it locked for this process, cleans it of what a killed daemon left
    /// half written, and counts what it takes.
    pub(super) fn open(
        settings: &Settings,
        other: Option<&OpenSpool>,
        accounts: Rc<Accounts>,
        reading: &Reading,
    ) -> Result<Self, StorageError> {
        let place = Place {
            path: settings.spool_dir.clone(),
            durability: if settings.spool_sync { Durability::Synced } else { Durability::Atomic },
            max_bytes: settings.spool_accepts_bytes,
            user_bytes: settings.user_limits.spool_bytes,
            accounts,
        };
        Self::open_at(place, other, reading)
    }

    fn open_at(place: Place, other: Option<&OpenSpool>, reading: &Reading) -> Result<Self, StorageError> {
        let spool_error = |source| StorageError::Spool { path: place.path.clone(), source };
        let watch_error = |source| StorageError::Watch { path: place.path.clone(), source };
        let writer = Writer::open_or_create(&place.path).map_err(spool_error)?;
        writer.check_writable().map_err(spool_error)?;
        let lock = match other.map(|other| &other.lock).filter(|lock| lock.is_of(&writer)) {
            Some(lock) => Rc::clone(lock),
            None => Rc::new(SpoolLock::acquire(&writer, Daemon::Telemprobd)?),
        };
        let swept = writer.sweep_unfinished().map_err(spool_error)?;
        if swept > 0 {
            log::info!("removed {swept} unfinished files of an earlier run; none was answered as stored");
        }
        recover_all(&writer, |name, recovery| log_recovery(&place.path.join(name), &recovery))
            .map_err(spool_error)?;
        let watch = SpoolWatch::new(&writer).map_err(watch_error)?;
        let entries = writer.entries().map_err(spool_error)?;
        let quota = SpoolQuota::new(place.max_bytes, place.user_bytes, Rc::clone(&place.accounts), &entries);
        let clock = SteadyClock::open(&writer, reading);
        let writer = Rc::new(writer);
        let segments = Segments::new(Rc::clone(&writer), place.durability);
        Ok(Self { place, writer, segments, quota, clock, watch, lock })
    }

    /// Goes on with the directory that is at the path now, if that is another one. One that is missing is made.
    ///
    /// # Errors
    /// It cannot be used; then nothing may be stored, since nobody would look for it where the old one is.
    pub(super) fn follow(&mut self, reading: &Reading) -> Result<(), StorageError> {
        if self.writer.is_in_place() {
            return Ok(());
        }
        *self = Self::open_at(self.place.clone(), Some(self), reading)?;
        log::warn!(
            "spool_dir={}: another directory is there now, and records go there; those in the old one wait where it is",
            self.path().display()
        );
        Ok(())
    }

    /// Counts all again, as after events that were lost.
    #[cfg(test)]
    pub(super) fn recount(&mut self) {
        let open: Vec<_> = self.segments.files().collect();
        super::spool_watch::recount(&mut self.quota, &self.writer, &open);
    }

    /// Whether what is answered is on disk.
    pub(super) fn durability(&self) -> Durability {
        self.place.durability
    }

    /// The directory's path.
    pub(super) fn path(&self) -> &Path {
        &self.place.path
    }

    /// From now on these say whose share a file is from.
    pub(super) fn set_accounts(&mut self, accounts: &Rc<Accounts>, reading: &Reading) {
        self.catch_up(reading);
        self.place.accounts = Rc::clone(accounts);
        self.quota.set_accounts(Rc::clone(accounts));
        let open: Vec<_> = self.segments.files().collect();
        recount(&mut self.quota, &self.writer, &open);
    }

    /// Counts what left the spool, or came into it, and takes what telempostd noted of steady time.
    pub(super) fn catch_up(&mut self, reading: &Reading) {
        let open = || self.segments.files().collect();
        if self.watch.apply(&mut self.quota, &self.writer, open) {
            self.clock.refresh(&self.writer, reading);
        }
    }

    /// Sees to it that what is stored now is of steady time. Its time stamp is the wall clock's as long as that is the
    /// same; while nothing waits, steady time is made so.
    pub(super) fn stamp(&mut self, reading: &Reading) {
        if !self.clock.state().agrees(reading) && self.quota.is_empty() {
            self.clock.set_right(&self.writer, reading);
        }
        let agrees = self.clock.state().agrees(reading);
        self.writer.set_stamp((!agrees).then(|| self.clock.now(reading).stamp()));
    }

    /// Notes where steady time is, for the next start.
    pub(super) fn note_time(&mut self, reading: &Reading) {
        if self.writer.is_in_place() {
            self.clock.note(&self.writer, reading);
        }
    }
}

fn log_recovery(path: &Path, recovery: &io::Result<Recovery>) {
    let path = path.display();
    match recovery {
        Ok(Recovery::SetAside { damage }) => log::warn!("{path}: {damage}; it is kept in {DAMAGED_DIR}"),
        Ok(Recovery::Closed(_)) => log::info!("{path}: records of an earlier run; they are delivered"),
        Ok(Recovery::Removed | Recovery::LeftAlone) => {}
        Err(error) => log::error!("{path}: records of an earlier run cannot be delivered yet: {error}"),
    }
}
