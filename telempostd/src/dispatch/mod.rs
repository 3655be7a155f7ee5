//! Carries out what [`Delivery`] decides: reads files, has records posted, writes the journal, removes
//! what was delivered.

mod budget;
mod exchanges;
mod files;

use crate::accounting::losses::Tally;
use crate::accounting::status::Status;
use crate::delivery_log::Retention;
use crate::exchange::upload::Upload;
use crate::limits::{
    COMMIT_TOGETHER, MEMORY_IDLE, STEPS_PER_TURN, TALLY_INTERVAL, UPLOAD_IDLE, UPLOAD_OVERDUE,
};
use crate::pacing::Gate;
use crate::pacing::rate_limit::Verdict;
use crate::queue::file_name::FileName;
use crate::queue::{Delivery, Step};
use crate::reader::record_server::RecordServers;
use crate::scan::Survey;
use crate::settings::Settings;
use budget::Budget;
use exchanges::record_bytes;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Instant, SystemTime};
use telemetry_runtime::malloc_trim;
use telemetry_runtime::throttle::Throttle;
use telemetry_store::counters::Counters;
use telemetry_store::limits::DAMAGED_KEPT;
use telemetry_store::rejected::RejectedWriter;
use telemetry_store::spool::file::StoredRecord;
use telemetry_store::spool::{DAMAGED_DIR, REJECTED_DIR, Reader};

/// The hands of delivery.
#[derive(Debug)]
pub(crate) struct Dispatch<'a> {
    settings: &'a Settings,
    spool: Reader,
    delivery: Delivery<StoredRecord>,
    upload: &'a mut Upload,
    servers: RecordServers,
    retention: Retention,
    rejected: RejectedWriter,
    status: Status,
    gate: Gate,
    counters: Counters,
    tally: Tally,
    budget: Budget,
    /// Files that gave records and have damage besides: they are set aside in the end.
    damaged: HashMap<FileName, String>,
    /// Files that could not be removed; tried again with the next look over the spool.
    unremovable: Vec<FileName>,
    has_told_directories: bool,
    /// Files of the spool that can not be read or removed, with each look over it.
    spool_faults: Throttle,
    /// Waits for the rate limit.
    waits: Throttle,
    /// Since when nothing is in flight.
    idle_since: Option<Instant>,
    has_memory_to_give_back: bool,
    packet: Vec<u8>,
}

impl<'a> Dispatch<'a> {
    /// Begins with an empty state on an open spool.
    pub(crate) fn new(settings: &'a Settings, spool: Reader, upload: &'a mut Upload) -> Self {
        let status = Status::new(&settings.state_dir);
        Self {
            gate: Gate::open(settings, status.last_run_secs()),
            counters: Counters::open(&settings.state_dir, "telempostd"),
            budget: Budget::new(settings.spool_max_bytes),
            settings,
            spool,
            delivery: Delivery::new(settings.server.clone()),
            upload,
            servers: RecordServers::default(),
            retention: Retention::new(settings),
            rejected: RejectedWriter::default(),
            status,
            tally: Tally::default(),
            damaged: HashMap::new(),
            unremovable: Vec::new(),
            has_told_directories: false,
            spool_faults: Throttle::new(TALLY_INTERVAL),
            waits: Throttle::new(TALLY_INTERVAL),
            idle_since: None,
            has_memory_to_give_back: true,
            packet: Vec::new(),
        }
    }

    fn path(&self, name: &OsStr) -> String {
        self.spool.path().join(name).display().to_string()
    }

    /// Does what can be done now: a bounded part of it. Returns whether there is more.
    pub(crate) fn work(&mut self, survey: &mut Survey, now: Instant) -> bool {
        for _ in 0..STEPS_PER_TURN {
            if !self.upload.has_room() || self.gate.is_closed(now) {
                return false;
            }
            if let Some(record) = self.delivery.next_record(now) {
                match self.gate.judge(record_bytes(record), now) {
                    Verdict::Pass => {}
                    Verdict::Wait(wait) => {
                        self.hold_back(wait, now);
                        return false;
                    }
                    Verdict::Drop => {
                        self.drop_limited(now);
                        continue;
                    }
                }
            }
            match self.delivery.next_step(now) {
                Step::Read(place) => self.read(place, survey, now),
                Step::Send(tag) => self.send(tag, now),
                Step::Nothing => return false,
            }
        }
        true
    }

    /// Writes what is settled, if enough is gathered or `now_please`: first the journal, then the files go.
    pub(crate) fn commit(&mut self, now_please: bool, now: Instant) {
        let gathered = self.retention.gathered().max(self.delivery.finished());
        if gathered == 0 || (gathered < COMMIT_TOGETHER && !now_please) {
            return;
        }
        self.retention.write();
        for file in self.delivery.take_finished() {
            let name = OsString::from(&file);
            if let Some(damage) = self.damaged.remove(&file) {
                self.set_aside(&name, &damage, now);
            } else if !self.remove_or_tell(&name, now) {
                self.unremovable.push(file);
                continue;
            }
            self.delivery.has_left(file);
        }
    }

    /// What is due with each look over the spool: what could not be removed is tried again, and refused
    /// records and damaged files go that were kept for long enough.
    pub(crate) fn clean_up(&mut self) {
        if let Err(error) = self.rejected.prune(&self.spool, SystemTime::now()) {
            log::warn!("{}: old records can not be removed: {error}", self.path(OsStr::new(REJECTED_DIR)));
        }
        if let Err(error) = self.spool.keep_newest(DAMAGED_DIR, DAMAGED_KEPT) {
            log::warn!("{}: old files can not be removed: {error}", self.path(OsStr::new(DAMAGED_DIR)));
        }
        for file in std::mem::take(&mut self.unremovable) {
            match self.spool.remove(&OsString::from(&file)) {
                Ok(()) => self.delivery.has_left(file),
                Err(_) => self.unremovable.push(file),
            }
        }
    }

    /// Sees to the upload process, the state for people, and memory.
    pub(crate) fn tend(&mut self, now: Instant) {
        if self.delivery.in_flight_since().is_some_and(|since| now >= since + UPLOAD_OVERDUE) {
            self.upload.kill();
            self.lost_upload("the upload process does not answer and was ended", now);
        }
        self.rest(now);
        for line in self.tally.take_lines(now, false) {
            log::warn!("{line}");
        }
        self.status.set_next_try(self.next_try(now), now);
        self.status.write_if_due(now);
        self.gate.write_if_due(now);
        self.counters.write_if_due(now);
    }

    /// When what waits is tried next, if it is known to wait for a time.
    fn next_try(&self, now: Instant) -> Option<Instant> {
        let gate = self.gate.opens_at(now).filter(|_| !self.is_idle());
        self.delivery.next_due().max(gate)
    }

    /// While nothing is in flight: lets the upload process end, and gives memory back.
    fn rest(&mut self, now: Instant) {
        if self.delivery.in_flight() > 0 {
            self.idle_since = None;
            self.has_memory_to_give_back = true;
            return;
        }
        let idle_since = *self.idle_since.get_or_insert(now);
        if now >= idle_since + UPLOAD_IDLE {
            self.upload.close();
        }
        if self.has_memory_to_give_back && now >= idle_since + MEMORY_IDLE {
            self.has_memory_to_give_back = false;
            if self.is_idle() {
                self.delivery.shrink();
                self.retention.shrink();
                self.servers.clear();
                self.damaged.shrink_to_fit();
                self.packet = Vec::new();
            }
            malloc_trim::give_back();
        }
    }

    /// When [`Dispatch::tend`] or [`Dispatch::work`] have something to do though nothing happened.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Instant> {
        let close = self.idle_since.filter(|_| self.upload.is_running()).map(|at| at + UPLOAD_IDLE);
        let trim = self.idle_since.filter(|_| self.has_memory_to_give_back).map(|at| at + MEMORY_IDLE);
        let overdue = self.delivery.in_flight_since().map(|since| since + UPLOAD_OVERDUE);
        let work = self.next_try(now);
        let counters = self.counters.time_left(now).map(|left| now + left);
        let due = [
            close,
            trim,
            overdue,
            work,
            counters,
            self.gate.write_due(),
            self.tally.due(),
            self.status.due(now),
        ];
        due.into_iter().flatten().min()
    }

    /// Whether settled records wait to be written together.
    pub(crate) fn has_uncommitted(&self) -> bool {
        self.retention.gathered() > 0 || self.delivery.finished() > 0
    }

    /// Whether nothing waits and nothing is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.delivery.is_idle()
    }

    /// Number of requests in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.delivery.in_flight()
    }

    /// What to wait for from the upload process, and whether requests wait for room.
    pub(crate) fn upload_waits_for(&self) -> Option<(BorrowedFd<'_>, bool)> {
        self.upload.waits_for()
    }

    /// Hands over requests that waited for room.
    pub(crate) fn flush_upload(&mut self) {
        self.upload.flush();
    }

    /// Takes note of upload processes that ended.
    pub(crate) fn reap(&mut self) {
        self.upload.reap();
    }

    /// Ends the upload process with whatever is in flight.
    pub(crate) fn cut_off(&mut self) {
        self.upload.kill();
    }

    /// Leaves everything such that nothing delivered is delivered again.
    pub(crate) fn finish(&mut self, now: Instant) {
        self.upload.kill();
        self.commit(true, now);
        for (file, settled) in self.delivery.partly_settled() {
            let name = OsString::from(&file);
            if let Err(error) = self.keep_unsettled(&name, settled)
                && error.kind() != io::ErrorKind::NotFound
            {
                log::warn!("{}: delivered records of it stay: {error}", self.path(&name));
            }
        }
        for line in self.tally.take_lines(now, true) {
            log::warn!("{line}");
        }
        self.status.set_next_try(None, now);
        self.status.write(now);
        self.gate.write();
        self.counters.write();
    }
}
