//! From admitted records to files of the spool: given the machine id, held against the room that there is, written
//! together.

mod current_machine_id;
mod spool_watch;

use crate::admission::{self, Admitted, Refusal, SpoolQuota, free_beyond_reserve};
use crate::settings::Settings;
use current_machine_id::CurrentMachineId;
use spool_watch::SpoolWatch;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};
use telemetry_config::consent;
use telemetry_files::errno_of;
use telemetry_record::header::Header;
use telemetry_record::message::Message;
use telemetry_runtime::inotify_limits;
use telemetry_store::limits::RECORDS_PER_FILE;
use telemetry_store::spool::{Daemon, Durability, SpoolLock, SpoolLockError, Writer};

/// Why nothing can be stored.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The spool cannot be used.
    #[error("spool_dir={}: {source}; it must be writable for the daemon's user", path.display())]
    Spool {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another telemprobd stores in it, or it cannot be seen that none does.
    #[error(transparent)]
    Lock(#[from] SpoolLockError),
    /// The spool cannot be watched.
    #[error(
        "spool_dir={}: cannot be watched: {source}; {}",
        path.display(),
        inotify_limits::remedy(source).unwrap_or("it must be a directory that the daemon's user can read")
    )]
    Watch {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The machine id cannot be kept.
    #[error("state_dir={}: {source}; it must be writable for the daemon's user", path.display())]
    State {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Where records are stored.
#[derive(Debug)]
pub(crate) struct RecordStore {
    spool: Writer,
    watch: SpoolWatch,
    quota: SpoolQuota,
    keep_free_percent: u64,
    durability: Durability,
    etc_dir: PathBuf,
    machine_id: CurrentMachineId,
    lock: Rc<SpoolLock>,
}

impl RecordStore {
    /// Opens the spool, locks it unless `other` has it locked for this process, cleans it of what a killed daemon left
    /// half written, counts what it takes, and reads or makes the machine id.
    ///
    /// # Errors
    /// [`StorageError`].
    pub(crate) fn open(
        settings: &Settings,
        other: Option<&RecordStore>,
        now: Instant,
    ) -> Result<Self, StorageError> {
        let spool_error = |source| StorageError::Spool { path: settings.spool_dir.clone(), source };
        let watch_error = |source| StorageError::Watch { path: settings.spool_dir.clone(), source };
        let state_error = |source| StorageError::State { path: settings.state_dir.clone(), source };
        let spool = Writer::open_or_create(&settings.spool_dir).map_err(spool_error)?;
        spool.check_writable().map_err(spool_error)?;
        let lock = match other.map(|other| &other.lock).filter(|lock| lock.is_of(&spool)) {
            Some(lock) => Rc::clone(lock),
            None => Rc::new(SpoolLock::acquire(&spool, Daemon::Telemprobd)?),
        };
        let swept = spool.sweep_unfinished().map_err(spool_error)?;
        if swept > 0 {
            log::info!("removed {swept} unfinished files of an earlier run; none was answered as stored");
        }
        let watch = SpoolWatch::new(&spool).map_err(watch_error)?;
        let entries = spool.entries().map_err(spool_error)?;
        let machine_id = CurrentMachineId::open(settings.etc_dir.clone(), settings.state_dir.clone(), now)
            .map_err(state_error)?;
        Ok(Self {
            quota: SpoolQuota::new(settings.spool_max_bytes, settings.user_limits.spool_bytes, &entries),
            spool,
            watch,
            keep_free_percent: settings.spool_keep_free_percent,
            durability: if settings.spool_sync { Durability::Synced } else { Durability::Atomic },
            etc_dir: settings.etc_dir.clone(),
            machine_id,
            lock,
        })
    }

    /// Renews the machine id if that is due.
    pub(crate) fn renew_machine_id_if_due(&mut self, now: Instant) {
        self.machine_id.renew_if_due(now);
    }

    /// Time until the machine id has to be checked.
    pub(crate) fn time_left(&self, now: Instant) -> Duration {
        self.machine_id.time_left(now)
    }

    /// Counts what left the spool, or came into it, since the last commit.
    pub(crate) fn catch_up(&mut self) {
        self.watch.apply(&mut self.quota, &self.spool);
    }

    /// Stores what became ready in one turn, a file a sender, and returns an answer for each, in order.
    pub(crate) fn commit(&mut self, mut records: Vec<Admitted>) -> Vec<Result<(), Refusal>> {
        for record in &mut records {
            record.message.headers.set(Header::MachineId, self.machine_id.as_str());
        }
        self.catch_up();
        // Asked at the latest moment: nothing is stored once consent is gone.
        let is_opted_in = consent::is_opted_in(&self.etc_dir);
        let mut answers = admission::storage(&records, is_opted_in, &self.quota, self.free_bytes());
        for (sender, indexes) in by_sender(&records, &answers) {
            for group in indexes.chunks(RECORDS_PER_FILE) {
                let messages: Vec<_> =
                    group.iter().filter_map(|index| Some(&records.get(*index)?.message)).collect();
                if let Err(refusal) = self.store(sender, &messages) {
                    for index in group {
                        if let Some(answer) = answers.get_mut(*index) {
                            *answer = Err(refusal.clone());
                        }
                    }
                }
            }
        }
        answers
    }

    /// What records may take of the file system. Where it gives no numbers, nothing bounds them.
    fn free_bytes(&self) -> u64 {
        let free_space = self.spool.free_space();
        free_space.map_or(u64::MAX, |(free, all)| free_beyond_reserve(free, all, self.keep_free_percent))
    }

    fn store(&mut self, sender: u32, messages: &[&Message]) -> Result<(), Refusal> {
        match self.spool.store(sender, messages, self.durability) {
            Ok(file) => {
                self.quota.added(file.name.as_ref(), file.disk_bytes);
                Ok(())
            }
            Err(error) => {
                log::error!("spool_dir={}: {error}", self.spool.path().display());
                Err(Refusal::Storage(errno_of(&error)))
            }
        }
    }
}

/// The indexes of the records that there is room for, by sender.
fn by_sender(records: &[Admitted], answers: &[Result<(), Refusal>]) -> BTreeMap<u32, Vec<usize>> {
    let mut by_sender: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (index, (record, answer)) in records.iter().zip(answers).enumerate() {
        if answer.is_ok() {
            by_sender.entry(record.sender).or_default().push(index);
        }
    }
    by_sender
}

#[cfg(test)]
mod tests;
