//! From admitted records to files of the spool: given the machine id, held against the room that there is, written
//! together.

mod clock;
mod current_machine_id;
mod open_spool;
mod segments;
mod spool_watch;

use crate::admission::{self, Admitted, Refusal, free_beyond_reserve};
use crate::settings::Settings;
use current_machine_id::CurrentMachineId;
use nix::errno::Errno;
use open_spool::OpenSpool;
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
use telemetry_runtime::throttle::{Throttle, and_more};
use telemetry_store::limits::RECORDS_PER_FILE;
use telemetry_store::shares::Accounts;
use telemetry_store::spool::{SpoolLockError, StoredFile};
use telemetry_store::steady_clock::Reading;

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
        accounts: &Rc<Accounts>,
        now: Instant,
    ) -> Result<Self, StorageError> {
        let state_error = |source| StorageError::State { path: settings.state_dir.clone(), source };
        let reading = clock::read();
        let spool =
            OpenSpool::open(settings, other.map(|other| &other.spool), Rc::clone(accounts), &reading)?;
        let steady = spool.clock.now(&reading);
        let machine_id = CurrentMachineId::open(settings, now, steady).map_err(state_error)?;
        Ok(Self {
            spool,
            faults: Throttle::new(FAULT_INTERVAL),
            keep_free_percent: settings.spool_keep_free_percent,
            etc_dir: settings.etc_dir.clone(),
            machine_id,
        })
    }

    /// From now on these say whose share a record is from.
    pub(crate) fn set_accounts(&mut self, accounts: &Rc<Accounts>) {
        self.spool.set_accounts(accounts, &clock::read());
    }

    /// Renews the machine id if that is due.
    pub(crate) fn renew_machine_id_if_due(&mut self, now: Instant) {
        if self.machine_id.is_check_due(now) {
            let reading = clock::read();
            self.catch_up_to(&reading);
            self.machine_id.renew(now, self.spool.clock.now(&reading));
        }
    }

    /// Closes what is to be delivered, if that is due.
    pub(crate) fn close_due(&mut self, now: Instant) {
        self.spool.segments.close_due(now);
        self.note_close_fault(now);
    }

    /// Closes all that is to be delivered.
    pub(crate) fn close_all(&mut self, now: Instant) {
        self.spool.segments.close_all();
        self.note_close_fault(now);
    }

    /// Time until the machine id has to be checked, or something closed.
    pub(crate) fn time_left(&self, now: Instant) -> Duration {
        let machine_id = self.machine_id.time_left(now);
        self.spool.segments.time_left(now).map_or(machine_id, |left| left.min(machine_id))
    }

    /// Counts what left the spool, or came into it, since the last commit.
    pub(crate) fn catch_up(&mut self) {
        self.catch_up_to(&clock::read());
    }

    fn catch_up_to(&mut self, reading: &Reading) {
        self.spool.catch_up(reading);
    }

    /// Notes where steady time is, for the next start. Where there is no consent, nothing is written.
    pub(crate) fn note_time(&mut self) {
        if consent::is_opted_in(&self.etc_dir) {
            self.spool.note_time(&clock::read());
        }
    }

    /// Stores what became ready in one turn, the records of a sender together, and returns an answer for each, in order.
    pub(crate) fn commit(&mut self, mut records: Vec<Admitted>, now: Instant) -> Vec<Result<(), Refusal>> {
        for record in &mut records {
            record.message.headers.set(Header::MachineId, self.machine_id.as_str());
        }
        // Asked at the latest moment: nothing is stored, nor a spool made, once consent is gone.
        let is_opted_in = consent::is_opted_in(&self.etc_dir);
        let reading = clock::read();
        if is_opted_in && let Err(error) = self.spool.follow(&reading) {
            let errno = if self.spool.path().is_dir() { Errno::EIO } else { Errno::ENOENT };
            let refusal = self.refusal(&error, errno, now);
            return vec![Err(refusal); records.len()];
        }
        self.spool.catch_up(&reading);
        self.spool.stamp(&reading);
        let mut answers = admission::storage(&records, is_opted_in, &self.spool.quota, self.free_bytes());
        self.spool.segments.close_due(now);
        let mut alone = Vec::new();
        for group in groups(&records, &answers) {
            if self.spool.segments.make_room(group.sender, &group.messages, now) {
                let stored = self.spool.segments.append(group.sender, &group.messages);
                self.note_stored(&group.indexes, stored, &mut answers, now);
            } else {
                alone.push(group);
            }
        }
        self.store_alone(alone, &mut answers, now);
        let answered = Instant::now();
        for (record, _) in records.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()) {
            self.spool.segments.note_answer(record.sender, answered);
        }
        self.note_close_fault(now);
        answers
    }

    /// Stores records in files of their own, which are visible at once.
    fn store_alone(&mut self, groups: Vec<Group<'_>>, answers: &mut [Result<(), Refusal>], now: Instant) {
        let (indexes, files): (Vec<_>, Vec<_>) =
            groups.into_iter().map(|group| (group.indexes, (group.sender, group.messages))).unzip();
        let stored = self.spool.writer.store_together(&files, self.spool.durability());
        for (indexes, stored) in indexes.iter().zip(stored) {
            self.note_stored(indexes, stored, answers, now);
        }
    }

    /// Counts a file that was stored, or answers that it was not.
    fn note_stored(
        &mut self,
        indexes: &[usize],
        stored: io::Result<StoredFile>,
        answers: &mut [Result<(), Refusal>],
        now: Instant,
    ) {
        let error = match stored {
            Ok(file) => return self.spool.quota.added(file.name.as_ref(), file.disk_bytes),
            Err(error) => error,
        };
        let errno = errno_of(&error);
        let error = StorageError::Spool { path: self.spool.path().to_owned(), source: error };
        let refusal = self.refusal(&error, errno, now);
        for index in indexes {
            if let Some(answer) = answers.get_mut(*index) {
                *answer = Err(refusal.clone());
            }
        }
    }

    fn note_close_fault(&mut self, now: Instant) {
        if let Some(source) = self.spool.segments.take_fault() {
            let error = StorageError::Spool { path: self.spool.path().to_owned(), source };
            self.refusal(&error, Errno::EIO, now);
        }
    }

    /// What records may take of the file system. Where it gives no numbers, nothing bounds them.
    fn free_bytes(&self) -> u64 {
        let free_space = self.spool.writer.free_space();
        free_space.map_or(u64::MAX, |(free, all)| free_beyond_reserve(free, all, self.keep_free_percent))
    }

    /// The refusal for a fault of the spool, which is logged if it is time for a line: each record of a sender meets it.
    fn refusal(&mut self, error: &StorageError, errno: Errno, now: Instant) -> Refusal {
        if let Some(unlogged) = self.faults.note(now) {
            log::error!("{error}{}", and_more(unlogged));
        }
        Refusal::Storage(errno)
    }
}

/// Records of one sender that go into one file.
struct Group<'a> {
    sender: u32,
    indexes: Vec<usize>,
    messages: Vec<&'a Message>,
}

/// The records that there is room for, as many together as may be.
fn groups<'a>(records: &'a [Admitted], answers: &[Result<(), Refusal>]) -> Vec<Group<'a>> {
    let mut by_sender: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (index, (record, answer)) in records.iter().zip(answers).enumerate() {
        if answer.is_ok() {
            by_sender.entry(record.sender).or_default().push(index);
        }
    }
    let messages =
        |indexes: &[usize]| indexes.iter().filter_map(|index| Some(&records.get(*index)?.message)).collect();
    let of_sender = |(sender, indexes): (u32, Vec<usize>)| {
        let chunks = indexes.chunks(RECORDS_PER_FILE);
        chunks
            .map(|indexes| Group { sender, indexes: indexes.to_vec(), messages: messages(indexes) })
            .collect()
    };
    by_sender.into_iter().flat_map::<Vec<_>, _>(of_sender).collect()
}

#[cfg(test)]
mod tests;
