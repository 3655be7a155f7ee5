//! Carries out what [`Delivery`] decides: reads files, has records posted, writes the journal, removes
//! what was delivered.

use crate::backlog::{FileName, Place};
use crate::delivery::{Delivery, Fate, Route, Step};
use crate::lane::LaneId;
use crate::limits::{
    COMMIT_TOGETHER, MEMORY_IDLE, PAYLOAD_BYTES, REPORT_BYTES, STEPS_PER_TURN, STILL_WRITTEN, UPLOAD_IDLE,
    UPLOAD_OVERDUE,
};
use crate::outcome::{self, Outcome, Setback};
use crate::record_server::RecordServers;
use crate::retention::Retention;
use crate::retry::Outage;
use crate::status::Status;
use crate::survey::Survey;
use crate::tally::{Loss, Tally};
use crate::upload::{SendError, Upload};
use rand::TryRng;
use rand::rngs::SysRng;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use telemetry::config::Settings;
use telemetry::spool::file::{self, StoredRecord};
use telemetry::spool::rejected::{Refusal, Rejected};
use telemetry::spool::{DAMAGED_DIR, REJECTED_DIR, SpoolDir};
use telemetry_daemon::delivery_status::shown_url;
use telemetry_daemon::malloc_trim;

/// The hands of delivery.
#[derive(Debug)]
pub(crate) struct Dispatch<'a> {
    settings: &'a Settings,
    spool: SpoolDir,
    delivery: Delivery<StoredRecord>,
    upload: &'a mut Upload,
    servers: RecordServers,
    retention: Retention,
    rejected: Rejected,
    status: Status,
    tally: Tally,
    /// Files that gave records and have damage besides: they are set aside in the end.
    damaged: HashMap<FileName, String>,
    /// Files that could not be removed; tried again with the next look over the spool.
    unremovable: Vec<FileName>,
    has_told_directories: bool,
    /// Since when nothing is in flight.
    idle_since: Option<Instant>,
    has_memory_to_give_back: bool,
    packet: Vec<u8>,
}

impl<'a> Dispatch<'a> {
    /// Begins with an empty state on an open spool.
    pub(crate) fn new(settings: &'a Settings, spool: SpoolDir, upload: &'a mut Upload) -> Self {
        Self {
            settings,
            spool,
            delivery: Delivery::new(settings.server.clone()),
            upload,
            servers: RecordServers::default(),
            retention: Retention::new(settings),
            rejected: Rejected::default(),
            status: Status::new(&settings.state_dir),
            tally: Tally::default(),
            damaged: HashMap::new(),
            unremovable: Vec::new(),
            has_told_directories: false,
            idle_since: None,
            has_memory_to_give_back: true,
            packet: Vec::new(),
        }
    }

    /// A name is in the spool.
    pub(crate) fn look_at(&mut self, name: &OsStr, now: Instant) {
        let file = FileName::from(name);
        if self.delivery.is_open(&file) {
            return;
        }
        // Gone since, or it can not be seen: the next look over the spool finds it if it is still there.
        let Ok(entry) = self.spool.entry(name) else {
            return;
        };
        if !entry.is_record {
            self.remove_foreign(name, now);
        } else if self.is_expired(entry.modified_ns) {
            self.delivery.forget(file, entry.modified_ns);
            self.remove_expired(name, now);
        } else {
            self.delivery.found(file, entry.modified_ns);
        }
    }

    fn is_expired(&self, modified_ns: i64) -> bool {
        age(modified_ns).is_some_and(|age| age > self.settings.record_expiry)
    }

    fn remove_expired(&mut self, name: &OsStr, now: Instant) {
        self.remove_or_tell(name);
        if self.tally.count(Loss::Expired, now) {
            log::warn!("{}: older than record_expiry, removed undelivered", self.path(name));
        }
    }

    fn remove_foreign(&mut self, name: &OsStr, now: Instant) {
        match self.spool.remove(name) {
            Ok(()) => {
                if self.tally.count(Loss::Foreign, now) {
                    log::warn!("{}: no regular file of the daemon's user, removed", self.path(name));
                }
            }
            Err(_) if self.has_told_directories => {}
            Err(error) => {
                self.has_told_directories = true;
                log::warn!(
                    "{}: does not belong into the spool and can not be removed: {error}",
                    self.path(name)
                );
            }
        }
    }

    fn remove_or_tell(&self, name: &OsStr) -> bool {
        let removed = self.spool.remove(name);
        if let Err(error) = &removed {
            log::error!("{}: can not be removed: {error}; make the spool writable", self.path(name));
        }
        removed.is_ok()
    }

    fn path(&self, name: &OsStr) -> String {
        self.spool.path().join(name).display().to_string()
    }

    /// Does what can be done now: a bounded part of it. Returns whether there is more.
    pub(crate) fn work(&mut self, survey: &mut Survey, now: Instant) -> bool {
        for _ in 0..STEPS_PER_TURN {
            if !self.upload.has_room() {
                return false;
            }
            match self.delivery.next_step(now) {
                Step::Read(place) => self.read(place, survey, now),
                Step::Send(tag) => self.send(tag, now),
                Step::Nothing => return false,
            }
        }
        true
    }

    fn read(&mut self, place: Place, survey: &mut Survey, now: Instant) {
        let name = OsString::from(&place.name);
        if self.is_expired(place.modified_ns) {
            self.remove_expired(&name, now);
            return self.delivery.forget(place.name, place.modified_ns);
        }
        let bytes = match self.spool.read(&name) {
            Ok(bytes) => bytes,
            Err(error) => {
                if error.kind() == io::ErrorKind::FileTooLarge {
                    self.set_aside(&name, &error.to_string(), now);
                } else if error.kind() != io::ErrorKind::NotFound {
                    log::error!("{}: can not be read: {error}; it stays in the spool", self.path(&name));
                }
                return self.delivery.forget(place.name, place.modified_ns);
            }
        };
        let decoded = file::decode(&name, &bytes);
        let mut damage = decoded.damage.as_ref().map(ToString::to_string);
        if let Some(wait) = time_to_be_finished(&place, damage.is_some() || bytes.last() != Some(&b'\n')) {
            survey.look_again_at(now + wait);
            return self.delivery.forget(place.name, place.modified_ns);
        }
        let settled = self.delivery.settled_of(&place.name);
        let mut records = Vec::with_capacity(decoded.records.len());
        for (index, record) in (0..u64::BITS).zip(decoded.records) {
            let route = if settled >> index & 1 == 1 {
                Route::Settled
            } else if record.message.payload.len() > PAYLOAD_BYTES {
                damage = Some("a payload is longer than any that a daemon takes".to_owned());
                Route::Settled
            } else {
                self.route(&record, now)
            };
            records.push((route, record));
        }
        match damage {
            Some(damage) if records.is_empty() => {
                self.set_aside(&name, &damage, now);
                return self.delivery.forget(place.name, place.modified_ns);
            }
            Some(damage) => drop(self.damaged.insert(place.name.clone(), damage)),
            None => {}
        }
        self.delivery.was_read(place, records, now);
    }

    /// Where a record goes; settles those that go nowhere.
    fn route(&mut self, record: &StoredRecord, now: Instant) -> Route {
        if !self.settings.server_delivery_enabled {
            self.retention.remember(record);
            return Route::Settled;
        }
        let Some(config) = &record.message.config else {
            return Route::To(LaneId::SYSTEM);
        };
        match self.servers.resolve(config) {
            Ok(server) => self.delivery.lane_of(&server).map_or(Route::Later, Route::To),
            Err(reason) => {
                let refusal = Refusal { server: &config.to_string_lossy(), status: None, reason: &reason };
                match self.reject(record, refusal, now) {
                    Ok(()) => Route::Settled,
                    Err(_) => Route::Later,
                }
            }
        }
    }

    /// Keeps a refused record aside.
    ///
    /// # Errors
    /// It could not be kept, and has to stay in the spool; that is logged.
    fn reject(&mut self, record: &StoredRecord, refusal: Refusal<'_>, now: Instant) -> io::Result<()> {
        self.status.fault(refusal.server, refusal.reason);
        let kept = self.rejected.keep(&self.spool, record, refusal, SystemTime::now());
        match &kept {
            Ok(()) => {
                if self.tally.count(Loss::Refused, now) {
                    let Refusal { server, status, reason } = refusal;
                    let status = status.map(|status| format!(" with status {status}")).unwrap_or_default();
                    log::warn!(
                        "record {} for {server} is refused for good{status}: {reason}; kept in {}",
                        record.id,
                        self.path(OsStr::new(REJECTED_DIR))
                    );
                }
            }
            Err(error) => {
                log::error!("record {} is refused, but can not be kept aside: {error}", record.id);
            }
        }
        kept
    }

    fn set_aside(&mut self, name: &OsStr, damage: &str, now: Instant) {
        match self.spool.set_aside(name, DAMAGED_DIR) {
            Ok(()) => {
                if self.tally.count(Loss::Damaged, now) {
                    log::warn!("{}: {damage}; moved into {DAMAGED_DIR}", self.path(name));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => log::error!("{}: {damage}, and can not be set aside: {error}", self.path(name)),
        }
    }

    fn send(&mut self, tag: u64, now: Instant) {
        let Some(in_flight) = self.delivery.sent(tag) else {
            return;
        };
        let record = &in_flight.record;
        match self.upload.send(tag, record.id, &in_flight.server, &record.message) {
            Ok(()) => {}
            Err(SendError::Unsendable(answer)) => {
                self.settle(tag, Outcome::Refused { status: 0, answer }, now)
            }
            Err(SendError::NoProcess(error)) => {
                let reason = format!("the upload process can not be started: {error}");
                self.settle(tag, Outcome::TryLater(local_setback(reason)), now);
            }
        }
    }

    /// Takes the reports that have come.
    pub(crate) fn take_reports(&mut self, now: Instant) {
        let mut packet = std::mem::take(&mut self.packet);
        packet.resize(REPORT_BYTES, 0);
        loop {
            match self.upload.receive(&mut packet) {
                Ok(Some(report)) => self.settle(report.tag, outcome::of(report.result), now),
                Ok(None) => break,
                Err(reason) => {
                    self.lost_upload(&reason, now);
                    break;
                }
            }
        }
        self.packet = packet;
    }

    /// What was in flight when the upload process ended is tried again.
    fn lost_upload(&mut self, reason: &str, now: Instant) {
        log::error!("{reason}; what it was sending is sent again");
        for tag in self.delivery.tags_in_flight() {
            // The record may be what it stumbled over.
            let setback = Setback { may_be_the_record: true, ..local_setback(reason.to_owned()) };
            self.settle(tag, Outcome::TryLater(setback), now);
        }
    }

    fn settle(&mut self, tag: u64, outcome: Outcome, now: Instant) {
        let Some(in_flight) = self.delivery.sent(tag) else {
            return;
        };
        let server = shown_url(&in_flight.server.url);
        let (fate, reason) = match outcome {
            Outcome::Delivered => {
                self.retention.remember(&in_flight.record);
                self.status.delivered();
                (Fate::Settled, String::new())
            }
            Outcome::Refused { status, answer } => {
                let record = in_flight.record.clone();
                let status = (status != 0).then_some(status);
                match self.reject(&record, Refusal { server: &server, status, reason: &answer }, now) {
                    Ok(()) => (Fate::Settled, String::new()),
                    Err(error) => {
                        let reason = format!("a refused record can not be kept aside: {error}");
                        (Fate::TryLater(local_setback(reason.clone())), reason)
                    }
                }
            }
            Outcome::TryLater(setback) => {
                self.status.fault(&server, &setback.reason);
                let reason = setback.reason.clone();
                (Fate::TryLater(setback), reason)
            }
        };
        // Only a wait needs chance.
        let chance = if matches!(fate, Fate::Settled) { 0.0 } else { chance() };
        match self.delivery.settle(tag, fate, now, chance) {
            Some(Outage::Began) => log::warn!("{server}: {reason}; records wait in the spool"),
            Some(Outage::GoesOn) => log::warn!("{server}: still: {reason}"),
            Some(Outage::Ended) => log::info!("{server}: takes records again"),
            None => {}
        }
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
            } else if !self.remove_or_tell(&name) {
                self.unremovable.push(file);
                continue;
            }
            self.delivery.has_left(file);
        }
    }

    /// What is due with each look over the spool: what could not be removed is tried again, and refused
    /// records that are kept for long enough go.
    pub(crate) fn clean_up(&mut self) {
        if let Err(error) = self.rejected.prune(&self.spool, SystemTime::now()) {
            log::warn!("{}: old records can not be removed: {error}", self.path(OsStr::new(REJECTED_DIR)));
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
        self.status.set_next_try(self.delivery.next_due(), now);
        self.status.write_if_due(now);
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
        let due = [close, trim, overdue, self.delivery.next_due(), self.tally.due(), self.status.due(now)];
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
    }

    fn keep_unsettled(&self, name: &OsStr, settled: u64) -> io::Result<()> {
        let modified_ns = self.spool.entry(name)?.modified_ns;
        let decoded = file::decode(name, &self.spool.read(name)?);
        if decoded.damage.is_some() {
            // Its damage is to be seen when it is set aside.
            return Ok(());
        }
        let unsettled = |(index, record)| (settled.checked_shr(index)? & 1 == 0).then_some(record);
        let left: Vec<_> = (0..).zip(decoded.records).filter_map(unsettled).collect();
        if left.is_empty() { Ok(()) } else { self.spool.keep_only(name, &left, modified_ns) }
    }
}

/// A setback that is not the server's.
fn local_setback(reason: String) -> Setback {
    Setback { reason, retry_after: None, may_be_the_record: false }
}

/// Time until a file that seems unfinished is old enough to be judged; none if it is, or is whole.
fn time_to_be_finished(place: &Place, seems_unfinished: bool) -> Option<Duration> {
    if !seems_unfinished || place.name.is_whole_when_seen() {
        return None;
    }
    age(place.modified_ns).and_then(|age| STILL_WRITTEN.checked_sub(age)).filter(|left| !left.is_zero())
}

/// Time since then; none if that is in the future.
fn age(modified_ns: i64) -> Option<Duration> {
    let modified = UNIX_EPOCH + Duration::from_nanos(u64::try_from(modified_ns).unwrap_or(0));
    SystemTime::now().duration_since(modified).ok()
}

/// A random number from 0 to below 1.
fn chance() -> f64 {
    // Without random bytes the middle serves: it only spreads machines out.
    SysRng.try_next_u32().map_or(0.5, |number| f64::from(number) / (f64::from(u32::MAX) + 1.0))
}
