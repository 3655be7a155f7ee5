//! One server of `server_copy`: what waits for it in the spool and in its folder, and how far each file is.

use super::behind::{Behind, BehindFile};
use super::once::Once;
use crate::accounting::Accounting;
use crate::clock::{Clock, ns_from};
use crate::limits::PAYLOAD_BYTES;
use crate::queue::{FileName, Position, Queue, Route};
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};
use telemetry_config::ServerSettings;
use telemetry_store::spool::copies::{folder_name, remove_if_empty};
use telemetry_store::spool::file::{self, StoredRecord};
use telemetry_store::spool::{COPY_DIR, CopyFolder, Reader as SpoolReader};
use telemetry_store::steady_clock::Stamp;

/// The server with its state.
#[derive(Debug)]
pub(super) struct CopyServer {
    /// As it may be shown.
    pub(super) url: String,
    folder_name: String,
    /// None until something has to be in it.
    pub(super) folder: Option<CopyFolder>,
    pub(super) queue: Queue<StoredRecord>,
    pub(super) behind: Behind,
    /// Files in the spool whose records it has, or which were dropped for it.
    pub(super) taken: HashSet<FileName>,
    /// Until when the rate limits hold its next record.
    pub(super) hold_end: Option<Instant>,
    /// Files of its folder that could not be read; tried again with the next scan of the spool.
    unreadable: Vec<FileName>,
}

impl CopyServer {
    /// Goes on with what is in its folder.
    pub(super) fn open(
        server: ServerSettings,
        last_tag: u64,
        limit: Option<u64>,
        spool: &SpoolReader,
        accounting: &mut Accounting,
        now: Instant,
    ) -> Self {
        let url = server.url.to_string();
        let folder_name = folder_name(&url);
        let folder = CopyFolder::open(spool, &folder_name).unwrap_or_else(|error| {
            let fault = format!("what {url} has still to get cannot be read: {error}");
            accounting.spool_fault(&spool.path().join(COPY_DIR).join(&folder_name), &fault, now);
            None
        });
        Self {
            folder_name,
            folder,
            queue: Queue::for_copy(server, last_tag),
            behind: Behind::new(limit),
            taken: HashSet::new(),
            hold_end: None,
            unreadable: Vec::new(),
            url,
        }
    }

    /// Finds what an earlier run left.
    pub(super) fn find_behind(&mut self, clock: &mut Clock, once: &mut Once) {
        let Some(folder) = &self.folder else { return };
        // What cannot be removed or read now is by a later run.
        let _ = folder.sweep();
        for entry in folder.entries().unwrap_or_default().into_iter().filter(|entry| entry.is_record) {
            let file = FileName::from(entry.name.as_os_str());
            let modified_ns = match clock.stamp(&file, entry.modified_ns, false) {
                Stamp::Age(_) => entry.modified_ns,
                Stamp::Unknown => {
                    let stamp = clock.now().stamp();
                    // Where it cannot be written, it cannot be removed either.
                    let _ = folder.set_modified(&entry.name, stamp);
                    ns_from(stamp)
                }
            };
            let disk_bytes = entry.disk_bytes;
            self.behind.insert(file.clone(), BehindFile { modified_ns, disk_bytes, records: None });
            self.queue.add_waiting(file, modified_ns);
        }
        for name in folder.read_taken() {
            let file = FileName::from(name.as_os_str());
            once.note_taken(&file);
            self.taken.insert(file);
        }
    }

    /// Its folder, which is made where it is not there.
    pub(super) fn make_folder(&mut self, spool: &SpoolReader) -> io::Result<&CopyFolder> {
        // Somebody may have removed it.
        self.folder.take_if(|folder| !folder.is_in_place());
        match &mut self.folder {
            Some(folder) => Ok(folder),
            none => Ok(none.insert(CopyFolder::make(spool, &self.folder_name)?)),
        }
    }

    /// A file is in the spool.
    pub(super) fn found(&mut self, file: &FileName, modified_ns: i64, is_too_old: bool) {
        if self.taken.contains(file) || self.behind.contains(file) {
            return;
        }
        self.queue.add_waiting(file.clone(), modified_ns);
        if is_too_old {
            self.queue.set_too_old(file);
        }
    }

    /// Files of its folder that have become too old, and those that could not be read, are noticed.
    pub(super) fn begin_scan(&mut self, clock: &mut Clock, expiry: Duration) {
        for file in std::mem::take(&mut self.unreadable) {
            if let Some(modified_ns) =
                self.behind.oldest_first().find(|(_, name)| *name == file).map(|of| of.0)
            {
                self.queue.add_waiting(file, modified_ns);
            }
        }
        for (modified_ns, file) in self.behind.oldest_first() {
            if !clock.is_older(file, *modified_ns, expiry) {
                break;
            }
            self.queue.set_too_old(file);
        }
    }

    /// Reads the file at this position into the queue.
    pub(super) fn read(
        &mut self,
        position: &Position,
        spool: &SpoolReader,
        once: &Once,
        accounting: &mut Accounting,
        now: Instant,
    ) {
        let file = &position.name;
        let name = OsString::from(file);
        let is_behind = self.behind.contains(file);
        let directory = match &self.folder {
            Some(folder) if is_behind => folder,
            _ => spool,
        };
        let bytes = match directory.read(&name) {
            Ok(bytes) => bytes,
            Err(error) => {
                return self.cannot_read(file, &directory.path().join(&name), &error, accounting, now);
            }
        };
        let decoded = file::decode(&name, &bytes);
        let is_whole =
            file.is_whole_when_seen() || (decoded.damage.is_none() && bytes.last() == Some(&b'\n'));
        if decoded.records.is_empty() || !is_whole {
            // In the spool it may still be being written, or is set aside when the list finds it.
            self.queue.forget(file);
            if is_behind && let Some(damage) = decoded.damage {
                self.set_aside(spool, file, &damage.to_string(), accounting, now);
            }
            return;
        }
        let dropped = once.marks(file).filter(|_| !is_behind).map_or(0, |marks| marks.dropped);
        let route = |(index, record): (u32, StoredRecord)| {
            let is_for_it = is_for_copies(&record) && dropped & (1_u64 << index) == 0;
            (if is_for_it { Route::SYSTEM } else { Route::Settled }, record)
        };
        let records = (0..u64::BITS).zip(decoded.records).map(route).collect();
        self.queue.add_records(file, records, now);
    }

    fn cannot_read(
        &mut self,
        file: &FileName,
        path: &Path,
        error: &io::Error,
        accounting: &mut Accounting,
        now: Instant,
    ) {
        self.queue.forget(file);
        if error.kind() == io::ErrorKind::NotFound {
            self.behind.remove(file);
        } else if self.behind.contains(file) {
            accounting.spool_fault(path, &format!("cannot be read: {error}; it stays there"), now);
            self.unreadable.push(file.clone());
        }
    }

    /// A file of the folder gives no record any more.
    fn set_aside(
        &mut self,
        spool: &SpoolReader,
        file: &FileName,
        damage: &str,
        accounting: &mut Accounting,
        now: Instant,
    ) {
        let Some(folder) = &self.folder else { return };
        let name = OsString::from(file);
        let path = folder.path().join(&name);
        match folder.set_aside_in(spool, &name) {
            Ok(()) => accounting.damaged(&path, damage, now),
            Err(error) => {
                accounting.spool_fault(&path, &format!("{damage}, and cannot be set aside: {error}"), now);
            }
        }
        self.behind.remove(file);
    }

    /// Number of records in a file of the folder that the server did not get.
    pub(super) fn unsettled_behind(&self, file: &FileName) -> u64 {
        let name = OsString::from(file);
        let read = |folder: &CopyFolder| folder.read(&name).map_or(0, |bytes| count(&name, &bytes));
        let records = match self.behind.get(file).and_then(|known| known.records) {
            Some(records) => records,
            None => self.folder.as_ref().map_or(0, read),
        };
        u64::from(records.saturating_sub(self.queue.settled_bits(file).count_ones()))
    }

    /// A file leaves the folder.
    pub(super) fn remove_behind(&mut self, file: &FileName, accounting: &mut Accounting, now: Instant) {
        let (Some(folder), Some(_)) = (&self.folder, self.behind.remove(file)) else { return };
        let name = OsString::from(file);
        if let Err(error) = folder.remove(&name) {
            let fault = format!("cannot be removed: {error}; make the spool writable");
            accounting.spool_fault(&folder.path().join(&name), &fault, now);
        }
    }

    /// Leaves what it has still to get, and what it has before the list, to the next run.
    pub(super) fn finish(&mut self, spool: &SpoolReader, accounting: &mut Accounting, now: Instant) {
        for (file, settled) in self.queue.partly_settled() {
            if let (true, Some(folder)) = (self.behind.contains(&file), &self.folder)
                && let Err(error) = keep_unsettled(folder, &OsString::from(&file), settled)
            {
                let path = folder.path().join(OsString::from(&file));
                accounting.spool_fault(&path, &format!("delivered records of it stay: {error}"), now);
            }
        }
        let taken: Vec<OsString> = self.taken.iter().map(OsString::from).collect();
        if !taken.is_empty() || self.folder.is_some() {
            let written = self.make_folder(spool).and_then(|folder| folder.write_taken(&taken));
            if let Err(error) = written {
                log::warn!("{}: gets some records twice, under one key: {error}", self.url);
            }
        }
        if self.behind.is_empty() && taken.is_empty() {
            self.folder = None;
            remove_if_empty(spool, &self.folder_name);
        }
    }
}

/// Whether a copy gets a record: not where a configuration of its own names its server.
pub(super) fn is_for_copies(record: &StoredRecord) -> bool {
    record.message.config.is_none() && record.message.payload.len() <= PAYLOAD_BYTES
}

fn count(name: &OsStr, bytes: &[u8]) -> u32 {
    let records = file::decode(name, bytes).records;
    u32::try_from(records.iter().filter(|record| is_for_copies(record)).count()).unwrap_or(u32::MAX)
}

/// Leaves of a file the records that are not settled.
fn keep_unsettled(folder: &CopyFolder, name: &OsStr, settled: u64) -> io::Result<()> {
    let modified_ns = folder.entry(name)?.modified_ns;
    let records = file::decode(name, &folder.read(name)?).records;
    let unsettled = |(index, record)| (settled & (1_u64 << index) == 0).then_some(record);
    let left: Vec<_> = (0..u64::BITS).zip(records).filter_map(unsettled).collect();
    if left.is_empty() { Ok(()) } else { folder.keep_only(name, &left, modified_ns) }
}
