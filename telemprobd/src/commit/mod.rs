//! From admitted records to files of the spool: given the machine id, held against the room that there is, written
//! together.

mod current_machine_id;
mod open_spool;
mod spool_watch;

use crate::admission::{self, Admitted, Refusal, free_beyond_reserve};
use crate::settings::Settings;
use current_machine_id::CurrentMachineId;
use nix::errno::Errno;
use open_spool::OpenSpool;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use telemetry_config::consent;
use telemetry_files::errno_of;
use telemetry_record::header::Header;
use telemetry_record::message::Message;
use telemetry_runtime::inotify_limits;
use telemetry_runtime::throttle::{Throttle, and_more};
use telemetry_store::limits::RECORDS_PER_FILE;
use telemetry_store::spool::{Durability, SpoolLockError};

/// Minimum time between two lines about faults of the spool, at first.
const FAULT_INTERVAL: Duration = Duration::from_secs(10);

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
    spool: OpenSpool,
    faults: Throttle,
    keep_free_percent: u64,
    durability: Durability,
    etc_dir: PathBuf,
    machine_id: CurrentMachineId,
}

impl RecordStore {
    /// Opens the spool, of which `other` may be a user in this process already, and reads or makes the machine id.
    ///
    /// # Errors
    /// [`StorageError`].
    pub(crate) fn open(
        settings: &Settings,
        other: Option<&RecordStore>,
        now: Instant,
    ) -> Result<Self, StorageError> {
        let state_error = |source| StorageError::State { path: settings.state_dir.clone(), source };
        Ok(Self {
            spool: OpenSpool::open(settings, other.map(|other| &other.spool))?,
            faults: Throttle::new(FAULT_INTERVAL),
            keep_free_percent: settings.spool_keep_free_percent,
            durability: if settings.spool_sync { Durability::Synced } else { Durability::Atomic },
            etc_dir: settings.etc_dir.clone(),
            machine_id: CurrentMachineId::open(settings.etc_dir.clone(), settings.state_dir.clone(), now)
                .map_err(state_error)?,
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
        self.spool.catch_up();
    }

    /// Stores what became ready in one turn, a file a sender, and returns an answer for each, in order.
    pub(crate) fn commit(&mut self, mut records: Vec<Admitted>, now: Instant) -> Vec<Result<(), Refusal>> {
        for record in &mut records {
            record.message.headers.set(Header::MachineId, self.machine_id.as_str());
        }
        // Asked at the latest moment: nothing is stored, nor a spool made, once consent is gone.
        let is_opted_in = consent::is_opted_in(&self.etc_dir);
        if is_opted_in && let Err(error) = self.spool.follow() {
            let errno = if self.spool.path().is_dir() { Errno::EIO } else { Errno::ENOENT };
            let refusal = self.refusal(&error, errno, now);
            return vec![Err(refusal); records.len()];
        }
        self.catch_up();
        let mut answers = admission::storage(&records, is_opted_in, &self.spool.quota, self.free_bytes());
        for (sender, indexes) in by_sender(&records, &answers) {
            for group in indexes.chunks(RECORDS_PER_FILE) {
                let messages: Vec<_> =
                    group.iter().filter_map(|index| Some(&records.get(*index)?.message)).collect();
                if let Err(refusal) = self.store(sender, &messages, now) {
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
        let free_space = self.spool.writer.free_space();
        free_space.map_or(u64::MAX, |(free, all)| free_beyond_reserve(free, all, self.keep_free_percent))
    }

    fn store(&mut self, sender: u32, messages: &[&Message], now: Instant) -> Result<(), Refusal> {
        match self.spool.writer.store(sender, messages, self.durability) {
            Ok(file) => {
                self.spool.quota.added(file.name.as_ref(), file.disk_bytes);
                Ok(())
            }
            Err(error) => {
                let errno = errno_of(&error);
                let error = StorageError::Spool { path: self.spool.path().to_owned(), source: error };
                Err(self.refusal(&error, errno, now))
            }
        }
    }

    /// The refusal for a fault of the spool, which is logged if it is time for a line: each record of a sender meets it.
    fn refusal(&mut self, error: &StorageError, errno: Errno, now: Instant) -> Refusal {
        if let Some(unlogged) = self.faults.note(now) {
            log::error!("{error}{}", and_more(unlogged));
        }
        Refusal::Storage(errno)
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
