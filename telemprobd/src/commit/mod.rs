//! From decoded messages to stored records: checked, given the machine id, held against the quota,
//! written together.

mod spool_watch;

use crate::admission::refusal::Refusal;
use crate::admission::sender_config::SenderConfigs;
use crate::admission::spool_quota::SpoolQuota;
use crate::limits::{KEEP_FREE_BYTES, RECORD_OVERHEAD_BYTES};
use crate::settings::Settings;
use spool_watch::SpoolWatch;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use telemetry_config::consent;
use telemetry_files::errno_of;
use telemetry_record::classification;
use telemetry_record::header::Header;
use telemetry_record::message::Message;
use telemetry_store::limits::RECORDS_PER_FILE;
use telemetry_store::machine_id;
use telemetry_store::spool::{Durability, Writer};

/// Why nothing can be stored.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The spool can not be used.
    #[error("spool_dir {}: {source}; it must be writable for the daemon's user", path.display())]
    Spool {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The machine id can not be kept.
    #[error("state_dir {}: {source}; it must be writable for the daemon's user", path.display())]
    State {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A record that is ready to be stored.
#[derive(Clone, Debug)]
pub(crate) struct Admitted {
    /// Who sent it.
    pub(crate) sender: u32,
    /// Whether the sender has a share of the spool and no more.
    pub(crate) is_limited: bool,
    /// The record.
    pub(crate) message: Message,
}

/// What stores records.
#[derive(Debug)]
pub(crate) struct RecordStore {
    spool: Writer,
    watch: SpoolWatch,
    quota: SpoolQuota,
    keep_free_percent: u64,
    durability: Durability,
    etc_dir: PathBuf,
    state_dir: PathBuf,
    machine_id: String,
    sender_configs: SenderConfigs,
}

impl RecordStore {
    /// Opens the spool, cleans it of what a killed daemon left half written, counts what it takes, and
    /// reads or makes the machine id.
    pub(crate) fn open(settings: &Settings) -> Result<Self, StorageError> {
        let spool_error = |source| StorageError::Spool { path: settings.spool_dir.clone(), source };
        let state_error = |source| StorageError::State { path: settings.state_dir.clone(), source };
        let spool = Writer::open_or_create(&settings.spool_dir).map_err(spool_error)?;
        spool.check_writable().map_err(spool_error)?;
        let swept = spool.sweep_unfinished().map_err(spool_error)?;
        if swept > 0 {
            log::info!("removed {swept} unfinished files of an earlier run; none was answered as stored");
        }
        let watch = SpoolWatch::new(&spool).map_err(spool_error)?;
        let entries = spool.entries().map_err(spool_error)?;
        std::fs::create_dir_all(&settings.state_dir).map_err(state_error)?;
        let machine_id =
            machine_id_now(&settings.etc_dir, &settings.state_dir, SystemTime::now()).map_err(state_error)?;
        Ok(Self {
            quota: SpoolQuota::new(settings.spool_max_bytes, settings.user_limits.spool_bytes, &entries),
            spool,
            watch,
            keep_free_percent: settings.spool_keep_free_percent,
            durability: if settings.spool_sync { Durability::Synced } else { Durability::Atomic },
            etc_dir: settings.etc_dir.clone(),
            state_dir: settings.state_dir.clone(),
            machine_id,
            sender_configs: SenderConfigs::default(),
        })
    }

    /// Renews the machine id where that is due. If it can not be written the old one stays in use.
    pub(crate) fn check_machine_id(&mut self, now: SystemTime) {
        match machine_id_now(&self.etc_dir, &self.state_dir, now) {
            Ok(id) => self.machine_id = id,
            Err(error) => log::error!("state_dir {}: machine_id: {error}", self.state_dir.display()),
        }
    }

    /// Checks a message and fills the machine id in.
    pub(crate) fn admit(&mut self, mut message: Message, sender: u32) -> Result<Message, Refusal> {
        let class = message.headers.value(Header::Classification);
        classification::check(class).map_err(|_| Refusal::Content)?;
        if !matches!(message.headers.value(Header::Severity), "1" | "2" | "3" | "4") {
            return Err(Refusal::Content);
        }
        if let Some(config) = &message.config {
            self.sender_configs.check(config, sender).map_err(Refusal::Configuration)?;
        }
        message.headers.set(Header::MachineId, &self.machine_id);
        Ok(message)
    }

    /// Stores what became ready in one turn, a file a sender, and returns an answer for each, in order.
    pub(crate) fn commit(&mut self, ready: &[Admitted]) -> Vec<Result<(), Refusal>> {
        if !self.is_opted_in() {
            return vec![Err(Refusal::NotOptedIn); ready.len()];
        }
        let mut answers = self.within_quota(ready);
        let mut by_sender: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (index, (record, answer)) in ready.iter().zip(&answers).enumerate() {
            if answer.is_ok() {
                by_sender.entry(record.sender).or_default().push(index);
            }
        }
        for (sender, indexes) in by_sender {
            for group in indexes.chunks(RECORDS_PER_FILE) {
                let messages: Vec<_> =
                    group.iter().filter_map(|index| Some(&ready.get(*index)?.message)).collect();
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

    /// Takes note of what left the spool since the last commit.
    pub(crate) fn catch_up(&mut self) {
        self.watch.apply(&mut self.quota, &self.spool);
    }

    /// Decides which records the spool still has room for.
    fn within_quota(&mut self, ready: &[Admitted]) -> Vec<Result<(), Refusal>> {
        self.catch_up();
        let mut reservation = self.quota.reserve();
        let mut free = self.free_beyond_reserve();
        ready
            .iter()
            .map(|record| {
                let bytes = record_bytes(&record.message);
                if free < bytes {
                    return Err(Refusal::DiskFull);
                }
                let sender = record.is_limited.then_some(record.sender);
                self.quota.take(&mut reservation, sender, bytes)?;
                free -= bytes;
                Ok(())
            })
            .collect()
    }

    /// Bytes of the file system above what is to stay free; no bound where it does not tell.
    fn free_beyond_reserve(&self) -> u64 {
        match self.spool.free_space() {
            Ok((free, all)) if all > 0 => {
                free.saturating_sub((all / 100 * self.keep_free_percent).min(KEEP_FREE_BYTES))
            }
            _ => u64::MAX,
        }
    }

    fn store(&mut self, sender: u32, messages: &[&Message]) -> Result<(), Refusal> {
        match self.spool.store(sender, messages, self.durability) {
            Ok(file) => {
                self.quota.added(file.name.as_ref(), file.disk_bytes);
                Ok(())
            }
            Err(error) => {
                log::error!("spool_dir {}: {error}", self.spool.path().display());
                Err(Refusal::Storage(errno_of(&error)))
            }
        }
    }

    /// Whether telemetry is opted in, as of now.
    pub(crate) fn is_opted_in(&self) -> bool {
        consent::is_opted_in(&self.etc_dir)
    }
}

/// What a record adds to a file, rounded up.
fn record_bytes(message: &Message) -> u64 {
    let config = message.config.as_ref().map_or(0, |path| path.as_os_str().len());
    (message.headers.as_str().len() + message.payload.len() + config) as u64 + RECORD_OVERHEAD_BYTES
}

/// The machine id that the administrator fixed, or the rotating one.
fn machine_id_now(etc_dir: &Path, state_dir: &Path, now: SystemTime) -> io::Result<String> {
    match consent::static_machine_id(etc_dir) {
        Some(id) => Ok(id),
        None => machine_id::current(state_dir, now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use telemetry_record::header::HeaderBlock;

    fn message(class: &str, severity: &str) -> Message {
        let mut headers = HeaderBlock::from_values(Header::ALL.map(Header::name));
        headers.set(Header::Classification, class);
        headers.set(Header::Severity, severity);
        Message { config: None, headers, payload: "x".to_owned() }
    }

    fn store(dir: &Path, more: &str) -> RecordStore {
        let file = dir.join("t.conf");
        let lines: String = ["etc_dir", "spool_dir", "state_dir"]
            .map(|key| format!("{key}={}\n", dir.join(key).display()))
            .concat();
        let text = format!("[settings]\nspool_sync=false\nspool_keep_free=0\n{lines}{more}");
        std::fs::write(&file, text).unwrap();
        std::fs::create_dir_all(dir.join("etc_dir")).unwrap();
        std::fs::write(dir.join("etc_dir/opt-in"), "").unwrap();
        let configuration = telemetry_config::Configuration::load(Some(&file)).unwrap();
        RecordStore::open(&Settings::read(&configuration).unwrap()).unwrap()
    }

    fn ready(sender: u32) -> Admitted {
        Admitted { sender, is_limited: sender != 0, message: message("a/b/c", "1") }
    }

    #[test]
    fn admission_checks_and_fills_in() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path(), "");
        let id = store.machine_id.clone();
        let mut admit = |class, severity| store.admit(message(class, severity), 0);
        let admitted = admit("a/b/c", "4").unwrap();
        assert_eq!(admitted.headers.value(Header::MachineId), id);
        for (class, severity) in [("a/b", "1"), ("a/b/c", "0"), ("a/b/c", "5"), ("a/b/c", "")] {
            assert_eq!(admit(class, severity), Err(Refusal::Content), "{class} {severity}");
        }
    }

    #[test]
    fn nothing_is_stored_without_consent() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path(), "");
        let records = vec![ready(0); RECORDS_PER_FILE + 1];
        std::fs::remove_file(dir.path().join("etc_dir/opt-in")).unwrap();
        assert_eq!(store.commit(&records), vec![Err(Refusal::NotOptedIn); records.len()]);
        assert_eq!(store.spool.entries().unwrap(), []);
        std::fs::write(dir.path().join("etc_dir/opt-in"), "").unwrap();
        assert_eq!(store.commit(&records), vec![Ok(()); records.len()]);
        assert_eq!(store.spool.entries().unwrap().len(), 2);
    }

    #[test]
    fn each_senders_records_are_in_files_of_his_own() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path(), "");
        let records = [1000, 1001, 1000, 1001, 1000].map(ready);
        assert_eq!(store.commit(&records), vec![Ok(()); 5]);
        let mut senders: Vec<_> = store
            .spool
            .entries()
            .unwrap()
            .iter()
            .map(|entry| telemetry_store::spool::sender_of(&entry.name))
            .collect();
        senders.sort_unstable();
        assert_eq!(senders, [Some(1000), Some(1001)]);
    }

    #[test]
    fn a_full_spool_and_a_full_share_refuse_and_recover() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path(), "spool_max_size=40\nuser_spool_share=50\n");
        let mut stored = 0;
        let refusal = loop {
            match store.commit(&[ready(1000)]).remove(0) {
                Ok(()) => stored += 1,
                Err(refusal) => break refusal,
            }
        };
        // Half of 40 KiB is a little less than five blocks.
        assert_eq!((refusal, stored), (Refusal::UserShare, 4));
        for _ in 0..6 {
            assert_eq!(store.commit(&[ready(0)]), [Ok(())]);
        }
        assert_eq!(store.commit(&[ready(0)]), [Err(Refusal::SpoolFull)]);
        let name = store.spool.entries().unwrap().remove(0).name;
        std::fs::remove_file(store.spool.path().join(&name)).unwrap();
        assert_eq!(store.commit(&[ready(0)]), [Ok(())]);
        let disk_bytes: u64 = store.spool.entries().unwrap().iter().map(|entry| entry.disk_bytes).sum();
        assert!(disk_bytes <= 40 * 1024, "{disk_bytes}");
    }
}
