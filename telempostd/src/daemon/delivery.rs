//! Delivery with all its collaborators: whoever acts on a file or a record is chosen here, and here alone.

mod accounts;
mod aging;
mod copies;
mod foreign_files;
mod settled;
mod shown;

use super::idle::Idle;
use crate::accounting::Accounting;
use crate::clock::Clock;
use crate::copies::Copies;
use crate::delivery_log::DeliveryLogWriter;
use crate::exchange::{Exchange, Settling, Uploads};
use crate::foreign::Files;
use crate::janitor::Janitor;
use crate::limits::STEPS_PER_TURN;
use crate::pacing::Pacer;
use crate::queue::{NextSend, Permission, Position, Queue, Route};
use crate::reader::{Contents, Reader, Target};
use crate::scan::Scanner;
use crate::settings::Settings;
use nix::unistd::Uid;
use shown::Counting;
use std::ffi::{OsStr, OsString};
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::Instant;
use telemetry_runtime::{malloc_trim, program_text};
use telemetry_store::rejected::Rejection;
use telemetry_store::shares::AccountsReader;
use telemetry_store::spool::Reader as SpoolReader;
use telemetry_store::spool::file::StoredRecord;

/// All that delivers.
#[derive(Debug)]
pub(super) struct Delivery<'a> {
    settings: &'a Settings,
    spool: Rc<SpoolReader>,
    clock: Clock,
    queue: Queue<StoredRecord>,
    copies: Copies,
    reader: Reader,
    foreign_files: &'a mut Files,
    accounts: AccountsReader,
    pacer: Pacer,
    exchange: Exchange<'a>,
    janitor: Janitor,
    log: DeliveryLogWriter,
    accounting: Accounting,
    idle: Idle,
    counting: Counting,
}

/// What came of the next step.
enum Step {
    Done,
    /// Nothing more can be done before something happens or is due.
    Blocked,
}

impl<'a> Delivery<'a> {
    /// Begins with an empty queue on an open spool.
    pub(super) fn new(
        settings: &'a Settings,
        spool: SpoolReader,
        uploads: &'a mut Uploads,
        foreign_files: &'a mut Files,
        now: Instant,
    ) -> Self {
        // What an earlier queue asked for is not this one's.
        foreign_files.cancel();
        let accounts = AccountsReader::open(Uid::effective().as_raw(), Instant::now());
        let mut accounting = Accounting::open(settings);
        let mut queue = Queue::new(settings.servers.clone(), accounting.failover_rules(settings));
        if let Some(memory) = accounting.failover(now) {
            queue.restore_failover(&memory);
        }
        let spool = Rc::new(spool);
        let mut janitor = Janitor::new(settings, Rc::clone(&spool));
        janitor.set_accounts(Rc::clone(accounts.accounts()));
        let (mut clock, start) = Clock::open(Rc::clone(&spool), accounting.last_run_secs(), now);
        let copies = Copies::open(settings, Rc::clone(&spool), &mut clock, &mut accounting, now);
        Self {
            queue,
            copies,
            reader: Reader::new(settings, Rc::clone(&spool), Rc::clone(accounts.accounts())),
            foreign_files,
            pacer: Pacer::open(settings, start),
            exchange: Exchange::new(uploads, settings),
            janitor,
            accounts,
            log: DeliveryLogWriter::new(settings),
            idle: Idle::new(),
            counting: Counting::default(),
            settings,
            spool,
            clock,
            accounting,
        }
    }

    /// The exchange, with all who are involved when one ends.
    fn exchange(&mut self, now: Instant) -> (&mut Exchange<'a>, Settling<'_>) {
        let Self { queue, copies, exchange, janitor, clock, log, accounting, .. } = self;
        (exchange, Settling { queue, copies, janitor, clock, log, accounting, now })
    }

    /// A turn of the loop begins.
    pub(super) fn begin_turn(&mut self) {
        self.clock.tick();
    }

    /// A scan of all of the spool begins.
    pub(super) fn begin_scan(&mut self, now: Instant) {
        self.copies.begin_scan(&mut self.clock);
        let Self { queue, copies, clock, accounting, .. } = self;
        self.janitor.begin_scan(queue, copies, clock.now(), accounting, now);
    }

    /// A segment is open, or its writer is gone. What is closed then shows itself under its name.
    pub(super) fn recover_segment(&mut self, name: &OsStr, now: Instant) {
        self.janitor.recover_segment(name, &mut self.accounting, now);
    }

    /// Removes what waits for servers that were tried while the spool takes more than it may.
    pub(super) fn keep_budget(&mut self, now: Instant) {
        self.janitor.keep_budget(&mut self.queue, &mut self.copies, &mut self.accounting, now);
    }

    /// Takes the responses that have come.
    pub(super) fn take_responses(&mut self, now: Instant) {
        let (exchange, mut settling) = self.exchange(now);
        exchange.take_responses(&mut settling);
        self.take_foreign_files(now);
    }

    /// Does what can be done now: a bounded part of it. Returns whether there is more.
    pub(super) fn work(&mut self, scanner: &mut Scanner, now: Instant) -> bool {
        self.refresh_accounts(now);
        self.exchange.flush();
        let has_more = (0..STEPS_PER_TURN).all(|_| matches!(self.step(scanner, now), Step::Done));
        let copies_have_more = self.work_for_copies(now);
        let may_have_expired = self.queue.may_have_expired() || self.copies.may_have_expired();
        has_more || copies_have_more || may_have_expired || self.janitor.is_over_budget()
    }

    /// Sends the next record, or reads the next file.
    fn step(&mut self, scanner: &mut Scanner, now: Instant) -> Step {
        if !self.exchange.has_room() || self.pacer.hold_end(now).is_some() {
            return Step::Blocked;
        }
        let (pacer, steady_secs) = (&mut self.pacer, self.clock.now().secs());
        let accounts = self.accounts.accounts();
        let holder = |record: &StoredRecord| accounts.holder(record.sender);
        let which = self.queue.next_record_in_file(now);
        let (is_dropped, is_free) = (self.copies.is_dropped(which), self.copies.is_free_for_list(which));
        let which = which.map(|(file, index)| (file.clone(), index));
        let permission = |record: &StoredRecord| match (is_dropped, is_free) {
            (true, _) => Permission::Drop,
            (_, true) => Permission::Send,
            _ => pacer.permission(record_bytes(record), holder(record), steady_secs, now),
        };
        match self.queue.next_send(now, permission) {
            NextSend::Send(in_flight) => {
                let (tag, bytes) = (in_flight.tag, record_bytes(&in_flight.record));
                let holder = holder(&in_flight.record);
                let Self { queue, copies, exchange, janitor, clock, log, accounting, foreign_files, .. } =
                    self;
                let mut settling = Settling { queue, copies, janitor, clock, log, accounting, now };
                if exchange.post(tag, foreign_files, &mut settling) {
                    if !is_free {
                        self.pacer.note_sent(bytes, holder, steady_secs, now);
                    }
                    which.into_iter().for_each(|which| self.copies.note_sent_by_list(which));
                }
            }
            NextSend::Wait(record, wait) => {
                self.accounting.held_back(record, wait, now);
                return Step::Blocked;
            }
            NextSend::SetAside(record) => self.accounting.set_aside_for_share(&record, now),
            // It was counted when it was dropped for a copy.
            NextSend::Drop(_) if is_dropped => {}
            NextSend::Drop(record) => {
                self.accounting.dropped_by_rate_limit(&record, now);
                which.into_iter().for_each(|which| self.copies.note_dropped(which));
            }
            NextSend::Nothing => match self.queue.next_file(now) {
                Some(position) => self.read(&position, scanner, now),
                None => return Step::Blocked,
            },
        }
        Step::Done
    }

    /// Reads the file at this position into the queue, or has it cleared away.
    fn read(&mut self, position: &Position, scanner: &mut Scanner, now: Instant) {
        let file = &position.name;
        let name = OsString::from(file);
        let age = self.age_to_be_read(position);
        let settled = self.queue.settled_bits(file);
        match self.reader.read(position, age, settled, self.foreign_files, now) {
            Contents::Records { records, damage } => {
                if let Some(damage) = damage {
                    self.janitor.note_damage(file.clone(), damage);
                }
                self.note_read_for_copies(file, &records);
                let records =
                    records.into_iter().map(|(target, record)| (self.route(target, &record, now), record));
                let records = records.collect();
                return self.queue.add_records(file, records, now);
            }
            Contents::Unfinished(time_left) => scanner.scan_by(now + time_left),
            Contents::Damaged(damage) => {
                self.janitor.set_aside(&name, &damage, &mut self.accounting, now);
                self.copies.gone(file);
            }
            Contents::Gone => {}
            Contents::Unreadable(error) => {
                let fault = format!("cannot be read: {error}; it stays in the spool");
                self.accounting.spool_fault(&self.spool.path().join(&name), &fault, now);
            }
        }
        self.queue.forget(file);
    }

    /// The route of a record; settles those that go nowhere.
    fn route(&mut self, target: Target, record: &StoredRecord, now: Instant) -> Route {
        match target {
            Target::Settled => Route::Settled,
            Target::LogOnly => {
                self.log.add(record);
                Route::Settled
            }
            Target::SystemServer => Route::SYSTEM,
            Target::Unknown => Route::Later,
            Target::OwnServer(server) => {
                let user = self.accounts.accounts().holder(record.sender);
                self.queue.lane_for(&server, user).map_or(Route::Later, Route::To)
            }
            Target::NoServer { config, error } => {
                let (server, reason) = (config.to_string_lossy(), error.to_string());
                let rejection = Rejection { server: &server, status: None, reason: &reason };
                let steady = self.clock.now();
                match self.janitor.reject(record, rejection, steady, &mut self.accounting, now) {
                    Ok(()) => Route::Settled,
                    Err(_) => Route::Later,
                }
            }
        }
    }

    /// Maintains the upload processes, memory, and what is written for people and for the next run.
    pub(super) fn maintain(&mut self, now: Instant) {
        let (exchange, mut settling) = self.exchange(now);
        exchange.maintain(&mut settling);
        if self.in_flight_count() + self.copies.in_flight_count() > 0 {
            self.idle.end();
        } else {
            self.idle.begin(now);
            if self.idle.take_memory_due(now) {
                self.give_memory_back();
            }
        }
        if !self.is_idle() {
            self.clock.note_if_due(now);
        }
        self.accounting.set_next_try(self.next_try(now), now);
        self.note_failover(now);
        self.accounting.set_copies(self.copies.states());
        self.count_waiting(now);
        self.accounting.write_if_due(now);
        self.pacer.write_if_due(now);
    }

    fn give_memory_back(&mut self) {
        if self.is_idle() {
            self.queue.shrink();
            self.copies.shrink();
            self.log.shrink();
            self.janitor.shrink();
            self.exchange.shrink();
        }
        malloc_trim::give_back();
        program_text::give_back();
    }

    /// When what waits is tried next, if it is known to wait for a time.
    fn next_try(&self, now: Instant) -> Option<Instant> {
        let held = self.pacer.hold_end(now).filter(|_| !self.is_idle());
        self.queue.next_due(now).max(held)
    }

    /// When [`Delivery::maintain`] or [`Delivery::work`] have something to do though nothing happened.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        let exchange = self.exchange.next_due(&self.queue, &self.copies);
        let written = self.accounting.next_due(now);
        let files = [self.foreign_files.next_due(), self.reader.next_due(now), self.copies_due(now)];
        let noted = (!self.is_idle()).then(|| self.clock.next_note());
        let due = [exchange, self.idle.next_due(), self.next_try(now), written, noted, self.pacer.next_due()];
        due.into_iter().chain(files).flatten().min()
    }

    /// Whether settled records wait to be written together.
    pub(super) fn has_uncommitted(&self) -> bool {
        self.log.gathered_count() > 0 || self.queue.finished_count() + self.copies.finished_count() > 0
    }

    /// Whether nothing waits and nothing is in flight.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_idle() && self.reader.is_idle() && self.copies.is_idle()
    }

    /// Number of requests in flight to servers of the list and of records' own configurations.
    pub(super) fn in_flight_count(&self) -> usize {
        self.queue.in_flight_count()
    }

    /// Whether files stay in the spool that could go, but for a copy: they are tried again with a scan.
    pub(super) fn holds_files_for_copies(&self) -> bool {
        self.copies.holds_files()
    }

    /// Number of those to copies.
    pub(super) fn in_flight_to_copies(&self) -> usize {
        self.copies.in_flight_count()
    }

    /// What to wait for from each upload process, and whether requests wait for room.
    pub(super) fn upload_interests(&self) -> [Option<(BorrowedFd<'_>, bool)>; 2] {
        self.exchange.interests()
    }

    /// Waits for processes that have ended.
    pub(super) fn reap(&mut self) {
        self.exchange.reap();
        self.foreign_files.reap();
    }
}

/// What a record counts for in the byte limit: its text.
fn record_bytes(record: &StoredRecord) -> u64 {
    (record.message.headers.as_str().len() + record.message.payload.len()) as u64
}
