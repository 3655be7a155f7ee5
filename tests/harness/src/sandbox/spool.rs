//! Records in the sandbox's spool, put there without telemprobd, and those that wait.

use super::Sandbox;
use crate::directory::names;
use crate::records::record;
use crate::until;
use std::ffi::OsStr;
use std::fs::{self, File, FileTimes};
use std::time::{Duration, SystemTime};
use telemetry_record::message::Message;
use telemetry_store::spool::name::is_segment;
use telemetry_store::spool::{Durability, SpoolDir, StoredRecord, Writer, file};

/// The user whose records these are: whoever runs the test, so that a configuration of his counts, or one without rights.
pub fn sender() -> u32 {
    match nix::unistd::geteuid().as_raw() {
        0 => 1000,
        other => other,
    }
}

impl Sandbox {
    /// The spool, which is made if it is not there.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn spool(&self) -> Writer {
        Writer::open_or_create(&self.spool_dir()).unwrap()
    }

    /// Stores one record as telemprobd does; returns its id.
    pub fn store(&self, payload: &str) -> String {
        self.store_message(record(payload))
    }

    /// Stores this record as telemprobd does; returns its id.
    ///
    /// # Panics
    /// It cannot be stored.
    pub fn store_message(&self, message: Message) -> String {
        self.store_from(sender(), &message)
    }

    /// The same for a record that this user sent.
    ///
    /// # Panics
    /// It cannot be stored.
    pub fn store_from(&self, sender: u32, message: &Message) -> String {
        let name = self.spool().store(sender, &[message], Durability::Atomic).unwrap().name;
        name.strip_suffix(&format!(".{sender}")).unwrap().to_owned()
    }

    /// Stores several records as telemprobd does when they come at once; returns the file's name.
    ///
    /// # Panics
    /// They cannot be stored.
    pub fn store_batch(&self, payloads: impl IntoIterator<Item = String>) -> String {
        let messages: Vec<_> = payloads.into_iter().map(|payload| record(&payload)).collect();
        self.spool().store(sender(), &messages.iter().collect::<Vec<_>>(), Durability::Atomic).unwrap().name
    }

    /// Stores a record as the C daemons do: under six characters, written in place.
    ///
    /// # Panics
    /// It cannot be stored.
    pub fn store_as_c(&self, name: &str, message: &Message) {
        fs::write(self.spool_dir().join(name), file::encode_single(message)).unwrap();
    }

    /// Makes the file of the spool whose name begins so as old as this.
    ///
    /// # Panics
    /// There is none.
    pub fn age(&self, name: &str, age: Duration) {
        let name = self.waiting().into_iter().find(|found| found.starts_with(name)).unwrap();
        let times = FileTimes::new().set_modified(SystemTime::now() - age);
        File::options().write(true).open(self.spool_dir().join(name)).unwrap().set_times(times).unwrap();
    }

    /// Names of the files in the spool that hold records, segments that are open included.
    pub fn waiting(&self) -> Vec<String> {
        let holds_records = |name: &String| {
            let is_segment = is_segment(OsStr::new(name));
            let is_empty = || fs::metadata(self.spool_dir().join(name)).is_ok_and(|it| it.len() == 0);
            !name.starts_with('.') || (is_segment && !is_empty())
        };
        names(&self.spool_dir()).into_iter().filter(holds_records).collect()
    }

    /// Waits until no record waits.
    pub fn wait_until_empty(&self) {
        until("an empty spool", || self.waiting().is_empty().then_some(()));
    }

    /// The records in the spool, in no order.
    ///
    /// # Panics
    /// A file of the spool is damaged.
    pub fn spooled(&self) -> Vec<StoredRecord> {
        let Ok(spool) = SpoolDir::open(&self.spool_dir()) else {
            return Vec::new();
        };
        let mut records: Vec<StoredRecord> = Vec::new();
        for entry in spool.entries_and_segments().unwrap() {
            // Delivered since the directory was read.
            let Ok(bytes) = spool.read(&entry.name) else { continue };
            let decoded = file::decode(&entry.name, &bytes);
            // What is being appended may be seen in part.
            let is_whole = decoded.damage.is_none() || is_segment(&entry.name);
            assert!(is_whole, "{}: {:?}", entry.name.display(), decoded.damage);
            let is_new = |record: &StoredRecord| records.iter().all(|known| known.id != record.id);
            let new: Vec<_> = decoded.records.into_iter().filter(is_new).collect();
            records.extend(new);
        }
        records
    }
}
