//! What happened to records, as people and programs can read it: counters, the delivery status, lines in the log.

mod copies;
mod failover;
mod losses;
mod status;

use crate::chance::chance;
use crate::queue::{FailoverMemory, FailoverRules, Outage, ServerChange};
use crate::settings::Settings;
use losses::{Loss, Losses};
use status::Status;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use telemetry_files::bounded_file;
use telemetry_record::header::Header;
use telemetry_runtime::throttle::{Throttle, and_more};
use telemetry_store::counters::{Counter, Counters};
use telemetry_store::machine_id;
use telemetry_store::rejected::Rejection;
use telemetry_store::spool::{Census, DAMAGED_DIR, StoredRecord};

/// After what time that which happens again and again is logged as a sum, at first.
const SUM_INTERVAL: Duration = Duration::from_secs(60);

/// Longest file of a machine id.
const MACHINE_ID_BYTES: u64 = 64;

/// The counters, the status and the log.
#[derive(Debug)]
pub(crate) struct Accounting {
    counters: Counters,
    status: Status,
    losses: Losses,
    rate_limit_waits: Throttle,
    spool_faults: Throttle,
    upload_faults: Throttle,
    unkept: Throttle,
    /// Outages of servers that records name: whoever sends can name as many as he likes.
    foreign_outages: Throttle,
    /// URLs of the system's servers, as they may be shown.
    system_servers: Vec<String>,
    state_dir: PathBuf,
}

impl Accounting {
    /// Goes on from what an earlier run left in `state_dir`.
    pub(crate) fn open(settings: &Settings) -> Self {
        Self {
            counters: Counters::open(&settings.state_dir, "telempostd"),
            status: Status::new(&settings.state_dir),
            losses: Losses::new(SUM_INTERVAL),
            rate_limit_waits: Throttle::new(SUM_INTERVAL),
            spool_faults: Throttle::new(SUM_INTERVAL),
            upload_faults: Throttle::new(SUM_INTERVAL),
            unkept: Throttle::new(SUM_INTERVAL),
            foreign_outages: Throttle::new(SUM_INTERVAL),
            state_dir: settings.state_dir.clone(),
            system_servers: settings.servers.iter().map(|server| server.url.to_string()).collect(),
        }
    }

    /// When delivery last wrote its state before this run, in seconds since the epoch; 0 for never.
    pub(crate) fn last_run_secs(&self) -> u64 {
        self.status.last_run_secs()
    }

    /// How long servers of the list may fail, and have to work.
    pub(crate) fn failover_rules(&mut self, settings: &Settings) -> FailoverRules {
        let mut back = settings.failback_after;
        if self.system_servers.len() > 1 {
            back = back * self.status.failback_per_mille(chance()) / 1000;
        }
        FailoverRules { after: settings.failover_after, back }
    }

    /// What an earlier run knew of the servers.
    pub(crate) fn failover(&self, now: Instant) -> Option<FailoverMemory> {
        self.status.failover(&self.system_servers, now)
    }

    /// What is known of the servers now, and whether another one is the active one.
    pub(crate) fn set_failover(
        &mut self,
        memory: &FailoverMemory,
        change: Option<ServerChange>,
        now: Instant,
    ) {
        if self.system_servers.len() < 2 {
            return self.status.no_failover();
        }
        self.status.set_failover(memory, &self.system_servers, now);
        let url = |place: usize| self.system_servers.get(place).map_or("", String::as_str);
        match change {
            Some(ServerChange { from, to }) if to < from => {
                log::info!(
                    "{}: takes records again, which go there from now on and not to {}",
                    url(to),
                    url(from)
                );
            }
            Some(ServerChange { from, to }) => {
                log::warn!("{}: does not take records, which go to {} from now on", url(from), url(to));
            }
            None => {}
        }
    }

    /// So many records went to a second server of the list though the first may have them.
    pub(crate) fn maybe_twice(&mut self, records: u64, now: Instant) {
        if records > 0 {
            self.counters.add(Counter::MaybeTwice, "", records, now);
        }
    }

    /// A server took a record.
    pub(crate) fn delivered(&mut self, now: Instant) {
        self.status.delivered();
        self.counters.add(Counter::Delivered, "", 1, now);
    }

    /// A record has to be tried again. `server` is a URL as it may be shown; no `status` means no answer.
    pub(crate) fn retried(&mut self, server: &str, status: Option<u16>, reason: &str, now: Instant) {
        self.status.fault(server, reason);
        let cause = status.map_or_else(|| "no_answer".to_owned(), |status| status.to_string());
        self.counters.add(Counter::Retried, &cause, 1, now);
    }

    /// A record was rejected, or has no server; `kept` is the directory that it was moved to, none if it could not be.
    pub(crate) fn rejected(
        &mut self,
        record: &StoredRecord,
        rejection: Rejection<'_>,
        kept: Option<&Path>,
        now: Instant,
    ) {
        let Rejection { server, status, reason } = rejection;
        self.status.fault(server, reason);
        let Some(kept) = kept else {
            return;
        };
        let cause = status.map_or_else(|| "not_sent".to_owned(), |status| status.to_string());
        self.counters.add(Counter::Rejected, &cause, 1, now);
        if self.losses.note(Loss::Rejected, now) {
            let with = status.map(|status| format!(" with status {status}")).unwrap_or_default();
            let headers = &record.message.headers;
            log::warn!(
                record_id:% = record.id,
                event_id = headers.value(Header::EventId),
                classification = headers.value(Header::Classification),
                server = server,
                // The field is a number in every line, as the manual says.
                status = status.unwrap_or_default();
                "record {} for {server} is rejected permanently{with}: {reason}; kept in {}",
                record.id,
                kept.display()
            );
        }
    }

    /// The rate limit holds a record back, and all behind it.
    pub(crate) fn held_back(&mut self, record: &StoredRecord, wait: Duration, now: Instant) {
        let class = record.message.headers.value(Header::Classification);
        self.counters.add(Counter::RateLimited, class, 1, now);
        if let Some(unreported) = self.rate_limit_waits.note(now) {
            let secs = wait.as_secs();
            log::info!(
                "the rate limit is reached; records wait in the spool for {secs} s{}",
                and_more(unreported)
            );
        }
    }

    /// A user has used his share of the rate limit; his records wait, and nobody else's.
    pub(crate) fn set_aside_for_share(&mut self, record: &StoredRecord, now: Instant) {
        if let Some(unreported) = self.rate_limit_waits.note(now) {
            let user = record.sender.map_or_else(String::new, |user| format!(" {user}"));
            log::info!(
                "user{user} has used his share of the rate limit; his records wait in the spool{}",
                and_more(unreported)
            );
        }
    }

    /// The rate limit took a record.
    pub(crate) fn dropped_by_rate_limit(&mut self, record: &StoredRecord, now: Instant) {
        let class = record.message.headers.value(Header::Classification);
        self.counters.add(Counter::RateLimited, class, 1, now);
        self.counters.add(Counter::Dropped, "rate_limit", 1, now);
        if self.losses.note(Loss::RateLimited, now) {
            log::warn!("record {} is past the rate limit, and dropped (rate_limit_strategy=drop)", record.id);
        }
    }

    /// A server has forgotten the machine id of a record, which is dropped.
    pub(crate) fn forgotten(&mut self, record: &StoredRecord, server: &str, now: Instant) {
        self.counters.add(Counter::Dropped, "forgotten", 1, now);
        if self.losses.note(Loss::Forgotten, now) {
            log::warn!(
                "record {}: {server} has forgotten its machine id, as it was asked to; dropped",
                record.id
            );
        }
    }

    /// A server has forgotten this machine id: if it is the present one, telemprobd is to make another.
    pub(crate) fn drop_machine_id(&self, id: &str) {
        let path = machine_id::path(&self.state_dir);
        let is_present = || -> io::Result<bool> {
            let file = bounded_file::open_regular_nofollow(&path)?;
            Ok(bounded_file::read_all(&file, MACHINE_ID_BYTES)?.trim_ascii_end() == id.as_bytes())
        };
        if is_present().unwrap_or(false) {
            match fs::remove_file(&path) {
                Ok(()) => log::warn!(
                    "{}: the machine id is renewed, since a server has forgotten it",
                    path.display()
                ),
                Err(error) => log::error!("{}: cannot be renewed: {error}", path.display()),
            }
        }
    }

    /// A file that is older than `record_expiry` was removed, or could not be.
    pub(crate) fn expired(&mut self, path: &Path, now: Instant) {
        self.counters.add(Counter::Expired, "", 1, now);
        if self.losses.note(Loss::Expired, now) {
            let path = path.display().to_string();
            log::warn!(file = path; "{path}: older than record_expiry, removed undelivered");
        }
    }

    /// A file that no daemon of ours writes was removed.
    pub(crate) fn foreign(&mut self, path: &Path, now: Instant) {
        if self.losses.note(Loss::Foreign, now) {
            log::warn!("{}: no regular file of the daemon's user, removed", path.display());
        }
    }

    /// A damaged file was set aside.
    pub(crate) fn damaged(&mut self, path: &Path, damage: &str, now: Instant) {
        self.counters.add(Counter::SetAside, "", 1, now);
        if self.losses.note(Loss::Damaged, now) {
            log::warn!("{}: {damage}; moved into {DAMAGED_DIR}", path.display());
        }
    }

    /// A file was removed since the spool is too large.
    pub(crate) fn over_budget(&mut self, path: &Path, now: Instant) {
        self.counters.add(Counter::Dropped, "spool_max_size", 1, now);
        if self.losses.note(Loss::OverBudget, now) {
            let path = path.display().to_string();
            log::warn!(file = path; "{path}: removed undelivered, the spool is over spool_max_size");
        }
    }

    /// A scan of the spool begins.
    pub(crate) fn begin_scan(&mut self) {
        self.status.begin_scan();
    }

    /// A file of the spool cannot be read or removed, as each scan of it finds again.
    pub(crate) fn spool_fault(&mut self, path: &Path, fault: &str, now: Instant) {
        self.status.spool_fault(path, fault);
        if let Some(unreported) = self.spool_faults.note(now) {
            let path = path.display().to_string();
            log::error!(file = path; "{path}: {fault}{}", and_more(unreported));
        }
    }

    /// A record is rejected, but cannot be kept, and is tried again.
    pub(crate) fn cannot_be_kept(&mut self, record: &StoredRecord, error: &io::Error, now: Instant) {
        if let Some(unreported) = self.unkept.note(now) {
            let more = and_more(unreported);
            log::error!("record {} is rejected, but cannot be kept: {error}{more}", record.id);
        }
    }

    /// The upload process ended, or had to be ended.
    pub(crate) fn upload_fault(&mut self, reason: &str, now: Instant) {
        if let Some(unreported) = self.upload_faults.note(now) {
            log::error!("{reason}; what it was sending is sent again{}", and_more(unreported));
        }
    }

    /// A server stopped taking records, or takes them again. `server` is a URL as it may be shown.
    pub(crate) fn outage(&mut self, change: Option<Outage>, server: &str, reason: &str, now: Instant) {
        let Some(change) = change else { return };
        let unreported = match self.system_servers.iter().any(|system| system == server) {
            true => Some(0),
            false => self.foreign_outages.note(now),
        };
        let Some(more) = unreported.map(and_more) else { return };
        match change {
            Outage::Began => log::warn!(server; "{server}: {reason}; records wait in the spool{more}"),
            Outage::GoesOn => log::warn!(server; "{server}: still: {reason}{more}"),
            Outage::Ended => log::info!(server; "{server}: takes records again{more}"),
        }
    }

    /// What waits, for people and their monitoring; the oldest by its age.
    pub(crate) fn set_waiting(&mut self, census: &Census, oldest_age: Option<Duration>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let oldest = oldest_age.map(|age| now.saturating_sub(age).as_secs());
        self.status.set_waiting(census.records, census.disk_bytes, oldest);
    }

    /// When the next try is due, for people.
    pub(crate) fn set_next_try(&mut self, next_try: Option<Instant>, now: Instant) {
        self.status.set_next_try(next_try, now);
    }

    /// When [`Accounting::write_if_due`] has something to do.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Instant> {
        let counters = self.counters.time_left(now).map(|left| now + left);
        [counters, self.losses.due(), self.status.due(now)].into_iter().flatten().min()
    }

    /// Writes and logs what is due.
    pub(crate) fn write_if_due(&mut self, now: Instant) {
        self.losses.log_sums(now, false);
        self.status.write_if_due(now);
        self.counters.write_if_due(now);
    }

    /// Writes and logs all.
    pub(crate) fn write(&mut self, now: Instant) {
        self.losses.log_sums(now, true);
        self.status.write(now);
        self.counters.write();
    }
}
