//! The files of the spool: what is seen, read, set aside and removed.

use super::Dispatch;
use super::exchanges::chance;
use crate::accounting::losses::Loss;
use crate::limits::{PAYLOAD_BYTES, STILL_WRITTEN};
use crate::queue::Route;
use crate::queue::file_name::{FileName, Place};
use crate::queue::lane::LaneId;
use crate::scan::Survey;
use std::ffi::{OsStr, OsString};
use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use telemetry_runtime::throttle::and_more;
use telemetry_store::counters::Counter;
use telemetry_store::rejected::Rejection;
use telemetry_store::spool::DAMAGED_DIR;
use telemetry_store::spool::file::{self, StoredRecord};

impl Dispatch<'_> {
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
            self.budget.saw(entry.disk_bytes);
            if self.settings.server_delivery_enabled
                && let Some(delay) = self.gate.saw_file(entry.modified_ns, now, chance())
            {
                log::info!(
                    "records waited through a start of the machine; delivery begins in {} s",
                    delay.as_secs()
                );
            }
            self.delivery.found(file, entry.modified_ns);
        }
    }

    pub(super) fn is_expired(&self, modified_ns: i64) -> bool {
        age(modified_ns).is_some_and(|age| age > self.settings.record_expiry)
    }

    pub(super) fn remove_expired(&mut self, name: &OsStr, now: Instant) {
        self.remove_or_tell(name, now);
        self.counters.add(Counter::Expired, "", 1, now);
        if self.tally.count(Loss::Expired, now) {
            let path = self.path(name);
            log::warn!(file = path; "{path}: older than record_expiry, removed undelivered");
        }
    }

    pub(super) fn remove_foreign(&mut self, name: &OsStr, now: Instant) {
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

    pub(super) fn remove_or_tell(&mut self, name: &OsStr, now: Instant) -> bool {
        let removed = self.spool.remove(name);
        if let Err(error) = &removed {
            self.tell_fault(name, &format!("can not be removed: {error}; make the spool writable"), now);
        }
        removed.is_ok()
    }

    fn tell_fault(&mut self, name: &OsStr, fault: &str, now: Instant) {
        if let Some(untold) = self.spool_faults.note(now) {
            let path = self.path(name);
            log::error!(file = path; "{path}: {fault}{}", and_more(untold));
        }
    }

    pub(super) fn read(&mut self, place: Place, survey: &mut Survey, now: Instant) {
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
                    self.tell_fault(&name, &format!("can not be read: {error}; it stays in the spool"), now);
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
    pub(super) fn route(&mut self, record: &StoredRecord, now: Instant) -> Route {
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
                let refusal = Rejection { server: &config.to_string_lossy(), status: None, reason: &reason };
                match self.reject(record, refusal, now) {
                    Ok(()) => Route::Settled,
                    Err(_) => Route::Later,
                }
            }
        }
    }

    pub(super) fn set_aside(&mut self, name: &OsStr, damage: &str, now: Instant) {
        match self.spool.set_aside(name, DAMAGED_DIR) {
            Ok(()) => {
                self.counters.add(Counter::SetAside, "", 1, now);
                if self.tally.count(Loss::Damaged, now) {
                    log::warn!("{}: {damage}; moved into {DAMAGED_DIR}", self.path(name));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => log::error!("{}: {damage}, and can not be set aside: {error}", self.path(name)),
        }
    }

    pub(super) fn keep_unsettled(&self, name: &OsStr, settled: u64) -> io::Result<()> {
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
