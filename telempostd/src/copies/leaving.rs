//! Files that leave the spool while a copy has still to get them, and those that leave a copy's folder.

use super::Copies;
use super::behind::BehindFile;
use super::once::Once;
use super::server::{CopyServer, is_for_copies};
use crate::accounting::Accounting;
use crate::clock::Clock;
use crate::limits::NAMES_PER_TURN;
use crate::queue::FileName;
use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::time::Instant;
use telemetry_record::hex_id::HexId;
use telemetry_store::spool::copies::unlogged;
use telemetry_store::spool::file::{self, StoredRecord};
use telemetry_store::spool::{COPY_DIR, Reader as SpoolReader};

/// What a copy gets of a file.
enum Share {
    Nothing,
    /// All of it, as it is; of these records no server has any.
    Whole {
        records: u32,
        unlogged: Vec<HexId>,
    },
    /// These, likewise.
    Records {
        records: Vec<StoredRecord>,
        unlogged: Vec<HexId>,
    },
}

impl Copies {
    /// The files are about to leave the spool: what a copy has not got of them moves to its folder. Returns those that have to
    /// stay, since that failed.
    pub(crate) fn take_over(
        &mut self,
        files: &[FileName],
        accounting: &mut Accounting,
        now: Instant,
    ) -> HashSet<FileName> {
        let mut staying = HashSet::new();
        for index in 0..self.servers.len() {
            let mut added = Vec::new();
            for file in files {
                match self.add_to_folder(index, file) {
                    Ok(true) => added.push(file.clone()),
                    Ok(false) => {}
                    Err(error) => {
                        self.cannot_take_over(index, file, &error, accounting, now);
                        staying.insert(file.clone());
                    }
                }
            }
            let folder = self.servers.get(index).and_then(|server| server.folder.as_ref());
            if let (false, Some(folder)) = (added.is_empty(), folder)
                && let Err(error) = folder.sync()
            {
                accounting.spool_fault(folder.path(), &format!("cannot be synced: {error}"), now);
                staying.extend(added);
            }
        }
        self.write_unlogged(accounting, now);
        self.keep_budgets(accounting, now);
        if !files.is_empty() && !self.is_none() {
            self.holds_files = !staying.is_empty();
        }
        staying
    }

    /// The same for one file. Returns whether it may leave.
    pub(crate) fn let_go(&mut self, file: &FileName, accounting: &mut Accounting, now: Instant) -> bool {
        self.take_over(std::slice::from_ref(file), accounting, now).is_empty()
    }

    fn cannot_take_over(
        &self,
        index: usize,
        file: &FileName,
        error: &io::Error,
        accounting: &mut Accounting,
        now: Instant,
    ) {
        let url = self.servers.get(index).map_or("", |server| server.url.as_str());
        let fault = format!("cannot be kept in .copy for {url}: {error}; it stays where it is");
        accounting.spool_fault(&self.spool.path().join(OsString::from(file)), &fault, now);
    }

    /// Puts what a copy has not got of a file into its folder. Returns whether there is something that has to be synced.
    fn add_to_folder(&mut self, index: usize, file: &FileName) -> io::Result<bool> {
        let is_done = |server: &CopyServer| server.taken.contains(file) || server.behind.contains(file);
        if self.servers.get(index).is_none_or(is_done) {
            return Ok(false);
        }
        let name = OsString::from(file);
        let share = match self.share(index, file, &name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            share => share?,
        };
        let Self { spool, servers, once, .. } = self;
        let Some(server) = servers.get_mut(index) else { return Ok(false) };
        let modified_ns = spool.entry(&name)?.modified_ns;
        let (added, records, unlogged) = match share {
            Share::Nothing => return Ok(false),
            Share::Whole { records, unlogged } => {
                server.make_folder(spool)?.add(spool, &name)?;
                (file.clone(), records, unlogged)
            }
            Share::Records { records, unlogged } => {
                let added = server.make_folder(spool)?.add_records(&name, &records, modified_ns)?;
                let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
                (FileName::from(added.as_os_str()), count, unlogged)
            }
        };
        let disk_bytes = server.make_folder(spool)?.entry(&OsString::from(&added))?.disk_bytes;
        server.behind.insert(added.clone(), BehindFile { modified_ns, disk_bytes, records: Some(records) });
        server.queue.add_waiting(added.clone(), modified_ns);
        unlogged.into_iter().for_each(|id| once.unlogged.insert(&added, id));
        if added != *file {
            // What of it is in flight ends under its old name.
            server.queue.forget(file);
        }
        Ok(true)
    }

    /// What a copy has still to get of a file of the spool. Where that is not all of it, what is in flight to it is sent once
    /// more, under one key.
    fn share(&self, index: usize, file: &FileName, name: &OsStr) -> io::Result<Share> {
        let marks = self.once.marks(file).unwrap_or_default();
        let is_read = marks.all != 0;
        if is_read && marks.left() == 0 {
            return Ok(Share::Nothing);
        }
        // The id of a record of the C daemons follows from the name of its file, which may come again.
        if is_read && marks.left() == marks.all && marks.unlogged() == 0 && file.is_ours() {
            return Ok(Share::Whole { records: marks.all.count_ones(), unlogged: Vec::new() });
        }
        let decoded = file::decode(name, &self.spool.read(name)?);
        let (is_sound, all) = (decoded.damage.is_none(), decoded.records.len());
        let settled = self.servers.get(index).map_or(0, |server| server.queue.settled_bits(file));
        let is_its = |(index, record): &(u32, StoredRecord)| {
            is_for_copies(record) && marks.dropped & (1_u64 << index) == 0
        };
        let mut left: Vec<_> = (0..u64::BITS).zip(decoded.records).filter(is_its).collect();
        let is_all = is_sound && left.len() == all && file.is_ours();
        left.retain(|(index, _)| is_all || settled & (1_u64 << index) == 0);
        if left.is_empty() {
            return Ok(Share::Nothing);
        }
        let unlogged = left.iter().filter(|(index, record)| self.once.is_unlogged((file, *index), record.id));
        let unlogged = unlogged.map(|(_, record)| record.id).collect();
        let records: Vec<_> = left.into_iter().map(|(_, record)| record).collect();
        if is_all {
            return Ok(Share::Whole { records: u32::try_from(all).unwrap_or(u32::MAX), unlogged });
        }
        Ok(Share::Records { records, unlogged })
    }

    /// A file has left the spool.
    pub(crate) fn gone(&mut self, file: &FileName) {
        for server in &mut self.servers {
            server.taken.remove(file);
            if !server.behind.contains(file) {
                server.queue.forget(file);
            }
        }
        self.forget_unless_open(file);
    }

    /// What is known of a file that has left the spool goes, unless a copy holds records of it, or has them in flight: these
    /// were counted, or dropped.
    fn forget_unless_open(&mut self, file: &FileName) {
        if !self.servers.iter().any(|server| server.queue.is_open(file)) {
            self.once.forget(file);
        }
    }

    /// The records of a file that the list has not settled stay in the spool without the others: copies get it as it is.
    /// Returns whether it may be so.
    pub(crate) fn keep_whole(&mut self, file: &FileName, accounting: &mut Accounting, now: Instant) -> bool {
        let may_be = self.let_go(file, accounting, now);
        if may_be {
            note_missed(&mut self.once, file, &self.spool);
            for server in &mut self.servers {
                server.taken.insert(file.clone());
            }
        }
        may_be
    }

    /// Drops the oldest of what is too much for a copy.
    pub(super) fn keep_budgets(&mut self, accounting: &mut Accounting, now: Instant) {
        for server in &mut self.servers {
            while let Some(file) = server.behind.surplus(|file| !server.queue.is_open(file)) {
                let records = server.unsettled_behind(&file);
                server.remove_behind(&file, accounting, now);
                server.queue.forget(&file);
                accounting.copy_over_budget(&server.url, records, now);
            }
        }
    }

    /// Drops what is too old for a copy that has failed since.
    pub(crate) fn remove_expired(&mut self, clock: &mut Clock, accounting: &mut Accounting, now: Instant) {
        let Self { servers, once, expiry, spool, .. } = self;
        for server in servers {
            for file in server.queue.take_expired(NAMES_PER_TURN) {
                let is_behind = server.behind.contains(&file);
                let name = OsString::from(&file);
                let entry = match &server.folder {
                    Some(folder) if is_behind => folder.entry(&name),
                    _ => spool.entry(&name),
                };
                if !clock.is_older(&file, entry.map_or(0, |entry| entry.modified_ns), *expiry) {
                    continue;
                }
                let records = if is_behind {
                    let records = server.unsettled_behind(&file);
                    server.remove_behind(&file, accounting, now);
                    records
                } else {
                    let left = once.marks(&file).map_or(1, |marks| marks.left().count_ones());
                    let settled = server.queue.settled_bits(&file).count_ones();
                    note_missed(once, &file, spool);
                    server.taken.insert(file.clone());
                    u64::from(left.saturating_sub(settled))
                };
                server.queue.forget(&file);
                accounting.copy_expired(&server.url, records, now);
            }
        }
    }

    /// Files that a copy has all records of are done with. To be called once the delivery log is written.
    pub(crate) fn commit(&mut self, accounting: &mut Accounting, now: Instant) {
        self.write_unlogged(accounting, now);
        let mut gone = Vec::new();
        let Self { servers, once, spool, .. } = self;
        for server in servers {
            for file in server.queue.take_finished() {
                if server.behind.contains(&file) {
                    server.remove_behind(&file, accounting, now);
                } else if spool.entry(&OsString::from(&file)).is_ok() {
                    if !once.are_logged(&file, server.queue.settled_bits(&file)) {
                        // It rejected some, which the list may take.
                        note_missed(once, &file, spool);
                    }
                    server.taken.insert(file.clone());
                } else {
                    gone.push(file.clone());
                }
                server.queue.remove_finished(&file);
            }
        }
        gone.iter().for_each(|file| self.forget_unless_open(file));
    }

    /// Which records no server had, as an earlier run left it.
    pub(super) fn read_unlogged(&mut self, is_over: bool) {
        let Self { spool, servers, once, .. } = self;
        let known = if is_over { BTreeMap::new() } else { unlogged::read(spool) };
        for (id, files) in known {
            files.iter().for_each(|name| once.unlogged.insert(&FileName::from(name.as_os_str()), id));
        }
        let is_there = |file: &FileName| {
            servers.iter().any(|server| server.behind.contains(file))
                || spool.entry(&OsString::from(file)).is_ok()
        };
        once.unlogged.retain(is_there);
        if is_over || !servers.is_empty() {
            self.replace_unlogged();
        }
    }

    fn replace_unlogged(&mut self) {
        let _ = self.once.unlogged.take_changes();
        let all = self.once.unlogged.all();
        if let Err(error) = unlogged::write(&self.spool, all.iter().map(|(id, name)| (*id, name.as_os_str())))
        {
            log::warn!("{}: some records get no entry in the journal: {error}", self.spool.path().display());
        }
    }

    /// Puts what is new of it on disk.
    fn write_unlogged(&mut self, accounting: &mut Accounting, now: Instant) {
        let Some(changes) = self.once.unlogged.take_changes() else { return };
        if let Err(error) = unlogged::append(&self.spool, &changes) {
            let fault = format!("some records get no entry in the journal after a restart: {error}");
            accounting.spool_fault(&self.spool.path().join(COPY_DIR), &fault, now);
        }
    }

    /// Leaves all to the next run.
    pub(crate) fn finish(&mut self, accounting: &mut Accounting, now: Instant) {
        if !self.is_none() {
            self.replace_unlogged();
        }
        for server in &mut self.servers {
            server.finish(&self.spool, accounting, now);
        }
    }
}

/// A copy gets nothing more of a file in the spool: which of its records no server has yet, so that they are known after a restart.
fn note_missed(once: &mut Once, of: &FileName, spool: &SpoolReader) {
    let name = OsString::from(of);
    // One that is gone has nothing to be noted, and one that cannot be read is reported by whoever delivers it.
    let Ok(bytes) = spool.read(&name) else { return };
    let dropped = once.marks(of).map_or(0, |marks| marks.dropped);
    for (index, record) in (0..u64::BITS).zip(file::decode(&name, &bytes).records) {
        let is_its = is_for_copies(&record) && dropped & (1_u64 << index) == 0;
        if is_its && once.is_unlogged((of, index), record.id) {
            once.unlogged.insert(of, record.id);
        }
    }
}
