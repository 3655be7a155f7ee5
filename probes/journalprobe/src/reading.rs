//! From the journal into the state.

use super::clock::{Clock, happened_ms};
use super::damage::Damage;
use super::error::ProbeError;
use super::limits::ENTRIES_PER_TURN;
use super::position::{Position, Start};
use super::sd_journal::{Filter, Reader};
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use telemetry_journal::failure::Failure;
use telemetry_outbox::ProbeState;

/// The state of this probe.
pub(super) type JournalState = ProbeState<Position, Failure>;

/// The journal, read from where the state says.
pub(super) struct Reading {
    directory: Option<PathBuf>,
    filter: Filter,
    reader: Reader,
    damage: Damage,
}

impl Reading {
    /// Opens the journal and goes to where reading begins.
    pub(super) fn open(
        directory: Option<PathBuf>,
        filter: Filter,
        new_only: bool,
        state: &mut JournalState,
    ) -> Result<Self, ProbeError> {
        let reader = Reader::open(directory.as_deref(), &filter)?;
        let mut damage = Damage::new(directory.as_deref());
        damage.check_opening();
        damage.check_objects(&filter.boot);
        let mut reading = Self { directory, filter, reader, damage };
        reading.begin(new_only, state)?;
        Ok(reading)
    }

    fn begin(&mut self, new_only: bool, state: &mut JournalState) -> Result<(), ProbeError> {
        let start = state.position().start(&self.filter.boot, new_only);
        let before = match self.reader.seek(start) {
            Err(error) if matches!(start, Start::After(_)) => {
                log::warn!("where the journal was read to is not known ({error}); reading all of this boot");
                self.reader.seek(Start::Head)?
            }
            before => before?,
        };
        state.position_mut().set(&self.filter.boot, before.as_deref());
        Ok(())
    }

    /// Reads entries that were logged as errors, too, or does so no longer.
    pub(super) fn set_all_errors(
        &mut self,
        all_errors: bool,
        state: &mut JournalState,
    ) -> Result<(), ProbeError> {
        if self.filter.all_errors != all_errors {
            self.filter.all_errors = all_errors;
            self.reader = Reader::open(self.directory.as_deref(), &self.filter)?;
            self.begin(false, state)?;
        }
        Ok(())
    }

    /// Takes what happened to the journal's files.
    pub(super) fn take_changes(&mut self) -> Result<(), ProbeError> {
        if self.reader.process()? {
            self.damage.check_opening();
            self.damage.check_objects(&self.filter.boot);
        }
        Ok(())
    }

    /// Notes what is there, a bounded number of entries. Returns whether there may be more.
    pub(super) fn read_into(&mut self, state: &mut JournalState, clock: &Clock) -> Result<bool, ProbeError> {
        let usage_bytes = self.reader.usage_bytes()?;
        for _ in 0..ENTRIES_PER_TURN {
            let Some(entry) = self.reader.next()? else {
                if self.reader.usage_bytes()? < usage_bytes {
                    self.damage.check_entries(&self.filter);
                }
                return Ok(false);
            };
            state.position_mut().set(&self.filter.boot, Some(&entry.cursor));
            if let Some(failure) = Failure::from_entry(&entry) {
                let now_ms = clock.now_ms();
                state.note(failure, happened_ms(entry.realtime_us, now_ms), now_ms);
            }
        }
        Ok(true)
    }

    /// Readable when the journal changed.
    pub(super) fn fd(&self) -> Result<BorrowedFd<'_>, ProbeError> {
        Ok(self.reader.fd()?)
    }
}
