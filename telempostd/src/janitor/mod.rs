//! What leaves the spool other than by delivery, and what has to be cleared away: expired, foreign and damaged files, files
//! over the disk budget, records that were rejected, and files all of whose records are settled.

mod disk_budget;
mod surplus;

use crate::accounting::Accounting;
use crate::copies::Copies;
use crate::limits::NAMES_PER_TURN;
use crate::queue::{FileName, Queue};
use crate::settings::Settings;
use disk_budget::DiskBudget;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::mem;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;
use telemetry_store::limits::DAMAGED_KEPT;
use telemetry_store::rejected::{RejectedWriter, Rejection};
use telemetry_store::shares::Accounts;
use telemetry_store::spool::file::{self, StoredRecord};
use telemetry_store::spool::recovery::{Recovery, recover};
use telemetry_store::spool::{DAMAGED_DIR, REJECTED_DIR, Reader as SpoolReader};
use telemetry_store::steady_clock::SteadyNow;

/// Clears the spool.
#[derive(Debug)]
pub(crate) struct Janitor {
    spool: Rc<SpoolReader>,
    rejected: RejectedWriter,
    accounts: Rc<Accounts>,
    budget: DiskBudget,
    /// Files that gave records and have damage besides: they are set aside in the end.
    damaged: HashMap<FileName, String>,
    /// Finished files that could not be removed; tried again with the next scan of the spool.
    unremovable: Vec<FileName>,
    has_logged_directories: bool,
}

impl Janitor {
    /// A janitor of this spool.
    pub(crate) fn new(settings: &Settings, spool: Rc<SpoolReader>) -> Self {
        Self {
            spool,
            rejected: RejectedWriter::default(),
            accounts: Rc::default(),
            budget: DiskBudget::new(settings.spool_max_bytes),
            damaged: HashMap::new(),
            unremovable: Vec::new(),
            has_logged_directories: false,
        }
    }

    /// From now on these say whose a record is.
    pub(crate) fn set_accounts(&mut self, accounts: Rc<Accounts>) {
        self.accounts = Rc::clone(&accounts);
        self.rejected.set_accounts(accounts);
    }

    fn path(&self, name: &OsStr) -> PathBuf {
        self.spool.path().join(name)
    }

    /// Removes a file that is too old, and whose server did not take it.
    pub(crate) fn remove_expired(&mut self, name: &OsStr, accounting: &mut Accounting, now: Instant) {
        self.remove(name, accounting, now);
        accounting.expired(&self.path(name), now);
    }

    /// Removes what is no record of a daemon.
    pub(crate) fn remove_foreign(&mut self, name: &OsStr, accounting: &mut Accounting, now: Instant) {
        match self.spool.remove(name) {
            Ok(()) => accounting.foreign(&self.path(name), now),
            Err(_) if self.has_logged_directories => {}
            Err(error) => {
                self.has_logged_directories = true;
                log::warn!(
                    "{}: does not belong in the spool and cannot be removed: {error}",
                    self.path(name).display()
                );
            }
        }
    }

    /// Returns whether it is gone; if not, that is logged.
    fn remove(&self, name: &OsStr, accounting: &mut Accounting, now: Instant) -> bool {
        let removed = self.spool.remove(name);
        if let Err(error) = &removed {
            let fault = format!("cannot be removed: {error}; make the spool writable");
            accounting.spool_fault(&self.path(name), &fault, now);
        }
        removed.is_ok()
    }

    /// Moves a record that was rejected out of the way of the others.
    ///
    /// # Errors
    /// It could not be kept, and has to stay in the spool; that is logged.
    pub(crate) fn reject(
        &mut self,
        record: &StoredRecord,
        rejection: Rejection<'_>,
        steady: SteadyNow<'_>,
        accounting: &mut Accounting,
        now: Instant,
    ) -> io::Result<()> {
        let kept = self.rejected.keep(&self.spool, record, rejection, steady);
        let directory = self.path(OsStr::new(REJECTED_DIR));
        accounting.rejected(record, rejection, kept.is_ok().then_some(directory.as_path()), now);
        if let Err(error) = &kept {
            accounting.cannot_be_kept(record, error, now);
        }
        kept
    }

    /// A file has this damage besides its records.
    pub(crate) fn note_damage(&mut self, file: FileName, damage: String) {
        self.damaged.insert(file, damage);
    }

    /// Sets a damaged file aside.
    pub(crate) fn set_aside(&self, name: &OsStr, damage: &str, accounting: &mut Accounting, now: Instant) {
        let path = self.path(name);
        match self.spool.set_aside(name, DAMAGED_DIR) {
            Ok(()) => accounting.damaged(&path, damage, now),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                accounting.spool_fault(&path, &format!("{damage}, and cannot be set aside: {error}"), now);
            }
        }
    }

    /// Closes a segment whose writer is gone.
    pub(crate) fn recover_segment(&self, name: &OsStr, accounting: &mut Accounting, now: Instant) {
        match recover(&self.spool, name) {
            Ok(Recovery::Closed(_) | Recovery::Removed | Recovery::LeftAlone) => {}
            Ok(Recovery::SetAside { damage }) => accounting.damaged(&self.path(name), &damage, now),
            Err(error) => {
                let fault = format!("its records cannot be delivered yet: {error}");
                accounting.spool_fault(&self.path(name), &fault, now);
            }
        }
    }

    /// Removes a file all of whose records are settled, or sets it aside if it has damage besides. Returns whether it
    /// is gone; if not, it is tried again with the next scan.
    pub(crate) fn clear(&mut self, file: &FileName, accounting: &mut Accounting, now: Instant) -> bool {
        let name = OsString::from(file);
        if let Some(damage) = self.damaged.remove(file) {
            self.set_aside(&name, &damage, accounting, now);
            return true;
        }
        let is_gone = self.remove(&name, accounting, now);
        if !is_gone {
            self.unremovable.push(file.clone());
        }
        is_gone
    }

    /// A finished file has to stay, and is tried again with the next scan.
    pub(crate) fn keep_for_now(&mut self, file: FileName) {
        self.unremovable.push(file);
    }

    /// Leaves of a file the records that are not settled, `settled` having a bit for each that is.
    ///
    /// # Errors
    /// As the system says; then the file is as it was.
    pub(crate) fn keep_unsettled(&self, file: &FileName, settled: u64) -> io::Result<()> {
        let name = OsString::from(file);
        let modified_ns = self.spool.entry(&name)?.modified_ns;
        let decoded = file::decode(&name, &self.spool.read(&name)?);
        if decoded.damage.is_some() {
            // Its damage is to be seen when it is set aside.
            return Ok(());
        }
        let unsettled = |(index, record)| (settled.checked_shr(index)? & 1 == 0).then_some(record);
        let left: Vec<_> = (0..).zip(decoded.records).filter_map(unsettled).collect();
        if left.is_empty() { Ok(()) } else { self.spool.keep_only(&name, &left, modified_ns) }
    }

    /// A scan of the spool begins, with which goes what was kept for long enough.
    pub(crate) fn begin_scan(
        &mut self,
        queue: &mut Queue<StoredRecord>,
        copies: &mut Copies,
        steady: SteadyNow<'_>,
        accounting: &mut Accounting,
        now: Instant,
    ) {
        self.budget.begin_scan();
        accounting.begin_scan();
        let pruned = self.rejected.prune(&self.spool, steady);
        for (directory, result) in
            [(REJECTED_DIR, pruned), (DAMAGED_DIR, self.spool.keep_newest(DAMAGED_DIR, DAMAGED_KEPT))]
        {
            if let Err(error) = result {
                let fault = format!("old files cannot be removed: {error}");
                accounting.spool_fault(&self.path(OsStr::new(directory)), &fault, now);
            }
        }
        for file in mem::take(&mut self.unremovable) {
            if copies.let_go(&file, accounting, now) && self.remove(&OsString::from(&file), accounting, now) {
                queue.remove_finished(&file);
                copies.gone(&file);
            } else {
                self.unremovable.push(file);
            }
        }
    }

    /// A file that was scanned takes so much.
    pub(crate) fn add_scanned(&mut self, disk_bytes: u64) {
        self.budget.add_scanned(disk_bytes);
    }

    /// Removes what is too much, if servers were tried and did not take records: of the files that waited for them, a bounded
    /// number at a time.
    pub(crate) fn keep_budget(
        &mut self,
        queue: &mut Queue<StoredRecord>,
        copies: &mut Copies,
        accounting: &mut Accounting,
        now: Instant,
    ) {
        self.decide_surplus(queue, accounting, now);
        for _ in 0..NAMES_PER_TURN {
            let Some(file) = self.budget.next_to_go() else { return };
            // One that is being sent again is on its way.
            if queue.is_open(&file) {
                continue;
            }
            let name = OsString::from(&file);
            let may_go = self.spool.entry(&name).is_ok() && copies.let_go(&file, accounting, now);
            if may_go && self.remove(&name, accounting, now) {
                accounting.over_budget(&self.path(&name), now);
                copies.gone(&file);
            }
            queue.forget(&file);
        }
    }

    fn decide_surplus(&mut self, queue: &Queue<StoredRecord>, accounting: &mut Accounting, now: Instant) {
        let Some(since) = self.budget.note_failures(queue.failure_count()) else { return };
        let waited = queue.waited_for_failed(since);
        if waited.is_empty() {
            return;
        }
        match self.spool.entries() {
            Ok(entries) => self.budget.decide(entries, &waited, &self.accounts),
            Err(error) => {
                accounting.spool_fault(self.spool.path(), &format!("{error}; its size is not known"), now);
            }
        }
    }

    /// Whether [`Janitor::keep_budget`] has more to remove.
    pub(crate) fn is_over_budget(&self) -> bool {
        self.budget.is_exceeded()
    }

    /// Gives memory back.
    pub(crate) fn shrink(&mut self) {
        self.damaged.shrink_to_fit();
    }
}
